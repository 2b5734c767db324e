"""Cached files: damage is noticed, a failure leaves nothing, two processes do not collide."""

import logging
import multiprocessing
import time
from pathlib import Path

import pytest

from bpfc_cli.vm.cache import Cache, cache_folder, host_lock, locked
from bpfc_cli.vm.errors import VmError


class Maker:
    """Writes a file and counts how often."""

    def __init__(self, data: bytes = b"expensive" * 1000) -> None:
        self.calls = 0
        self.data = data

    def __call__(self, target: Path) -> None:
        """Make the file."""
        self.calls += 1
        target.write_bytes(self.data)


def test_a_file_is_made_once(tmp_path: Path) -> None:
    make = Maker()
    paths = {Cache(tmp_path / "new").file("thing", make) for _ in range(3)}
    assert (make.calls, len(paths)) == (1, 1)
    assert paths.pop().read_bytes() == make.data


@pytest.mark.parametrize("damage", ["a flipped bit", "a cut", "no checksum", "a checksum of junk"])
def test_a_damaged_file_is_made_again(
    damage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make = Maker()
    path = Cache(tmp_path).file("thing", make)
    digest = path.with_name("thing.sha256")
    match damage:
        case "a flipped bit":
            data = bytearray(path.read_bytes())
            data[4711] ^= 1
            path.write_bytes(data)
        case "a cut":
            path.write_bytes(path.read_bytes()[:-1])
        case "no checksum":
            digest.unlink()
        case _:
            digest.write_bytes(b"\xff" * 64)
    with caplog.at_level(logging.WARNING):
        assert Cache(tmp_path).file("thing", make).read_bytes() == make.data
    assert make.calls == 2
    assert "does not match its checksum" in caplog.text
    Cache(tmp_path).file("thing", make)
    assert make.calls == 2


def test_a_failed_attempt_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        target.write_bytes(b"half")
        raise VmError("BPFC0805", "no network", "wait")

    with pytest.raises(VmError, match="no network"):
        Cache(tmp_path).file("thing", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["thing.lock"]


def test_a_folder_that_cannot_be_used_is_a_diagnostic(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(VmError) as caught:
        Cache(tmp_path / "file").file("thing", Maker())
    assert caught.value.code == "BPFC0810"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for name in ("a.disk", "b.disk", "c.disk", "a.disk"):
        cache.file(name, Maker())
        time.sleep(0.02)  # the file system's clock ticks in steps of some milliseconds
    cache.keep_newest("*.disk", 2)
    left = {path.name for path in tmp_path.iterdir()}
    assert {"a.disk", "a.disk.sha256", "c.disk"} <= left
    assert not any(name.startswith("b.") for name in left)


def _slow(target: Path) -> None:
    """Write a file in the time that a second process needs to come in between."""
    time.sleep(0.2)
    with (target.parent.parent / "calls").open("a") as calls:
        calls.write("made\n")
    target.write_bytes(b"done")


def _use(folder: Path) -> None:
    """What each process does."""
    Cache(folder).file("thing", _slow)


def test_two_processes_make_a_file_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_use, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "calls").read_text() == "made\n"


def test_a_lock_that_others_hold_is_a_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        with pytest.raises(VmError) as caught, locked(path, wait=0.2):
            pytest.fail("held twice")
        assert caught.value.code == "BPFC0813"
    with locked(path, wait=0):
        pass


def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError), locked(tmp_path / "lock"):
        pytest.fail("followed")
    assert not (tmp_path / "victim").exists()


def test_where_files_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "bpfc" / "vm"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert cache_folder() == tmp_path / "me" / ".cache" / "bpfc" / "vm"
    assert host_lock().parent != cache_folder()
