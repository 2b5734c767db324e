"""Numbers in the core: from a value to the row of terms that it allows."""

from compiler.emit.bits import borrow, nonzero, sign_bit
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr
from compiler.plan import model
from compiler.plan.classes import power_of_two
from compiler.plan.model import EventPlan, NumberPlan, SharedRows

FEW_BOUNDS = 16  # of one word: up to that many are compared one by one
SMALL_KINDS = ("port", "enum", "bool")  # far below 2**63
_LOW_63 = (1 << 63) - 1


def special_row(number: NumberPlan, name: str) -> int:
    """Index of one of model.SPECIAL_ROWS."""
    return number.bounds + 1 + model.SPECIAL_ROWS.index(name)


class NumberTables:
    """Lookups in the number tables of one event.

    Args:
        event: the event's plan.
    """

    def __init__(self, event: EventPlan) -> None:
        self.event = event

    def interval(self, fn: Function, values: list[Int], table: Ptr, number: NumberPlan) -> Int:
        """How many bounds are <= the value, by branch-free binary search over a power of two.

        Args:
            fn: the function.
            values: the value's words, high word first.
            table: the event's matcher table.
            number: what is looked up.
        """
        if number.signed:
            values = [values[0] ^ -(1 << 63), *values[1:]]
        small = self._is_small(number)
        if number.words == 1 and number.bounds <= FEW_BOUNDS:
            return self._count(fn, values, table, number, small)
        size, index = 8 * number.words, fn.const(0)
        # Halving steps find the place among all bounds but the last; one more step of 1 decides
        # that one.
        for step in [*(number.bounds >> n for n in range(1, number.bounds.bit_length())), 1]:
            probe = (index + (step - 1)).bounded(number.bounds - 1)
            place = table.at(probe * size).at(number.bounds_offset)
            index = index + ((self._below(values, place, small) ^ 2) * step >> 1)
        return index

    def _count(
        self, fn: Function, values: list[Int], table: Ptr, number: NumberPlan, small: bool
    ) -> Int:
        """The same for a handful of bounds: compared with each, since loads that do not wait for
        each other take less time than the steps of a search."""
        below = fn.const(0)
        for bound in range(number.bounds):
            place = table.at(number.bounds_offset + 8 * number.words * bound)
            below = below + self._below(values, place, small)
        return fn.const(number.bounds) - (below >> 1)

    @staticmethod
    def _below(values: list[Int], place: Ptr, small: bool) -> Int:
        """2 if the value is below the bound at `place`, else 0.

        Not 1: what is a sign bit and nothing else, LLVM turns into a jump.
        """
        bound = place.load()
        if small:
            # No carry to think of: the sign of the difference says it.
            return sign_bit(values[0] - (bound & _LOW_63))
        below = sign_bit(borrow(values[0], bound))
        if len(values) == 2:
            same = sign_bit(nonzero(values[0] ^ bound)) ^ 2
            below = below | (same & sign_bit(borrow(values[1], place.at(8).load())))
        return below

    def row(self, table: Ptr, number: NumberPlan, index: Int, counted: bool = False) -> Ptr:
        """The row of an index. Its mask may reach behind the rows; the map has room for it
        (`core.table_room`).

        Args:
            table: the event's matcher table.
            number: what was looked up.
            index: the row's index.
            counted: whether it comes straight from `interval`. A count of a few small bounds is a
                sum of single bits, which every verifier follows.
        """
        width = 8 * self.event.words
        rows = number.bounds + 1 + len(model.SPECIAL_ROWS)
        mask = (1 << (rows * width - 1).bit_length()) - 1
        followed = counted and self._is_small(number) and number.bounds <= FEW_BOUNDS
        start = index * width
        start = start.masked(mask) if followed else start.bounded(mask)
        return table.at(start).at(number.rows_offset)

    def root(self, table: Ptr, number: NumberPlan, rows: SharedRows, index: Int) -> Ptr:
        """The root of a row that stands in chunks.

        Args:
            table: of the number.
            number: what was looked up.
            rows: its rows.
            index: the row's index.
        """
        room = power_of_two(number.bounds + 1 + len(model.SPECIAL_ROWS))
        ref = table.at(index.bounded(room - 1) << 2).at(rows.refs_offset).load(4)
        return table.at(ref.masked(rows.roots - 1) * model.ROOT_SIZE).at(rows.roots_offset)

    def _is_small(self, number: NumberPlan) -> bool:
        return number.source == "presence" or number.kind in SMALL_KINDS
