"""Asking container runtimes: HTTP over a unix socket, bounded in bytes and time."""

import io
import json
import socket
import struct
from collections.abc import Sequence
from time import monotonic
from typing import cast

from attrs import define

from bpfc.userspace.budget import Budget
from bpfc.userspace.reasons import Reason, Unknown

SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
_HEADERS = 1 << 16  # bytes of an answer besides its body
_ASK = "GET {} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"
_CREDENTIALS = struct.Struct("3i")  # struct ucred, include/linux/socket.h: pid, uid, gid
_OWNER = 0  # who is believed


@define
class Runtimes:
    """Container runtimes of this machine with Docker's API (Docker, Podman).

    Args:
        sockets: their sockets; only those on which root listens are asked.
        most: bytes of an answer.
        seconds: for connecting to one and for its answer.
    """

    sockets: Sequence[str]
    most: int
    seconds: float

    def ask(self, path: str, budget: Budget) -> object:
        """The answer of the first runtime that knows what is asked for.

        Args:
            path: of the request.
            budget: what this is charged to.

        Returns:
            JSON.

        Raises:
            Unknown: there is no runtime, or none that knows or that answers.
        """
        reason = Reason.NO_RUNTIME
        for name in self.sockets:
            budget.check()
            end = monotonic() + min(self.seconds, budget.left())
            try:
                connection = _connected(name, end)
            except OSError:
                continue
            with connection:
                try:
                    status, body = _parsed(_exchange(connection, path, self.most + _HEADERS, end))
                    if status == 200 and len(body) <= self.most:
                        return cast(object, json.loads(body))
                    missing = status == 404
                    if missing and reason is Reason.NO_RUNTIME:
                        reason = Reason.NOT_KNOWN
                    elif not missing:
                        reason = Reason.NO_ANSWER
                except (OSError, ValueError, RecursionError):
                    reason = Reason.NO_ANSWER
        raise Unknown(reason)


def _connected(name: str, end: float) -> socket.socket:
    """A connection to root's socket of a name; OSError if there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(_left(end))
        connection.connect(name)
        # Asked of the connection, not of the file: that could be another one by now.
        size = _CREDENTIALS.size
        listener = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        if _CREDENTIALS.unpack(listener)[1] != _OWNER:
            raise PermissionError(f"{name} is not root's")
    except BaseException:
        connection.close()
        raise
    return connection


def _exchange(connection: socket.socket, path: str, most: int, end: float) -> bytes:
    """The whole answer: with HTTP/1.0 it ends with the connection."""
    connection.settimeout(_left(end))
    connection.sendall(_ASK.format(path).encode("ascii"))
    answer = bytearray()
    while len(answer) <= most:
        connection.settimeout(_left(end))
        part = connection.recv(1 << 16)
        if not part:
            return bytes(answer)
        answer += part
    raise ValueError("the answer is too long")


def _left(end: float) -> float:
    left = end - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Received:
    """What HTTPResponse reads from, in the place of a socket."""

    def __init__(self, answer: bytes) -> None:
        """Keep the answer."""
        self._answer = answer

    def makefile(self, mode: str) -> io.BytesIO:
        """The answer as a file."""
        return io.BytesIO(self._answer)


def _parsed(answer: bytes) -> tuple[int, bytes]:
    """Status and body; ValueError if that is no HTTP."""
    from http.client import HTTPException, HTTPResponse  # 20 ms, of no use where nobody is asked

    response = HTTPResponse(cast(socket.socket, _Received(answer)))
    try:
        response.begin()
        return response.status, response.read()
    except HTTPException as error:
        raise ValueError(str(error)) from None
