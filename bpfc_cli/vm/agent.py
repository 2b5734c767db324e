"""The guest's end: runs what the host sends through a virtio port, until the host goes away.

Runs as a plain script without site-packages. Every import is time in each boot (under emulation
`subprocess` and `tempfile` take half a second each), so it makes do with a few. The host's end
takes the frames from here.

A frame is a length (4 bytes, little endian), that many bytes of JSON, and the byte strings whose
sizes are the JSON's "blobs".
"""

from __future__ import annotations

import json
import os
import select
import signal
import struct
import sys
import time

TYPE_CHECKING = False  # as typing's, without its import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

PORT = "bpfc"
PORTS = "/sys/class/virtio-ports"
LENGTH = struct.Struct("<I")
PORT_WAIT_S = 10.0
CANNOT_START = 127  # what a shell answers when a command cannot be found


def encode(header: dict[str, Any], blobs: Sequence[bytes] = ()) -> bytes:
    """A frame.

    Args:
        header: what can be JSON.
        blobs: byte strings that go with it.

    Returns:
        Its bytes.
    """
    text = json.dumps({**header, "blobs": [len(blob) for blob in blobs]}).encode()
    return b"".join([LENGTH.pack(len(text)), text, *blobs])


def decode(read: Callable[[int], bytes]) -> tuple[dict[str, Any], list[bytes]]:
    """The next frame.

    Args:
        read: gives at least one and at most so many bytes, or none at the end.

    Returns:
        Header and byte strings.

    Raises:
        EOFError: the other end is gone.
    """

    def exactly(count: int) -> bytes:
        parts = []
        while count:
            part = read(min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    (size,) = LENGTH.unpack(exactly(LENGTH.size))
    header = json.loads(exactly(size))
    return header, [exactly(count) for count in header["blobs"]]


def execute(request: dict[str, Any], blobs: list[bytes]) -> bytes:
    """Carry out one request: write its files, run its command.

    Args:
        request: argv, env, cwd, timeout (seconds), files (paths of all byte strings but the last).
        blobs: the files' contents, then what the command reads.

    Returns:
        The frame with the answer.
    """
    # Files, not pipes: a child that stays behind would keep a pipe open, and the answer waiting.
    names = ("stdin", "stdout", "stderr")
    stdin, out, err = streams = [os.memfd_create(name) for name in names]
    started = time.monotonic()
    code, timed_out = CANNOT_START, False
    try:
        for path, data in zip(request["files"], blobs[:-1], strict=True):
            _write(os.path.join(request["cwd"], path), data)
        os.write(stdin, blobs[-1])
        os.lseek(stdin, 0, os.SEEK_SET)
        code, timed_out = _run(request, streams)
    except OSError as error:
        os.write(err, f"bpfc-vm: {error}\n".encode())
    answer = {"code": code, "timed_out": timed_out, "seconds": time.monotonic() - started}
    frame = encode(answer, [_all_of(out), _all_of(err)])
    for descriptor in streams:
        os.close(descriptor)
    return frame


def _write(path: str, data: bytes) -> None:
    """Write a file that can be executed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o755)


def _run(request: dict[str, Any], streams: list[int]) -> tuple[int, bool]:
    """Run a command; its exit code (a signal's number negative), and whether it took too long."""
    pid = os.fork()
    if not pid:
        _become(request, streams)
    waiter = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(waiter, select.POLLIN)
        timed_out = not poll.poll(request["timeout"] * 1000)
    finally:
        os.close(waiter)
    if timed_out:
        os.killpg(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), timed_out


def _become(request: dict[str, Any], streams: list[int]) -> None:
    """Turn this child process into the command; it never returns."""
    try:
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        os.setsid()
        os.chdir(request["cwd"])
        # Python ignores it; commands expect what a shell gives them.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execvpe(request["argv"][0], request["argv"], request["env"])
    except BaseException as error:
        os.write(2, f"bpfc-vm: {request['argv'][0]} cannot be started: {error}\n".encode())
    finally:
        os._exit(CANNOT_START)


def _all_of(descriptor: int) -> bytes:
    """Everything in a file, whatever its position (which a child that stays behind shares)."""
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _find_port() -> str:
    """The device of the port to the host."""
    deadline = time.monotonic() + PORT_WAIT_S
    while time.monotonic() < deadline:
        for device in os.listdir(PORTS):
            with open(f"{PORTS}/{device}/name") as file:
                if file.read().strip() == PORT:
                    return f"/dev/{device}"
        time.sleep(0.02)
    raise SystemExit("no port to the host")


def main() -> None:
    """Answer requests until the host's end is closed."""
    port = os.open(_find_port(), os.O_RDWR | os.O_CLOEXEC)

    def send(frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            rest = rest[os.write(port, rest) :]

    send(encode({"release": os.uname().release, "python": sys.version}))
    while True:
        try:
            request, blobs = decode(lambda count: os.read(port, count))
        except (EOFError, OSError):
            return
        send(execute(request, blobs))


if __name__ == "__main__":
    main()
