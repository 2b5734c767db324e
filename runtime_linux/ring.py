"""The BPF ring buffer, read in bulk out of mapped memory.

Layout (Documentation/bpf/ringbuf.rst, kernel/bpf/ringbuf.c): a page with the consumer's position,
writable; a page with the producer's, then the data, mapped twice in a row so that no record is
split. A record is u32 length with two flag bits, u32 page offset, bytes, padding to 8.
"""

import mmap
import os
import select
import threading
from collections.abc import Sequence

from bpfc.runtime.errors import SensorError

BUSY = 1 << 31  # BPF_RINGBUF_BUSY_BIT, include/uapi/linux/bpf.h
DISCARD = 1 << 30  # BPF_RINGBUF_DISCARD_BIT
HEADER = 8  # BPF_RINGBUF_HDR_SZ
BULK_RECORDS = 65536


def scan(
    words: Sequence[int], position: int, end: int, first: int, mask: int, limit: int
) -> tuple[list[tuple[int, int]], int]:
    """Find complete records.

    Args:
        words: the mapping as 32-bit words: the producer's page, then the data twice.
        position, end: the consumer's and the producer's position, bytes.
        first: where the data begins in the mapping, bytes.
        mask: bytes of data minus one.
        limit: at most that many records.

    Returns:
        Begin and end in the mapping of each record's bytes, oldest first, and the position behind
        the last one; records that were given up by their writer are passed over.
    """
    spans: list[tuple[int, int]] = []
    while position < end and len(spans) < limit:
        at = first + (position & mask)
        head = words[at >> 2]
        if head & BUSY:
            break
        length = head & ~DISCARD
        if head == length:
            spans.append((at + HEADER, at + HEADER + length))
        position += (length + HEADER + 7) & ~7
    return spans, position


class Ring:
    """A reader of one ring; there may be only one.

    Args:
        fd: descriptor of the map; it stays the caller's.
        size: bytes of data, a power of two.

    Raises:
        SensorError: BPFC0716, it cannot be mapped.
    """

    def __init__(self, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        try:
            self._consumer_map = mmap.mmap(
                fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE
            )
            self._data = mmap.mmap(
                fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page
            )
        except (OSError, ValueError) as error:
            raise SensorError(
                "BPFC0716",
                f"the ring of alerts cannot be mapped: {error}",
                "raise the limit of locked or mapped memory of this process (ulimit -l, ulimit -v)",
            ) from None
        self._mask = size - 1
        self._first = page
        # One aligned 64-bit word each, which is read and written in one access.
        self._consumer = memoryview(self._consumer_map).cast("Q")
        self._producer = memoryview(self._data).cast("Q")
        self._words = memoryview(self._data).cast("I")
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll = select.epoll()
        self._poll.register(fd, select.EPOLLIN)
        self._poll.register(self._wake, select.EPOLLIN)
        self._barrier = threading.Lock()

    @property
    def consumed(self) -> int:
        """Bytes that were read since the ring was made."""
        return self._consumer[0]

    @property
    def produced(self) -> int:
        """Bytes that were reserved since the ring was made."""
        return self._producer[0]

    def read(self, limit: int = BULK_RECORDS) -> list[bytes]:
        """All complete records, without waiting.

        Args:
            limit: at most that many.

        Returns:
            Their bytes, oldest first, up to the first that is still being written.
        """
        start = self._consumer[0]
        bounds = (self._first, self._mask, limit)
        spans, position = scan(self._words, start, self._producer[0], *bounds)
        if position == start:
            return []
        # Records are read after their headers, and the room given back after the records, also on
        # machines that reorder memory accesses: taking and releasing a lock orders them.
        with self._barrier:
            data = self._data
            records = [data[first:last] for first, last in spans]
        with self._barrier:
            self._consumer[0] = position
        return records

    def wait(self, timeout: float | None) -> list[bytes]:
        """As `read`, but wait for a record.

        Args:
            timeout: seconds, None without limit.

        Returns:
            Records; empty after the timeout or `wake`.
        """
        records = self.read()
        if records:
            return records
        for descriptor, _ in self._poll.poll(timeout):
            if descriptor == self._wake:
                os.eventfd_read(self._wake)
        return self.read()

    def wake(self) -> None:
        """End a `wait`, from any thread or a signal handler; one that comes next if none waits."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Give the mappings back."""
        self._poll.close()
        os.close(self._wake)
        for view in (self._consumer, self._producer, self._words):
            view.release()
        self._consumer_map.close()
        self._data.close()
