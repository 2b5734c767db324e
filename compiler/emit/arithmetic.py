"""Exact signed arithmetic of 64 bits without branches: a result, and whether it is one.

BPF before version 4 divides unsigned only, and has no wide multiplication; both are made of what
there is (Hacker's Delight, 2-13 overflow, 8-2 high half of a product).
"""

from collections.abc import Callable

from attrs import frozen

from compiler.emit.bits import borrow, nonzero, sign_bit
from compiler.emit.values import Int

SIGN = -(1 << 63)
_LOW = (1 << 32) - 1


@frozen
class Checked:
    """A result.

    Args:
        number: the result, meaningless where it failed.
        failed: its top bit says that there is no result, or that it does not fit.
    """

    number: Int
    failed: Int


def truth(value: Int) -> Int:
    """1 if the top bit is set, else 0; in a form that LLVM does not turn into a jump."""
    return sign_bit(value).hidden() >> 1


def falsity(value: Int) -> Int:
    """0 if the top bit is set, else 1."""
    return (sign_bit(value) ^ 2).hidden() >> 1


def _fine(number: Int) -> Checked:
    return Checked(number, number.fn.const(0))


def _add(a: Int, b: Int) -> Checked:
    result = a + b
    return Checked(result, (a ^ result) & (b ^ result))


def _subtract(a: Int, b: Int) -> Checked:
    result = a - b
    return Checked(result, (a ^ b) & (a ^ result))


def _signs(number: Int) -> Int:
    """All ones if negative, else 0."""
    return number.hidden().arithmetic_shift(63)


def _magnitude(number: Int) -> Int:
    sign = _signs(number)
    return (number ^ sign) - sign


def _signed(magnitude: Int, sign: Int) -> Checked:
    """A magnitude with a sign (all ones or 0); fails where 64 bits do not hold it."""
    result = (magnitude ^ sign) - sign
    # 0 has no sign; every other result must have the wanted one.
    return Checked(result, (result ^ sign) & nonzero(magnitude))


def _multiply(a: Int, b: Int) -> Checked:
    sign = _signs(a ^ b)
    left, right = _magnitude(a).hidden(), _magnitude(b).hidden()
    left_low, left_high = left & _LOW, left >> 32
    right_low, right_high = right & _LOW, right >> 32
    low = left_low * right_low
    middle = left_high * right_low + (low >> 32)
    other = left_low * right_high + (middle & _LOW)
    high = left_high * right_high + (middle >> 32) + (other >> 32)
    result = _signed(left * right, sign)
    return Checked(result.number, result.failed | nonzero(high))


def _divided(a: Int, b: Int) -> tuple[Int, Int, Int]:
    """Quotient and remainder of the magnitudes, and 1 where the divisor is 0 (then it counts as
    1: LLVM takes a division by 0 for something that does not happen)."""
    none = falsity(nonzero(b))
    left, right = _magnitude(a), (_magnitude(b) | none).hidden()
    quotient = left // right
    return quotient, left - quotient * right, none


def _divide(a: Int, b: Int) -> Checked:
    quotient, _, none = _divided(a, b)
    result = _signed(quotient, _signs(a ^ b))
    return Checked(result.number, result.failed | (none << 63))


def _remainder(a: Int, b: Int) -> Checked:
    _, rest, none = _divided(a, b)
    sign = _signs(a)
    return Checked((rest ^ sign) - sign, none << 63)


def _too_far(b: Int) -> Int:
    """Top bit: a shift by less than 0 or more than 63."""
    return nonzero(b.hidden() >> 6)


def _left(a: Int, b: Int) -> Checked:
    bits = b & 63
    result = (a << bits).hidden()
    return Checked(result, _too_far(b) | nonzero(result.arithmetic_shift(bits) ^ a))


def _right(a: Int, b: Int) -> Checked:
    return Checked(a.arithmetic_shift(b & 63), _too_far(b))


def _negate(a: Int) -> Checked:
    result = a.fn.const(0) - a
    return Checked(result, a & result)


BINARY: dict[str, Callable[[Int, Int], Checked]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "/": _divide,
    "%": _remainder,
    "&": lambda a, b: _fine(a & b),
    "|": lambda a, b: _fine(a | b),
    "^": lambda a, b: _fine(a ^ b),
    "<<": _left,
    ">>": _right,
}
UNARY: dict[str, Callable[[Int], Checked]] = {"-": _negate, "~": lambda a: _fine(~a)}

# 1 or 0, of unsigned numbers.
COMPARE: dict[str, Callable[[Int, Int], Int]] = {
    "==": lambda a, b: falsity(nonzero(a ^ b)),
    "<": lambda a, b: truth(borrow(a, b)),
    "<=": lambda a, b: falsity(borrow(b, a)),
    ">": lambda a, b: truth(borrow(b, a)),
    ">=": lambda a, b: falsity(borrow(a, b)),
}
