"""The ring reader, on rings of the running kernel and on described memory."""

import ctypes
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_linux import instructions, syscalls
from runtime_linux.instructions import EXIT, call, create_map, instruction, load_program, move
from runtime_linux.maps import MAP_TYPES
from runtime_linux.ring import BUSY, DISCARD, Ring, scan

BPF_PROG_TEST_RUN = 10
SKB_LOAD_BYTES, RINGBUF_OUTPUT = 26, 130
ETHERNET = 14
SIZES = (8, 13, 120, 504)


def _writer(ring: int, size: int) -> int:
    """A socket filter that puts the packet's first 8 bytes, padded to `size`, into the ring."""
    zeros = b"".join(instruction(0x7A, 10, offset=-at) for at in range(8, 513, 8))
    code = b"".join(
        (
            zeros,  # *(u64 *)(r10 - at) = 0
            move(2, 0),
            instruction(0xBF, 3, 10),
            instruction(0x07, 3, immediate=-512),
            move(4, 8),
            call(SKB_LOAD_BYTES),
            instruction(0x18, 1, 1, immediate=ring),
            instruction(0),
            instruction(0xBF, 2, 10),
            instruction(0x07, 2, immediate=-512),
            move(3, size),
            move(4, 0),
            call(RINGBUF_OUTPUT),
            EXIT,
        )
    )
    return load_program(instructions.PROG_SOCKET_FILTER, code)


def _run(program: int, number: int) -> bool:
    """Write one record; whether there was room."""
    data = ctypes.create_string_buffer(bytes(ETHERNET) + struct.pack("<Q", number) + bytes(40))
    head = struct.pack("<IIIIQQII", program, 0, len(data), 0, ctypes.addressof(data), 0, 1, 0)
    attributes = ctypes.create_string_buffer(head, len(head))
    syscalls.bpf(BPF_PROG_TEST_RUN, attributes)
    return bool(struct.unpack_from("<i", attributes, 4)[0] == 0)


@contextmanager
def _ring(size: int) -> Iterator[tuple[Ring, list[int]]]:
    fd = create_map(MAP_TYPES["ringbuf"], 0, 0, size)
    writers = [_writer(fd, n) for n in SIZES]
    ring = Ring(fd, size)
    try:
        yield ring, writers
    finally:
        ring.close()
        for descriptor in (fd, *writers):
            os.close(descriptor)


@pytest.mark.bpf
def test_records_come_out_whole_and_in_order_across_the_end_of_the_ring(scale: int) -> None:
    with _ring(4096) as (ring, writers):
        number = 0
        for turn in range(100 * scale):
            wanted = []
            for step in range(turn % 9):
                kind = (turn + step) % len(SIZES)
                assert _run(writers[kind], number)
                wanted.append(struct.pack("<Q", number).ljust(SIZES[kind], b"\0"))
                number += 1
            assert ring.read() == wanted
            assert ring.consumed == ring.produced
        assert ring.consumed > 4 * 4096


@pytest.mark.bpf
def test_a_full_ring_refuses_and_takes_again_after_a_read() -> None:
    with _ring(4096) as (ring, writers):
        written = 0
        while _run(writers[2], written):
            written += 1
        assert [int.from_bytes(r[:8], "little") for r in ring.read()] == list(range(written))
        assert _run(writers[2], 7)
        assert len(ring.read()) == 1


@pytest.mark.bpf
def test_a_limit_leaves_the_rest_for_later() -> None:
    with _ring(4096) as (ring, writers):
        for number in range(5):
            _run(writers[0], number)
        assert [len(ring.read(2)) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.bpf
def test_waiting_ends_with_a_record_a_timeout_or_a_wake() -> None:
    with _ring(4096) as (ring, writers):
        assert ring.wait(0.01) == []
        threading.Timer(0.05, _run, (writers[0], 3)).start()
        assert ring.wait(10) == [struct.pack("<Q", 3)]
        threading.Timer(0.05, ring.wake).start()
        assert ring.wait(None) == []
        assert ring.wait(0.01) == []


RECORDS = st.lists(
    st.tuples(st.integers(0, 200), st.sampled_from(["done", "given up", "busy"])), max_size=12
)


@given(start=st.integers(0, 1 << 20).map(lambda n: n * 8), records=RECORDS, limit=st.integers(1, 9))
def test_scanning_stops_at_the_first_busy_record(
    start: int, records: list[tuple[int, str]], limit: int
) -> None:
    size, page = 4096, 4096
    words = [0] * ((page + 2 * size) // 4)
    wanted: list[tuple[int, int]] = []
    place, after, blocked = start, start, False
    for length, state in records:
        at = page + (place & size - 1)
        flags = {"done": 0, "given up": DISCARD, "busy": BUSY}[state]
        # The second mapping shows the same memory.
        for copy in (at, at + size if at < page + size else at - size):
            words[copy >> 2] = length | flags
        place += (length + 15) & ~7
        blocked = blocked or state == "busy" or len(wanted) == limit
        if not blocked:
            after = place
            if state == "done":
                wanted.append((at + 8, at + 8 + length))
    if place - start > size:
        return
    assert scan(words, start, place, page, size - 1, limit) == (wanted, after)
