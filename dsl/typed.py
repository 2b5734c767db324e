"""The typed tree: what the checker hands to the compiler and to the reference interpreter.

Every name is resolved and every literal has the type of the field it is compared with, so the
phases behind the checker never look at source text again, only at spans for messages.
"""

from datetime import date
from enum import Enum
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from dsl.catalogue import Event, Field
from dsl.derived import Derived as Derived
from dsl.membership import Effect, RuntimeSet
from dsl.span import Span

if TYPE_CHECKING:
    from dsl.cases.typed import Case


class Op(Enum):
    """A test of one field against constants. `!=` and `not in` are `Not` around these."""

    EQ = "=="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    CONTAINS = "contains"
    UNDER = "under"
    GLOB = "glob"
    REGEX = "regex"
    HAS_ANY = "has any"
    HAS_ALL = "has all"
    EXISTS = "exists"


@frozen
class Range:
    """An inclusive range of integers (ports, numbers): `low <= value <= high`."""

    low: int
    high: int


# Numbers, booleans, enums, flags and durations (nanoseconds) are ints; strings and paths are bytes
# (UTF-8); a single address is a /32 or /128 network.
Value = int | Range | bytes | IPv4Network | IPv6Network


@frozen
class Test:
    """`field op values`: true if any (or with `every`, all) of the values satisfies the operator.

    `in` is EQ with several values. With `element` the test is put to the elements of a list field:
    "any" asks for one element that satisfies it, "all" for every one, and a decimal number for the
    one at that position, counted from 0 (a test of a list that has none there is false); with
    "count" its number of elements is compared with integers and ranges. The values of GLOB and
    REGEX are patterns that `dsl.patterns` can read.
    """

    field: Field
    op: Op
    values: tuple[Value, ...]
    span: Span
    every: bool = False
    nocase: bool = False
    exact: bool = False
    element: str | None = None


@frozen
class Constant:
    """A condition that is known at compile time."""

    value: bool


@frozen
class Not:
    item: "Expr"


@frozen
class And:
    items: tuple["Expr", ...]


@frozen
class Or:
    items: tuple["Expr", ...]


Expr = Test | Constant | Not | And | Or


@frozen
class Except:
    """One `except` clause of a rule.

    Args:
        name: None if it has none.
        when: the rule does not apply when this is true.
        span: of the keyword.
        owner: who answers for it, or None.
        until: the last day on which it is meant to be there, or None. It goes on to apply: what a
            policy does depends on no clock.
    """

    name: str | None
    when: Expr
    span: Span
    owner: str | None = None
    until: date | None = None


@frozen
class Confirm:
    """`confirm when CONDITION`: what the agent has to find before there is an alert.

    Args:
        when: on fields of the event and on what the agent knows.
        on_unknown: whether there is an alert too if it cannot find out.
        span: of the keyword.
    """

    when: Expr
    on_unknown: bool
    span: Span


@frozen
class Deny:
    """`deny ERRNO else FALLBACK`.

    Args:
        errno: the error's name, for example "EACCES" (default "EPERM").
        fallback: "kill", "alert" or "refuse" (default: nothing weakens unless the rule says so).
        on_unknown: whether an undetermined condition denies too (`deny on unknown`).
    """

    errno: str
    fallback: str
    on_unknown: bool
    span: Span


@frozen
class Kill:
    """`kill proc, proc.parent, w.proc`: the processes to end.

    Args:
        targets: each "proc" or "proc.parent".
        span: of the clause.
        steps: of a sequence, numbers of the earlier steps whose processes are ended too.
    """

    targets: tuple[str, ...]
    span: Span
    steps: tuple[int, ...] = ()


@frozen
class KeyPart:
    """A part of a key: what events with equal numbers have in common.

    Args:
        name: as written: "proc", "remote.ip".
        kind: what it is comparable with: "process", "session", "container", "file", "address",
            "number" or "signed".
        fields: the numbers it consists of. A platform has to know the first one; another one that
            it does not know is absent.
    """

    name: str
    kind: str
    fields: tuple[Field, ...]


Key = tuple[KeyPart, ...]


@frozen
class Limit:
    """`limit COUNT per TIME by KEY`: for each key `count` alerts within so many nanoseconds."""

    count: int
    within: int
    key: Key
    span: Span


@frozen
class Threshold:
    """`threshold COUNT distinct FIELD within TIME by KEY`.

    Args:
        count: at which number of events the rule fires, at least 2.
        distinct: what has to be different to count; None for every event.
        within: nanoseconds from the first event on.
        key: for what events are counted.
    """

    count: int
    distinct: KeyPart | None
    within: int
    key: Key
    span: Span


@frozen
class StepField:
    """A field of an earlier step of a sequence, as alerts show it: `w.remote.ip`.

    Args:
        step: number of the step, counted from 1.
        alias: its name.
        field: of the step's event; no text.
    """

    step: int
    alias: str
    field: Field

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.alias}.{self.field.name}"


Part = str | Field | StepField  # of a text of an alert


@frozen
class Step:
    """A step of a sequence, or what ends one.

    Args:
        alias: its name, or "".
        event: what happens.
        when: its condition.
        key: to what it belongs; of the same kinds in all steps.
        before: what has to be equal to `after` of the step before it.
        after: what the step behind it is compared with.
        span: its place.
        carried: numbers that are remembered until the last step.
    """

    alias: str
    event: Event
    when: "Expr"
    key: Key
    before: Key
    after: Key
    span: Span
    carried: tuple[Field, ...] = ()


@frozen
class Sequence:
    """`on sequence within TIME [...] [...] until [...]`.

    Args:
        within: nanoseconds from the first step to the last one.
        steps: two to five.
        until: what ends a sequence that is not complete, or None.
    """

    within: int
    steps: tuple[Step, ...]
    until: Step | None
    span: Span


@frozen
class Alert:
    """`alert "text {field}"`: literal parts and fields in turn; empty means the default message."""

    template: tuple[Part, ...]
    span: Span
    limit: Limit | None = None


@frozen
class Output:
    """A named value of a rule's alerts.

    Args:
        name: unique in the rule.
        parts: a field alone, or literal parts and fields in turn.
        text: whether it is a text although it may be one field: `name = "{field}"`.
    """

    name: str
    parts: tuple[Part, ...]
    text: bool


@frozen
class Rule:
    """One checked rule.

    Args:
        name: identifier, unique in the policy.
        metadata: (key, value) pairs in source order: id, revision, status, title, description,
            severity, mitre (several allowed), reference, author, tag. Values are text; revision is
            decimal.
        events: the events the rule listens on; every field of `when` exists on each of them.
        mode: "enforce" or "audit"; "audit" in a policy that is audited, else what the rule says.
        silent: whether a match leaves no alert.
        threshold: how many events it takes, or None.
        output: named values that its alerts have besides the event's fields.
        sequence: what has to happen before; `events` and `when` are those of its last step.
        turn: of a part of a rule (`parts_of`): number of the step that it stands for, 0 for what
            ends the sequence; None of a whole rule, which stands for the last step.
        effects: what is added to sets, tagged and untagged, in source order.
        confirm: what the agent has to find before there is an alert, or None.
    """

    name: str
    metadata: tuple[tuple[str, str], ...]
    events: tuple[Event, ...]
    when: Expr
    excepts: tuple[Except, ...]
    deny: Deny | None
    kill: Kill | None
    alert: Alert | None
    silent: bool
    mode: str
    span: Span
    name_span: Span
    threshold: Threshold | None = None
    output: tuple[Output, ...] = ()
    sequence: Sequence | None = None
    turn: int | None = None
    effects: tuple[Effect, ...] = ()
    confirm: Confirm | None = None


@frozen
class Policy:
    """One checked policy.

    Args:
        name: from the header `policy "name" version "1.0" language 1`.
        version: from the header.
        language: number of the language version (1).
        rules: in source order.
        sources: (file name, text) of every file the policy was read from, test blocks left out.
        mode: the policy's own mode, "enforce" or "audit".
        sets: run-time sets, in source order.
        cases: test blocks, in source order. What is compiled does not depend on them.
    """

    name: str
    version: str
    language: int
    rules: tuple[Rule, ...]
    sources: tuple[tuple[str, str], ...]
    mode: str
    sets: tuple[RuntimeSet, ...] = ()
    cases: "tuple[Case, ...]" = ()

    @property
    def parts(self) -> tuple[tuple[int, Rule], ...]:
        """All that is judged on events, in order: (index of the rule, the rule or a step of it)."""
        return tuple((n, part) for n, rule in enumerate(self.rules) for part in parts_of(rule))


def parts_of(rule: Rule) -> tuple[Rule, ...]:
    """A rule as it is judged, event by event.

    Args:
        rule: a checked rule.

    Returns:
        The rule itself; of a sequence what ends it, then its steps from the last one, which is the
        rule itself, to the first one: so no event is two steps of one sequence.
    """
    sequence = rule.sequence
    if sequence is None:
        return (rule,)
    turns = [(number + 1, step) for number, step in enumerate(sequence.steps[:-1])]
    found = [_part(rule, step, turn) for turn, step in reversed(turns)]
    ends = [_part(rule, sequence.until, 0)] if sequence.until else []
    return (*ends, rule, *found)


def _part(rule: Rule, step: Step, turn: int) -> Rule:
    """A step as a rule that does nothing."""
    return evolve(
        rule,
        events=(step.event,),
        when=step.when,
        excepts=(),
        deny=None,
        kill=None,
        alert=None,
        silent=True,
        output=(),
        effects=(),
        confirm=None,
        turn=turn,
    )
