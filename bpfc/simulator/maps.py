"""Maps as programs and user space see them, with the errors that Linux gives.

Kernel: kernel/bpf/arraymap.c, hashtab.c, ringbuf.c. What an update or a deletion takes out of a
hash stays readable until the run ends that may still point to it, as it does under RCU.
"""

import errno
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

from attrs import define, field

from bpfc.artifact.manifest import MapInfo
from bpfc.simulator.faults import Fault, Refusal
from bpfc.simulator.memory import OFFSET_BITS, Memory

ANY, NOEXIST, EXIST = 0, 1, 2  # BPF_ANY, ... of include/uapi/linux/bpf.h


@define(eq=False)
class Map(ABC):
    """A map. User space reads and writes it as `bpfc.runtime.sets.Table`, on processor 0.

    Args:
        info: its shape.
        max_entries: entries, for this machine's number of processors.
        memory: in which its values are.
    """

    info: MapInfo
    max_entries: int
    memory: Memory
    address: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        # What programs hold of a map: nothing stands there.
        self.address = self.memory.reserve(1) << OFFSET_BITS

    @abstractmethod
    def find(self, key: bytes, cpu: int = 0) -> int:
        """Address of the value of a key, 0 if there is none."""

    @abstractmethod
    def update(self, key: bytes, value: bytes, flags: int = ANY, cpu: int = 0) -> int:
        """Write an entry; returns 0 or a negative error number."""

    @abstractmethod
    def delete(self, key: bytes) -> int:
        """Remove an entry; returns 0 or a negative error number."""

    @abstractmethod
    def keys(self) -> list[bytes]:
        """The keys of all entries."""

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        address = self.find(key)
        return self.memory.read(address, self.info.value_size) if address else None

    def put(self, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """Write entries in order; returns how many, fewer than given if the map is full."""
        for number, (key, value) in enumerate(entries):
            if self.update(key, value) < 0:
                return number
        return len(entries)

    def remove(self, keys: Sequence[bytes]) -> int:
        """Remove entries; returns how many there were."""
        return sum(self.delete(key) == 0 for key in keys)

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries."""
        for key in self.keys():
            yield key, self.get(key) or b""

    def rewind(self) -> None:  # noqa: B027 - an array has its values in memory only
        """Forget values whose memory is gone."""

    def settle(self) -> None:  # noqa: B027 - most maps have nothing to do
        """Nothing runs any more that could point to what was taken out."""

    def free(self) -> None:  # noqa: B027 - some have no values in memory
        """Nobody holds the map any more: give back the room of all values."""


@define(eq=False)
class ArrayMap(Map):
    """An array; values that nobody asked for are zeros that take no room.

    Args:
        cpus: values of an entry.
    """

    cpus: int = 1
    _first: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._first = self.memory.reserve(self.max_entries * self.cpus)

    def find(self, key: bytes, cpu: int = 0) -> int:
        """Address of the value of an index."""
        return self.entry(int.from_bytes(key, "little"), cpu)

    def entry(self, index: int, cpu: int = 0) -> int:
        """Address of the value of an index, 0 if there is none."""
        if index >= self.max_entries:
            return 0
        number = self._first + index * self.cpus + (cpu if self.cpus > 1 else 0)
        if number not in self.memory.regions:
            self.memory.regions[number] = bytearray(self.info.value_size)
        return number << OFFSET_BITS

    def replace(self, index: int, value: bytearray) -> None:
        """Let a buffer be the value of an index."""
        self.memory.regions[self.entry(index) >> OFFSET_BITS] = value

    def update(self, key: bytes, value: bytes, flags: int = ANY, cpu: int = 0) -> int:
        """Write an entry (array_map_update_elem)."""
        if flags > EXIST:
            return -errno.EINVAL
        address = self.find(key, cpu)
        if not address:
            return -errno.E2BIG
        if flags == NOEXIST:
            return -errno.EEXIST
        self.memory.write(address, value)
        return 0

    def delete(self, key: bytes) -> int:
        """Entries of arrays cannot be removed."""
        return -errno.EINVAL

    def keys(self) -> list[bytes]:
        """All indexes."""
        return [index.to_bytes(4, "little") for index in range(self.max_entries)]

    def free(self) -> None:
        """Give back the room of all values."""
        for number in range(self._first, self._first + self.max_entries * self.cpus):
            self.memory.drop(number << OFFSET_BITS)

    def values(self, index: int) -> list[bytes]:
        """The values of an index on all processors."""
        size = self.info.value_size
        return [self.memory.read(self.entry(index, cpu), size) for cpu in range(self.cpus)]


@define(eq=False)
class HashMap(Map):
    """A hash, preallocated: it takes exactly its entries. Each value has a region of its own."""

    _places: dict[bytes, int] = field(init=False, factory=dict)
    _old: list[int] = field(init=False, factory=list)

    def find(self, key: bytes, cpu: int = 0) -> int:
        """Address of the value of a key."""
        return self._places.get(key, 0)

    def update(self, key: bytes, value: bytes, flags: int = ANY, cpu: int = 0) -> int:
        """Write an entry (htab_map_update_elem); a value that is replaced stays where it is."""
        if flags > EXIST:
            return -errno.EINVAL
        old = self._places.get(key)
        if old is not None and flags == NOEXIST:
            return -errno.EEXIST
        if old is None and flags == EXIST:
            return -errno.ENOENT
        if old is None and len(self._places) >= self.max_entries:
            return -errno.E2BIG
        if old is not None:
            self._old.append(old)
        self._places[key] = self.memory.add(bytearray(value))
        return 0

    def delete(self, key: bytes) -> int:
        """Remove an entry (htab_map_delete_elem)."""
        old = self._places.pop(key, None)
        if old is None:
            return -errno.ENOENT
        self._old.append(old)
        return 0

    def keys(self) -> list[bytes]:
        """The keys of all entries."""
        return list(self._places)

    def rewind(self) -> None:
        """Forget entries whose memory is gone."""
        there = self.memory.regions
        places = self._places.items()
        self._places = {key: at for key, at in places if at >> OFFSET_BITS in there}

    def settle(self) -> None:
        """Give back the room of values that were replaced or removed."""
        for address in self._old:
            self.memory.drop(address)
        self._old.clear()

    def free(self) -> None:
        """Give back the room of all values."""
        self._old += self._places.values()
        self._places.clear()
        self.settle()


@define(eq=False)
class NoEntries(Map):
    """A map that holds no values that programs could point to."""

    def find(self, key: bytes, cpu: int = 0) -> int:
        """Such a map cannot be looked into."""
        raise Refusal(f"map {self.info.name} ({self.info.type}) is looked into")

    def update(self, key: bytes, value: bytes, flags: int = ANY, cpu: int = 0) -> int:
        """Such a map cannot be written by a program."""
        return -errno.EINVAL

    def delete(self, key: bytes) -> int:
        """Such a map cannot be written by a program."""
        return -errno.EINVAL

    def keys(self) -> list[bytes]:
        """It has none."""
        return []


class Program(Protocol):
    """A program that a tail call can go to."""

    def __call__(self, context: int) -> int:
        """Run it with the address of its context; returns what it returns."""


@define(eq=False)
class ProgramArray(NoEntries):
    """A PROG_ARRAY: programs by index."""

    programs: dict[int, Program] = field(init=False, factory=dict)


@define(eq=False)
class Ring(NoEntries):
    """A ring buffer: records in order, until there is no room.

    Each record takes 8 bytes more than its data, rounded up to 8 (BPF_RINGBUF_HDR_SZ).
    """

    records: list[bytes] = field(init=False, factory=list)
    used: int = field(init=False, default=0)
    consumed: int = field(init=False, default=0)

    def output(self, data: bytes, flags: int) -> int:
        """Write a record (bpf_ringbuf_output)."""
        size = (len(data) + 8 + 7) // 8 * 8
        if flags & ~3:
            return -errno.EINVAL
        # One byte always stays free (ringbuf.c compares the distance with the mask).
        if self.used + size > self.max_entries - 1:
            return -errno.EAGAIN
        self.used += size
        self.records.append(data)
        return 0

    def rewind(self) -> None:
        """Drop all records."""
        self.take()

    def take(self) -> list[bytes]:
        """All records there are, oldest first; their room is free again."""
        found = self.records
        self.consumed += self.used
        self.records, self.used = [], 0
        return found


def make_map(info: MapInfo, memory: Memory, cpus: int) -> Map:
    """A map, empty.

    Args:
        info: its shape.
        memory: where its values go.
        cpus: processors of the machine.

    Returns:
        The map.

    Raises:
        Fault: maps of that type are not simulated.
    """
    entries = info.per_cpu * cpus if info.per_cpu else info.max_entries
    match info.type:
        case "array":
            return ArrayMap(info, entries, memory)
        case "percpu_array":
            return ArrayMap(info, entries, memory, cpus)
        case "hash":
            return HashMap(info, entries, memory)
        case "prog_array":
            return ProgramArray(info, entries, memory)
        case "ringbuf":
            return Ring(info, entries, memory)
    raise Fault("BPFC0921", f"map {info.name} is a {info.type}, which is not simulated")
