"""Code points that no state tells apart share a class."""

from bisect import bisect_right
from collections.abc import Iterable

from attrs import frozen

from dsl.patterns.tree import MAX_CODE, Chars


@frozen
class Partition:
    """Classes of code points.

    Args:
        starts: first code point of each interval, sorted, from 0.
        classes: class of each interval.
        count: number of classes.
    """

    starts: tuple[int, ...]
    classes: tuple[int, ...]
    count: int

    def of(self, code: int) -> int:
        """The class of a code point."""
        return self.classes[bisect_right(self.starts, code) - 1]

    def within(self, low: int, high: int) -> frozenset[int]:
        """The classes of all code points from `low` to `high`."""
        first = bisect_right(self.starts, low) - 1
        last = bisect_right(self.starts, high) - 1
        return frozenset(self.classes[first : last + 1])

    def samples(self) -> list[int]:
        """A code point of each class."""
        found = [0] * self.count
        for start, number in zip(reversed(self.starts), reversed(self.classes), strict=True):
            found[number] = start
        return found


def partition_of(sets: Iterable[Chars]) -> Partition:
    """The coarsest partition in which every set is a union of classes."""
    members: dict[int, int] = {0: 0}
    known = dict.fromkeys(sets)
    for number, item in enumerate(known):
        for low, high in item.ranges:
            members[low] = members.get(low, 0) ^ 1 << number
            if high < MAX_CODE:
                members[high + 1] = members.get(high + 1, 0) ^ 1 << number
    starts = tuple(sorted(members))
    inside, classes = 0, []
    numbers: dict[int, int] = {}
    for start in starts:
        inside ^= members[start]
        classes.append(numbers.setdefault(inside, len(numbers)))
    return Partition(starts, tuple(classes), len(numbers))


def common(left: Partition, right: Partition) -> tuple[Partition, list[tuple[int, int]]]:
    """The coarsest partition finer than two.

    Returns:
        The partition, and for each of its classes the classes of the two that it lies in.
    """
    starts = tuple(sorted({*left.starts, *right.starts}))
    numbers: dict[tuple[int, int], int] = {}
    classes, at, to = [], 0, 0
    for start in starts:
        while at + 1 < len(left.starts) and left.starts[at + 1] <= start:
            at += 1
        while to + 1 < len(right.starts) and right.starts[to + 1] <= start:
            to += 1
        pair = left.classes[at], right.classes[to]
        classes.append(numbers.setdefault(pair, len(numbers)))
    return Partition(starts, tuple(classes), len(numbers)), list(numbers)


def aliased(partition: Partition, code: int, other: int) -> Partition:
    """The partition with one code point moved into the class of another.

    A class that nothing else is in stays, with the number it has.
    """
    starts = sorted({*partition.starts, code, code + 1})
    classes = tuple(partition.of(other if start == code else start) for start in starts)
    return Partition(tuple(starts), classes, partition.count)
