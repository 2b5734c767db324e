"""Starting programs in every way there is, without a shell or a library in between."""

import ctypes
import errno
import os
import platform
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

libc = ctypes.CDLL(None, use_errno=True)

CLONE_NEWNS = 0x00020000  # include/uapi/linux/sched.h
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18  # include/uapi/linux/mount.h
MNT_DETACH = 2
AT_EMPTY_PATH = 0x1000  # include/uapi/linux/fcntl.h

# System calls without a function in every C library (arch/x86/entry/syscalls/syscall_64.tbl,
# include/uapi/asm-generic/unistd.h).
_NUMBERS = {
    "x86_64": {"exit": 60, "pivot_root": 155, "execveat": 322},
    "aarch64": {"exit": 93, "pivot_root": 41, "execveat": 281},
}

Words = Sequence[str | bytes]
Prepare = Callable[[], object]


def checked(result: int) -> int:
    """Turn the result of a C function into an exception if it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def system_call(name: str, *arguments: object) -> int:
    """A system call by number."""
    return checked(libc.syscall(_NUMBERS[platform.machine()][name], *arguments))


def mount(source: str, target: str | Path, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    words = (os.fsencode(word) if word else None for word in (source, os.fspath(target), kind))
    checked(libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None))


def own_mounts() -> None:
    """Give this process a mount namespace whose changes stay in it."""
    checked(libc.unshare(CLONE_NEWNS))
    mount("none", "/", flags=MS_REC | MS_PRIVATE)


def pivot(root: str | Path) -> None:
    """Make a directory the root of this process's mount namespace, and let go of the old one."""
    mount(os.fspath(root), root, flags=MS_BIND)
    os.chdir(root)
    system_call("pivot_root", b".", b".")
    checked(libc.umount2(b".", MNT_DETACH))
    os.chdir("/")


def _vector(words: Words) -> ctypes.Array[ctypes.c_char_p]:
    raw = [os.fsencode(word) for word in words]
    return (ctypes.c_char_p * (len(raw) + 1))(*raw, None)


def raw_exec(path: str | bytes, words: Words, environment: Words = ()) -> None:
    """execve(2) as it is: Python's own refuses an empty first argument."""
    checked(libc.execve(os.fsencode(path), _vector(words), _vector(environment)))


def exec_at(directory: int, path: str, words: Words) -> None:
    """execveat(2)."""
    flags = 0 if path else AT_EMPTY_PATH
    system_call("execveat", directory, path.encode(), _vector(words), _vector(()), flags)


def fork(work: Callable[[], object]) -> int:
    """Run something in a forked child; it ends with 0, or with 120 after an exception.

    Returns:
        The child's id; not waited for.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 120
    try:
        work()
        code = 0
    except BaseException as error:
        os.write(2, f"child: {error!r}\n".encode())
    finally:
        os._exit(code)


def start(path: str | bytes | Path, words: Words = ("x",), prepare: Prepare | None = None) -> int:
    """Start a program.

    Args:
        path: the file.
        words: its arguments, the first one too.
        prepare: runs in the child before.

    Returns:
        The process's id; it runs, or has ended, and is not waited for.

    Raises:
        OSError: the program could not be started.
    """
    read, write = os.pipe2(os.O_CLOEXEC)

    def child() -> None:
        try:
            if prepare is not None:
                prepare()
            raw_exec(os.fspath(path), words, [b"PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        except OSError as error:
            os.write(write, str(error.errno).encode())
            os._exit(127)

    pid = fork(child)
    os.close(write)
    with os.fdopen(read, "rb") as failed:
        number = failed.read()
    if number:
        os.waitpid(pid, 0)
        raise OSError(int(number), os.strerror(int(number)), os.fspath(path))
    return pid


def wait(pid: int) -> int:
    """Wait for a child: its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(path: str | bytes | Path, words: Words = ("x",), prepare: Prepare | None = None) -> int:
    """Start a program and wait for it; returns its process id."""
    pid = start(path, words, prepare)
    wait(pid)
    return pid


def run_child(work: Callable[[], object]) -> int:
    """Run something in a forked child and wait for it; returns its process id."""
    pid = fork(work)
    assert wait(pid) != 120
    return pid


class Held:
    """A forked child that does its work once it is let go; a context manager ends it.

    Args:
        work: what it does; its result is the exit code.
    """

    def __init__(self, work: Callable[[], int]) -> None:
        read, self._write = os.pipe()

        def child() -> None:
            os.close(self._write)
            os.read(read, 1)
            os._exit(work())

        self.pid = fork(child)
        os.close(read)
        self._code: int | None = None

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.go()

    def go(self) -> int:
        """Let it go and wait for it; returns its exit code, or minus the signal that ended it."""
        if self._code is None:
            os.close(self._write)
            self._code = wait(self.pid)
        return self._code


def in_thread(work: Callable[[], object]) -> None:
    """Run something in a thread that is not the process's first one; the first one waits."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def connect(
    address: str, port: int, kind: socket.SocketKind = socket.SOCK_DGRAM, six: bool | None = None
) -> int:
    """Connect a socket.

    Args:
        address: of the other side.
        port: of the other side.
        kind: SOCK_DGRAM sends nothing; SOCK_STREAM does not wait for an answer.
        six: whether the socket is an IPv6 one; by default what the address is.

    Returns:
        0 (also for a connection that is under way), or the error number.
    """
    wide = ":" in address if six is None else six
    with socket.socket(socket.AF_INET6 if wide else socket.AF_INET, kind) as one:
        one.setblocking(False)
        result = one.connect_ex((address, port))
    return 0 if result == errno.EINPROGRESS else result


def parent_is_this_process() -> str:
    """A condition that holds for the children of this process."""
    return f"proc.ppid == {os.getpid()}"


def interpreter() -> str:
    """The file that runs this Python."""
    return os.path.realpath(sys.executable)


def end(pid: int) -> None:
    """Kill a child and wait for it."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
