"""Reading the kernel's journal: how often each event was judged, by the event's number."""

import ctypes
from array import array

from attrs import frozen

from benchmarks.report import Failed
from runtime_linux.library import libbpf
from runtime_linux.maps import Map

BATCH = 1 << 16


@frozen
class Verdicts:
    """How often events were judged.

    Args:
        once, missed, twice: events judged once, never, more often.
    """

    once: int
    missed: int
    twice: int


def read(journal: Map) -> "array[int]":
    """All entries of a journal, in few system calls.

    Args:
        journal: the map.

    Returns:
        A count for each number.
    """
    lookup = libbpf().bpf_map_lookup_batch
    found: array[int] = array("Q", bytes(8 * journal.max_entries))
    keys, values = (ctypes.c_uint32 * BATCH)(), (ctypes.c_uint64 * BATCH)()
    after, position = ctypes.c_uint32(0), 0
    while position < journal.max_entries:
        count = ctypes.c_uint32(min(BATCH, journal.max_entries - position))
        start = ctypes.byref(after) if position else None
        lookup(journal.fd, start, ctypes.byref(after), keys, values, ctypes.byref(count), None)
        if not count.value:
            raise Failed("the kernel does not read the journal in batches; Linux 5.6 or newer does")
        found[position : position + count.value] = array("Q", values[: count.value])
        position += count.value
    return found


def judge(counts: "array[int]", happened: range | list[int]) -> Verdicts:
    """Compare the journal with what happened.

    Args:
        counts: from `read`.
        happened: numbers of all events, each once.

    Returns:
        The comparison.
    """
    if isinstance(happened, range):
        seen = counts[happened.start : happened.stop]
    else:
        seen = array("Q", (counts[number] for number in happened))
    once, missed = seen.count(1), seen.count(0)
    return Verdicts(once, missed, len(seen) - once - missed)


def strange(counts: "array[int]", first: int) -> int:
    """How many entries were counted that no event can have had.

    Args:
        counts: from `read`.
        first: no event had this number or a higher one.

    Returns:
        Entries that are not zero.
    """
    behind = counts[first:]
    return len(behind) - behind.count(0)
