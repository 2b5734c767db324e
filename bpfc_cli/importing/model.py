"""What became of a rule of another system: the rule as a policy has it, or the reasons why not."""

from collections import Counter
from collections.abc import Sequence
from enum import Enum

from attrs import evolve, frozen

from bpfc_cli.importing.conditions import Condition
from bpfc_cli.importing.stages import Stages, asks_agent, divided


class Status(Enum):
    """How far a rule was translated."""

    FULL = "full"
    SECOND_STAGE = "second stage"  # as fully, and the agent decides a part of it
    NOT = "not translated"


class Code(Enum):
    """What a reason is about; the words stand in reports and in docs/import.md."""

    INVALID = "invalid"  # it is no rule of its system
    EVENT = "event"  # no event is what the rule is about
    FIELD = "field"  # the event does not have the field
    AGENT = "agent"  # user space knows it, and the language has no field or no place for that
    OPERATOR = "operator"  # the field cannot be compared in this way
    VALUE = "value"  # the field cannot have, or a test cannot take, such a value
    KEYWORD = "keyword"  # a value without a field
    PLACEHOLDER = "placeholder"  # a name of a value that nobody has given
    FILTER = "filter"  # a filter that is about none of the rules
    NEVER = "never"  # the condition is false on every event
    CORRELATION = "correlation"  # events cannot be counted or put in order in this way
    LIMIT = "limit"  # the language or the compiler refuses what the translation says


@frozen
class Reason:
    """Why a rule, or a part of it, was not translated.

    Args:
        code: what it is about.
        subject: the word of the rule that it is about (a field, an operator, a log source).
        text: one sentence for people.
    """

    code: Code
    subject: str
    text: str


class Refused(Exception):
    """Something has no translation."""

    def __init__(self, code: Code, subject: str, text: str) -> None:
        super().__init__(text)
        self.reason = Reason(code, subject, text)


def unknown(subject: str, what: str) -> Refused:
    """Something that user space knows, and the language has no field for.

    Args:
        subject: the word of the rule.
        what: what it is, in the plural.
    """
    text = f"{what} are known to user space, and the language has no field for them"
    return Refused(Code.AGENT, subject, text)


class ImportFailed(Exception):
    """Nothing can be translated; the command line shows it as a diagnostic.

    Args:
        code: of `codes.toml`.
        message, remedy: one sentence each.
    """

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code, self.message, self.remedy = code, message, remedy


@frozen
class Origin:
    """Where a rule comes from: a file and the line, from 1, in which it begins."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@frozen
class About:
    """What a rule says of itself.

    Args:
        title: may be empty.
        id: its own id, or "".
        description: may have several lines, or be "".
        severity: one of `dsl.words.SEVERITIES`, or "".
        status: one of `dsl.words.STATUSES`, or "".
        mitre: ids of ATT&CK tactics and techniques.
        references: addresses of pages.
        authors: names.
        tags: other tags.
        false_positives: what else it matches.
    """

    title: str
    id: str = ""
    description: str = ""
    severity: str = ""
    status: str = ""
    mitre: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    false_positives: tuple[str, ...] = ()


@frozen
class Step:
    """A step of a sequence: an event with a condition, and what it is found by.

    Args:
        event: catalogue name.
        when: the condition, on fields as the event has them.
        key: names behind `by`.
    """

    event: str
    when: Condition
    key: tuple[str, ...] = ()


@frozen
class Sequence_:
    """Steps one after the other.

    Args:
        within: a duration of the language.
        steps: two to five.
    """

    within: str
    steps: tuple[Step, ...]


@frozen
class Threshold:
    """How many events.

    Args:
        count: of events, or of values of `distinct`.
        within: a duration of the language.
        key: names behind `by`.
        distinct: a field, or "".
    """

    count: int
    within: str
    key: tuple[str, ...] = ()
    distinct: str = ""


@frozen
class Detection:
    """What a rule looks for.

    Args:
        events: catalogue names.
        when: the condition, with what the agent decides of it.
        excepts: exceptions, by name; likewise.
        threshold: how often, or None.
        sequence: in the place of events and condition, or None.
        alert: the text of its alerts, as a literal of the language, or "".
    """

    events: tuple[str, ...]
    when: Condition
    excepts: tuple[tuple[str, Condition], ...] = ()
    threshold: Threshold | None = None
    sequence: Sequence_ | None = None
    alert: str = ""

    @property
    def stages(self) -> Stages:
        """The condition and the exceptions, by who decides them."""
        return divided(self.when, self.excepts)

    @property
    def asks_agent(self) -> bool:
        """Whether there is a second stage."""
        return any(map(asks_agent, (self.when, *(condition for _, condition in self.excepts))))


@frozen
class Translation:
    """One rule of another system.

    Args:
        origin: where it stands.
        about: what it says of itself.
        detections: what it looks for, mostly one; each becomes a rule. None if that cannot be said.
        reasons: what cannot be said, and why. With a detection, which then is only a part of the
            rule, all of them are about what the language has no field for.
        names: of the rules in the policy, once they are in one.
        notes: where the translation differs from the rule.
        hidden: whether it is there only as a part of others, and has no rule of its own.
        needs: lists and macros of the policy that its rules use, each a whole item.
        disabled: whether its rules are switched off.
    """

    origin: Origin
    about: About
    detections: tuple[Detection, ...] = ()
    reasons: tuple[Reason, ...] = ()
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    hidden: bool = False
    needs: tuple[str, ...] = ()
    disabled: bool = False

    @property
    def status(self) -> Status:
        """How far it was translated."""
        if self.reasons:
            return Status.NOT
        agent = any(detection.asks_agent for detection in self.detections)
        return Status.SECOND_STAGE if agent else Status.FULL

    def refused(self, *reasons: Reason) -> "Translation":
        """The same rule without a translation, for further reasons."""
        return evolve(self, detections=(), names=(), reasons=(*self.reasons, *reasons))


@frozen
class Summary:
    """Counts over translations.

    Args:
        rules: how many there were.
        full, second_stage, not_translated: of each status.
        reasons: rules by the word of a reason's code, most frequent first.
        subjects: rules by (code, subject), most frequent first.
    """

    rules: int
    full: int
    second_stage: int
    not_translated: int
    reasons: tuple[tuple[str, int], ...]
    subjects: tuple[tuple[str, str, int], ...]

    @property
    def percent(self) -> float:
        """The share that the kernel decides in full, with two decimals; 100 of no rules."""
        return self._share(self.full)

    @property
    def percent_with_agent(self) -> float:
        """The share that is translated in full, also with a second stage."""
        return self._share(self.full + self.second_stage)

    def _share(self, number: int) -> float:
        return round(100 * number / self.rules, 2) if self.rules else 100.0


def summary(found: Sequence[Translation]) -> Summary:
    """Count translations.

    Args:
        found: all of one run.

    Returns:
        The counts; a rule counts once for each code and each subject of its reasons.
    """
    by_status = Counter(item.status for item in found)
    codes = Counter(c for item in found for c in {r.code.value for r in item.reasons})
    pairs = Counter(p for item in found for p in {(r.code.value, r.subject) for r in item.reasons})
    return Summary(
        len(found),
        by_status[Status.FULL],
        by_status[Status.SECOND_STAGE],
        by_status[Status.NOT],
        tuple(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        tuple((*pair, n) for pair, n in sorted(pairs.items(), key=lambda i: (-i[1], i[0]))),
    )
