"""Sources of events: child processes that connect or start programs, each event with a number.

A child counts what it did in memory that it shares with its parent, so nothing has to be sent.
"""

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import c_uint64
from multiprocessing import get_context
from multiprocessing.sharedctypes import RawArray
from typing import Any

PORT = 9  # discard, RFC 863: nobody listens, and a datagram socket does not ask
NETWORK = (
    "127.64.0.0/10"  # of the loopback; where the journal's entry 0 is (compiler option `journal`)
)
NETWORK_SIZE = 1 << 22
TICK_S = 0.001
MEMBERS = ("stop", "sent", "denied", "failed")
BATCH = 256


class Tally:
    """Counts of one child, in shared memory.

    Args:
        identities: how many identities of events it can list.
    """

    def __init__(self, identities: int = 0) -> None:
        self._words: Any = RawArray(c_uint64, len(MEMBERS))
        self._identities: Any = RawArray(c_uint64, max(1, identities))

    def __getitem__(self, name: str) -> int:
        return int(self._words[MEMBERS.index(name)])

    def add(self, name: str, number: int) -> None:
        """Count; only the child does."""
        self._words[MEMBERS.index(name)] += number

    def stop(self) -> None:
        """Ask the child to end."""
        self._words[MEMBERS.index("stop")] = 1

    def note(self, identity: int) -> None:
        """List the identity of the event that is counted as sent next."""
        self._identities[self["sent"]] = identity

    def identities(self) -> list[int]:
        """The identities listed so far."""
        return list(self._identities[: self["sent"]])


def connects(tally: Tally, first: int, limit: int, rate: float | None) -> None:
    """Connect a datagram socket to one address after the other.

    Args:
        tally: counts.
        first: number of the first address within NETWORK; a multiple of BATCH.
        limit: connect that often at most, a multiple of BATCH.
        rate: events a second, None for as many as possible.
    """
    base = int.from_bytes(socket.inet_aton(NETWORK.partition("/")[0]), "big")
    endings = [f".{n}" for n in range(BATCH)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        connect, begun = sender.connect_ex, time.monotonic()
        for number in range(0, limit, BATCH):
            if tally["stop"]:
                return
            prefix = socket.inet_ntoa((base + first + number).to_bytes(4, "big")).rpartition(".")[0]
            results = [connect((prefix + ending, PORT)) for ending in endings]
            tally.add("denied", results.count(errno.EPERM))
            tally.add("failed", BATCH - results.count(errno.EPERM) - results.count(0))
            tally.add("sent", BATCH)
            if rate is not None:
                _wait_until(begun + (number + BATCH) / rate)


def execs(tally: Tally, program: str, limit: int) -> None:
    """Start a program and wait for its end, again and again; its process ids are the identities.

    Args:
        tally: counts and identities.
        program: path.
        limit: start it that often at most.
    """
    for _ in range(limit):
        if tally["stop"]:
            return
        child = os.posix_spawn(program, [program, "true"], {})
        _, status = os.waitpid(child, 0)
        tally.add("failed", int(status != 0))
        tally.note(child)
        tally.add("sent", 1)


def _wait_until(moment: float) -> None:
    left = moment - time.monotonic()
    if left > TICK_S:
        time.sleep(left)


@contextmanager
def running(source: Callable[..., None], tally: Tally, *arguments: object) -> Iterator[Any]:
    """Run a source in a child process while the block runs; then end it.

    Args:
        source: `connects` or `execs`.
        tally: its counts.
        arguments: the source's further arguments.

    Yields:
        The child process.
    """
    child = get_context("fork").Process(target=source, args=(tally, *arguments), daemon=True)
    child.start()
    try:
        yield child
    finally:
        tally.stop()
        child.join()
