"""What the tests on the running kernel share."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

BUSYBOX = shutil.which("busybox") or "/bin/busybox"


@pytest.fixture(scope="session")
def busybox() -> Path:
    """A program that needs no other file, and is whatever it is called as."""
    return Path(BUSYBOX).resolve()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the module's own, without symbolic links in its path."""
    return tmp_path_factory.mktemp("place").resolve()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A TCP listener on 127.0.0.1 that does not wait."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        one.setblocking(False)
        yield one
