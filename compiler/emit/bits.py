"""Comparisons and selections without branches.

BPF has no conditional move: what LLVM writes as `select` or `zext i1` becomes a jump, and the
verifier follows both ways of every jump. Inside searches and loops that multiplies its work, so
there everything is arithmetic, and `hidden` keeps LLVM from recognising it.
"""

from compiler.emit.values import Int


def less(left: Int, right: Int) -> Int:
    """1 if left < right, unsigned: the borrow of the subtraction (Hacker's Delight, 2-13)."""
    left = left.hidden()
    borrow = (~left & right) | ((~left | right) & (left - right))
    return borrow.hidden() >> 63


def equal(left: Int, right: Int) -> Int:
    """1 if both are the same."""
    differing = left.hidden() ^ right
    return ((differing | (differing.fn.const(0) - differing)).hidden() >> 63) ^ 1


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
