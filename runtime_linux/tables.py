"""Maps of run-time sets: read, written and emptied in bulk (bpf_map_*_batch, Linux 5.6)."""

import ctypes
import errno
from collections.abc import Iterator, Sequence

from attrs import frozen

from runtime_linux.library import libbpf
from runtime_linux.maps import Map

BATCH = 4096


@frozen
class MapTable:
    """A hash or array map (implements bpfc.runtime.sets.Table).

    Args:
        map: the map.
    """

    map: Map

    def get(self, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        return self.map.lookup(key)

    def put(self, entries: Sequence[tuple[bytes, bytes]]) -> int:
        """Write entries in order; returns how many, fewer than given if the map is full.

        Raises:
            SensorError: BPFC0713.
        """
        written = 0
        for at in range(0, len(entries), BATCH):
            part = entries[at : at + BATCH]
            count = ctypes.c_uint32(len(part))
            keys = b"".join(key for key, _ in part)
            values = b"".join(value for _, value in part)
            result = libbpf().bpf_map_update_batch(
                self.map.fd, keys, values, ctypes.byref(count), None
            )
            if result == 0:
                written += len(part)
                continue
            if result != -errno.E2BIG:
                self.map.check(result, "write")
            return written + count.value
        return written

    def remove(self, keys: Sequence[bytes]) -> int:
        """Remove entries; returns how many there were.

        Raises:
            SensorError: BPFC0713.
        """
        removed, at = 0, 0
        while at < len(keys):
            part = keys[at : at + BATCH]
            count = ctypes.c_uint32(len(part))
            result = libbpf().bpf_map_delete_batch(
                self.map.fd, b"".join(part), ctypes.byref(count), None
            )
            done = len(part) if result == 0 else count.value
            removed += done
            if result == -errno.ENOENT:
                done += 1  # this one is gone already
            else:
                self.map.check(result, "delete from")
            at += done
        return removed

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries; those that come or go meanwhile may be missed.

        Raises:
            SensorError: BPFC0713.
        """
        key_size, value_size = self.map.key_size, self.map.value_size
        keys = ctypes.create_string_buffer(BATCH * key_size)
        values = ctypes.create_string_buffer(BATCH * value_size)
        # A token of the kernel's: how far it has come.
        token = ctypes.create_string_buffer(max(8, key_size))
        first = True
        while True:
            count = ctypes.c_uint32(BATCH)
            result = libbpf().bpf_map_lookup_batch(
                self.map.fd,
                None if first else token,
                token,
                keys,
                values,
                ctypes.byref(count),
                None,
            )
            if result != -errno.ENOENT:
                self.map.check(result, "walk")
            found_keys, found = keys.raw, values.raw
            for number in range(count.value):
                yield (
                    found_keys[number * key_size : (number + 1) * key_size],
                    found[number * value_size : (number + 1) * value_size],
                )
            if result == -errno.ENOENT:
                return
            first = False
