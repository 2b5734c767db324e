"""A process of its own that produces events on command: one line in, one line out when it is done.

- `connect ADDRESS PORT COUNT`: connect a datagram socket.
- `exec PROGRAM COUNT`: start a program and wait for its end.
"""

import os
import socket
import sys
from collections.abc import Callable

DONE = "done"


def _connect(address: str, port: str, count: str) -> None:
    target = (address, int(port))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(int(count)):
            sender.connect(target)


def _exec(program: str, count: str) -> None:
    for _ in range(int(count)):
        os.waitpid(os.posix_spawn(program, ["true", "--one", "argument"], {}), 0)


_COMMANDS: dict[str, Callable[..., None]] = {"connect": _connect, "exec": _exec}


def main() -> None:
    """Read commands until the end of input."""
    # One CPU for it and its children: a process that begins on one and ends on another moves free
    # hash table elements between the CPUs' lists, and whether it does would decide the figures.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for line in sys.stdin:
        name, *arguments = line.split()
        _COMMANDS[name](*arguments)
        print(DONE, flush=True)


if __name__ == "__main__":
    main()
