"""Opening the program file that a record is about, and no other."""

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator
from itertools import islice

from attrs import frozen

from bpfc.userspace.reasons import Reason, Unknown

ProgramOpener = Callable[[int, int], int | None]
"""From process id and start time (nanoseconds since boot) to a descriptor of its program, or None
if that process has ended."""

PathOpener = Callable[[str], int]
"""From a path of a record to a descriptor; raises OSError, ValueError or `Unknown`."""

_READING = ("O_RDONLY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY", "O_NOINHERIT")
_MOUNTS = 16_384  # lines of a mount table; charged to finding the file
# Files of volumes only: opening a pipe lets its other end act as us, a share tells it who we are.
_VOLUME = re.compile(r"\\Device\\HarddiskVolume\d+\\")
_DRIVE = re.compile(r"(?:\\\?\?\\)?([A-Za-z]:\\.*)", re.DOTALL)


@frozen
class Wanted:
    """What a record says of a program file.

    Args:
        path: its path, None if it is not known.
        identity: device (major << 20 | minor) and inode, None if they are not known.
        process: id and start time of a process that ran it, None if they are not known.
        until_ns: when it was seen to run, nanoseconds since 1970, None if that is not known.
    """

    path: str | None
    identity: tuple[int, int] | None
    process: tuple[int, int] | None
    until_ns: int | None = None


@frozen
class Stamp:
    """A file in one state of its content, as far as the file system tells.

    Args:
        device, inode: which file it is.
        size: bytes.
        written_ns, changed_ns: times of the last write and of the last change of its inode.
    """

    device: int
    inode: int
    size: int
    written_ns: int
    changed_ns: int


def nobody(pid: int, start_ns: int) -> int | None:
    """A `ProgramOpener` that knows no process."""
    return None


def stamp_of(descriptor: int) -> Stamp:
    """The state that a file is in.

    Args:
        descriptor: it, open.

    Raises:
        Unknown: it is not a regular file.
        OSError: its state cannot be read.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Unknown(Reason.SPECIAL)
    return Stamp(
        status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def open_linux(wanted: Wanted, opener: ProgramOpener, open_path: PathOpener) -> int:
    """Open a program file of Linux.

    What the process runs now may be another program than the recorded one, and so may be what
    stands at the path now, or the path may be one of another mount namespace: only the recorded
    device and inode count. While a process runs a file nobody can write to it; later somebody can,
    so a file that was found by its path and changed after the event is not taken for what ran.

    Args:
        wanted: what the record says.
        opener: for the process.
        open_path: for the path.

    Returns:
        A descriptor, to be closed by the caller.

    Raises:
        Unknown: it cannot be found or opened.
    """
    if wanted.identity is None:
        raise Unknown(Reason.NOT_RECORDED)
    reason = Reason.NOT_RECORDED
    if wanted.process is not None:
        descriptor = opener(*wanted.process)
        if descriptor is not None and _is(descriptor, wanted):
            return descriptor
        reason = Reason.GONE if descriptor is None else Reason.REPLACED
    if wanted.path is None:
        raise Unknown(reason)
    descriptor = _opened(open_path, wanted.path)
    if not _is(descriptor, wanted):
        raise Unknown(Reason.REPLACED)
    if wanted.until_ns is not None and os.fstat(descriptor).st_ctime_ns > wanted.until_ns:
        os.close(descriptor)
        raise Unknown(Reason.CHANGED)
    return descriptor


def open_windows(wanted: Wanted, open_path: PathOpener) -> int:
    """Open a program file of Windows, by its path.

    Args:
        wanted: what the record says.
        open_path: for the path.

    Returns:
        A descriptor, to be closed by the caller.

    Raises:
        Unknown: it cannot be opened, or is not a file of a local volume.
    """
    if wanted.path is None:
        raise Unknown(Reason.NOT_RECORDED)
    return _opened(open_path, windows_path(wanted.path))


def windows_path(path: str) -> str:
    r"""A path of the kernel as CreateFile takes it.

    Args:
        path: for example \Device\HarddiskVolume3\Windows\notepad.exe, \??\C:\x.exe or C:\x.exe.

    Returns:
        The same with \\?\GLOBALROOT or \\?\ in front.

    Raises:
        Unknown: it is not a file of a local volume.
    """
    if _VOLUME.match(path):
        return "\\\\?\\GLOBALROOT" + path
    if drive := _DRIVE.fullmatch(path):
        return "\\\\?\\" + drive[1]
    raise Unknown(Reason.SPECIAL)


def path_opener(platform: str) -> PathOpener:
    """How files are opened by the paths of a platform's records.

    Args:
        platform: "linux" or "windows".
    """
    return _open_plainly if platform == "windows" else _open_regular


def _open_regular(path: str) -> int:
    """Open a regular file; nothing else is opened even for a moment, since that can have effects
    (a watchdog starts, a tape rewinds, the writer of a FIFO goes on)."""
    if not path.startswith("/") or not hasattr(os, "O_PATH"):
        raise Unknown(Reason.GONE)
    handle = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        stamp_of(handle)
        return _open_plainly(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)


def _open_plainly(path: str) -> int:
    flags = 0
    for name in _READING:
        flags |= getattr(os, name, 0)
    return os.open(path, flags)


def _opened(open_path: PathOpener, path: str) -> int:
    try:
        return open_path(path)
    except ValueError:  # a NUL inside
        raise Unknown(Reason.GONE) from None
    except OSError as error:
        gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
        raise Unknown(Reason.GONE if gone else Reason.UNREADABLE) from None


def _is(descriptor: int, wanted: Wanted) -> bool:
    """Whether an open file is the recorded one; it is closed if not."""
    try:
        stamp = stamp_of(descriptor)
        if wanted.identity is not None and stamp.inode == wanted.identity[1]:
            found = _devices(descriptor, stamp, wanted.process)
            if any(device == wanted.identity[0] for device in found):
                return True
    except (OSError, Unknown, ValueError):
        pass
    os.close(descriptor)
    return False


def _devices(descriptor: int, stamp: Stamp, process: tuple[int, int] | None) -> Iterator[int]:
    """The numbers of a file's device, as the kernel has them: that of the file as stat(2) tells it,
    and that of its file system, which is another one on subvolumes of btrfs and on overlays of
    several file systems."""
    yield device_number(os.major(stamp.device), os.minor(stamp.device))
    with open(f"/proc/self/fdinfo/{descriptor}", "rb") as info:
        mounts = [line.split()[1] for line in info if line.startswith(b"mnt_id:")]
    # The mount may be one of the process's own namespace.
    for namespace in ("self",) if process is None else ("self", process[0]):
        with open(f"/proc/{namespace}/mountinfo", "rb") as table:
            # proc(5): id, parent's id, major:minor of the file system.
            for line in islice(table, _MOUNTS):
                columns = line.split(b" ", 3)
                if columns[0] in mounts:
                    major, minor = columns[2].split(b":")
                    yield device_number(int(major), int(minor))


def device_number(major: int, minor: int) -> int:
    """A device as the kernel has it (MKDEV, include/linux/kdev_t.h).

    Args:
        major, minor: its numbers.
    """
    return major << 20 | minor
