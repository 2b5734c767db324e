"""Writes a recording, so that what was written before a crash can be read."""

import os
import struct
import time
from collections.abc import Iterable, Mapping
from errno import EINVAL, EOPNOTSUPP
from pathlib import Path

from bpfc.recording.counts import Counts, counts_bytes
from bpfc.recording.errors import RecordingError
from bpfc.recording.frames import (
    FILL,
    KIND_COUNTS,
    KIND_END,
    KIND_EVENTS,
    KIND_HEADER,
    KIND_RUNNING,
    KIND_USERS,
    FrameWriter,
)
from bpfc.recording.header import Header, header_bytes
from bpfc.recording.users import users_bytes

FLUSH_S = 1.0  # what a crash can cost
BATCH = min(FILL, 512 * 1024)  # bytes of events in a frame
LENGTH = struct.Struct("<I")
_MODE = 0o600  # command lines of everybody on the machine


class Writer:
    """A recording that is being written; a context manager.

    Args:
        path: of the file.
        header: what it says about itself.
        replace: whether a file that exists may be written over.

    Raises:
        RecordingError: BPFC0944, there is a file of that name already.
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, header: Header, replace: bool = False) -> None:
        self._path = path
        self._file = os.fdopen(_opened(path, replace), "wb", buffering=0)
        self._frames = FrameWriter(self._file)
        self._batch = bytearray()
        self._flushed = time.monotonic()
        self.events = 0
        try:
            self._frames.begin()
            self._frames.write(KIND_HEADER, header_bytes(header))
            self._sync()
        except BaseException:
            self.discard()
            raise

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def discard(self) -> None:
        """Take the file away again, where nothing came of the recording."""
        self._file.close()
        if self._path.is_file():
            self._path.unlink()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._frames.written

    def add(self, record: bytes) -> None:
        """Add an event.

        Args:
            record: as the decoder takes it.
        """
        self._batch += LENGTH.pack(len(record))
        self._batch += record
        self.events += 1
        if len(self._batch) >= BATCH:
            self._write_batch()

    def running(self, records: Iterable[bytes]) -> None:
        """Add what ran before the first event.

        Args:
            records: of forks, without secrets.
        """
        batch = bytearray()
        for record in records:
            batch += LENGTH.pack(len(record)) + record
            if len(batch) >= BATCH:
                self._frames.write(KIND_RUNNING, bytes(batch))
                batch.clear()
        if batch:
            self._frames.write(KIND_RUNNING, bytes(batch))

    def users(self, names: Mapping[int, str]) -> None:
        """Add names of users, in front of the events that mention them.

        Args:
            names: by id.
        """
        self._frames.write(KIND_USERS, users_bytes(names))

    def due(self) -> bool:
        """Whether the time has come to call `flush`."""
        return time.monotonic() - self._flushed >= FLUSH_S

    def flush(self, counts: Counts) -> None:
        """Bring what was added to the disk.

        Args:
            counts: up to now.
        """
        self._write_batch()
        self._frames.write(KIND_COUNTS, counts_bytes(counts))
        self._sync()

    def end(self, counts: Counts) -> None:
        """Say that nothing is missing behind here.

        Args:
            counts: of the whole recording.
        """
        self._write_batch()
        self._frames.write(KIND_END, counts_bytes(counts))
        self._sync()

    def _write_batch(self) -> None:
        if self._batch:
            self._frames.write(KIND_EVENTS, bytes(self._batch))
            self._batch.clear()

    def _sync(self) -> None:
        """Have the system bring it to the disk; what is no file has nothing to bring."""
        self._flushed = time.monotonic()
        try:
            os.fdatasync(self._file.fileno())
        except OSError as error:
            if error.errno not in (EINVAL, EOPNOTSUPP):  # a pipe or a device
                raise


def _opened(path: Path, replace: bool) -> int:
    """A descriptor of the new file."""
    device = path.exists() and not path.is_file()
    how = 0 if device else os.O_TRUNC if replace else os.O_EXCL
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, _MODE)
    except FileExistsError:
        raise RecordingError(
            "BPFC0944",
            f"{path} exists already",
            "name a new file, or say --replace if its recording is not wanted any more",
        ) from None
