"""The frames between host and guest, and the agent's handling of a command, without a guest."""

import io
import os
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc_cli.vm.agent import CANNOT_START, decode, encode, execute

headers = st.dictionaries(
    st.text().filter(lambda name: name != "blobs"), st.integers() | st.text() | st.booleans()
)


@given(headers, st.lists(st.binary()), st.integers(1, 7))
def test_frames_survive_any_partition(
    header: dict[str, object], blobs: list[bytes], most: int
) -> None:
    stream = io.BytesIO(encode(header, blobs) + encode({"next": 1}))

    def read(count: int) -> bytes:
        return stream.read(min(count, most))

    found, data = decode(read)
    found.pop("blobs")
    assert (found, data) == (header, blobs)
    assert decode(read)[0]["next"] == 1
    with pytest.raises(EOFError):
        decode(read)


@given(st.binary(min_size=1), st.data())
def test_a_cut_frame_is_the_end(blob: bytes, data: st.DataObject) -> None:
    frame = encode({}, [blob])
    cut = data.draw(st.integers(0, len(frame) - 1))
    with pytest.raises(EOFError):
        decode(io.BytesIO(frame[:cut]).read)


def _execute(
    argv: list[str], cwd: str, files: dict[str, bytes] | None = None, timeout: float = 30
) -> tuple[int, bool, bytes, bytes]:
    """Have the agent's code run a command here."""
    files = files or {}
    request = {
        "argv": argv, "cwd": cwd, "env": {"PATH": os.defpath, "GREETING": "hello"},
        "files": list(files), "timeout": timeout,
    }  # fmt: skip
    frame = execute(request, [*files.values(), b"typed"])
    answer, (out, err) = decode(io.BytesIO(frame).read)
    return answer["code"], answer["timed_out"], out, err


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", (0, False, b"", b"")),
        ("printf 'a\\377'; printf b >&2; exit 200", (200, False, b"a\xff", b"b")),
        ("cat; echo $GREETING; echo $HOME", (0, False, b"typedhello\n\n", b"")),
        ("kill -TERM $$", (-15, False, b"", b"")),
        ("yes | head -n 1", (0, False, b"y\n", b"")),
        ("./tool", (0, False, b"runs\n", b"")),
    ],
)
def test_outcomes(script: str, expected: tuple[int, bool, bytes, bytes], tmp_path: object) -> None:
    files = {"tool": b"#!/bin/sh\necho runs\n", "below/deep/file": b""}
    assert _execute(["sh", "-c", script], str(tmp_path), files) == expected


def _gone(pid: int) -> bool:
    """Whether a process has ended, perhaps without anyone having waited for it."""
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_command_that_takes_too_long_is_killed_with_its_children(tmp_path: object) -> None:
    script = f"{sys.executable} -c 'import time; time.sleep(100)' & echo $!; echo e >&2; sleep 100"
    code, timed_out, out, err = _execute(["sh", "-c", script], str(tmp_path), timeout=0.5)
    assert (code, timed_out, err) == (-9, True, b"e\n")
    deadline = time.monotonic() + 10
    while not _gone(int(out)):
        assert time.monotonic() < deadline, "the child lives on"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("argv", "cwd", "files"),
    [
        (["/no/such/program"], "/", {}),
        (["true"], "/no/such/folder", {}),
        (["true"], "/", {"/proc/no/such": b""}),
        (["bad\0name"], "/", {}),
    ],
)
def test_what_cannot_start_is_said(argv: list[str], cwd: str, files: dict[str, bytes]) -> None:
    code, timed_out, out, err = _execute(argv, cwd, files)
    assert (code, timed_out, out) == (CANNOT_START, False, b"")
    assert err.startswith(b"bpfc-vm: ") and err.endswith(b"\n")
