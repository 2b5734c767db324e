"""Run-time sets as users see them: `sensor.sets["blocked"].add("203.0.113.0/24")`.

Elements are texts (str), numbers (int), addresses and networks (objects of `ipaddress`, or their
text), tuples of these for a set of tuples. What is not of the set's type is refused, never
converted.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from attrs import define, frozen

from bpfc.artifact import sets as layout
from bpfc.artifact.sets import Element, Part, SetInfo, Shown
from bpfc.runtime.elements import checked
from bpfc.runtime.errors import SensorError
from bpfc.runtime.quick import KEYS

_WORD = struct.Struct("<Q")
_TIMES = struct.Struct("<QII")
_NS = 1_000_000_000
_EPOCHS = layout.ALWAYS - 1

Value = Part | Sequence[Part]


class Table(Protocol):
    """One map of the platform; keys and values are whole bytes."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""

    def put(self, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """Write entries in order; returns how many, fewer than given if the map is full."""

    def remove(self, keys: Sequence[bytes]) -> int:
        """Remove entries; returns how many there were."""

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries; those that come or go meanwhile may be missed."""


@frozen
class Tables:
    """What a set needs of the platform.

    Args:
        elements, head: its maps.
        secret: key of the text hash.
        wide: whether programs see texts in UTF-16.
        now: nanoseconds since boot.
    """

    elements: Table
    head: Table
    secret: tuple[int, int]
    wide: bool
    now: Callable[[], int]


@frozen
class SetStatus:
    """A set in numbers.

    Args:
        name: of the set.
        capacity: elements it has room for.
        elements: that it has now.
        expired: entries whose time is over, or that were replaced: room that `sweep` gives back.
        added: elements that rules have added.
        full: elements that rules could not add for want of room.
        undetermined: elements that rules could not add since a part was unknown.
    """

    name: str
    capacity: int
    elements: int
    expired: int
    added: int
    full: int
    undetermined: int


@define(eq=False)
class RuntimeSet:
    """One run-time set of the active policy; it stays the same over swaps that carry it.

    Args:
        info: what the artifact says of it.
        tables: gives its maps.
    """

    info: SetInfo
    _tables: Callable[[], Tables]

    # ------------------------------------------------------------ changing

    def add(self, value: Value, ttl: float | None = None) -> None:
        """Add an element; one that is there lives from now on as long as this says.

        Args:
            value: the element.
            ttl: seconds that it stays; None for the set's own time, 0 for ever.

        Raises:
            SensorError: BPFC0721, it is not of the set's type; BPFC0722, the set is full.
        """
        self.update((value,), ttl)

    def update(self, values: Iterable[Value], ttl: float | None = None) -> None:
        """Add many elements, in few system calls.

        Args:
            values: the elements.
            ttl: as for `add`.

        Raises:
            SensorError: BPFC0721, nothing was added; BPFC0722, the first ones were.
        """
        tables = self._tables()
        entries = self._entries(values, self._end(ttl, tables), 0, tables)
        self._use_prefixes((key for key, _ in entries), tables)
        self._put(entries, tables)

    def remove(self, value: Value) -> None:
        """Take an element away.

        Args:
            value: the element.

        Raises:
            KeyError: it is not there.
            SensorError: BPFC0721.
        """
        if not self.discard(value):
            raise KeyError(value)

    def discard(self, value: Value) -> bool:
        """Take an element away if it is there; returns whether it was.

        Args:
            value: the element.

        Raises:
            SensorError: BPFC0721.
        """
        tables = self._tables()
        key = self._key(self._checked(value, tables), tables)
        present = self._is_alive(tables.elements.get(key), *self._moment(tables))
        tables.elements.remove([key])
        return present

    def clear(self) -> None:
        """Take all elements away."""
        tables = self._tables()
        tables.elements.remove([key for key, _ in tables.elements.entries()])

    def replace(
        self, values: Iterable[Value], ttl: float | None = None, *, atomic: bool = True
    ) -> None:
        """Make these the elements, in one step for the programs.

        Old and new elements stand in the set together until the step, so both together must fit
        its capacity. What a rule adds at the same time may be lost or stay.

        Args:
            values: the elements.
            ttl: as for `add`.
            atomic: False: take away first what is not wanted, and add then; needs less room.

        Raises:
            SensorError: BPFC0721 or BPFC0724, nothing has changed; BPFC0722, the set is full (only
                without `atomic`, or if rules add meanwhile).
        """
        tables = self._tables()
        epoch, _ = self._moment(tables)
        end = self._end(ttl, tables)
        wanted = dict(self._entries(values, end, (epoch + 1) % _EPOCHS, tables))
        self._use_prefixes(wanted, tables)
        self._sweep(tables)
        known = dict(tables.elements.entries())
        old = [key for key in known if key not in wanted]
        new = [(key, value) for key, value in wanted.items() if key not in known]
        if not atomic:
            tables.elements.remove(old)
            known = {key: value for key, value in known.items() if key in wanted}
            old = []
        elif len(known) + len(new) > self.info.capacity:
            raise SensorError(
                "BPFC0724",
                f"set {self.info.name} has room for {self.info.capacity} elements, not for"
                f" {len(known)} old and {len(new)} new ones at once",
                "declare it larger, or replace with atomic=False",
            )
        stay = [(key, _timed(known[key], end)) for key in wanted if key in known]
        self._step(old, new, stay, known, epoch, tables)

    def _step(
        self,
        old: list[bytes],
        new: list[tuple[bytes, bytes]],
        stay: list[tuple[bytes, bytes]],
        known: Mapping[bytes, bytes],
        epoch: int,
        tables: Tables,
    ) -> None:
        """Enter the new elements for the next epoch, the old ones until then, and begin it."""
        following = (epoch + 1) % _EPOCHS
        try:
            self._put(new, tables)
        except SensorError:
            tables.elements.remove([key for key, _ in new])
            raise
        tables.elements.put(stay)
        tables.elements.put([(key, _ending(known[key], following)) for key in old])
        head = bytearray(self._head(tables))
        _WORD.pack_into(head, 0, following)
        tables.head.put([(_WORD.pack(layout.HEAD_AGENT)[:4], bytes(head))])
        tables.elements.remove(old)

    # ------------------------------------------------------------ asking

    def __contains__(self, value: object) -> bool:
        tables = self._tables()
        epoch, now = self._moment(tables)
        element = checked(self.info, value, tables.wide, asking=True)
        return any(
            self._is_alive(tables.elements.get(key), epoch, now)
            for key in self._keys_for(element, tables)
        )

    def __iter__(self) -> Iterator[Part | Shown | tuple[Part | Shown, ...]]:
        tables = self._tables()
        moment = self._moment(tables)
        for key, value in tables.elements.entries():
            if self._is_alive(value, *moment):
                parts = layout.element_of(self.info.members, key, value, tables.wide)
                yield parts if len(self.info.members) > 1 else parts[0]

    def __len__(self) -> int:
        return self.status().elements

    def status(self) -> SetStatus:
        """The set in numbers."""
        tables = self._tables()
        moment = self._moment(tables)
        alive = [self._is_alive(value, *moment) for _, value in tables.elements.entries()]
        known, over = sum(alive), len(alive) - sum(alive)
        return SetStatus(self.info.name, self.info.capacity, known, over, **self.counts())

    def counts(self) -> dict[str, int]:
        """What rules have done to the set, by the names of `SetStatus`; cheaper than `status`."""
        counts = self._tables().head.get(_WORD.pack(layout.HEAD_KERNEL)[:4]) or b""
        numbers = struct.unpack_from(f"<{len(layout.HEAD_COUNTS)}Q", counts)
        return dict(zip(layout.HEAD_COUNTS, numbers, strict=True))

    def sweep(self) -> int:
        """Give back the room of elements whose time is over; returns how many.

        It is done on its own when room is needed, and while alerts are read.
        """
        return self._sweep(self._tables())

    # ------------------------------------------------------------ parts

    def _checked(self, value: object, tables: Tables) -> Element:
        return checked(self.info, value, tables.wide)

    def _key(self, element: Element, tables: Tables) -> bytes:
        return layout.key_of(self.info.members, element, tables.secret, tables.wide)

    def _keys_for(self, element: Element, tables: Tables) -> Iterator[bytes]:
        """The keys under which an element can be: an address is in networks of each length."""
        address = element[0]
        if not layout.is_networks(self.info.members) or not isinstance(address, layout.Address):
            yield self._key(element, tables)
            return
        high, low = layout.address_words(address)
        for mask_high, mask_low, length in {*self._prefixes(tables), (-1, -1, 128)}:
            yield struct.pack("<QQQ", high & mask_high, low & mask_low, length)

    def _entries(
        self, values: Iterable[object], end: int, since: int, tables: Tables
    ) -> list[tuple[bytes, bytes]]:
        """Elements as map entries, all checked before any is written."""
        info, wide = self.info, tables.wide
        quick = KEYS.get(info.members[0]) if len(info.members) == 1 else None
        times = _TIMES.pack(end, since, layout.ALWAYS)
        entries = []
        for value in values:
            key = quick(value) if quick else None
            if key is not None:
                entries.append((key, times))
                continue
            element = self._checked(value, tables)
            whole = layout.value_of(info.members, element, end, since, wide)
            entries.append((self._key(element, tables), whole))
        return entries

    def _put(self, entries: list[tuple[bytes, bytes]], tables: Tables) -> None:
        """Write entries; if there is no room, once more after a sweep."""
        written = tables.elements.put(entries)
        if written < len(entries) and self._sweep(tables):
            written += tables.elements.put(entries[written:])
        if written < len(entries):
            raise SensorError(
                "BPFC0722",
                f"set {self.info.name} is full: {self.info.capacity} elements;"
                f" {len(entries) - written} of {len(entries)} were not added",
                "take elements away, give them a time to live, or declare the set larger",
            )

    def _sweep(self, tables: Tables) -> int:
        moment = self._moment(tables)
        over = [k for k, value in tables.elements.entries() if not self._is_alive(value, *moment)]
        return tables.elements.remove(over) if over else 0

    def _moment(self, tables: Tables) -> tuple[int, int]:
        """The epoch and the time."""
        return _WORD.unpack_from(self._head(tables))[0], tables.now()

    @staticmethod
    def _is_alive(value: bytes | None, epoch: int, now: int) -> bool:
        if value is None:
            return False
        end, since, until = _TIMES.unpack_from(value)
        return bool((end == 0 or now < end) and since <= epoch < until)

    def _end(self, ttl: float | None, tables: Tables) -> int:
        life = self.info.lifetime if ttl is None else round(ttl * _NS)
        if life < 0:
            raise ValueError("a time to live is not negative")
        return tables.now() + life if life else 0

    def _head(self, tables: Tables) -> bytes:
        size = layout.head_size(self.info.members)
        return tables.head.get(_WORD.pack(layout.HEAD_AGENT)[:4]) or bytes(size)

    def _prefixes(self, tables: Tables) -> list[tuple[int, int, int]]:
        """The prefix lengths that are looked for, with their masks."""
        head = self._head(tables)
        (used,) = _WORD.unpack_from(head, 8)
        places = (layout.HEAD_PREFIXES + layout.HEAD_PREFIX * n for n in range(used))
        return [struct.unpack_from("<QQQ", head, at) for at in places]

    def _use_prefixes(self, keys: Iterable[bytes], tables: Tables) -> None:
        """Have programs look for the prefix lengths of networks, before any is entered."""
        if not layout.is_networks(self.info.members):
            return
        lengths = {key[layout.KEY_PREFIX] for key in keys}
        new = sorted(lengths - {length for _, _, length in self._prefixes(tables)} - {128})
        if not new:
            return
        head = bytearray(self._head(tables))
        (used,) = _WORD.unpack_from(head, 8)
        if used + len(new) > layout.PREFIXES_MAX:
            raise SensorError(
                "BPFC0722",
                f"set {self.info.name} has networks of {used} different sizes already;"
                f" {layout.PREFIXES_MAX} are possible",
                "use fewer prefix lengths; a sensor that starts anew has forgotten unused ones",
            )
        for number, length in enumerate(new, used):
            at = layout.HEAD_PREFIXES + layout.HEAD_PREFIX * number
            head[at : at + layout.HEAD_PREFIX] = layout.prefix_entry(length)
        _WORD.pack_into(head, 8, used + len(new))
        tables.head.put([(_WORD.pack(layout.HEAD_AGENT)[:4], bytes(head))])


def _timed(value: bytes, end: int) -> bytes:
    """An element that stays, with a new end."""
    return _TIMES.pack(end, 0, layout.ALWAYS) + value[_TIMES.size :]


def _ending(value: bytes, epoch: int) -> bytes:
    """An element that is one until an epoch begins."""
    end, since, _ = _TIMES.unpack_from(value)
    return _TIMES.pack(end, since, epoch) + value[_TIMES.size :]
