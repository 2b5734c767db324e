"""The terms of all rules of an event, numbered, and where each test's result goes."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from compiler.coverage import PLATFORMS, part_carriage
from compiler.plan.classes import power_of_two
from compiler.plan.normal_form import (
    TERMS_MAX,
    Literal,
    Term,
    TooManyTerms,
    condition_of,
    terms_of,
)
from compiler.plan.sought import Shape, Sought, sought_of
from dsl.catalogue import Event, Field
from dsl.diagnostics import Collector
from dsl.typed import Op, Policy, Rule, Test

# Text tests that are undetermined where the text goes on behind what is examined.
_OPEN_ENDED = (Op.EQ, Op.ENDSWITH, Op.CONTAINS, Op.GLOB, Op.REGEX)

# Columns of accumulators; one word of each is read for every word of terms.
COLUMNS_MAX = 15
WORDS_MAX = 256


@frozen
class EventTerms:
    """The numbered terms of an event.

    Args:
        rules: policy-wide index of each local rule.
        parts: what each local rule is: the rule, or a step of its sequence.
        terms: all terms; those of a rule are adjacent.
        rule_of_term: local rule of each term.
        carried: by platform, a bit for each term whose rule the platform carries.
        unknown_denies: a bit for each term of a rule with `deny on unknown`.
    """

    rules: tuple[int, ...]
    parts: tuple[Rule, ...]
    terms: tuple[Term, ...]
    rule_of_term: tuple[int, ...]
    carried: Mapping[str, int]
    unknown_denies: int

    @property
    def words(self) -> int:
        """64-bit words of a row of terms."""
        return power_of_two((len(self.terms) + 63) // 64)


@frozen
class TextTests:
    """All tests of one text field that one automaton (or several) answers.

    Args:
        field: the field.
        nocase: whether ASCII letters are folded; None for shapes, which say so themselves.
        marks: by literal or shape, accumulator words and the bits that its occurrence sets.
        unknown: what is undetermined where the field is unknown: terms that are not definite, then
            for each column the terms whose test there is possible.
        truncated: the same for a field that was not examined to its end.
    """

    field: Field
    nocase: bool | None
    marks: Mapping[Sought, Mapping[int, int]]
    unknown: tuple[int, ...]
    truncated: tuple[int, ...]


class _Group:
    """TextTests in the making."""

    def __init__(self, columns: int) -> None:
        self.marks: dict[Sought, dict[int, int]] = {}
        self.unknown = [0] * (columns + 1)
        self.truncated = [0] * (columns + 1)

    def take(self, sought: Sought, literal: Literal, column: int, number: int, words: int) -> None:
        """Enter what a literal of term `number` looks for; a negated one goes behind the last
        column."""
        row = len(self.unknown) - 1 if literal.negated else column
        index, mask = row * words + number // 64, 1 << number % 64
        marks = self.marks.setdefault(sought, {})
        marks[index] = marks.get(index, 0) | mask
        if literal.guard:
            return
        block = 0 if literal.negated else 1 + column
        self.unknown[block] |= 1 << number
        if _open_ended(literal.test):
            self.truncated[block] |= 1 << number


def event_terms(
    policy: Policy, event: Event, problems: Collector, testing: bool = False
) -> EventTerms:
    """Number the terms of all rules that listen on an event.

    Args:
        policy: a checked policy.
        event: the event.
        problems: takes a diagnostic for each rule that has no plan.
        testing: whether the test adapter judges events that nothing else reads.

    Returns:
        The terms of all rules that have a plan.
    """
    rules: list[int] = []
    terms: list[Term] = []
    owners: list[int] = []
    denies = 0
    carried = dict.fromkeys(PLATFORMS, 0)
    parts: list[Rule] = []
    for index, rule in policy.parts:
        if all(known.name != event.name for known in rule.events):
            continue
        found = _rule_terms(rule, event, problems)
        bits = (1 << len(found)) - 1 << len(terms)
        for platform in PLATFORMS:
            if part_carriage(policy.rules[index], rule, event, platform, testing).forms:
                carried[platform] |= bits
        if rule.deny is not None and rule.deny.on_unknown:
            denies |= bits
        terms += found
        owners += [len(rules)] * len(found)
        rules.append(index)
        parts.append(rule)
    return EventTerms(tuple(rules), tuple(parts), tuple(terms), tuple(owners), carried, denies)


def columns_of(terms: EventTerms) -> int:
    """Positive text columns: the most that a term needs, rounded to one below a power of two."""
    widths = [len(list(_text_literals(term))) for term in terms.terms]
    if not any(widths):
        return 0
    most = max(sum(not lit.negated for lit in _text_literals(term)) for term in terms.terms)
    return power_of_two(max(most, 1) + 1) - 1


def start_of(terms: EventTerms, columns: int) -> list[int]:
    """Rows of the accumulators before any text is examined: columns, then the negative one.

    A term's bit stands in every column that the term does not use.
    """
    rows = [0] * (columns + 1)
    for number, term in enumerate(terms.terms):
        used = sum(not literal.negated for literal in _text_literals(term))
        for column in range(used, columns):
            rows[column] |= 1 << number
    return rows


def text_tests(terms: EventTerms, event: Event, columns: int) -> list[TextTests]:
    """What automata have to find, by field in catalogue order, and what that sets.

    Args:
        terms: the event's terms.
        event: the event.
        columns: number of positive columns.

    Returns:
        One entry for each field and kind of case that is tested.
    """
    groups: dict[tuple[str, bool | None], _Group] = {}
    for number, term in enumerate(terms.terms):
        column = 0
        for literal in _text_literals(term):
            for sought in sought_of(literal):
                nocase = None if isinstance(sought, Shape) else literal.test.nocase
                key = literal.test.field.name, nocase
                groups.setdefault(key, _Group(columns)).take(
                    sought, literal, column, number, terms.words
                )
            column += not literal.negated
    return [
        TextTests(known, nocase, group.marks, tuple(group.unknown), tuple(group.truncated))
        for known in event.ordered(name for name, _ in groups)
        for nocase in (False, True, None)
        if (group := groups.get((known.name, nocase))) is not None
    ]


def number_tests(terms: EventTerms) -> dict[str, list[tuple[int, Term]]]:
    """Each term's literals on numbers and on the presence of texts, by field."""
    found: dict[str, list[tuple[int, Term]]] = {}
    for number, term in enumerate(terms.terms):
        by_field: dict[str, list[Literal]] = {}
        for literal in term:
            if not is_text_test(literal.test):
                known = literal.test.field
                by_field.setdefault(known.base or known.name, []).append(literal)
        for name, literals in by_field.items():
            found.setdefault(name, []).append((number, tuple(literals)))
    return found


def is_text_test(test: Test) -> bool:
    """Whether an automaton answers the test (presence is a number)."""
    return test.field.kind.is_text and test.op is not Op.EXISTS


def _text_literals(term: Term) -> Iterator[Literal]:
    return (literal for literal in term if is_text_test(literal.test))


def _open_ended(test: Test) -> bool:
    """Whether the end of the text, which was not examined, can change a test that found nothing."""
    return bool(test.field.part) or test.op in _OPEN_ENDED


def _rule_terms(rule: Rule, event: Event, problems: Collector) -> tuple[Term, ...]:
    """The rule's terms; none, and a diagnostic, where it has no plan."""
    try:
        found = terms_of(condition_of(rule))
    except TooManyTerms:
        problems.error(
            "BPFC0651",
            f"rule {rule.name} is too complicated: multiplied out, its condition and exceptions"
            f" have more than {TERMS_MAX} alternatives on {event.name}",
            rule.name_span,
            remedy="split the rule, or turn alternatives of one field into a list (`in [...]`)",
        )
        return ()
    width = max((sum(not lit.negated for lit in _text_literals(term)) for term in found), default=0)
    if width > COLUMNS_MAX:
        problems.error(
            "BPFC0652",
            f"rule {rule.name} asks for {width} text tests at once; {COLUMNS_MAX} are possible",
            rule.name_span,
            remedy="join fewer text tests with `and` (each value of `all [...]` is one)",
        )
        return ()
    return found
