"""Files that are expensive to get, kept with checksums; and locks between processes."""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bpfc_cli.vm.errors import VmError

LOG = logging.getLogger("bpfc.vm")
LOCK_NAME = "bpfc-vm.lock"
LOCK_WAIT_S = 900.0
LOCK_POLL_S = 0.1


def cache_folder() -> Path:
    """Where files are kept: below $XDG_CACHE_HOME, or ~/.cache without it."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "bpfc" / "vm"


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Cache:
    """A folder of files, each with its SHA-256 beside it, checked at every use.

    Args:
        folder: where; by default `cache_folder()`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder()

    def file(self, name: str, make: Callable[[Path], None]) -> Path:
        """A file of the cache, made first if it is missing or damaged.

        Two processes may do this at once: the second one waits and finds the first one's file.

        Args:
            name: its path below the folder.
            make: writes it to the path it is given; that replaces the old file at once.

        Returns:
            Where it lies.

        Raises:
            VmError: BPFC0810, the folder cannot be written; and whatever `make` raises.
        """
        path = self.folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path.with_name(path.name + ".lock")):
                if not self._good(path):
                    self._make(path, make)
        except OSError as error:
            raise VmError(
                "BPFC0810",
                f"the cache for virtual machines, {self.folder}, cannot be used: {error}",
                "make room and rights there, or set XDG_CACHE_HOME to another folder",
            ) from error
        return path

    def keep_newest(self, pattern: str, count: int) -> None:
        """Delete files of one kind that were not used for longest.

        Args:
            pattern: which files, as for `Path.glob`, below the folder.
            count: how many to keep.
        """
        found = sorted(self.folder.glob(pattern), key=lambda path: path.stat().st_atime)
        for path in found[: max(0, len(found) - count)]:
            for victim in (path, _digest_of(path), path.with_name(path.name + ".lock")):
                victim.unlink(missing_ok=True)

    @staticmethod
    def _good(path: Path) -> bool:
        """Whether a file is there and as it was written."""
        if not path.is_file():
            return False
        try:
            kept = _digest_of(path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            kept = ""
        if kept == file_digest(path):
            os.utime(path, (time.time(), path.stat().st_mtime))  # for keep_newest; noatime mounts
            return True
        LOG.warning("%s does not match its checksum any more; it is made again", path)
        return False

    @staticmethod
    def _make(path: Path, make: Callable[[Path], None]) -> None:
        """Make a file under another name, then put it and its checksum in place."""
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as folder:
            fresh = Path(folder) / path.name
            make(fresh)
            digest = Path(folder) / "digest"
            digest.write_text(file_digest(fresh) + "\n", "ascii")
            fresh.replace(path)
            digest.replace(_digest_of(path))


def _digest_of(path: Path) -> Path:
    """Where a file's checksum is kept."""
    return path.with_name(path.name + ".sha256")


@contextmanager
def locked(path: Path, wait: float = LOCK_WAIT_S) -> Iterator[int]:
    """Hold a lock file, which dies with the processes that hold it.

    Args:
        path: the lock file; it stays.
        wait: how long to wait for others, seconds.

    Yields:
        Its descriptor; a child process that inherits it holds the lock as well.

    Raises:
        VmError: BPFC0813, others held it all the time.
    """
    import fcntl  # not on Windows, where architecture() refuses first

    descriptor = _open_lock(path)
    try:
        deadline = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise VmError(
                        "BPFC0813",
                        f"another process has held {path} for {wait:.0f} seconds",
                        "only one virtual machine runs at a time: let the other end, or end it",
                    ) from None
                time.sleep(LOCK_POLL_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    """Open a lock file that may belong to another user."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        # Without O_CREAT first: in a shared /tmp the kernel refuses it on another user's file.
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            pass
        try:
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            continue


def host_lock() -> Path:
    """The lock file that every user's virtual machines on this host share."""
    return Path(tempfile.gettempdir()) / LOCK_NAME
