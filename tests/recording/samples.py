"""Recordings for tests, made in memory."""

import io
from collections.abc import Sequence
from pathlib import Path

from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.record import VIEWS_MAX
from bpfc.artifact.testing import PROCESS
from bpfc.recording.counts import Counts
from bpfc.recording.header import Header
from bpfc.recording.redaction import MARKER
from bpfc.recording.writer import Writer
from bpfc.runtime.judging import Event
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


def ring_record(layout: EventLayout, made: Event) -> bytes:
    """What programs would have written of an event; the layout has what recordings always have."""
    places = {number.name: number.index for number in layout.numbers}
    process = dict(zip((places[name] for name in PROCESS), made.process, strict=True))
    texts = {view: (text.data, text.flags) for view, text in made.texts.items()}
    return record_bytes(
        layout,
        {**made.numbers, **process},
        {view: text for view, text in texts.items() if view < VIEWS_MAX},
        (),
        time_ns=made.time_ns,
        unknown=made.unknown,
        absent=made.absent,
    )


def recording(
    path: Path,
    records: Sequence[bytes],
    *,
    batch: int = 3,
    end: bool = True,
    header: Header = HEADER,
) -> bytes:
    """The bytes of a recording, with a frame of events for each so many."""
    with Writer(path, header, replace=True) as writer:
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
