"""What derived values are: exact integer arithmetic.

Arithmetic is signed, of 64 bits: an operand or a result that does not fit makes the value unknown,
as do a division by zero and a shift by less than 0 or more than 63. What happens where a field is
unknown or absent says `dsl.semantics`.
"""

from collections.abc import Callable
from typing import Protocol

from dsl.catalogue import Field
from dsl.derived import (
    AnyAncestor,
    Binary,
    Compare,
    Fixed,
    Length,
    Masked,
    Read,
    Same,
    Source,
    Unary,
)
from dsl.membership import HasTag, Member

LEAST, GREATEST = -(1 << 63), (1 << 63) - 1

# The length of a text that was not examined to its end: more than any constant it is compared with.
LONGER = GREATEST


class Unknown(Exception):
    """The value cannot be computed."""


class Inputs(Protocol):
    """The fields of an event, none of those that are asked for unknown or absent."""

    def number(self, field: Field) -> int:
        """A number."""
        ...

    def address(self, field: Field) -> int:
        """An address of 128 bits."""
        ...

    def text(self, field: Field) -> tuple[bytes, bool]:
        """The examined bytes of a text, NUL between the elements of a list, and whether there are
        more."""
        ...


def value(source: Source, inputs: Inputs) -> int:
    """The value of a derived field.

    Args:
        source: how it is computed.
        inputs: the event's fields.

    Returns:
        A number; 0 or 1 where it is a truth.

    Raises:
        Unknown: there is none, or it does not fit.
    """
    match source:
        case Length():
            text, cut = inputs.text(source.field)
            return LONGER if cut else len(text)
        case Masked():
            return inputs.number(source.field) & source.mask
        case Compare():
            return int(_compared(source, inputs))
        case Same():
            return int(_same(source, inputs))
        case _:
            return _number(source, inputs)


def _compared(source: Compare, inputs: Inputs) -> bool:
    """Two numbers; two fields of one sign are compared as they are."""
    sides = source.left, source.right
    if source.plain:
        numbers = [inputs.number(side.field) for side in sides if isinstance(side, Read)]
    else:
        numbers = [_number(side, inputs) for side in sides]
    return COMPARISONS[source.operator](*numbers)


def _same(source: Same, inputs: Inputs) -> bool:
    """Two texts or two addresses."""
    if not source.left.kind.is_text:
        return inputs.address(source.left) == inputs.address(source.right)
    (left, left_cut), (right, right_cut) = map(inputs.text, source.fields)
    if left_cut or right_cut:
        raise Unknown
    return left.replace(b"\0", b" ") == right.replace(b"\0", b" ")


def _number(source: Source, inputs: Inputs) -> int:
    """A part of a calculation."""
    match source:
        case Fixed():
            return source.value
        case Read():
            return fitting(inputs.number(source.field))
        case Length():
            text, cut = inputs.text(source.field)
            if cut:
                raise Unknown
            return len(text)
        case Unary():
            item = _number(source.item, inputs)
            return fitting(-item if source.operator == "-" else ~item)
        case Binary():
            return apply(
                source.operator, _number(source.left, inputs), _number(source.right, inputs)
            )
        case Masked() | Compare() | Same() | Member() | HasTag() | AnyAncestor():
            raise AssertionError(f"{source.text} is no part of a calculation")


COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def apply(operator: str, left: int, right: int) -> int:
    """One operation on two numbers.

    Args:
        operator: as written.
        left, right: signed numbers of 64 bits.

    Returns:
        The exact result.

    Raises:
        Unknown: there is none, or it does not fit.
    """
    divides, shifts = operator in ("/", "%"), operator in ("<<", ">>")
    if (divides and right == 0) or (shifts and not 0 <= right <= 63):
        raise Unknown
    return fitting(_OPERATIONS[operator](left, right))


def fitting(number: int) -> int:
    """The number, if 64 bits with a sign hold it.

    Raises:
        Unknown: they do not.
    """
    if not LEAST <= number <= GREATEST:
        raise Unknown
    return number


def _quotient(left: int, right: int) -> int:
    """Division with the fraction cut off, as in C."""
    magnitude = abs(left) // abs(right)
    return magnitude if (left < 0) == (right < 0) else -magnitude


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _quotient,
    "%": lambda a, b: a - b * _quotient(a, b),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
}
