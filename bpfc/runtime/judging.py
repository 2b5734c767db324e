"""Events judged by an artifact's own compiled core, without provoking them.

A test makes an event record, with any combination of values, unknown, absent and truncated fields,
and a runner has the core judge it: in the running kernel (`runtime_linux.testrun`) or in the
simulator (`bpfc.simulator`). The record's time is the test's, and so is the clock that rules go by.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from attrs import Factory, frozen

from bpfc.artifact import record
from bpfc.artifact.consistency import RULE_STATS_MAP
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import BUFFERS
from bpfc.artifact.manifest import Half, RuleEvent
from bpfc.artifact.steps import StepBlock, blocks_of
from bpfc.artifact.testing import VIEW_SIZE, Judge, SlotLayout
from bpfc.runtime.contents import content_values, first_entry, whole_buffers
from bpfc.runtime.ladder import choose_forms
from bpfc.runtime.platform import Capability, ChosenForm
from bpfc.runtime.sets import RuntimeSet, Table, Tables

SLOT = 0  # the maps are a runner's own: nothing else claims a slot
_VIEW = struct.Struct("<IIII")
_STATS = struct.Struct(f"<{len(record.RULE_STATS)}Q")
_SIZES = {1: "B", 2: "H", 4: "I", 8: "Q"}
assert _STATS.size == record.RULE_STATS_SIZE and _VIEW.size == VIEW_SIZE


@frozen
class Text:
    """A text of a record: the examined bytes, and VIEW_* flags."""

    data: bytes = b""
    flags: int = 0


@frozen
class Event:
    """An event record as a test makes it.

    Args:
        numbers: value by number word of the event's layout; words that are left out are 0.
        texts: by match view; views that are left out are unknown. The last component of a path
            follows from the path, as adapters have it (unknown where the path was not examined to
            its end), unless its view is given.
        unknown, absent: a bit for each number word.
        time_ns: since boot: what the core takes for the time.
        process: id and start of the process, and of the one that it was forked by; 0 if unknown.
    """

    numbers: Mapping[int, int] = Factory(dict)
    texts: Mapping[int, Text] = Factory(dict)
    unknown: int = 0
    absent: int = 0
    time_ns: int = 0
    process: tuple[int, ...] = (0, 0, 0, 0)


@frozen
class Verdict:
    """What the core made of a record.

    Args:
        actions: ACT_* of all matched rules.
        errno: of a denial, 0 without one.
        rules: (local rule index, whether partial) of the rules that alert, in the record's order.
        more: alerting rules that did not fit in that list.
        steps: what earlier steps of sequences saw.
    """

    actions: int
    errno: int
    rules: tuple[tuple[int, bool], ...]
    more: int
    steps: tuple[StepBlock, ...] = ()


class CoreRunner(ABC):
    """A policy's core that judges records; a context manager.

    Args:
        artifact: the policy.
        half: "linux" or "windows".
        capabilities: what rules are carried out as if the machine offered; None for everything.

    Raises:
        ValueError: the artifact has no such half, or no core.
        SensorError: BPFC0708, a rule has no form under `capabilities`.
    """

    def __init__(
        self, artifact: Artifact, half: str, capabilities: Sequence[Capability] | None
    ) -> None:
        manifest = artifact.manifest
        if getattr(manifest, half) is None or manifest.slot is None:
            raise ValueError(f"the artifact has no core for {half}")
        known = everything(artifact, half) if capabilities is None else capabilities
        self.artifact, self.half, self.buffer = artifact, half, 0
        self._known = capabilities
        self.forms: tuple[ChosenForm, ...] = choose_forms(manifest.rules, half, known)
        self.layout: SlotLayout = manifest.slot
        self._judges = {judge.event: judge for judge in manifest.slot.judges}

    def __enter__(self) -> "CoreRunner":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def judge(self, event: str, made: Event, stage: int = record.STAGE_AFTER) -> Verdict:
        """Have an event judged.

        Args:
            event: catalogue name of an event that the policy has rules on.
            made: the record.
            stage: STAGE_AFTER or STAGE_BEFORE.

        Returns:
            The verdict.

        Raises:
            ValueError: no such judge, or the record has a text that no adapter would make.
            SensorError: the core could not be run.
        """
        judge, words, slot = self._laid_out(event, made, stage)
        returned, found = self._run(judge, words, slot)
        return _verdict(returned, found)

    def _laid_out(
        self, event: str, made: Event, stage: int
    ) -> tuple[Judge, tuple[int, ...], bytearray]:
        """What judges an event, the words of its slot, and the slot with both in it."""
        judge = self._judges.get(event)
        if judge is None:
            raise ValueError(f"the policy has no rule on {event}")
        slot = slot_of(made, self.layout, judge, self.half == "windows")
        words = (stage, *made.process, self.buffer)
        for place, value in zip(self.layout.words, words, strict=True):
            struct.pack_into("<Q", slot, place, value)
        return judge, words[:-1], slot

    def statistics(self) -> tuple[tuple[int, ...], ...]:
        """For each rule of the manifest the numbers of record.RULE_STATS, over all runs."""
        table = self._table(RULE_STATS_MAP)
        first = first_entry(self._own, RULE_STATS_MAP, self.buffer)
        rules = range(first, first + len(self.artifact.manifest.rules))
        return tuple(_STATS.unpack(table.get(struct.pack("<I", at)) or b"") for at in rules)

    def revise(self, artifact: Artifact) -> None:
        """Go on with a policy that differs by content only, as `Sensor.activate` does: its content
        is written into the idle buffer, which then judges. Counters begin at 0, state goes on.

        Args:
            artifact: the policy.

        Raises:
            ValueError: it has another structure.
            SensorError: BPFC0708; the policy before goes on.
        """
        if artifact.structure(self.half) != self.artifact.structure(self.half):
            raise ValueError("more than the content differs")
        known = everything(artifact, self.half) if self._known is None else self._known
        self.forms = choose_forms(artifact.manifest.rules, self.half, known)
        self.artifact, self.buffer = artifact, (self.buffer + 1) % BUFFERS
        self._write_content()

    def _write_content(self) -> None:
        """Write the policy's content into its buffer, every entry of it."""
        values = content_values(self.artifact, self.half, self.forms, self.buffer)
        for name, first, entries in whole_buffers(self._own, values, self.buffer):
            self._table(name).put(
                [(struct.pack("<I", key), value) for key, value in enumerate(entries, first)]
            )

    @property
    def _own(self) -> Half:
        """What the manifest says of the half."""
        found: Half = getattr(self.artifact.manifest, self.half)
        return found

    def set(self, name: str) -> RuntimeSet:
        """A run-time set of the policy.

        Args:
            name: its name.

        Raises:
            ValueError: there is none of that name.
        """
        known = {info.name: info for info in self.artifact.manifest.sets}
        if name not in known:
            raise ValueError(f"the policy has no set {name}")
        info = known[name]
        # The map `secret` of a test is left as it is made: zeros.
        tables = Tables(
            self._table(info.map), self._table(info.head), (0, 0), self.half == "windows", _never
        )
        return RuntimeSet(info, lambda: tables)

    @abstractmethod
    def reset(self) -> None:
        """Forget everything: what rules remember, what sets hold, what was counted."""

    @abstractmethod
    def close(self) -> None:
        """Unload; a second call does nothing."""

    @abstractmethod
    def _run(self, judge: Judge, words: Sequence[int], slot: bytearray) -> tuple[int, bytes]:
        """Have the core judge a slot's content; returns what it returned, and the slot behind."""

    @abstractmethod
    def _table(self, name: str) -> Table:
        """A map of the policy."""


def _never() -> int:
    """The clock of sets that are filled before anything happens."""
    return 0


def everything(artifact: Artifact, half: str) -> tuple[Capability, ...]:
    """A machine that offers all that an artifact's rules ask for.

    Args:
        artifact: the artifact.
        half: "linux" or "windows".

    Returns:
        Its capabilities; each rule is then carried out in its first form.
    """
    carried: list[RuleEvent] = [
        at for rule in artifact.manifest.rules for at in getattr(rule, half)
    ]
    needs = {need for at in carried for form in at.forms for need in form.needs}
    return tuple(Capability(name, True, "assumed by a test", "") for name in sorted(needs))


def wide_text(data: bytes, path: bool = False, joined: bool = True) -> bytes:
    """A text as Windows has it: UTF-16LE.

    Args:
        data: as Linux has it: UTF-8, or any other bytes.
        path: whether it is a path, whose separators are backslashes there.
        joined: whether it can be a command line, whose words are separated by spaces there.
    """
    text = data.decode("utf-8", "replace")
    if path:
        text = text.replace("/", "\\")
    return (text.replace("\0", " ") if joined else text).encode("utf-16-le")


def slot_of(made: Event, layout: SlotLayout, judge: Judge, wide: bool) -> bytearray:
    """A scratch slot with a record in it.

    Args:
        made: the record.
        layout: places in the slot.
        judge: what judges it.
        wide: whether texts are UTF-16LE, and a path's components end at backslashes.

    Returns:
        The map entry.

    Raises:
        ValueError: a text is longer than what is examined, or the texts together than the window.
    """
    slot = bytearray(layout.size)
    for name in ("unknown", "absent", "time_ns"):
        field = record.HEADER[name]
        struct.pack_into(f"<{_SIZES[field.size]}", slot, field.offset, getattr(made, name))
    for index, value in made.numbers.items():
        place = record.NUMBERS_OFFSET + 8 * index
        struct.pack_into("<Q", slot, place, value & (1 << 64) - 1)
    limits = dict(judge.limits)
    for view, (text, at) in _placed(made.texts, layout, wide).items():
        # A longer text would be examined in part only, which no adapter lets happen.
        if len(text.data) > limits.get(view, layout.text_size):
            raise ValueError(f"view {view}: {len(text.data)} bytes, more than {limits[view]}")
        place = layout.views + VIEW_SIZE * view
        _VIEW.pack_into(slot, place, at, len(text.data), text.flags, 0)
        if text.data:
            slot[layout.text + at : layout.text + at + len(text.data)] = text.data
    return slot


def _placed(
    texts: Mapping[int, Text], layout: SlotLayout, wide: bool
) -> dict[int, tuple[Text, int]]:
    """All match views: each one's text, and where it stands in the window."""
    placed: dict[int, tuple[Text, int]] = {}
    position = 0
    for view in range(layout.view_count):
        whole = placed.get(view - layout.parts)
        if view in texts or whole is None:
            text = texts.get(view, Text(flags=record.VIEW_UNKNOWN))
            placed[view] = (text, position)
            position += len(text.data)
        else:
            placed[view] = _last_component(*whole, wide)
    if position > layout.text_size:
        raise ValueError(f"{position} bytes of text, more than {layout.text_size}")
    return placed


def _last_component(text: Text, at: int, wide: bool) -> tuple[Text, int]:
    """The view of a path's last component, within the path's own bytes."""
    if text.flags & record.VIEW_TRUNCATED:
        return Text(flags=record.VIEW_UNKNOWN), 0
    name = text.data.rpartition(b"/")[2] if not wide else _behind_backslash(text.data)
    return Text(name, text.flags), at + len(text.data) - len(name)


def _behind_backslash(path: bytes) -> bytes:
    """What stands behind the last backslash of a text in UTF-16LE."""
    units = memoryview(path[: len(path) & ~1]).cast("H").tolist()
    behind = max((at + 1 for at, unit in enumerate(units) if unit == ord("\\")), default=0)
    return path[2 * behind :]


def _verdict(returned: int, slot: bytes) -> Verdict:
    def header(name: str) -> int:
        field = record.HEADER[name]
        return int.from_bytes(slot[field.offset : field.offset + field.size], "little")

    entries = struct.unpack_from(f"<{header('rule_count')}I", slot, record.RULES_OFFSET)
    return Verdict(
        actions=returned & 0xFFFF,
        errno=returned >> 16,
        rules=tuple(
            (entry & ~record.RULE_PARTIAL, bool(entry & record.RULE_PARTIAL)) for entry in entries
        ),
        more=header("rules_more"),
        steps=blocks_of(slot[record.TEXT_OFFSET : record.TEXT_OFFSET + header("steps")]),
    )
