"""Values of the program files that processes run, kept by file."""

import os
import time

from attrs import define, field, frozen

from bpfc.artifact.decode import State, Value
from bpfc.userspace import pe
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.budget import Budget
from bpfc.userspace.content import DIGESTS, digests, whole
from bpfc.userspace.counts import Work
from bpfc.userspace.locating import (
    PathOpener,
    ProgramOpener,
    Stamp,
    Wanted,
    open_linux,
    open_windows,
    stamp_of,
)
from bpfc.userspace.lru import Lru
from bpfc.userspace.reasons import Answer, Reason, Unknown

# A file may be written to twice within one tick of its file system's clock (2 s on FAT) and keep
# its stamp; what is known of a younger state is used for this batch only.
_SETTLED_NS = 2_000_000_000
_BATCH = 4096  # records of a batch whose files are remembered

Needs = tuple[Value | State, ...]


@define
class _Content:
    """What is known of a file's content.

    Args:
        answers: by source.
    """

    answers: dict[str, Answer] = field(factory=dict)


@frozen
class _Open:
    """A file that is being read.

    Args:
        descriptor: it.
        stamp: its state before.
    """

    descriptor: int
    stamp: Stamp


class Programs:
    """Digests of program files and what PE files say."""

    def __init__(
        self,
        platform: str,
        bounds: Bounds,
        opener: ProgramOpener,
        open_path: PathOpener,
        work: Work,
    ) -> None:
        """Prepare.

        Args:
            platform: "linux" or "windows".
            bounds: limits.
            opener: opens what a process runs.
            open_path: opens a file by its path in a record.
            work: what it costs is charged to this.
        """
        self._windows = platform == "windows"
        self._bounds = bounds
        self._opener = opener
        self._open_path = open_path
        self._counts = work.counts
        self._finding = work.finding
        self._reading = work.reading
        self._files: Lru[Stamp, _Content] = Lru(bounds.files)
        self._batch: Lru[tuple[Needs, int | None], _Content | Reason] = Lru(_BATCH)
        self._until_ns: int | None = None
        # Whoever asks for one digest of a file usually asks for the same others.
        self._asked: dict[str, None] = {}

    def begin(self) -> None:
        """Look again where files are."""
        self._batch.clear()
        self._until_ns = None

    def happened(self, time_ns: int) -> None:
        """Say when the event happened that the next questions are about.

        Args:
            time_ns: nanoseconds since 1970.
        """
        self._until_ns = time_ns

    def answer(self, source: str, needs: Needs) -> Answer:
        """What a source says of a program file.

        Args:
            source: of `DIGESTS` or `pe.PE`.
            needs: path, device, inode, process id and start time.

        Raises:
            Unknown: the file cannot be found or read.
        """
        if needs[0] is State.ABSENT:
            return State.ABSENT
        known = self._batch.get((needs, self._until_ns))
        if isinstance(known, Reason):
            return known
        if known is None or source not in known.answers:
            known = self._look(source, needs)
        else:
            self._counts.from_cache += 1
        return known.answers[source]

    def _look(self, source: str, needs: Needs) -> _Content:
        """A file's content with the answer of a source in it."""
        try:
            with self._finding.spending():
                descriptor = self._open(_wanted(needs, self._until_ns))
        except Unknown as unknown:
            if unknown.reason is not Reason.BUDGET:
                self._batch.put((needs, self._until_ns), unknown.reason)
            raise
        try:
            file = _Open(descriptor, stamp_of(descriptor))
            content = self._files.get(file.stamp) or _Content()
            if source in content.answers:
                self._counts.from_cache += 1
            else:
                with self._reading.spending():
                    content.answers.update(self._read(source, file, content))
                if time.time_ns() - file.stamp.changed_ns > _SETTLED_NS:
                    self._files.put(file.stamp, content)
            self._batch.put((needs, self._until_ns), content)
            return content
        except OSError:
            raise Unknown(Reason.UNREADABLE) from None
        finally:
            os.close(descriptor)

    def _open(self, wanted: Wanted) -> int:
        if self._windows:
            return open_windows(wanted, self._open_path)
        return open_linux(wanted, self._opener, self._open_path)

    def _read(self, source: str, file: _Open, content: _Content) -> dict[str, Answer]:
        """The answer of a source, and what else comes with it."""
        if file.stamp.size >= self._bounds.file_size:
            raise Unknown(Reason.TOO_BIG)
        found: dict[str, Answer] = {}
        if source in DIGESTS:
            self._asked[source] = None
            missing = [name for name in self._asked if name not in content.answers]
            found.update(digests(file.descriptor, file.stamp.size, missing, self._reading))
        else:
            found.update(self._take_apart(file))
        if stamp_of(file.descriptor) != file.stamp:
            raise Unknown(Reason.CHANGED)
        return found

    def _take_apart(self, file: _Open) -> dict[str, Answer]:
        size = file.stamp.size
        place = pe.starts_as_pe(whole(file.descriptor, min(size, pe.HEAD), self._reading))
        if place is None:
            return pe.no_pe()
        if size >= self._bounds.pe_size:
            return pe.unknown_pe(Reason.TOO_BIG)
        if pe.HEAD_MOST < place < size:
            return pe.unknown_pe(Reason.BROKEN)
        data = whole(file.descriptor, size, self._reading)
        if data[place : place + 4] != pe.SIGNATURE:
            return pe.no_pe()
        return self._within_own_time(data)

    def _within_own_time(self, data: bytes | bytearray) -> dict[str, Answer]:
        """Take a PE file apart; one that takes too long for itself is remembered as broken."""
        own = Budget(min(self._bounds.pe_seconds, self._reading.left()))
        try:
            with own.spending():
                return pe.take_apart(data, own, self._bounds.text)
        except Unknown:
            self._reading.check()
            return pe.unknown_pe(Reason.BROKEN)


def _wanted(needs: Needs, until_ns: int | None) -> Wanted:
    path, device, inode, pid, start = needs
    return Wanted(
        path if isinstance(path, str) else None,
        _numbers(device, inode),
        _numbers(pid, start),
        until_ns,
    )


def _numbers(first: Value | State, second: Value | State) -> tuple[int, int] | None:
    if type(first) is int and type(second) is int and second:
        return first, second
    return None
