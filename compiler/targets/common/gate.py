"""The gate: an event that one number rules out never gets as far as a scratch slot.

Where every term of every rule tests the same number, and the context has it at hand, the adapter
looks up that number's row itself: a row without terms means that nothing can match. It is the
core's own lookup, only earlier.
"""

from collections.abc import Callable

from compiler.emit.core import UNROLLED
from compiler.emit.function import Function
from compiler.emit.numbers import NumberTables
from compiler.emit.values import Int
from compiler.plan.model import SPECIAL_ROWS, EventPlan, NumberPlan
from compiler.targets.common.slots import count


def gate_of(event: EventPlan, at_hand: tuple[str, ...]) -> NumberPlan | None:
    """The number by which events can be ruled out.

    Args:
        event: the event's plan.
        at_hand: catalogue names of the numbers that the context has, cheapest first.

    Returns:
        The first of them that every term tests, or None. That is a matter of the rules' shape: a
        term that does not test a number is in each of its rows.
    """
    if event.words > UNROLLED:
        return None
    numbers = {n.field: n for n in event.numbers if n.source == "number"}
    found = (numbers[name] for name in at_hand if name in numbers)
    return next((n for n in found if not _common(event, n)), None)


def _common(event: EventPlan, number: NumberPlan) -> int:
    """The terms that are in every row of a number."""
    width = 8 * event.words
    common = -1
    for row in range(number.bounds + 1 + len(SPECIAL_ROWS)):
        at = number.rows_offset + row * width
        common &= int.from_bytes(event.linux[at : at + width], "little")
    return common


def emit_gate(
    fn: Function,
    event: EventPlan,
    number: NumberPlan,
    values: list[Int],
    buffer: Int,
    neutral: int,
    ruled_out: Callable[[], None],
) -> None:
    """Return from the program where no rule can match.

    Args:
        fn: the adapter.
        event: the event's plan.
        number: what `gate_of` found.
        values: the number's words.
        buffer: which content judges the event.
        neutral: return value that changes nothing.
        ruled_out: emits what else is done where nothing can match.
    """
    table, tables = fn.lookup(event.map, buffer, neutral), NumberTables(event)
    row = tables.row(table, number, tables.interval(fn, values, table, number), counted=True)
    terms = row.load()
    for word in range(1, event.words):
        terms = terms | row.at(8 * word).load()
    with fn.when(terms.eq(0)):
        count(fn, "events")
        ruled_out()
        fn.ret(neutral)
