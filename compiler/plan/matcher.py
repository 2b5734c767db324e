"""All rules of an event as one matcher: sizes for the code, contents for its tables.

The layout of the matcher table follows from the sizes alone: accumulators, terms, `deny on
unknown`, rule of each term, number tables, two undetermined blocks for each tested text field.
"""

import struct
from collections.abc import Sequence

from attrs import evolve, frozen

from bpfc.artifact.consistency import rules_map
from bpfc.artifact.manifest import EventLayout
from compiler.plan.automaton import Needle
from compiler.plan.classes import power_of_two, room_for
from compiler.plan.derived import derived_tables
from compiler.plan.memory import MemoryBuilder
from compiler.plan.memory_shapes import NOTHING_KEPT, Memory
from compiler.plan.model import (
    PART_VIEWS,
    SPECIAL_ROWS,
    AutomatonPlan,
    Carry,
    EventPlan,
    NumberPlan,
    StatePlan,
    TextTables,
)
from compiler.plan.number_tables import TableTooLarge, number_tables
from compiler.plan.patterns.acceptor import STATES_MAX
from compiler.plan.rows import TooManyRows
from compiler.plan.shapes import TooLarge, shape_tables
from compiler.plan.sought import DERIVED, Shape
from compiler.plan.state import carry_of, has_state, state_names, state_plan
from compiler.plan.tables import TABLE_MAX
from compiler.plan.terms import (
    WORDS_MAX,
    EventTerms,
    TextTests,
    columns_of,
    event_terms,
    start_of,
    text_tests,
)
from compiler.plan.texts import DoesNotFit, tables_of
from dsl.catalogue import Event
from dsl.diagnostics import Collector, shown
from dsl.typed import Policy
from dsl.walk import effect_reads, operands

_ALL_ONES = (1 << 64) - 1
_RULES_MIN = 64  # entries of a rules map, so that small edits keep the code


class _Table:
    """A growing table: content is appended."""

    def __init__(self, words: int) -> None:
        self.content = bytearray()
        self._row = 8 * words

    def rows(self, rows: Sequence[int]) -> int:
        """Append rows of terms; returns their offset."""
        return self.add(b"".join(row.to_bytes(self._row, "little") for row in rows))

    def add(self, content: bytes) -> int:
        """Append content whose length is a multiple of 8; returns its offset."""
        offset = len(self.content)
        self.content += content
        return offset

    def pad(self, size: int) -> None:
        """Append zeros up to a size."""
        self.content += bytes(max(0, size - len(self.content)))


def event_plan(
    policy: Policy,
    event: Event,
    layout: EventLayout,
    problems: Collector,
    testing: bool = False,
    memory: Memory = NOTHING_KEPT,
) -> EventPlan | None:
    """The matcher of one event.

    Args:
        policy: a checked policy with at least one rule on the event.
        event: the event.
        layout: of its records.
        problems: takes diagnostics.
        testing: whether the test adapter judges events that nothing else reads.
        memory: the policy's sets and tags.

    Returns:
        The plan, or None where a table has no room for the rules (a diagnostic says so).
    """
    terms = event_terms(policy, event, problems, testing)
    words, columns = terms.words, columns_of(terms)
    if words > WORDS_MAX:
        _too_big(policy, event, terms, problems, f"{len(terms.terms)} alternatives of conditions")
        return None
    table = _Table(words)
    accumulators = table.rows(start_of(terms, columns) if columns else [0])
    existing = table.rows([terms.carried["linux"]])
    denies = table.rows([terms.unknown_denies])
    owners = table.add(_owners(terms))
    tests = [literal.test for term in terms.terms for literal in term]
    builder = MemoryBuilder(memory, layout)
    derived = derived_tables(tests, layout, event.name, problems, builder)
    constants = table.add(derived.linux)
    rule_room = max(room_for(len(terms.rules)), _RULES_MIN)
    for rule in terms.parts:
        builder.rule(rule, event.name, problems)
    kept, kept_windows, effects = builder.tables(rule_room)
    kept_at, effects_at = table.add(kept), table.add(effects)
    name = f"m_{_identifier(event)}"
    try:
        numbers = number_tables(terms, event, layout, derived, name, len(table.content))
    except TableTooLarge as error:
        _too_big(policy, event, terms, problems, f"{error.size} bytes for the tests of one number")
        return None
    except TooManyRows:
        _too_big(policy, event, terms, problems, "more than 65,536 different rows of terms")
        return None
    table.add(numbers.content)
    automata = _automata(terms, event, layout, columns, table, problems)
    table.pad(_reach(numbers.plans, words))
    state = _state(terms, rule_room, layout, table, carry_of(policy))
    if len(table.content) > TABLE_MAX:
        _too_big(policy, event, terms, problems, f"{len(table.content)} bytes of number tables")
        return None
    if automata is None:
        return None
    linux = bytes(table.content)
    windows = bytearray(linux)
    windows[existing:denies] = terms.carried["windows"].to_bytes(8 * words, "little")
    windows[constants : constants + len(derived.windows)] = derived.windows
    windows[kept_at : kept_at + len(kept_windows)] = kept_windows
    return EventPlan(
        layout=layout,
        map=name,
        rules_map=rules_map(event.name),
        words=words,
        columns=columns,
        accumulators_offset=accumulators,
        terms_offset=existing,
        rule_of_term_offset=owners,
        unknown_denies_offset=denies,
        size=len(linux),
        linux=linux,
        windows=bytes(windows) if "windows" in event.platforms else None,
        numbers=numbers.plans,
        number_maps=numbers.maps,
        automata=automata,
        derived=derived.plans,
        constants_offset=constants,
        rules=terms.rules,
        rule_room=rule_room,
        fields=_fields(terms, event),
        state=state,
        memory=builder.plan(kept_at, effects_at),
    )


def _identifier(event: Event) -> str:
    return event.name.replace(".", "_")


def _owners(terms: EventTerms) -> bytes:
    return struct.pack(f"<{len(terms.terms)}I", *terms.rule_of_term).ljust(
        4 * 64 * terms.words, b"\0"
    )


def _state(
    terms: EventTerms, room: int, layout: EventLayout, table: _Table, carry: Carry
) -> StatePlan | None:
    """Descriptors of what the rules remember, behind everything else in the table."""
    rules = [(local, rule) for local, rule in enumerate(terms.parts) if has_state(rule)]
    plan, content = state_plan(rules, room, layout, carry)
    if plan is None:
        return None
    offset = table.add(content.ljust((len(content) + 7) // 8 * 8, b"\0"))
    return evolve(
        plan,
        numbers_offset=offset + plan.numbers_offset,
        descriptors_offset=offset + plan.descriptors_offset,
    )


def _fields(terms: EventTerms, event: Event) -> tuple[str, ...]:
    tested = (literal.test.field for term in terms.terms for literal in term)
    known = [field for derived in tested for field in operands(derived)]
    # A directory or an extension is found in the path itself.
    read = {field.base if field.part in DERIVED else field.name for field in known}
    read.update(name for rule in terms.parts for name in state_names(rule, event))
    read |= {field.name for rule in terms.parts for field in effect_reads(rule)}
    return tuple(field.name for field in event.ordered(read))


def _reach(numbers: Sequence[NumberPlan], words: int) -> int:
    """Where the table must end: code masks the offset of a row by a power of two.

    A masked offset can lie behind the rows, never behind this.
    """
    row = 8 * words
    ends = (
        number.rows_offset + power_of_two(row * (number.bounds + 1 + len(SPECIAL_ROWS)))
        for number in numbers
        if number.sparse is None
    )
    return max(ends, default=0)


@frozen
class _Blocks:
    """Offsets of the two undetermined blocks of a text field."""

    unknown: int
    truncated: int


def _automata(
    terms: EventTerms,
    event: Event,
    layout: EventLayout,
    columns: int,
    table: _Table,
    problems: Collector,
) -> tuple[AutomatonPlan, ...] | None:
    """The automata of all tested text fields; None after a diagnostic."""
    plans: list[AutomatonPlan] = []
    failed = False
    for tests in text_tests(terms, event, columns):
        blocks = _Blocks(table.rows(tests.unknown), table.rows(tests.truncated))
        try:
            found = _tables_of(tests, event)
        except DoesNotFit as error:
            _too_long(terms, tests, error, problems)
            failed = True
            continue
        except TooLarge as error:
            _too_large(error, problems)
            failed = True
            continue
        for tables in found:
            name = f"a_{_identifier(event)}_{len(plans)}"
            plans.append(_automaton(name, tests, event, layout, tables, blocks))
    return None if failed else _banked(plans, f"b_{_identifier(event)}")


def _banked(plans: Sequence[AutomatonPlan], prefix: str) -> tuple[AutomatonPlan, ...]:
    """The same automata, sparse ones of equal sizes in one map."""
    banks: dict[tuple[int, ...], list[AutomatonPlan]] = {}
    for plan in plans:
        if plan.tables.sparse:
            banks.setdefault(plan.tables.shape, []).append(plan)
    numbers = {shape: number for number, shape in enumerate(banks)}
    result = []
    for plan in plans:
        if plan.tables.sparse:
            bank = banks[plan.tables.shape]
            index = next(n for n, item in enumerate(bank) if item is plan)
            name = f"{prefix}_{numbers[plan.tables.shape]}"
            plan = evolve(plan, map=name, index=index, room=len(bank))
        result.append(plan)
    return tuple(result)


def _tables_of(tests: TextTests, event: Event) -> list[TextTables]:
    if tests.nocase is None:
        shapes = {item: marks for item, marks in tests.marks.items() if isinstance(item, Shape)}
        return shape_tables(tests.field, event, shapes)
    needles = {item: marks for item, marks in tests.marks.items() if isinstance(item, Needle)}
    return tables_of(tests.field, event, tests.nocase, needles)


def _too_large(error: TooLarge, problems: Collector) -> None:
    """Name the pattern that no automaton can take."""
    problems.error(
        "BPFC0660",
        f"the pattern `{shown(error.pattern())}` needs more than {STATES_MAX} states",
        error.shape.test.span,
        remedy="repeat less behind `.*` or `.+`, anchor it, or split it into several tests",
    )


def _automaton(
    name: str,
    tests: TextTests,
    event: Event,
    layout: EventLayout,
    tables: TextTables,
    blocks: _Blocks,
) -> AutomatonPlan:
    text = next(text for text in layout.texts if text.name == tests.field.name)
    # A directory or an extension is looked for in the whole path.
    examined = event.field(tests.field.base) if tests.field.part in DERIVED else tests.field
    assert examined is not None
    return AutomatonPlan(
        map=name,
        index=0,
        room=1,
        tables=tables,
        view=text.view + (PART_VIEWS if text.part == "name" else 0),
        text_max=examined.capacity,
        unknown_offset=blocks.unknown,
        truncated_offset=blocks.truncated,
    )


def _too_long(terms: EventTerms, tests: TextTests, error: DoesNotFit, problems: Collector) -> None:
    """Name the test whose literal no automaton can take."""
    longest = max(
        (
            literal.test
            for term in terms.terms
            for literal in term
            if literal.test.field.name == tests.field.name
        ),
        key=lambda test: max((len(v) for v in test.values if isinstance(v, bytes)), default=0),
    )
    problems.error(
        "BPFC0654",
        f"a text of {len(error.needle.text)} bytes is too long to be searched for",
        longest.span,
        remedy="use a shorter piece of it",
    )


def _too_big(
    policy: Policy, event: Event, terms: EventTerms, problems: Collector, what: str
) -> None:
    problems.error(
        "BPFC0655",
        f"the rules on {event.name} need {what}, more than one policy can hold",
        policy.rules[terms.rules[-1]].name_span,
        remedy="spread them over fewer lists or alternatives, or compile two policies",
    )
