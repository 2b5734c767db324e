"""Recordings for tests, made in memory."""

import io
from collections.abc import Sequence
from pathlib import Path

from bpfc.recording.counts import Counts
from bpfc.recording.header import Header
from bpfc.recording.redaction import MARKER
from bpfc.recording.writer import Writer
from tests.artifact import samples
from tests.artifact.test_decode import record_bytes

LAYOUTS = samples.manifest().layouts
HEADER = Header(
    bpfc="0.1.0",
    platform="linux",
    host="somewhere",
    kernel="6.1",
    boot_id="0b5c9d3e-5d4e-4c7e-9d0a-000000000000",
    boot_time_ns=1_750_000_000_000_000_000,
    started_ns=5_000_000_000,
    catalogue=2,
    artifact="0" * 64,
    capabilities=("raw_tp", "cgroup"),
    redaction=(),
    marker=MARKER,
    layouts=LAYOUTS,
)
COUNTS = Counts(3, {"ring_full": 2}, {"unreadable": 1}, 0)


def event(number: int, text: bytes = b"/usr/bin/true", flags: int = 0) -> bytes:
    """A record of the first layout that can be told from others by its time."""
    layout = LAYOUTS[0]
    texts = {layout.texts[0].view: (text, flags)}
    return record_bytes(layout, {0: number}, texts, (), time_ns=number)


def recording(path: Path, records: Sequence[bytes], *, batch: int = 3, end: bool = True) -> bytes:
    """The bytes of a recording, with a frame of events for each so many."""
    with Writer(path, HEADER, replace=True) as writer:
        for at in range(0, len(records), batch):
            for record in records[at : at + batch]:
                writer.add(record)
            writer.flush(COUNTS)
        if end:
            writer.end(COUNTS)
    return path.read_bytes()


def stream(data: bytes) -> io.BytesIO:
    """The bytes as a file."""
    return io.BytesIO(data)
