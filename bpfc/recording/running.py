"""Processes that ran before a recording began, as records of their forks.

Rules can ask for ancestors, and what a process was when it forked another one follows from forks
and execs. So a recording begins with what is known of the processes that run: each of them as the
fork that made it, with the program that its parent has now.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping

from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.record import (
    HEADER,
    KIND_ALERT,
    NUMBERS_OFFSET,
    RECORD_VERSION,
    TEXT_OFFSET,
    VIEW_UNKNOWN,
)
from bpfc.artifact.testing import PROCESS
from bpfc.recording.packing import with_texts
from bpfc.runtime.platform import Running

_NOTHING = (b"", VIEW_UNKNOWN)
_Key = tuple[int, int]


def fork_records(layout: EventLayout, running: Iterable[Running], time_ns: int) -> Iterator[bytes]:
    """The forks of processes that run, those of parents before those of children.

    Args:
        layout: of process.fork in the recording.
        running: the processes.
        time_ns: when the recording begins.

    Yields:
        Records in which everything is unknown that /proc and its like do not say.
    """
    known = {(one.pid, one.start_ns): one for one in running}
    for one in _in_order(known):
        parent = known.get((one.parent, one.parent_start_ns))
        texts = {} if parent is None else parent.texts
        identity = (one.pid, one.start_ns, one.parent, one.parent_start_ns)
        yield _record(layout, dict(zip(PROCESS, identity, strict=True)), texts, time_ns)


def _in_order(known: Mapping[_Key, Running]) -> Iterator[Running]:
    """Parents before their children."""
    done: set[_Key] = set()
    for key in known:
        line: list[Running] = []
        while key in known and key not in done:
            done.add(key)
            line.append(known[key])
            key = (known[key].parent, known[key].parent_start_ns)
        yield from reversed(line)


def _record(
    layout: EventLayout,
    numbers: Mapping[str, int],
    texts: Mapping[str, tuple[bytes, int]],
    time_ns: int,
) -> bytes:
    """A record of these fields."""
    data, unknown = bytearray(TEXT_OFFSET), 0
    for number in layout.numbers:
        if number.name in numbers:
            place = NUMBERS_OFFSET + 8 * number.index
            struct.pack_into("<Q", data, place, numbers[number.name])
        else:
            unknown |= 1 << number.index
    header = {
        "kind": KIND_ALERT,
        "version": RECORD_VERSION,
        "layout": layout.digest,
        "event": layout.number,
        "time_ns": time_ns,
        "unknown": unknown,
    }
    for name, value in header.items():
        at = HEADER[name]
        data[at.offset : at.offset + at.size] = value.to_bytes(at.size, "little")
    whole = (text for text in layout.texts if not text.part)
    found = ((text.view, *texts.get(text.name, _NOTHING)) for text in whole)
    return with_texts(bytes(data), found)
