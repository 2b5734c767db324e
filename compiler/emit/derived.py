"""Derived values in the core: computed from the record before the number rows look at them.

For an event E that needs any there is `derive_E(slot)`, which fills the words `derived` of the
scratch slot and the masks `derived_unknown` and `derived_absent`. It calls `deriveN_E(slot)` for
each GROUP of values where there are more, and `sameN_E(slot)` for each comparison of two texts.

Nothing here branches on a value: states and overflows are kept in the top bits of words and joined
by OR, so that the verifier has one way to follow.
"""

from attrs import evolve, frozen

from bpfc.artifact import record
from compiler.emit import content, scratch
from compiler.emit.arithmetic import BINARY, COMPARE, SIGN, UNARY, falsity, truth
from compiler.emit.bits import nonzero, pick
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.memory_shapes import Question
from compiler.plan.model import (
    PART_VIEWS,
    AddressShape,
    BinaryShape,
    CompareShape,
    DerivedPlan,
    EventPlan,
    FixedShape,
    LengthShape,
    NumberShape,
    Shape,
    TextShape,
    UnaryShape,
)

GROUP = 8  # values that one function computes
LONGER = (1 << 63) - 1  # dsl.computation.LONGER
TEXT_STEP = 512  # bytes that one call compares
_SPACE = 0x20


def _spaced(place: Ptr) -> Int:
    """The byte at a place; NUL between arguments counts as the space that joins them."""
    byte = place.load(1)
    return byte | ((byte - 1) >> 58 & _SPACE)


@frozen
class _Value:
    """A part of a value under construction.

    Args:
        number: its value.
        unknown, absent: top bit: a field of it is.
        failed: top bit: there is no result, or it does not fit.
    """

    number: Int
    unknown: Int
    absent: Int
    failed: Int


class DerivedEmitter:
    """Emits the functions that compute the derived values of one event.

    Args:
        unit: the core's module.
        name: the event's name as part of symbols.
        event: the event's plan.
        layout: the scratch slot.
        place: place to quote.
    """

    def __init__(self, unit: Unit, name: str, event: EventPlan, layout: Layout, place: int) -> None:
        self.unit, self.name, self.event = unit, name, event
        self.layout, self.place = layout, place

    def emit(self) -> None:
        """Emit them, callees first; nothing where the event has none."""
        plans = self.event.derived
        if not plans:
            return
        for plan in plans:
            if isinstance(plan.shape, TextShape):
                self._same(plan.index, plan.shape)
        groups = [plans[at : at + GROUP] for at in range(0, len(plans), GROUP)]
        if len(groups) == 1:
            self._group(f"derive_{self.name}", groups[0], first=True)
            return
        for number, group in enumerate(groups):
            self._group(f"derive{number}_{self.name}", group, first=number == 0)
        fn = self.unit.function(f"derive_{self.name}", "slot", place=self.place)
        for number in range(len(groups)):
            fn.call(f"derive{number}_{self.name}", fn.argument())
        fn.ret(0)

    def _same(self, index: int, shape: TextShape) -> None:
        """`sameN_E`: 1 if two texts are the same; `equalN_E` compares at most TEXT_STEP bytes, and
        returns 1 when the answer stands in `state`: 0 if they are."""
        step = f"equal{index}_{self.name}"
        fn = self.unit.function(step, "slot", place=self.place)
        slot = fn.lookup("scratch", fn.argument(), 1)
        views = [slot.at(scratch.view(view)) for view in (shape.left, shape.right)]
        offsets, length = [view.load(4) for view in views], views[0].at(4).load(4)
        position = fn.variable(slot.at(scratch.word("position")).load())
        difference = fn.variable(0)
        with fn.loop(TEXT_STEP) as (_, leave):
            at = position.get()
            leave(at.ge(length))
            left, right = (
                _spaced(slot.at((offset + at).masked(self.layout.text_mask)).at(self.layout.text))
                for offset in offsets
            )
            difference.set(difference.get() | (left ^ right))
            position.set(at + 1)
        slot.at(scratch.word("position")).store(position.get())
        slot.at(scratch.word("state")).store(difference.get())
        fn.ret(position.get().ge(length).to_int() | difference.get())

        fn = self.unit.function(f"same{index}_{self.name}", "slot", place=self.place)
        slot = fn.lookup("scratch", fn.argument())
        lengths = [slot.at(scratch.view(v) + 4).load(4) for v in (shape.left, shape.right)]
        with fn.when(lengths[0].ne(lengths[1])):
            fn.ret(0)
        slot.at(scratch.word("position")).store(0)
        fn.straight_calls(step, fn.argument(), -(-shape.longest // TEXT_STEP))
        fn.ret(slot.at(scratch.word("state")).load().eq(0).to_int())

    def _group(self, symbol: str, plans: tuple[DerivedPlan, ...], first: bool) -> None:
        fn = self.unit.function(symbol, "slot", place=self.place)
        slot = fn.lookup("scratch", fn.argument())
        table = content.table(fn, slot, self.event.map)
        masks = [slot.at(scratch.word(n)) for n in ("derived_unknown", "derived_absent")]
        totals = [fn.const(0) if first else mask.load() for mask in masks]
        for plan in plans:
            found = _Shapes(fn, slot, table, self.event, self.name).value(plan)
            slot.at(self.layout.derived + 8 * plan.index).store(found.number)
            # A field's state counts before an overflow that its absence brought about.
            unknown = found.unknown | (found.failed & ~found.absent)
            absent = found.absent & ~found.unknown
            for index, state in enumerate((unknown, absent)):
                bit = (state.hidden() >> 63 - plan.index) & (1 << plan.index)
                totals[index] = totals[index] | bit
        for mask, total in zip(masks, totals, strict=True):
            mask.store(total)
        fn.ret(0)


class _Shapes:
    """Emits the values of one function.

    Args:
        fn: the function.
        slot, table: the scratch slot and the event's matcher table.
        event: the event's plan.
        name: the event's name as part of symbols.
    """

    def __init__(self, fn: Function, slot: Ptr, table: Ptr, event: EventPlan, name: str) -> None:
        self.fn, self.slot, self.table, self.event, self.name = fn, slot, table, event, name

    def value(self, plan: DerivedPlan) -> _Value:
        """A whole value."""
        if isinstance(plan.shape, Question):
            return self._asked(plan)
        match plan.shape:
            case LengthShape():
                length, cut = self._length(plan.shape)
                number = pick(truth(cut), LONGER, length.number)
                return evolve(length, number=number)
            case CompareShape():
                return self._compare(plan.shape)
            case AddressShape():
                return self._same_address(plan.shape)
            case TextShape():
                return self._same_text(plan)
            case _:
                return self._part(plan.shape)

    def _part(self, shape: Shape) -> _Value:
        """A part of a calculation."""
        match shape:
            case FixedShape():
                return self._fixed(shape.place)
            case NumberShape():
                value = self._number(shape.index)
                return value if shape.signed else evolve(value, failed=value.number)
            case LengthShape():
                length, cut = self._length(shape)
                return evolve(length, failed=cut)
            case UnaryShape():
                item = self._part(shape.item)
                result = UNARY[shape.operator](item.number)
                return evolve(item, number=result.number, failed=item.failed | result.failed)
            case BinaryShape():
                left, right = self._part(shape.left), self._part(shape.right)
                result = BINARY[shape.operator](left.number, right.number)
                return _joined(left, right, result.number, result.failed)
            case _:
                raise TypeError(f"{shape} is a truth, no part of a calculation")

    def _fixed(self, place: int) -> _Value:
        nothing = self.fn.const(0)
        number = self.table.at(self.event.constants_offset + 8 * place).load()
        return _Value(number, nothing, nothing, nothing)

    def _number(self, index: int) -> _Value:
        """A number word as it is."""
        states = (self.slot.at(scratch.header(name)).load() for name in ("unknown", "absent"))
        unknown, absent = (state << 63 - index for state in states)
        number = self.slot.at(scratch.number(index)).load()
        return _Value(number, unknown, absent, self.fn.const(0))

    def _view(self, view: int) -> tuple[_Value, Int]:
        """A text's length in bytes, and a word whose top bit says that the text goes on."""
        place = self.slot.at(scratch.view(view))
        flags = place.at(8).load(4)
        cut = flags << 63 - _bit(record.VIEW_TRUNCATED)
        unknown = flags << 63 - _bit(record.VIEW_UNKNOWN)
        if view >= PART_VIEWS:
            unknown = unknown | cut  # the last component is in what was not examined
        absent = flags << 63 - _bit(record.VIEW_ABSENT)
        return _Value(place.at(4).load(4), unknown, absent, self.fn.const(0)), cut

    def _length(self, shape: LengthShape) -> tuple[_Value, Int]:
        value, cut = self._view(shape.view)
        shift = self._fixed(shape.place).number & 63
        return evolve(value, number=value.number >> shift), cut

    def _compare(self, shape: CompareShape) -> _Value:
        sides = (shape.left, shape.right)
        if shape.plain:
            numbers = [side for side in sides if isinstance(side, NumberShape)]
            left, right = (self._number(side.index) for side in numbers)
            flip = SIGN if numbers[0].signed else 0
        else:
            left, right = (self._part(side) for side in sides)
            flip = SIGN
        result = COMPARE[shape.operator](left.number ^ flip, right.number ^ flip)
        return _joined(left, right, result, self.fn.const(0))

    def _same_address(self, shape: AddressShape) -> _Value:
        left, right = (self._number(index) for index in (shape.left, shape.right))
        low = [self.slot.at(scratch.number(i + 1)).load() for i in (shape.left, shape.right)]
        different = nonzero((left.number ^ right.number) | (low[0] ^ low[1]))
        return _joined(left, right, falsity(different), self.fn.const(0))

    def _asked(self, plan: DerivedPlan) -> _Value:
        """What sets and tags say (`compiler.emit.memory`)."""
        answer = self.fn.call(f"ask{plan.index}_{self.name}", self.fn.argument())
        nothing = self.fn.const(0)
        return _Value(answer & 1, answer << 62, nothing, nothing)

    def _same_text(self, plan: DerivedPlan) -> _Value:
        assert isinstance(plan.shape, TextShape)
        (left, more), (right, also) = map(self._view, (plan.shape.left, plan.shape.right))
        number = self.fn.call(f"same{plan.index}_{self.name}", self.fn.argument())
        return _joined(left, right, number, more | also)


def _bit(flag: int) -> int:
    return flag.bit_length() - 1


def _joined(left: _Value, right: _Value, number: Int, failed: Int) -> _Value:
    """What is made of two parts."""
    return _Value(
        number,
        left.unknown | right.unknown,
        left.absent | right.absent,
        left.failed | right.failed | failed,
    )
