"""The gate: an event that one number rules out never gets as far as a scratch slot.

Where every term of every rule tests the same number, and the context has it at hand, the adapter
looks up that number's row itself: a row without terms means that nothing can match. It is the
core's own lookup, only earlier. Before it a bit in the policy's own entry, which the adapter has
at hand, rules out what no value in the rules is congruent with.
"""

import struct
from collections.abc import Callable
from itertools import pairwise

from bpfc.artifact import control
from compiler.emit.function import Function
from compiler.emit.numbers import NumberTables
from compiler.emit.values import Int, Ptr
from compiler.plan import model
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


def gate_bits(event: EventPlan, number: NumberPlan) -> bytes:
    """A bit for each remainder of the number's values with which a rule can match.

    Args:
        event: the event's plan.
        number: what `gate_of` found.

    Returns:
        control.GATE_SIZE bytes.
    """
    size, bits = 8 * control.GATE_SIZE, 0
    tables = {event.map: event.linux} | {m.name: m.content for m in event.number_maps}
    table = tables[number.map]
    bounds = [0, *_bounds(table, number), 1 << 64 * number.words]
    for row, (low, behind) in enumerate(pairwise(bounds)):
        if _has_terms(table, event, number, row):
            run = ((1 << min(behind - low, size)) - 1) << low % size
            bits |= run | run >> size  # what passes the end goes on at the beginning
    bits &= (1 << size) - 1
    return bits.to_bytes(control.GATE_SIZE, "little")


def _bounds(table: bytes, number: NumberPlan) -> list[int]:
    """The number's bounds; those that are not used are as high as can be."""
    size = 8 * number.words
    found = []
    for index in range(number.bounds):
        words = struct.unpack_from(f"<{number.words}Q", table, number.bounds_offset + size * index)
        found.append(sum(word << 64 * n for n, word in enumerate(reversed(words))))
    return found


def _has_terms(table: bytes, event: EventPlan, number: NumberPlan, row: int) -> bool:
    """Whether a row leaves a term."""
    if number.sparse is None:
        at = number.rows_offset + row * 8 * event.words
        return any(table[at : at + 8 * event.words])
    (ref,) = struct.unpack_from("<I", table, number.sparse.refs_offset + 4 * row)
    root = number.sparse.roots_offset + (ref & number.sparse.roots - 1) * model.ROOT_SIZE
    return any(table[root : root + 8])


def emit_bits(
    fn: Function,
    values: list[Int],
    policy: Ptr,
    buffer: Int,
    neutral: int,
    ruled_out: Callable[[], None],
) -> None:
    """Return from the program where the number's bit says that no rule can match.

    Args:
        fn: the adapter.
        values: the number's words, low word last.
        policy: the policy's own entry.
        buffer: which content judges the event.
        neutral: return value that changes nothing.
        ruled_out: emits what else is done where nothing can match.
    """
    value = values[-1]
    gate = policy.at(buffer * control.GATE_SIZE)
    word = gate.at((value >> 3).masked(control.GATE_SIZE - 8)).at(control.POLICY_GATES).load()
    with fn.when(((word >> (value & 63)) & 1).eq(0)):
        count(fn, "events")
        ruled_out()
        fn.ret(neutral)


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
