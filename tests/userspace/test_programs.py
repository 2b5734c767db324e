"""Digests of the programs that real processes run, whatever became of process and file."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfc.artifact.decode import State, Value
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.content import BLOCK, DIGESTS
from bpfc.userspace.fields import Sources
from runtime_linux.procfs import open_program, start_of

Needs = tuple[Value | State, ...]
Start = Callable[[Path], subprocess.Popen[bytes]]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program of our own, last changed a while ago."""
    path = tmp_path / "snooze"
    shutil.copy("/bin/sleep", path)
    return path


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs; they are ended afterwards."""
    started: list[subprocess.Popen[bytes]] = []

    def run(path: Path) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen([path, "60"]))
        return started[-1]

    yield run
    for one in started:
        one.kill()
        one.wait()


def recorded(path: Path, process: subprocess.Popen[bytes] | None = None) -> Needs:
    """What a record would say of a file, and of a process that runs it."""
    status = path.stat()
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    pid: Value | State = State.UNKNOWN
    began: Value | State = State.UNKNOWN
    if process is not None:
        found = start_of(process.pid)
        assert found is not None
        pid, began = process.pid, found + 1234  # records are more exact than /proc
    return str(path), device, status.st_ino, pid, began


def digest(path: Path, name: str = "sha256") -> str:
    """What hashlib says."""
    return hashlib.new(name, path.read_bytes()).hexdigest()


def why(sources: Sources) -> set[str]:
    """The reasons that were counted."""
    return {reason for reason, count in sources.counts.unknown.items() if count}


def live(bounds: Bounds | None = None) -> Sources:
    """Sources that look at processes."""
    return Sources("linux", bounds or Bounds(), open_program)


def test_a_running_program(program: Path, start: Start) -> None:
    sources = live()
    needs = recorded(program, start(program))
    for name in DIGESTS:
        assert sources.value(name, needs) == digest(program, name)
    assert sources.value("imphash", needs) is State.ABSENT
    assert why(sources) == set()


def test_a_process_is_enough_even_if_its_file_is_gone(program: Path, start: Start) -> None:
    needs, expected = recorded(program, start(program)), digest(program)
    program.unlink()
    assert live().value("sha256", needs) == expected
    assert live().value("sha256", (State.UNKNOWN, *needs[1:])) == expected
    other = Sources()
    assert other.value("sha256", needs) is State.UNKNOWN
    assert why(other) == {"gone"}


def test_a_file_is_enough_if_its_process_has_ended(program: Path, start: Start) -> None:
    process = start(program)
    needs = recorded(program, process)
    process.kill()
    process.wait()
    sources, expected = live(), digest(program, "md5")
    assert sources.value("md5", needs) == expected
    program.unlink()
    assert sources.value("md5", needs) == expected  # of the same batch
    sources.begin()
    assert sources.value("md5", needs) is State.UNKNOWN
    assert why(sources) == {"gone"}


def test_another_process_with_the_same_id_does_not_count(program: Path, start: Start) -> None:
    path, device, inode, pid, began = recorded(program, start(program))
    assert isinstance(began, int)
    program.unlink()
    sources = live()
    assert sources.value("sha256", (path, device, inode, pid, began - 10**9)) is State.UNKNOWN
    assert why(sources) == {"gone"}


def test_another_program_of_the_process_does_not_count(
    program: Path, start: Start, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copy("/bin/cat", other)
    running = recorded(program, start(program))
    before = (*recorded(other)[:3], *running[3:])  # it ran `other` first
    assert live().value("sha256", before) == digest(other)
    other.unlink()
    sources = live()
    assert sources.value("sha256", before) is State.UNKNOWN
    assert why(sources) == {"gone"}
    assert sources.value("sha256", (State.UNKNOWN, *before[1:])) is State.UNKNOWN
    assert why(sources) == {"gone", "replaced"}


def test_another_file_at_the_path_does_not_count(program: Path, tmp_path: Path) -> None:
    needs = recorded(program)
    other = tmp_path / "other"
    shutil.copy(program, other)
    other.replace(program)
    sources = Sources()
    assert sources.value("sha256", needs) is State.UNKNOWN
    assert sources.value("md5", needs) is State.UNKNOWN
    assert sources.counts.unknown["replaced"] == 2


def test_what_the_record_does_not_say(program: Path) -> None:
    path, device, inode, pid, began = recorded(program)
    sources = live()
    assert sources.value("sha1", (path, State.UNKNOWN, inode, pid, began)) is State.UNKNOWN
    assert sources.value("sha1", (path, device, 0, pid, began)) is State.UNKNOWN
    assert sources.value("sha1", (State.UNKNOWN, device, inode, pid, began)) is State.UNKNOWN
    assert sources.counts.unknown == {**sources.counts.unknown, "not recorded": 3}
    assert why(sources) == {"not recorded"}
    assert sources.value("sha1", (State.ABSENT, *(State.UNKNOWN,) * 4)) is State.ABSENT


@pytest.mark.parametrize("path", ["a\0b", "relative", "", "/no/such/file", "\\Device\\x"])
def test_paths_that_lead_nowhere(path: str) -> None:
    sources = Sources()
    assert sources.value("md5", (path, 1, 1, State.UNKNOWN, State.UNKNOWN)) is State.UNKNOWN
    assert why(sources) == {"gone"}


def test_special_files_are_not_opened(tmp_path: Path) -> None:
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to("/bin/sleep")
    for path in (fifo, Path("/dev/null"), tmp_path):
        sources = Sources()
        assert sources.value("md5", recorded(path)) is State.UNKNOWN
        assert why(sources) == {"not a regular file"}
    sources = Sources()
    needs = (str(link), *recorded(link)[1:])
    assert sources.value("md5", needs) is State.UNKNOWN  # a recorded path has no links in it


def test_files_that_may_not_be_read(program: Path) -> None:
    def refuse(path: str) -> int:
        raise PermissionError(13, "no")

    sources = Sources(open_path=refuse)
    assert sources.value("md5", recorded(program)) is State.UNKNOWN
    assert why(sources) == {"unreadable"}


def test_big_files_are_not_read(tmp_path: Path) -> None:
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 40)
    sources = Sources()
    assert sources.value("sha256", recorded(huge)) is State.UNKNOWN
    assert why(sources) == {"too big"}
    os.truncate(huge, 100)
    assert Sources(bounds=Bounds(file_size=101)).value("md5", recorded(huge)) == digest(huge, "md5")
    assert Sources(bounds=Bounds(file_size=100)).value("md5", recorded(huge)) is State.UNKNOWN


@pytest.mark.parametrize("change", [b"more", None], ids=["longer", "shorter"])
def test_files_that_change_while_they_are_read(
    tmp_path: Path, change: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(3 * BLOCK))
    needs, preadv, reads = recorded(path), os.preadv, []

    def read(descriptor: int, buffers: list[memoryview], at: int) -> int:
        reads.append(at)
        if len(reads) == 2:
            if change is None:
                os.truncate(path, BLOCK)
            else:
                with path.open("ab") as file:
                    file.write(change)
        return preadv(descriptor, buffers, at)

    monkeypatch.setattr(os, "preadv", read)
    sources = Sources()
    assert sources.value("sha256", needs) is State.UNKNOWN
    assert why(sources) == {"changed"}
    assert sources.value("sha256", needs) == digest(path)


def test_digests_that_are_asked_for_are_made_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / f"file{n}" for n in range(3)]
    for path in files:
        path.write_bytes(os.urandom(BLOCK + 7))
    passes, preadv = [], os.preadv

    def read(descriptor: int, buffers: list[memoryview], at: int) -> int:
        passes.append(at)
        return preadv(descriptor, buffers, at)

    monkeypatch.setattr(os, "preadv", read)
    sources = Sources()
    for path in files:
        for name in DIGESTS:
            assert sources.value(name, recorded(path)) == digest(path, name)
    # Of the first file each is a surprise; then all three are expected.
    assert passes.count(0) == 3 + 1 + 1
    assert sources.counts.from_cache == 2 + 2


def test_what_is_known_of_a_file_is_kept(
    program: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = live()
    first, second = (recorded(program, start(program)) for _ in range(2))
    monkeypatch.setattr("time.time_ns", lambda later=10**10: program.stat().st_ctime_ns + later)
    expected = digest(program)
    assert sources.value("sha256", first) == expected
    assert sources.counts.from_cache == 0
    sources.begin()
    for needs in (first, second, second):
        assert sources.value("sha256", needs) == expected
    assert sources.counts.from_cache == 3 and sources.counts.looked_up == 4
    os.utime(program)
    sources.begin()
    assert sources.value("sha256", first) == expected
    assert sources.counts.from_cache == 3


def test_a_file_that_was_just_written_is_read_again_in_the_next_batch(tmp_path: Path) -> None:
    path = tmp_path / "fresh"
    path.write_bytes(b"one")
    sources = Sources()
    needs, status = recorded(path), path.stat()
    assert sources.value("md5", needs) == digest(path, "md5")
    path.write_bytes(b"two")  # within one tick of the clock, say
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    sources.begin()
    assert sources.value("md5", needs) == digest(path, "md5")
    assert sources.counts.from_cache == 0


def test_a_file_that_was_changed_after_the_event(program: Path, start: Start) -> None:
    process = start(program)
    needs, sources = recorded(program, process), live()
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    sources.happened(now - 60_000_000_000)  # a minute ago; the file is younger
    # Nobody can write to a program that runs.
    assert sources.value("md5", needs) == digest(program, "md5")
    process.kill()
    process.wait()
    for when, there in ((now, True), (now - 60_000_000_000, False), (None, True)):
        sources.begin()
        if when is not None:
            sources.happened(when)
        expected = digest(program, "md5") if there else State.UNKNOWN
        assert sources.value("md5", needs) == expected
    assert why(sources) == {"changed"}


def test_more_files_than_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 1 << 62)
    sources = Sources(bounds=Bounds(files=4))
    files = [tmp_path / str(n) for n in range(6)]
    for path in files:
        path.write_text(path.name)
        assert sources.value("md5", recorded(path)) == digest(path, "md5")
    sources.begin()
    for path in reversed(files):
        assert sources.value("md5", recorded(path)) == digest(path, "md5")
    assert sources.counts.from_cache == 4


def test_the_time_of_a_batch_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / str(n) for n in range(3)]
    for path in paths:
        path.write_bytes(os.urandom(4 * BLOCK))
    now, read, preadv = [0.0], [0], os.preadv

    def slow(descriptor: int, buffers: list[memoryview], at: int) -> int:
        now[0] += 1.0
        read[0] += 1
        return preadv(descriptor, buffers, at)

    monkeypatch.setattr(os, "preadv", slow)
    monkeypatch.setattr("bpfc.userspace.budget.monotonic", lambda: now[0])
    sources = Sources(bounds=Bounds(seconds=6.0))
    assert sources.value("md5", recorded(paths[0])) == digest(paths[0], "md5")
    assert sources.value("md5", recorded(paths[1])) is State.UNKNOWN  # given up in between
    assert read[0] == 6
    assert sources.value("md5", recorded(paths[2])) is State.UNKNOWN
    assert read[0] == 6
    assert sources.value("md5", recorded(paths[0])) == digest(paths[0], "md5")
    assert why(sources) == {"budget"} and sources.counts.unknown["budget"] == 2
    sources.begin()
    assert sources.value("md5", recorded(paths[2])) == digest(paths[2], "md5")


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        (r"\Device\HarddiskVolume3\a b.exe", r"\\?\GLOBALROOT\Device\HarddiskVolume3\a b.exe"),
        (r"\??\C:\Windows\x.exe", r"\\?\C:\Windows\x.exe"),
        (r"c:\x.exe", r"\\?\c:\x.exe"),
        (r"\Device\NamedPipe\x", None),
        (r"\Device\Mup\server\share\x.exe", None),
        (r"\\server\share\x.exe", None),
        ("/bin/sh", None),
    ],
)
def test_paths_of_windows(program: Path, path: str, opened: str | None) -> None:
    seen: list[str] = []

    def open_path(asked: str) -> int:
        seen.append(asked)
        return os.open(program, os.O_RDONLY)

    sources = Sources("windows", open_path=open_path)
    needs = (path, State.UNKNOWN, State.UNKNOWN, 4, 5)
    answer = sources.value("sha256", needs)
    assert seen == ([opened] if opened else [])
    assert answer == (digest(program) if opened else State.UNKNOWN)
    assert why(sources) == (set() if opened else {"not a regular file"})
    assert sources.value("sha256", (State.UNKNOWN, *needs[1:])) is State.UNKNOWN


def test_no_descriptor_is_left_open(program: Path, start: Start, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    sources = live()
    needs = recorded(program, start(program))
    for path, device, inode, pid, began in (
        needs,
        (str(tmp_path), *needs[1:]),
        (needs[0], needs[1], 1, *needs[3:]),
        ("/dev/null", *needs[1:]),
    ):
        sources.begin()
        for name in ("md5", "imphash"):
            sources.value(name, (path, device, inode, pid, began))
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_program_of_a_process(program: Path, start: Start) -> None:
    process = start(program)
    began = start_of(process.pid)
    assert began is not None
    descriptor = open_program(process.pid, began + 9_999_999)
    assert descriptor is not None
    assert os.path.samestat(os.fstat(descriptor), program.stat())
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    assert open_program(process.pid, began + 10_000_000) is None
    assert open_program(2, start_of(2) or 0) is None  # a kernel thread
    process.kill()
    process.wait()
    assert open_program(process.pid, began) is None
