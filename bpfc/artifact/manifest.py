"""The manifest: what an artifact says about itself, as immutable values.

`bpfc.artifact.codec` turns it into JSON and back, checking every number on the way in.
"""

from attrs import frozen

from bpfc.artifact.confirm import AgentField, ConfirmInfo
from bpfc.artifact.control import BUFFERS, CONTENT_SCOPE
from bpfc.artifact.sets import SetInfo
from bpfc.artifact.testing import SlotLayout

MANIFEST_VERSION = 1

# Text of an alert: ("text", words) and ("field", name) in turn.
Parts = tuple[tuple[str, str], ...]


@frozen
class NumberField:
    """A number of an event record: `words` 64-bit words from number `index` on.

    Args:
        name: catalogue name.
        kind: catalogue kind ("int", "bool", "enum", "flags", "port", "ip", "duration", "time").
        index: first word.
        words: 1, or 2 for an address (high, low; IPv4 as ::ffff:a.b.c.d).
        signed: two's complement.
        constants: (name, value) pairs of an enum or flags field.
    """

    name: str
    kind: str
    index: int
    words: int
    signed: bool
    constants: tuple[tuple[str, int], ...]


@frozen
class TextField:
    """A text of an event record, in text view `view`; `part` derives it from that view.

    Args:
        name: catalogue name.
        kind: "string", "path" or "strings".
        view: index of the view.
        part: "" for the whole, "name" for the last path component, "elements" for a NUL-separated
            list.
        joined: whether NUL bytes stand for spaces (a command line).
    """

    name: str
    kind: str
    view: int
    part: str
    joined: bool


@frozen
class EventLayout:
    """Where an event's fields stand in its record.

    Args:
        event: catalogue name.
        number: catalogue number.
        numbers: its number fields.
        texts: its text fields.
        digest: 64-bit number over all of the above (`layout.digest_of`), also in every record.
        message: what alerts say behind the title of a rule without a text of its own: ("text",
            words) and ("field", name) in turn.
    """

    event: str
    number: int
    numbers: tuple[NumberField, ...]
    texts: tuple[TextField, ...]
    digest: int
    message: Parts = ()


@frozen
class Form:
    """One way to carry out a rule on an event, in order of preference.

    Args:
        stage: "before" or "after".
        needs: capability names the machine must have ("bpf_lsm", "raw_tp", "cgroup", ...).
        actions: ACT_* bits at that stage (record.py), ACT_JUDGE and ACT_KILL_STEP included.
        errno: positive error number of a denial, 0 without one.
        label: for people, for example "denied with EACCES", "killed before its first instruction".
    """

    stage: str
    needs: tuple[str, ...]
    actions: int
    errno: int
    label: str


@frozen
class RuleEvent:
    """A rule on one event: its local index in rules_<event> and its forms on a platform."""

    event: str
    local: int
    forms: tuple[Form, ...]


@frozen
class OutputInfo:
    """A named value of a rule's alerts.

    Args:
        name: unique in the rule.
        parts: a field alone, or a text.
        text: whether the value is the text of `parts`, else it is the value of its one field.
    """

    name: str
    parts: Parts
    text: bool


@frozen
class StepInfo:
    """An earlier step of a sequence, as its alerts show it.

    Args:
        name: its name in the rule, or "".
        event: catalogue name.
        fields: what is remembered of it; `index` is the place among the step's words.
        kill: whether the rule ends the step's process.
    """

    name: str
    event: str
    fields: tuple[NumberField, ...]
    kill: bool


@frozen
class RuleInfo:
    """One rule as the runtime and people see it.

    Args:
        name: identifier.
        metadata: (key, value) pairs.
        template: literal text (str) and field names in braces as ("field", name) pairs, in turn;
            empty for the default.
        silent: no alert.
        mode: "enforce" or "audit".
        file, line: place in the source.
        linux: forms by event for the Linux half (empty where not carried).
        windows: likewise.
        tests: what its conditions compare, for people: a field and an operator, and the index in
            the manifest's literals of the values; empty where literals were left out.
        output: named values of its alerts.
        steps: of a sequence, all but the last one.
        remembers: whether it has a limit, a threshold or a sequence.
        agent: fields that the agent finds out for its second stage and its alerts.
        confirm: what the agent has to find before there is an alert, or None.
    """

    name: str
    metadata: tuple[tuple[str, str], ...]
    template: Parts
    silent: bool
    mode: str
    file: str
    line: int
    linux: tuple[RuleEvent, ...]
    windows: tuple[RuleEvent, ...]
    tests: tuple[tuple[str, int], ...] = ()
    output: tuple[OutputInfo, ...] = ()
    steps: tuple[StepInfo, ...] = ()
    remembers: bool = False
    agent: tuple[AgentField, ...] = ()
    confirm: ConfirmInfo | None = None


@frozen
class ProgramInfo:
    """One program of the object.

    Args:
        name: function name in the ELF file.
        section: section name without libbpf's "?" mark.
        role: "dispatcher" or "adapter".
        hook: for example "exec", "exec_check", "fork", "exit", "connect4".
        variant: "any", "atomic" (uses value-returning atomics) or "plain".
        progs: name of the hook's PROG_ARRAY.
        needs: capability names without which it cannot be loaded or attached.
        events: events whose rules it judges (empty: it only keeps the process table).
    """

    name: str
    section: str
    role: str
    hook: str
    variant: str
    progs: str
    needs: tuple[str, ...]
    events: tuple[str, ...]


@frozen
class MapInfo:
    """One map of the object.

    Args:
        name: symbol in .maps.
        type: name, for example "array", "hash", "prog_array", "ringbuf", "percpu_array".
        key_size, value_size: bytes.
        max_entries: as declared, both buffers of content counted; `per_cpu` multiplies it by the
            number of possible CPUs before loading.
        scope: "shared" (one for all generations), "policy", "content" (a policy's, in two
            buffers: see control.BUFFERS) or "kept" (the next policy that has a map of the same
            identity goes on with this one).
        per_cpu: entries per possible CPU, 0 if not scaled.
        identity: of a kept map: what it is, by name, and a digest of its layout.
    """

    name: str
    type: str
    key_size: int
    value_size: int
    max_entries: int
    scope: str
    per_cpu: int
    identity: str = ""

    @property
    def room(self) -> int:
        """Entries that a user of the map has: of content those of one buffer."""
        return self.max_entries // (BUFFERS if self.scope == CONTENT_SCOPE else 1)


@frozen
class Content:
    """A value to write into a content map before the flip: entry `key` of the buffer, `size` bytes
    at `offset` of the content section."""

    map: str
    key: int
    offset: int
    size: int


@frozen
class Half:
    """One platform's object: its programs, maps, contents and where the core stands in it.

    Args:
        core_hash: SHA-256 (hex) of the core's bytes and relocations, the same in both halves.
        core_size: bytes of the core at the start of .text.
        code_hash: SHA-256 (hex) of the object before source lines were put in: all code, whatever
            of it is moved, and the maps it was compiled against.
    """

    programs: tuple[ProgramInfo, ...]
    maps: tuple[MapInfo, ...]
    contents: tuple[Content, ...]
    core_hash: str
    core_size: int
    code_hash: str


@frozen
class Manifest:
    """Everything an artifact says about itself.

    Args:
        version: MANIFEST_VERSION.
        compiler: bpfc version that made it.
        policy: the policy's name.
        policy_version: the policy's version text.
        catalogue: highest `since` among the events and fields used.
        source_digest: SHA-256 (hex) over all source files.
        rules: in source order.
        layouts: of every event any rule uses.
        linux, windows: the halves; windows is None where no rule can be carried.
        shared_version: control.SHARED_VERSION the programs were built for.
        literals: the lists of values that rules compare with, as the language writes them, each
            list once.
        sets: run-time sets, in source order.
        slot: how a test hands a record to the core, None if there is none.
        context: where the process context stands in every record, if conditions on ancestors make
            something of it also on events without a layout.
    """

    version: int
    compiler: str
    policy: str
    policy_version: str
    catalogue: int
    source_digest: str
    rules: tuple[RuleInfo, ...]
    layouts: tuple[EventLayout, ...]
    linux: Half
    windows: Half | None
    shared_version: int
    literals: tuple[tuple[str, ...], ...] = ()
    sets: tuple[SetInfo, ...] = ()
    slot: SlotLayout | None = None
    context: EventLayout | None = None
