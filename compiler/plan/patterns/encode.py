"""A machine over code points as an automaton over bytes: UTF-8, or UTF-16LE.

A byte that is no part of valid UTF-8 is one character (U+DC80..U+DCFF), and so is a surrogate that
stands alone; only what follows a byte tells. So the first bytes of a character lead to places in
between, which know both: where the whole character would lead, and where its bytes lead one by one.
Where neither makes a difference (`calm`), and that is nearly everywhere, there are no such places.
"""

from collections.abc import Hashable
from itertools import pairwise
from typing import NamedTuple

from attrs import frozen

from compiler.plan.patterns.machine import Machine

# Lead bytes of UTF-8: first, last, bytes that follow, range of the first of these (RFC 3629).
_LEADS = (
    (0xC2, 0xDF, 1, 0x80, 0xBF),
    (0xE0, 0xE0, 2, 0xA0, 0xBF),
    (0xE1, 0xEC, 2, 0x80, 0xBF),
    (0xED, 0xED, 2, 0x80, 0x9F),
    (0xEE, 0xEF, 2, 0x80, 0xBF),
    (0xF0, 0xF0, 3, 0x90, 0xBF),
    (0xF1, 0xF3, 3, 0x80, 0xBF),
    (0xF4, 0xF4, 3, 0x80, 0x8F),
)
_LOOSE = 0xDC80  # the first character that stands for a byte; all of them are in one class


class Place(NamedTuple):
    """A state of the byte automaton in the making.

    Args:
        key: what it is.
        found: what is found on arriving there.
    """

    key: Hashable
    found: int


@frozen
class ByteMachine:
    """An automaton over classes of bytes.

    Args:
        of_byte: class of each byte.
        classes: number of classes, without that of the text's end.
        rows: by state, the next state of each class; state 0 is the first.
        found, at_end: as those of a machine.
    """

    of_byte: bytes
    classes: int
    rows: tuple[tuple[int, ...], ...]
    found: tuple[int, ...]
    at_end: tuple[int, ...]


def encoded(machine: Machine, wide: bool, most: int) -> ByteMachine | None:
    """The automaton over the bytes of a text.

    Args:
        machine: over code points.
        wide: UTF-16LE in place of UTF-8.
        most: states it may have.

    Returns:
        The automaton, or None if it would have more states.
    """
    coding = _Utf16(machine) if wide else _Utf8(machine)
    intervals = [low for low, _ in pairwise([*coding.cuts(), 256])]
    # Of bytes that are alike one stands for all.
    kinds: dict[Hashable, int] = {}
    kind_of = [kinds.setdefault(coding.alike(low), len(kinds)) for low in intervals]
    samples = [intervals[kind_of.index(number)] for number in range(len(kinds))]
    numbers = {Place(0, machine.found[0]): 0}
    places = list(numbers)
    rows: list[list[int]] = []
    for place in places:  # grows while it is walked
        row = []
        for target in coding.row(place.key, samples):
            number = numbers.get(target)
            if number is None:
                number = numbers[target] = len(places)
                places.append(target)
            row.append(number)
        if len(places) > most:
            return None
        rows.append(row)
    classes: dict[tuple[int, ...], int] = {}
    of_kind = [classes.setdefault(column, len(classes)) for column in zip(*rows, strict=True)]
    of_byte = bytearray()
    for number, (low, high) in zip(kind_of, pairwise([*intervals, 256]), strict=True):
        of_byte += bytes([of_kind[number]]) * (high - low)
    return ByteMachine(
        of_byte=bytes(of_byte),
        classes=len(classes),
        rows=tuple(zip(*classes, strict=True)),
        found=tuple(place.found for place in places),
        at_end=tuple(coding.at_end(place.key) for place in places),
    )


class _Coding:
    """What both encodings share: the machine, and arriving at a state of it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.rows, self.found, self.end = machine.rows, machine.found, machine.at_end
        self.of = machine.partition.of
        self.loose = self.of(_LOOSE)
        self.places = [Place(state, found) for state, found in enumerate(self.found)]

    def arrive(self, state: int, more: int = 0) -> Place:
        """At a state of the machine, having found more than it reports by itself."""
        if not more & ~self.found[state]:
            return self.places[state]
        return Place(state, self.found[state] | more)

    def calm(self, others: frozenset[int]) -> list[Place | None]:
        """By state, where it goes over every class of `others` alike, and then stays."""
        result: list[Place | None] = []
        for row in self.rows:
            targets = {row[item] for item in others}
            target = targets.pop()
            stays = not targets and not self.found[target]
            stays = stays and all(self.rows[target][item] == target for item in others)
            result.append(self.places[target] if stays else None)
        return result

    def boundaries(self) -> list[int]:
        """Code points at which classes change."""
        return list(self.machine.partition.starts)


class _Utf8(_Coding):
    """Keys: a state of the machine, or (where the whole character leads or None, bytes so far,
    bytes that follow, range of the next, where the bytes lead one by one, what they found)."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.quiet = self.calm(machine.partition.within(0x80, 0x10FFFF))
        self.ascii = [self.of(code) for code in range(128)]

    def cuts(self) -> list[int]:
        """First bytes of intervals in which all bytes are alike."""
        found = {0, 0x80, 0x90, 0xA0, 0xC0, 0xC2, 0xF5}
        found |= {lead[0] for lead in _LEADS}
        for start in self.boundaries():
            if start < 0x80:
                found.add(start)
                continue
            for code in (start - 1, start):
                for byte in chr(code).encode("utf-8", "surrogatepass"):
                    found |= {byte, byte + 1}
        return sorted(found - {256})

    def alike(self, byte: int) -> Hashable:
        """The same for bytes that lead to the same places."""
        return self.ascii[byte] if byte < 0x80 else ("byte", byte)

    def row(self, key: Hashable, intervals: list[int]) -> list[Place]:
        """Where each of some bytes leads, those of ASCII first."""
        if isinstance(key, int):
            row, quiet = self.rows[key], self.quiet[key]
            if quiet is not None:
                narrow = [self.places[row[self.ascii[b]]] for b in intervals if b < 0x80]
                return narrow + [quiet] * (len(intervals) - len(narrow))
        return [self._step(key, byte) for byte in intervals]

    def at_end(self, key: Hashable) -> int:
        if isinstance(key, int):
            return self.end[key]
        assert isinstance(key, tuple)
        state, found = key[5:]
        return self.end[state] | int(found)

    def _step(self, key: Hashable, byte: int) -> Place:
        if isinstance(key, int):
            return self._first(key, byte)
        assert isinstance(key, tuple)
        origin, begun, follow, low, high, state, found = key
        if not low <= byte <= high:
            target = self._first(state, byte)
            return Place(target.key, target.found | found)
        if begun is not None:
            begun += bytes([byte])
        if follow == 1:
            if begun is None:
                return self.arrive(origin)
            return self.arrive(self.rows[origin][self.of(ord(begun.decode("utf-8")))])
        after = self.rows[state][self.loose]
        return self._between(origin, begun, follow - 1, 0x80, 0xBF, after, found)

    def _first(self, state: int, byte: int) -> Place:
        """The first byte of a character, or a byte that is none."""
        if byte < 0x80:
            return self.arrive(self.rows[state][self.ascii[byte]])
        quiet = self.quiet[state]
        if quiet is not None:
            return quiet
        loose = self.rows[state][self.loose]
        for first, last, follow, low, high in _LEADS:
            if first <= byte <= last:
                return self._between(state, bytes([byte]), follow, low, high, loose, 0)
        return self.arrive(loose)

    def _between(
        self,
        origin: int,
        begun: bytes | None,
        follow: int,
        low: int,
        high: int,
        state: int,
        found: int,
    ) -> Place:
        """Inside a character; if all that it can be is in one class, that is all to remember."""
        if begun is not None:
            rest = follow - 1
            first = (begun + bytes([low]) + b"\x80" * rest).decode("utf-8")
            last = (begun + bytes([high]) + b"\xbf" * rest).decode("utf-8")
            classes = self.machine.partition.within(ord(first), ord(last))
            if len(classes) == 1:
                (only,) = classes
                origin, begun = self.rows[origin][only], None
        found |= self.found[state]
        return Place((origin, begun, follow, low, high, state, found), 0)


class _Utf16(_Coding):
    """Keys: a state of the machine; "low" and where each kind of high byte leads; or "pair" and
    what is known inside a surrogate pair (as in UTF-8)."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        partition = machine.partition
        self.latin = [self.of(code) for code in range(256)]
        outside = partition.within(0xD800, 0xDFFF) | partition.within(0x10000, 0x10FFFF)
        self.quiet = self.calm(outside)
        self.kinds, self.kind_of = self._kinds()
        # Of most states only the kinds of high bytes with characters of several classes matter.
        self.mixed = [
            number
            for number, high in enumerate(self.kinds)
            if 0xD8 <= high <= 0xDF or len(partition.within(high << 8, high << 8 | 0xFF)) > 1
        ]

    def _kinds(self) -> tuple[list[int], list[int]]:
        """A high byte for each kind of them, and the kind of each high byte.

        High bytes whose 256 characters are all in one class are of one kind.
        """
        numbers: dict[Hashable, int] = {}
        samples: list[int] = []
        kind_of: list[int] = []
        for high in range(256):
            classes = self.machine.partition.within(high << 8, high << 8 | 0xFF)
            key: Hashable = high
            if 0xDC <= high <= 0xDF:
                key = ("second", high if self._mixed() else 0)
            elif 0xD8 <= high <= 0xDB:
                key = ("first", high if self._mixed() else 0)
            elif len(classes) == 1:
                key = classes
            if key not in numbers:
                numbers[key] = len(samples)
                samples.append(high)
            kind_of.append(numbers[key])
        return samples, kind_of

    def _mixed(self) -> bool:
        """Whether characters behind U+FFFF are in several classes."""
        return len(self.machine.partition.within(0x10000, 0x10FFFF)) > 1

    def cuts(self) -> list[int]:
        """First bytes of intervals in which all bytes are alike, low and high ones."""
        found = {0, 0xD8, 0xDC, 0xE0}
        for start in self.boundaries():
            for code in (start - 1, start):
                if code < 0:
                    continue
                units = chr(code).encode("utf-16-be", "surrogatepass")
                for byte in units[::2]:
                    found |= {byte, byte + 1}
            lows = chr(start).encode("utf-16-be", "surrogatepass")[1::2]
            found.update(lows)
            if start > 0xFFFF:
                found.update(byte + 1 for byte in lows)
        return sorted(found - {256})

    def alike(self, byte: int) -> Hashable:
        """The same for bytes that lead to the same places, as low and as high bytes."""
        of, highs = self.of, [self.kinds[number] for number in self.mixed]
        low = tuple(of(high << 8 | byte) for high in highs if not 0xD8 <= high <= 0xDF)
        return low, byte if self._mixed() else None, self.kind_of[byte]

    def row(self, key: Hashable, intervals: list[int]) -> list[Place]:
        """Where each of some bytes leads."""
        if isinstance(key, tuple) and key[0] == "low":
            targets = key[1]
            return [targets[self.kind_of[byte]] for byte in intervals]
        if not isinstance(key, int):
            return [self._low(key, byte) for byte in intervals]
        # What does not depend on the low byte is found once.
        whole = [self._unit(key, high << 8) for high in self.kinds]
        result: list[Place] = []
        seen: dict[tuple[Place, ...], Place] = {}
        for low in intervals:
            for number in self.mixed:
                whole[number] = self._unit(key, self.kinds[number] << 8 | low)
            targets = tuple(whole)
            place = seen.get(targets)
            if place is None:
                place = seen[targets] = Place(("low", targets), 0)
            result.append(place)
        return result

    def at_end(self, key: Hashable) -> int:
        if isinstance(key, int):
            return self.end[key]
        assert isinstance(key, tuple)
        if key[0] != "pair":
            return 0  # a text of an odd number of bytes
        state, found = key[4:]
        return self.end[state] | int(found)

    def _low(self, key: Hashable, low: int) -> Place:
        """Behind the low byte of the second unit of a pair."""
        assert isinstance(key, tuple)
        _, origin, only, first, state, found = key
        targets = []
        for high in self.kinds:
            unit = high << 8 | low
            if 0xDC00 <= unit <= 0xDFFF:
                code = 0x10000 + ((first & 0x3FF) << 10 | unit & 0x3FF)
                of = only if only is not None else self.of(code)
                targets.append(self.arrive(self.rows[origin][of]))
            else:
                target = self._unit(state, unit)
                targets.append(Place(target.key, target.found | found))
        return Place(("low", tuple(targets)), 0)

    def _unit(self, state: int, unit: int) -> Place:
        """Behind a unit that begins a character."""
        row = self.rows[state]
        if unit < 0x100:
            return self.places[row[self.latin[unit]]]
        if not 0xD800 <= unit <= 0xDFFF:
            return self.arrive(row[self.of(unit)])
        quiet = self.quiet[state]
        if quiet is not None:
            return quiet
        alone = row[self.loose]
        if unit >= 0xDC00:
            return self.arrive(alone)
        code = 0x10000 + ((unit & 0x3FF) << 10)
        classes = self.machine.partition.within(code, code | 0x3FF)
        only, first = None, unit
        if len(classes) == 1:
            (only,) = classes
            first = 0
        return Place(("pair", state, only, first, alone, self.found[alone]), 0)
