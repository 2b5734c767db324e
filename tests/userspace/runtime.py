"""A container runtime for tests: answers as Docker does, or in ways that it should not."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field

ID = "4f" * 32
IMAGE = "sha256:" + "1d" * 32
DIGEST = "sha256:" + "3d" * 32


def inspected(**changes: object) -> dict[str, object]:
    """What "GET /containers/ID/json" gives, cut down to what matters and some of the rest."""
    config = {
        "Hostname": "4f4f4f4f4f4f",
        "Env": ["PATH=/usr/bin"],
        "Image": "registry.example:5000/shop/web:1.25",
        "Labels": {
            "io.kubernetes.pod.name": "web-7d9",
            "io.kubernetes.pod.namespace": "shop",
            "maintainer": "someone",
        },
    }
    return {
        "Id": ID,
        "Name": "/web",
        "Image": IMAGE,
        "State": {"Status": "running", "Pid": 4711},
        "HostConfig": {"Privileged": True, "CapAdd": None},
        "Config": config,
        **changes,
    }


def http(status: int, body: bytes, headers: str = "") -> bytes:
    """An answer."""
    head = f"HTTP/1.0 {status} x\r\nContent-Type: application/json\r\n{headers}\r\n"
    return head.encode() + body


@define
class Runtime:
    """What answers.

    Args:
        path: of its socket.
        answers: by path of the request.
        pause: seconds between one byte and the next.
        asked: paths that were asked for.
    """

    path: str
    answers: dict[str, bytes] = field(factory=dict)
    pause: float = 0.0
    asked: list[str] = field(factory=list)

    def tell(self, container: object, image: object = None) -> None:
        """Know a container and its image."""
        self.answers[f"/containers/{ID}/json"] = http(200, json.dumps(container).encode())
        self.answers[f"/images/{IMAGE}/json"] = http(200, json.dumps(image).encode())

    def serve(self, connection: socket.socket) -> None:
        """Answer one request."""
        with connection:
            try:
                request = b""
                while b"\r\n\r\n" not in request:
                    if not (part := connection.recv(4096)):
                        return  # it found out who listens, and left
                    request += part
                path = request.split()[1].decode()
                self.asked.append(path)
                answer = self.answers.get(path, http(404, b'{"message": "no such thing"}'))
                if not self.pause:
                    connection.sendall(answer)
                    return
                for byte in answer:
                    connection.sendall(bytes([byte]))
                    time.sleep(self.pause)
            except OSError:
                pass  # the other side did not want to wait


@contextmanager
def running(path: Path) -> Iterator[Runtime]:
    """A runtime that listens on a socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen()
    runtime = Runtime(str(path))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            runtime.serve(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield runtime
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
