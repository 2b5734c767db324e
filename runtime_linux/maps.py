"""Maps of the kernel by descriptor: whole keys and values as bytes.

A `Map` does not own its descriptor unless `owned`; `close` is then the owner's to call.
"""

import ctypes
import errno
import os
from collections.abc import Iterator

from attrs import define, field

from bpfc.runtime.errors import SensorError
from runtime_linux.library import libbpf

BPF_ANY = 0  # include/uapi/linux/bpf.h
BPF_NOEXIST = 1

# enum bpf_map_type of include/uapi/linux/bpf.h, by the names that manifests use
MAP_TYPES = {
    "hash": 1,
    "array": 2,
    "prog_array": 3,
    "percpu_hash": 5,
    "percpu_array": 6,
    "lru_hash": 9,
    "lpm_trie": 11,
    "array_of_maps": 12,
    "hash_of_maps": 13,
    "ringbuf": 27,
}
BATCH = 1024


@define
class Map:
    """One map.

    Args:
        name: for messages.
        fd: descriptor.
        key_size, value_size: bytes, as declared.
        max_entries: entries, as created.
        cpus: values an entry has in user space: possible CPUs for a per-CPU map, else 1.
    """

    name: str
    fd: int
    key_size: int
    value_size: int
    max_entries: int
    cpus: int = 1
    _value: ctypes.Array[ctypes.c_char] = field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        # The kernel rounds each CPU's value up to 8 bytes (Documentation/bpf/map_array.rst).
        size = self.value_size if self.cpus == 1 else -(-self.value_size // 8) * 8 * self.cpus
        self._value = ctypes.create_string_buffer(max(size, 1))

    def lookup(self, key: bytes) -> bytes | None:
        """The value of a key, or None.

        Args:
            key: `key_size` bytes.

        Returns:
            The value (of all CPUs one behind the other, for a per-CPU map).

        Raises:
            SensorError: BPFC0713.
        """
        result = libbpf().bpf_map_lookup_elem(self.fd, self._checked(key), self._value)
        if result == -errno.ENOENT:
            return None
        self.check(result, "read")
        return self._value.raw

    def update(self, key: bytes, value: bytes, flags: int = BPF_ANY) -> None:
        """Write an entry.

        Args:
            key: `key_size` bytes.
            value: `value_size` bytes.
            flags: BPF_ANY, or BPF_NOEXIST.

        Raises:
            SensorError: BPFC0713.
        """
        self.check(self.try_update(key, value, flags), "write")

    def try_update(self, key: bytes, value: bytes, flags: int = BPF_ANY) -> int:
        """Write an entry where a refusal is an ordinary answer.

        Args:
            key: `key_size` bytes.
            value: `value_size` bytes.
            flags: BPF_ANY, or BPF_NOEXIST.

        Returns:
            0, or a negative errno (-EEXIST, -E2BIG for a full hash).
        """
        if len(value) != self.value_size:
            raise ValueError(f"{self.name}: value of {len(value)} bytes, not {self.value_size}")
        return int(libbpf().bpf_map_update_elem(self.fd, self._checked(key), value, flags))

    def delete(self, key: bytes) -> bool:
        """Remove an entry.

        Args:
            key: `key_size` bytes.

        Returns:
            Whether there was one.

        Raises:
            SensorError: BPFC0713.
        """
        result = libbpf().bpf_map_delete_elem(self.fd, self._checked(key))
        if result == -errno.ENOENT:
            return False
        self.check(result, "delete from")
        return True

    def keys(self) -> Iterator[bytes]:
        """All keys; entries that come or go meanwhile may be missed, or restart the walk."""
        following = ctypes.create_string_buffer(self.key_size)
        current: bytes | None = None
        # A walk that is thrown back to the start by a deletion still ends.
        for _ in range(2 * self.max_entries):
            result = libbpf().bpf_map_get_next_key(self.fd, current, following)
            if result == -errno.ENOENT:
                return
            self.check(result, "walk")
            current = following.raw
            yield current

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries, as `keys`."""
        for key in self.keys():
            value = self.lookup(key)
            if value is not None:
                yield key, value

    def update_batch(self, entries: list[tuple[bytes, bytes]]) -> None:
        """Write many entries in few system calls (hash and array maps).

        Args:
            entries: keys and values.

        Raises:
            SensorError: BPFC0713.
        """
        for at in range(0, len(entries), BATCH):
            part = entries[at : at + BATCH]
            count = ctypes.c_uint32(len(part))
            keys = b"".join(self._checked(key) for key, _ in part)
            values = b"".join(value for _, value in part)
            if len(values) != len(part) * self.value_size:
                raise ValueError(f"{self.name}: values that are not {self.value_size} bytes")
            result = libbpf().bpf_map_update_batch(self.fd, keys, values, ctypes.byref(count), None)
            self.check(result, "write")

    def lookup_sum(self, key: bytes, words: int) -> tuple[int, ...]:
        """An entry of 64-bit counters, added up over all CPUs.

        Args:
            key: `key_size` bytes.
            words: counters in the value.

        Returns:
            `words` sums; zeros if there is no entry.
        """
        raw = self.lookup(key) or bytes(len(self._value))
        step = len(raw) // self.cpus
        columns = range(0, 8 * words, 8)
        return tuple(
            sum(
                int.from_bytes(raw[c * step + at : c * step + at + 8], "little")
                for c in range(self.cpus)
            )
            for at in columns
        )

    def duplicate(self) -> "Map":
        """The same map under a descriptor of its own, for the caller to close."""
        return Map(
            self.name, os.dup(self.fd), self.key_size, self.value_size, self.max_entries, self.cpus
        )

    def _checked(self, key: bytes) -> bytes:
        if len(key) != self.key_size:
            raise ValueError(f"{self.name}: key of {len(key)} bytes, not {self.key_size}")
        return key

    def check(self, result: int, verb: str) -> None:
        """Raise for a negative errno.

        Args:
            result: of a call.
            verb: what it was to do: "read", "write".

        Raises:
            SensorError: BPFC0713.
        """
        if result < 0:
            raise SensorError(
                "BPFC0713",
                f"cannot {verb} the map {self.name}: {os.strerror(-result)}",
                "look for another program that changes or freezes this sensor's maps",
            )


def u32(value: int) -> bytes:
    """A number as the key of an array map.

    Args:
        value: 0 to 2**32 - 1.

    Returns:
        4 bytes, little-endian like every integer of this project's maps.
    """
    return value.to_bytes(4, "little")


def possible_cpus() -> int:
    """CPUs this machine can have, as per-CPU maps count them."""
    return max(1, int(libbpf().libbpf_num_possible_cpus()))
