"""What /proc says about processes, mounts and this process's rights."""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

from bpfc.artifact.control import LONG_TEXT, PRIMED_TICK_NS

CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = (
    12,
    21,
    38,
    39,
)  # include/uapi/linux/capability.h
PF_KTHREAD = 0x00200000  # include/linux/sched.h; column "flags" of /proc/PID/stat
INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO, include/linux/proc_ns.h
AT_EXECFN = 31  # include/uapi/linux/auxvec.h: file name that was given to execve
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PATH_MAX = 4096
_GONE = (errno.ENOENT, errno.ESRCH)
_DELETED = b" (deleted)"


@frozen
class ProcessFacts:
    """A running process as /proc shows it.

    Args:
        pid, ppid: ids as this process sees them.
        start_ns: start since boot, nanoseconds, a multiple of PRIMED_TICK_NS.
        kernel_thread: it has no program.
        exe: resolved path of its program, None if it cannot be read.
        in_memory: its program has no place in a file system.
        device, inode: identity of the program file, 0 if unknown; the device in the kernel's own
            form, major << 20 | minor.
        cmdline: arguments with NUL between them, at most LONG_TEXT + 1 bytes (then there is more);
            None if unreadable.
        invoked: file name that was given to execve, None if it cannot be read.
        scripted: False if the program itself was given to execve; None if that is not known.
    """

    pid: int
    ppid: int
    start_ns: int
    kernel_thread: bool
    exe: bytes | None
    in_memory: bool
    device: int
    inode: int
    cmdline: bytes | None
    invoked: bytes | None
    scripted: bool | None


def start_of(pid: int) -> int | None:
    """When a process started.

    Args:
        pid: its id.

    Returns:
        Nanoseconds since boot, rounded down to PRIMED_TICK_NS; None if it is gone.
    """
    stat = _stat(pid)
    return None if stat is None else int(stat[19]) * PRIMED_TICK_NS


def is_kernel_thread(pid: int) -> bool:
    """Whether a process has no program.

    Args:
        pid: its id.

    Returns:
        True as well for pid 2's children only; False if it is gone.
    """
    stat = _stat(pid)
    return stat is not None and bool(int(stat[6]) & PF_KTHREAD)


def open_program(pid: int, start_ns: int) -> int | None:
    """Open the program file that a process runs now, deleted or not.

    Args:
        pid: its id in the initial pid namespace.
        start_ns: when it started, nanoseconds since boot.

    Returns:
        A descriptor for reading, to be closed by the caller; None if that process has ended or
        cannot be looked into, or if process ids here are not those of records.
    """
    if not in_initial_pid_namespace():
        return None
    try:
        descriptor = os.open(f"/proc/{pid}/exe", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    # The process was there when it was recorded. If it still is, it was while its file was opened.
    with suppress(OSError):
        if start_of(pid) == start_ns // PRIMED_TICK_NS * PRIMED_TICK_NS:
            return descriptor
    os.close(descriptor)
    return None


def facts(pid: int) -> ProcessFacts | None:
    """Everything about a process.

    Args:
        pid: its id.

    Returns:
        Its facts, or None if it is gone or was replaced while it was read.
    """
    before = _stat(pid)
    if before is None:
        return None
    kernel = bool(int(before[6]) & PF_KTHREAD)
    exe, in_memory, device, inode = (None, False, 0, 0) if kernel else _program(pid)
    cmdline = _cmdline(pid)
    invoked = None if kernel else _invoked(pid)
    scripted = _scripted(pid, invoked, device, inode)
    after = _stat(pid)
    # Zombies have nothing left to read, and a new start time is another process.
    if after is None or after[19] != before[19] or after[0] in (b"Z", b"X"):
        return None
    start = int(after[19]) * PRIMED_TICK_NS
    return ProcessFacts(
        pid, int(after[1]), start, kernel, exe, in_memory, device, inode, cmdline, invoked, scripted
    )


def processes() -> Iterator[int]:
    """Ids of all processes (thread group leaders), as they are found."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def in_initial_pid_namespace() -> bool:
    """Whether process ids here are those that the kernel side records."""
    try:
        return os.readlink("/proc/self/ns/pid") == INITIAL_PID_NAMESPACE
    except OSError:
        return False


def cgroup2_mount(mounts: str = "/proc/self/mounts") -> Path | None:
    """Where the cgroup2 hierarchy is mounted.

    Args:
        mounts: the table to look in.

    Returns:
        Its first mount point, or None.
    """
    with open(mounts, "rb") as table:
        for line in table:
            columns = line.split(b" ")
            if len(columns) > 2 and columns[2] == b"cgroup2":
                # Blanks and backslashes are written as octal escapes (fs/proc_namespace.c).
                return Path(
                    columns[1]
                    .decode("unicode_escape")
                    .encode("latin-1")
                    .decode(errors="surrogateescape")
                )
    return None


def has_rights() -> bool:
    """Whether this process may load and attach BPF programs, as far as its capabilities say."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            effective = int(line.split()[1], 16)
            narrow = all(effective >> c & 1 for c in (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN))
            return bool(effective >> CAP_SYS_ADMIN & 1) or narrow
    return False


def _stat(pid: int) -> list[bytes] | None:
    """Columns of /proc/PID/stat behind the name (proc(5): state is column 3, here 0)."""
    try:
        raw = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError as error:
        if error.errno in _GONE:
            return None
        raise
    return raw[raw.rindex(b")") + 2 :].split()


def _program(pid: int) -> tuple[bytes | None, bool, int, int]:
    link = f"/proc/{pid}/exe"
    try:
        target = os.readlink(os.fsencode(link))
        status = os.stat(link)
    except OSError:
        return None, False, 0, 0
    unlinked = status.st_nlink == 0
    in_memory = unlinked and target.startswith(b"/memfd:")
    if unlinked:
        target = target.removesuffix(_DELETED)
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    return target, in_memory, device, status.st_ino


def _cmdline(pid: int) -> bytes | None:
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            parts, length = [], 0
            while length <= LONG_TEXT and (part := file.read(LONG_TEXT + 1 - length)):
                parts.append(part)
                length += len(part)
            # As in the kernel half, the NUL behind the last argument is no part of the text.
            return b"".join(parts) if length > LONG_TEXT else b"".join(parts).removesuffix(b"\0")
    except OSError:
        return None


def _invoked(pid: int) -> bytes | None:
    """The name in the process's own memory that its auxiliary vector points at."""
    try:
        auxiliary = Path(f"/proc/{pid}/auxv").read_bytes()
        entries = dict(struct.iter_unpack("@NN", auxiliary))
        address = entries.get(AT_EXECFN, 0)
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            # Not beyond the page: the string lies near the end of the stack.
            text = os.pread(memory.fileno(), _PATH_MAX - address % _PATH_MAX, address)
            if b"\0" not in text:
                text += os.pread(memory.fileno(), _PATH_MAX, address + len(text))
    except (OSError, struct.error, OverflowError):
        return None
    name, end, _ = text.partition(b"\0")
    return name if end and name else None


def _scripted(pid: int, invoked: bytes | None, device: int, inode: int) -> bool | None:
    """False if the file that was named is the program itself; None if that cannot be told."""
    if invoked is None or not inode:
        return None
    # A relative name is tried where the process is now: if that is the program, it was named.
    start = b"/proc/%d/root" if invoked.startswith(b"/") else b"/proc/%d/cwd/"
    try:
        status = os.stat(start % pid + invoked)
    except OSError:
        return None
    same = (
        status.st_ino == inode and os.major(status.st_dev) << 20 | os.minor(status.st_dev) == device
    )
    return False if same else None
