"""The gate: an event that one number rules out never gets as far as a scratch slot.

Where every term of every rule tests the same number, and the context has it at hand, the adapter
looks up that number's row itself: a row without terms means that nothing can match. It is the
core's own lookup, only earlier.
"""

from collections.abc import Callable

from compiler.emit.function import Function
from compiler.emit.numbers import NumberTables
from compiler.emit.values import Int
from compiler.plan.model import EventPlan, NumberPlan
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
    numbers = {n.field: n for n in event.numbers if n.source == "number"}
    found = (numbers[name] for name in at_hand if name in numbers)
    return next((number for number in found if number.selective), None)


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
    table, tables = fn.lookup(number.map, buffer, neutral), NumberTables(event)
    interval = tables.interval(fn, values, table, number)
    if number.sparse is not None:
        terms = tables.root(table, number, number.sparse, interval).load()
    else:
        row = tables.row(table, number, interval, counted=True)
        terms = row.load()
        for word in range(1, event.words):
            terms = terms | row.at(8 * word).load()
    with fn.when(terms.eq(0)):
        count(fn, "events")
        ruled_out()
        fn.ret(neutral)
