"""The tree that globs and regular expressions become: sets of characters, and how they follow.

A character is a code point. A byte that is no part of valid UTF-8 counts as the one character
U+DC80..U+DCFF that Python's "surrogateescape" makes of it, and a UTF-16 surrogate that stands alone
as itself; so every text is a sequence of characters, and `.` also matches what is not text.
"""

from collections.abc import Iterable
from enum import Enum

from attrs import frozen

MAX_CODE = 0x10FFFF

Range = tuple[int, int]  # both ends belong


class Look(Enum):
    """A condition on the place between two characters; it takes none."""

    START = "start of the text"
    END = "end of the text"
    LINE_START = "start of a line"
    LINE_END = "end of a line"
    BOUNDARY = "edge of a word"
    INSIDE = "no edge of a word"


@frozen
class Chars:
    """One character of a set: sorted ranges that do not touch."""

    ranges: tuple[Range, ...]

    def has(self, code: int) -> bool:
        """Whether a character belongs to the set."""
        return any(low <= code <= high for low, high in self.ranges)


@frozen(cache_hash=True)
class Sequence:
    """One after the other; none of them is the empty text."""

    items: tuple["Node", ...]


@frozen(cache_hash=True)
class Choice:
    """Any one of them."""

    items: tuple["Node", ...]


@frozen(cache_hash=True)
class Repeat:
    """At least `low` times, at most `high` times (None: any number)."""

    item: "Node"
    low: int
    high: int | None


Node = Chars | Look | Sequence | Choice | Repeat


class PatternError(Exception):
    """A pattern that has no meaning here.

    Args:
        message: what is wrong, a sentence without its full stop.
        start, end: the characters of the pattern that are meant.
        remedy: what to write instead, or "".
        unsupported: whether other dialects know the construct.
        oversized: whether it is only too large.
    """

    def __init__(
        self,
        message: str,
        start: int,
        end: int,
        remedy: str = "",
        *,
        unsupported: bool = False,
        oversized: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.start, self.end, self.remedy = message, start, end, remedy
        self.unsupported, self.oversized = unsupported, oversized


def chars(ranges: Iterable[Range]) -> Chars:
    """A set from ranges in any order."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return Chars(tuple(merged))


def negated(item: Chars) -> Chars:
    """All other characters."""
    found, low = [], 0
    for first, last in item.ranges:
        if first > low:
            found.append((low, first - 1))
        low = last + 1
    if low <= MAX_CODE:
        found.append((low, MAX_CODE))
    return Chars(tuple(found))


def folded(item: Chars) -> Chars:
    """With the other case of every ASCII letter in it; no other letters have a case here."""
    more = list(item.ranges)
    for first, last in item.ranges:
        for low, high, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
            if first <= high and last >= low:
                more.append((max(first, low) + shift, min(last, high) + shift))
    return chars(more)


ANY = Chars(((0, MAX_CODE),))
EMPTY = Sequence(())


def text(value: str, nocase: bool = False) -> Node:
    """A literal."""
    found = [Chars(((ord(c), ord(c)),)) for c in value]
    return Sequence(tuple(folded(item) if nocase else item for item in found))


def sequence(*items: Node) -> Node:
    """A sequence without sequences directly inside it."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Sequence) else (item,))
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(items: Iterable[Node]) -> Node:
    """A choice without choices directly inside it and without duplicates."""
    flat: dict[Node, None] = {}
    for item in items:
        flat.update(dict.fromkeys(item.items if isinstance(item, Choice) else (item,)))
    found = tuple(flat)
    return found[0] if len(found) == 1 else Choice(found)


def anything(of: Chars = ANY) -> Node:
    """Any number of characters of a set."""
    return Repeat(of, 0, None)
