"""Reads a recording as a stream: memory does not grow with its length."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bpfc.artifact.decode import Decoder, Record
from bpfc.artifact.errors import RecordError
from bpfc.recording.counts import Counts, parse_counts
from bpfc.recording.errors import RecordingError
from bpfc.recording.frames import (
    DAMAGED,
    KIND_COUNTS,
    KIND_END,
    KIND_EVENTS,
    KIND_HEADER,
    KIND_RUNNING,
    KIND_USERS,
    Ending,
    Frame,
    FrameReader,
)
from bpfc.recording.header import Header, parse_header
from bpfc.recording.users import MOST, parse_users
from bpfc.recording.writer import LENGTH

NOTHING = Counts(0, {}, {}, 0)


class Item(NamedTuple):
    """An event of a recording.

    Args:
        record: decoded.
        place: of the frame behind its own, bytes from the file's beginning.
        before: it is the fork of a process that ran when recording began, as far as it is known.
    """

    record: Record
    place: int
    before: bool = False


class Reader:
    """A recording that is being read.

    Args:
        file: opened for reading, at its beginning; the caller closes it.

    Raises:
        RecordingError: BPFC0940 to BPFC0942, it cannot be read at all.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._frames = FrameReader(file)
        self._stream = iter(self._frames)
        first = next(self._stream, None)
        if first is None or first.kind != KIND_HEADER:
            raise RecordingError(
                "BPFC0942",
                "the header of the recording is not there, or damaged",
                "record again; without its header nothing in the file can be read",
            )
        self.header: Header = parse_header(first.payload)
        self.counts = NOTHING
        self.malformed = 0
        self.users: dict[int, str] = {}  # those that the events so far mention
        self._decoder = Decoder(self.header.layouts, self.header.platform)

    @property
    def ending(self) -> Ending | None:
        """How the file ends; None until all events were read."""
        return self._frames.ending

    def __iter__(self) -> Iterator[Item]:
        """The events, in the order in which they were recorded."""
        for frame in self._stream:
            if frame.kind in (KIND_EVENTS, KIND_RUNNING):
                yield from self._events(frame)
            elif frame.kind == KIND_USERS:
                if len(self.users) < MOST:
                    self.users |= parse_users(frame.payload)
            elif frame.kind in (KIND_COUNTS, KIND_END):
                self.counts = parse_counts(frame.payload) or self.counts
            # Frames of a kind that later versions have are passed over.

    def _events(self, frame: Frame) -> Iterator[Item]:
        payload, at, place = frame.payload, 0, self._frames.offset
        while at + LENGTH.size <= len(payload):
            (size,) = LENGTH.unpack_from(payload, at)
            at += LENGTH.size
            try:
                record = self._decoder.decode(payload[at : at + size])
                yield Item(record, place, frame.kind == KIND_RUNNING)
            except RecordError:
                self.malformed += 1
            at += size


def ending_words(ending: Ending) -> str:
    """What to say of a recording that does not end as it should.

    Args:
        ending: how it ends.

    Returns:
        One phrase.
    """
    if ending.kind == DAMAGED:
        return (
            f"the recording is damaged behind byte {ending.offset:,}: what stands before was read"
        )
    rest = f", {ending.rest:,} bytes of a frame follow" if ending.rest else ""
    return (
        f"the recording was cut off behind byte {ending.offset:,}{rest}: what stands before was "
        "read, what came in the last second before the end is missing"
    )
