"""Processes that run already, in maps of the running kernel."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bpfc.artifact.control import (
    LONG_SIZE,
    LONG_TEXT,
    PRIMED_TICK_NS,
    PROCESS_IN_MEMORY,
    PROCESS_PRIMED,
    PROCESS_SIZE,
    SHORT_SIZE,
    SHORT_TEXT,
    STRING_HEADER,
    string_hash,
)
from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN
from runtime_linux import procfs
from runtime_linux.instructions import create_map
from runtime_linux.maps import MAP_TYPES, Map, u32
from runtime_linux.priming import KEEP, ProcessTable
from runtime_linux.process_entry import pack_process, pack_text, unpack_process

pytestmark = pytest.mark.bpf
KEY = (0x1234, 0x5678)
SLEEP = shutil.which("sleep") or "/bin/sleep"
Table = Callable[..., ProcessTable]


@pytest.fixture
def table() -> Iterator[Table]:
    """Makes tables of the given room."""
    with ExitStack() as stack:

        def made(processes: int = 1024, texts: int = 1024) -> ProcessTable:
            maps = []
            shapes = (
                (4, PROCESS_SIZE, processes),
                (16, SHORT_SIZE, texts),
                (16, LONG_SIZE, 64),
            )
            for key, value, entries in shapes:
                fd = create_map(MAP_TYPES["hash"], key, value, entries)
                stack.callback(os.close, fd)
                maps.append(Map("test", fd, key, value, entries))
            first, short, long = maps
            return ProcessTable(first, short, long, KEY)

        yield made


@contextmanager
def _running(*command: str, **options: object) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    try:
        # Popen returns in the middle of the exec; the auxiliary vector comes last.
        while (facts := procfs.facts(process.pid)) is None or facts.invoked is None:
            time.sleep(0.001)
        yield process.pid
    finally:
        process.kill()
        process.communicate()


def _entry(table: ProcessTable, pid: int) -> dict[str, int | bytes]:
    raw = table.processes.lookup(u32(pid))
    assert raw is not None
    return unpack_process(raw)


def _text(table: ProcessTable, entry: dict[str, int | bytes], name: str) -> bytes | None:
    """The text a member names, as the kernel side would find it."""
    length, identity = entry[f"{name}_length"], entry[f"{name}_id"]
    assert isinstance(length, int) and isinstance(identity, bytes)
    raw = (table.short if length <= SHORT_TEXT else table.long).lookup(identity)
    if raw is None:
        return None
    assert int.from_bytes(raw[4:8], "little") == length
    return raw[STRING_HEADER : STRING_HEADER + length]


def test_a_process_is_entered_with_its_texts(table: Table) -> None:
    one = table()
    with _running(SLEEP, "60") as pid:
        assert one.prime([pid, os.getpid()]).entered == 2
        entry = _entry(one, pid)
        start = entry["start"]
        assert (
            isinstance(start, int) and start == procfs.start_of(pid) and not start % PRIMED_TICK_NS
        )
    assert (entry["pid"], entry["ppid"]) == (pid, os.getpid())
    assert entry["flags"] == PROCESS_PRIMED
    assert entry["parent_start"] == _entry(one, os.getpid())["start"]
    assert _text(one, entry, "exe") == os.fsencode(os.path.realpath(SLEEP))
    assert _text(one, entry, "cmdline") == SLEEP.encode() + b"\x0060"
    assert _text(one, entry, "invoked") == b"sleep"
    assert entry["script_flags"] == VIEW_ABSENT
    status = os.stat(SLEEP)
    assert entry["exe_inode"] == status.st_ino


def test_everything_that_runs_is_entered(table: Table) -> None:
    one = table(32768, 4096)
    with _running(SLEEP, "60") as pid:
        primed = one.prime()
        assert one.processes.lookup(u32(pid)) and one.processes.lookup(u32(1))
    assert primed.entered >= 3 and primed.full == 0


def test_a_deleted_program_keeps_its_path(table: Table, tmp_path: Path) -> None:
    program = tmp_path / "moved (deleted)"
    shutil.copy(SLEEP, program)
    one = table()
    with _running(str(program), "60") as pid:
        one.prime([pid])
        assert _text(one, _entry(one, pid), "exe") == os.fsencode(program)
        one.processes.delete(u32(pid))
        program.unlink()
        one.prime([pid])
        entry = _entry(one, pid)
    assert _text(one, entry, "exe") == os.fsencode(program)
    assert entry["flags"] == PROCESS_PRIMED


def test_a_program_in_memory_is_seen_as_one(table: Table) -> None:
    memory = os.memfd_create("payload")
    os.write(memory, Path(SLEEP).read_bytes())
    one = table()
    with _running("payload", "60", executable=f"/proc/self/fd/{memory}", pass_fds=[memory]) as pid:
        one.prime([pid])
        entry = _entry(one, pid)
    os.close(memory)
    assert entry["flags"] == PROCESS_PRIMED | PROCESS_IN_MEMORY
    assert _text(one, entry, "exe") == b"/memfd:payload"


def test_a_long_command_line_is_cut_and_says_so(table: Table) -> None:
    one = table()
    code = "import time; time.sleep(60)"
    with _running(sys.executable, "-c", code, "x" * 5000) as pid:
        one.prime([pid])
        entry = _entry(one, pid)
    text = _text(one, entry, "cmdline")
    assert text is not None and len(text) == LONG_TEXT and text.endswith(b"xxx")
    assert entry["cmdline_flags"] == VIEW_TRUNCATED


def test_a_kernel_thread_has_no_program(table: Table) -> None:
    one = table()
    assert procfs.is_kernel_thread(2)
    one.prime([2])
    entry = _entry(one, 2)
    assert entry["exe_flags"] == entry["cmdline_flags"] == VIEW_ABSENT


def test_a_live_entry_wins(table: Table) -> None:
    one = table()
    live = pack_process({"pid": 7, "start": 1})
    one.processes.update(u32(os.getpid()), live)
    assert one.prime([os.getpid()]).known == 1
    assert one.processes.lookup(u32(os.getpid())) == live


def test_a_process_that_has_ended_is_passed_over(table: Table) -> None:
    one = table()
    ended = subprocess.Popen([SLEEP, "0"])
    ended.wait()
    zombie = subprocess.Popen([SLEEP, "0"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    assert one.prime([ended.pid, zombie.pid]).gone == 2
    zombie.wait()
    assert list(one.processes.keys()) == []


def test_a_process_that_ends_meanwhile_is_taken_out_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = table()
    monkeypatch.setattr(procfs, "start_of", lambda pid: None)
    assert one.prime([os.getpid()]).gone == 1
    assert list(one.processes.keys()) == []


def test_texts_are_counted_by_reference(table: Table) -> None:
    one = table()
    with _running(SLEEP, "60") as first, _running(SLEEP, "60") as second:
        one.prime([first, second])
    for text, count in ((os.path.realpath(SLEEP).encode(), 2), (b"sleep", 2)):
        raw = one.short.lookup(string_hash(text, KEY))
        assert raw is not None and int.from_bytes(raw[:4], "little") == count


def test_a_text_that_the_kernel_side_has_already_is_kept_for_good(table: Table) -> None:
    one = table()
    identity = string_hash(b"sleep", KEY)
    one.short.update(identity, pack_text(b"sleep", 3))
    with _running(SLEEP, "60") as pid:
        one.prime([pid])
    raw = one.short.lookup(identity)
    assert raw is not None and int.from_bytes(raw[:4], "little") == KEEP + 3


def test_full_tables_are_counted_and_texts_become_unknown(table: Table) -> None:
    one = table(processes=1024, texts=1)
    with _running(SLEEP, "60") as pid:
        primed = one.prime([pid])
        entry = _entry(one, pid)
    assert primed.full == 2
    flags = [entry[f"{name}_flags"] for name in ("exe", "cmdline", "invoked")]
    assert sorted(map(int, flags)) == [0, VIEW_UNKNOWN, VIEW_UNKNOWN]
    small = table(processes=1)
    with _running(SLEEP, "60") as pid:
        assert small.prime([pid, os.getpid()]).full >= 1
