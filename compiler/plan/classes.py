"""Capacity classes: the sizes that code depends on.

A size is the smallest power of two with a quarter to spare, so an edit that makes a list or a
literal up to a quarter longer (and usually much more) changes content only. Where a class would
pass what a table may hold, what is needed alone decides.
"""


def power_of_two(count: int) -> int:
    """The smallest power of two that is at least `count` (and at least 1)."""
    return 1 << max(count - 1, 0).bit_length()


def room_for(count: int) -> int:
    """Room for `count` things: the smallest power of two that leaves a quarter of them to spare."""
    return power_of_two(count + -(-count // 4))
