"""The frames of a recording: how bytes get into the file so that a crash costs the last second.

A file is a preamble of 16 bytes and frames behind each other. A frame is a head of 24 bytes and its
payload, compressed by zlib (RFC 1950). The checksum goes over the rest of the head and the stored
payload, so a flipped bit is found before anything is unpacked, and each frame has its number, so
one that is missing, doubled or from elsewhere is found as well. Integers are little-endian. The
format is this project's own.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from attrs import define, frozen

from bpfc.artifact.record import RECORD_MAX
from bpfc.recording.errors import RecordingError

MAGIC = b"BPFC-REC"
FORMAT_VERSION = 1
_PREAMBLE = struct.Struct("<8sII")  # magic, version, zero
# Magic, kind (KIND_*), number of the frame, bytes of the payload as stored and unpacked, CRC-32.
_HEAD = struct.Struct("<4s5I")
_CHECKED = struct.Struct("<4s4I")
FRAME_MAGIC = b"FRME"

KIND_HEADER, KIND_EVENTS, KIND_COUNTS, KIND_END = 1, 2, 3, 4
KIND_RUNNING, KIND_USERS = 5, 6
PLAIN_MAX = 4 << 20  # bytes of an unpacked payload
FILL = PLAIN_MAX - RECORD_MAX - 4  # a frame with so much in it has room for one event more
_LEVEL = 6  # of zlib

COMPLETE, CUT, DAMAGED = "complete", "cut", "damaged"


class Frame(NamedTuple):
    """A whole frame: its kind and its unpacked payload."""

    kind: int
    payload: bytes


@define
class FrameWriter:
    """Writes frames to a file that it does not close.

    Args:
        file: opened for writing, empty.
        written: bytes so far.
    """

    file: BinaryIO
    written: int = 0
    _number: int = 0

    def begin(self) -> None:
        """Write the preamble."""
        self._write(_PREAMBLE.pack(MAGIC, FORMAT_VERSION, 0))

    def write(self, kind: int, payload: bytes) -> None:
        """Write a frame.

        Args:
            kind: KIND_*.
            payload: at most PLAIN_MAX bytes.

        Raises:
            ValueError: it is longer.
            OSError: the file cannot take it.
        """
        if len(payload) > PLAIN_MAX:
            raise ValueError(f"{len(payload)} bytes, more than {PLAIN_MAX} in a frame")
        stored = zlib.compress(payload, _LEVEL)
        head = _CHECKED.pack(FRAME_MAGIC, kind, self._number, len(stored), len(payload))
        check = zlib.crc32(stored, zlib.crc32(head))
        self._write(head + check.to_bytes(4, "little") + stored)
        self._number += 1

    def _write(self, data: bytes) -> None:
        self.file.write(data)
        self.written += len(data)


@frozen
class Ending:
    """How the whole frames of a file end.

    Args:
        kind: COMPLETE, CUT (the file ends within a frame, or has no end frame) or DAMAGED (there is
            something that is no whole frame).
        offset: bytes up to the end of the last whole frame.
        rest: bytes of the file behind it that were looked at; 0 if it ends there.
    """

    kind: str
    offset: int
    rest: int = 0


class FrameReader:
    """Reads frames from a file that it does not close. Nothing is handed out unless it is whole.

    Args:
        file: opened for reading, at its beginning.

    Raises:
        RecordingError: BPFC0940, this is no recording; BPFC0941, it is of a newer version.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._number = 0
        self.offset = _PREAMBLE.size
        self.ending: Ending | None = None
        _check_preamble(_read(file, _PREAMBLE.size))

    def __iter__(self) -> Iterator[Frame]:
        """The whole frames in order; `ending` says behind the last one why there are no more."""
        while self.ending is None:
            found = self._next()
            if isinstance(found, Ending):
                self.ending = found
                return
            yield found
            if found.kind == KIND_END:
                rest = len(self._file.read(1))
                self.ending = Ending(DAMAGED if rest else COMPLETE, self.offset, rest)

    def _next(self) -> Frame | Ending:
        head = _read(self._file, _HEAD.size)
        if len(head) < _HEAD.size:
            return Ending(CUT, self.offset, len(head))
        magic, kind, number, size, plain, check = _HEAD.unpack(head)
        # Sizes are compared before anything of that size is read.
        sound = magic == FRAME_MAGIC and number == self._number and plain <= PLAIN_MAX
        if not sound or size > _stored_max(plain):
            return Ending(DAMAGED, self.offset, len(head))
        stored = _read(self._file, size)
        rest = len(head) + len(stored)
        if len(stored) < size:
            return Ending(CUT, self.offset, rest)
        if zlib.crc32(stored, zlib.crc32(head[: _CHECKED.size])) != check:
            return Ending(DAMAGED, self.offset, rest)
        payload = _unpacked(stored, plain)
        if payload is None:
            return Ending(DAMAGED, self.offset, rest)
        self._number += 1
        self.offset += rest
        return Frame(kind, payload)


def _read(file: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer at the end of the file only (a pipe gives what it has)."""
    found = file.read(size)
    while found and len(found) < size and (more := file.read(size - len(found))):
        found += more
    return found


def _check_preamble(data: bytes) -> None:
    """Refuse what is no recording of this version."""
    if len(data) < _PREAMBLE.size or data[: len(MAGIC)] != MAGIC:
        raise RecordingError(
            "BPFC0940",
            f"it does not begin as a recording does ({len(MAGIC)} bytes {MAGIC.decode()})",
            "name a file that `bpfc record` wrote",
        )
    _, version, zero = _PREAMBLE.unpack(data)
    if version > FORMAT_VERSION:
        raise RecordingError(
            "BPFC0941",
            f"the recording has format version {version}, this bpfc reads up to {FORMAT_VERSION}",
            "update bpfc on this host",
        )
    if version == 0 or zero:
        raise RecordingError(
            "BPFC0940",
            "its first 16 bytes are not those of a recording",
            "name a file that `bpfc record` wrote",
        )


def _stored_max(plain: int) -> int:
    """More than zlib ever makes of so many bytes (it adds 5 for each 16 KiB, and 6)."""
    return plain + plain // 1000 + 64


def _unpacked(stored: bytes, plain: int) -> bytes | None:
    """The payload, None if it is not of the size that the head says."""
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(stored, plain + 1)
    except zlib.error:
        return None
    whole = unpacker.eof and not unpacker.unused_data
    return found if whole and len(found) == plain else None
