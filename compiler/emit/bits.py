"""Comparisons and selections without branches.

BPF has no conditional move: what LLVM writes as `select` or `zext i1` becomes a jump, and the
verifier follows both ways of every jump. Inside searches and loops that multiplies its work, so
there everything is arithmetic, and `hidden` keeps LLVM from recognising it.
"""

from compiler.emit.values import Int


def borrow(left: Int, right: Int) -> Int:
    """A value whose top bit says whether left < right, unsigned (Hacker's Delight, 2-13)."""
    left = left.hidden()
    return (~left & right) | ((~left | right) & (left - right))


def nonzero(value: Int) -> Int:
    """A value whose top bit says whether `value` is not 0."""
    value = value.hidden()
    return value | (value.fn.const(0) - value)


def sign_bit(value: Int) -> Int:
    """2 if the top bit is set, else 0."""
    return (value.hidden() >> 62) & 2


def less(left: Int, right: Int) -> Int:
    """1 if left < right, unsigned."""
    return borrow(left, right).hidden() >> 63


def equal(left: Int, right: Int) -> Int:
    """1 if both are the same."""
    return (nonzero(left ^ right).hidden() >> 63) ^ 1


def pick(bit: Int, yes: Int | int, no: Int) -> Int:
    """`yes` where `bit` is 1, `no` where it is 0."""
    mask = bit.fn.const(0) - bit.hidden()
    return no ^ ((no ^ yes) & mask)


def at_least_zero(value: Int) -> Int:
    """The value, or 0 where it is negative."""
    sign = value.hidden() >> 63
    return value & (sign.hidden() - 1)


def lowest_bit(value: Int) -> Int:
    """Number of the lowest set bit: population count of the zeros below it (Hacker's Delight, 5-1,
    5-4).

    LLVM would turn the idiom into cttz, and that into a table in .rodata, which no adapter loads.
    """
    ones = ((value - 1) & ~value).hidden()
    ones = ones - ((ones >> 1) & 0x5555555555555555)
    ones = (ones & 0x3333333333333333) + ((ones >> 2) & 0x3333333333333333)
    ones = (ones + (ones >> 4)) & 0x0F0F0F0F0F0F0F0F
    return (ones * 0x0101010101010101) >> 56
