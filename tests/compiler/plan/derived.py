"""Computes derived values as compiled code does: from shapes, the record and the constants."""

import struct
from collections.abc import Callable, Mapping

from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN
from compiler.plan.model import (
    PART_VIEWS,
    AddressShape,
    BinaryShape,
    CompareShape,
    EventPlan,
    FixedShape,
    LengthShape,
    NumberShape,
    Shape,
    TextShape,
    UnaryShape,
)

SIGN = 1 << 63
WORD = (1 << 64) - 1
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: int_divide(a, b),
    "%": lambda a, b: a - b * int_divide(a, b),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


class Overflow(Exception):
    """No value, for another reason than a field's state."""


class Computer:
    """Evaluates the shape of one value."""

    def __init__(
        self,
        plan: EventPlan,
        table: bytes,
        numbers: Mapping[int, int | str],
        view: Callable[[int], tuple[bytes, int]],
    ) -> None:
        self.plan, self.table, self.numbers, self.view = plan, table, numbers, view
        self.states: set[str] = set()

    def value(self, shape: Shape) -> int | str:
        """A number, "unknown" or "absent"."""
        try:
            found: int | str = self.number(shape, top=True)
        except Overflow:
            found = "unknown"
        if "unknown" in self.states:
            return "unknown"
        return "absent" if "absent" in self.states else found

    def number(self, shape: Shape, top: bool = False) -> int:
        match shape:
            case FixedShape():
                at = self.plan.constants_offset + 8 * shape.place
                return int(struct.unpack_from("<q", self.table, at)[0])
            case NumberShape():
                return self.word(shape.index, shape.signed)
            case LengthShape():
                return self.length(shape, top)
            case UnaryShape():
                item = self.number(shape.item)
                return self.checked(-item if shape.operator == "-" else ~item)
            case BinaryShape():
                left, right = self.both(shape.left, shape.right)
                if shape.operator in ("<<", ">>") and not 0 <= right <= 63:
                    raise Overflow
                return self.checked(OPERATIONS[shape.operator](left, right))
            case CompareShape():
                return int(self.compared(shape))
            case AddressShape():
                return int(
                    all(self.raw(shape.left + w) == self.raw(shape.right + w) for w in (0, 1))
                )
            case TextShape():
                return int(self.same(shape))
            case _:
                raise AssertionError(f"{shape} is not to be told from one event")

    def both(self, left: Shape, right: Shape) -> tuple[int, int]:
        """Two operands; the second one's state counts even if the first one has no value."""
        failed, found = False, []
        for shape in (left, right):
            try:
                found.append(self.number(shape))
            except Overflow:
                failed = True
        if failed:
            raise Overflow
        return found[0], found[1]

    def raw(self, index: int) -> int:
        value = self.numbers.get(index, "unknown")
        if isinstance(value, str):
            self.states.add(value)
            return 0
        return value

    def word(self, index: int, signed: bool) -> int:
        value = self.raw(index)
        if signed:
            return (value ^ SIGN) - SIGN
        return self.checked(value)

    def compared(self, shape: CompareShape) -> bool:
        if shape.plain:
            assert isinstance(shape.left, NumberShape) and isinstance(shape.right, NumberShape)
            flip = SIGN if shape.left.signed else 0
            left, right = self.raw(shape.left.index) ^ flip, self.raw(shape.right.index) ^ flip
        else:
            left, right = self.both(shape.left, shape.right)
        return bool(OPERATIONS[shape.operator](left, right))

    def seen(self, view: int) -> tuple[bytes, bool]:
        text, flags = self.view(view)
        if view >= PART_VIEWS and flags & VIEW_TRUNCATED:
            flags = VIEW_UNKNOWN
        if flags & VIEW_UNKNOWN:
            self.states.add("unknown")
        if flags & VIEW_ABSENT:
            self.states.add("absent")
        return text, bool(flags & VIEW_TRUNCATED)

    def length(self, shape: LengthShape, top: bool) -> int:
        text, cut = self.seen(shape.view)
        if cut and not top:
            raise Overflow
        at = self.plan.constants_offset + 8 * shape.place
        shift = int(struct.unpack_from("<q", self.table, at)[0])
        return SIGN - 1 if cut else len(text) >> shift

    def same(self, shape: TextShape) -> bool:
        (left, left_cut), (right, right_cut) = self.seen(shape.left), self.seen(shape.right)
        if left_cut or right_cut:
            raise Overflow
        return left.replace(b"\0", b" ") == right.replace(b"\0", b" ")

    @staticmethod
    def checked(value: int) -> int:
        if not -SIGN <= value < SIGN:
            raise Overflow
        return value


def int_divide(left: int, right: int) -> int:
    if right == 0:
        raise Overflow
    magnitude = abs(left) // abs(right)
    return magnitude if (left < 0) == (right < 0) else -magnitude
