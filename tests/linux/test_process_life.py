"""process.fork and process.exit, threads, and that nothing of a process is left in the tables."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from bpfc.artifact.control import PROCESSES_MAP, STRING_HEADER, STRINGS_LONG_MAP, STRINGS_SHORT_MAP
from runtime_linux.maps import u32
from runtime_linux.process_entry import unpack_process
from tests.linux.live import Live, active, names, only
from tests.linux.programs import (
    fork,
    in_thread,
    interpreter,
    raw_exec,
    run,
    run_child,
    start,
    system_call,
    wait,
)

pytestmark = [pytest.mark.bpf, pytest.mark.root]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Forks, execs and ends of this process's children."""
    mine = f"proc.ppid == {os.getpid()}"
    rules = f"""
    rule fork   {{ on process.fork when {mine} alert }}
    rule thread {{ on process.fork when proc.exe.path == "{interpreter()}" alert }}
    rule exec   {{ on process.exec when {mine} alert }}
    rule exit   {{ on process.exit when {mine} alert }}
    rule failed {{ on process.exit when {mine} and exit.code in [1..255] alert }}
    rule seven  {{ on process.exit when {mine} and exit.code == 7 alert }}
    rule killed {{ on process.exit when {mine} and exit.signal != 0 alert }}
    rule murder {{ on process.exit when {mine} and exit.signal == 9 alert }}
    rule both   {{ on process.fork or process.exit when {mine} alert "{{proc.pid}}" }}
    """
    with active(rules) as one:
        yield one


def _ending(alerts: list[Alert]) -> tuple[object, object]:
    fields = only(alerts, "exit").fields
    return fields["exit.code"], fields["exit.signal"]


def test_a_fork(live: Live) -> None:
    alerts = live.during(lambda: run_child(lambda: None))
    alert = only(alerts, "fork")
    fields = alert.fields
    assert (alert.event, alert.stage) == ("process.fork", "after")
    assert fields["proc.ppid"] == os.getpid()
    assert fields["proc.exe.path"] == fields["proc.parent.exe.path"] == interpreter()
    assert fields["proc.cmdline"] == fields["proc.parent.cmdline"]
    assert fields["proc.comm"] == Path("/proc/self/comm").read_text().strip()
    assert [a.event for a in alerts if a.rule.name == "both"] == ["process.fork", "process.exit"]


def test_the_order_of_a_life(live: Live, busybox: Path) -> None:
    alerts = live.during(lambda: run(busybox, ["true"]))
    assert [a.rule.name for a in alerts if a.rule.name in ("fork", "exec", "exit")] == [
        "fork",
        "exec",
        "exit",
    ]
    starts = {a.fields["proc.start_time"] for a in alerts}
    assert len(starts) == 1
    paths = {a.rule.name: a.fields["proc.exe.path"] for a in alerts}
    assert (paths["fork"], paths["exec"], paths["exit"]) == (interpreter(), *[str(busybox)] * 2)


def test_a_grandchild(live: Live) -> None:
    live.drain()
    read, write = os.pipe()

    def parent() -> None:
        grandchild = fork(lambda: None)
        os.write(write, str(grandchild).encode())
        wait(grandchild)

    child = run_child(parent)
    os.close(write)
    grandchild = int(os.read(read, 20))
    os.close(read)
    (alert,) = [a for a in live.alerts(grandchild) if a.rule.name == "thread"]
    assert alert.fields["proc.ppid"] == child


def test_threads_are_no_processes(live: Live) -> None:
    live.drain()
    threads = []

    def work() -> None:
        for _ in range(5):
            in_thread(lambda: threads.append(threading.get_native_id()))
        assert len(threads) == 5

    pid = run_child(work)
    alerts = live.alerts(pid)
    # One fork, that of the process, although its threads have the same process id.
    assert [a.rule.name for a in alerts if a.event == "process.fork"] == ["fork", "thread", "both"]
    assert len([a for a in alerts if a.rule.name == "exit"]) == 1


@pytest.mark.parametrize(
    ("code", "fired"), [(0, set()), (1, {"failed"}), (7, {"failed", "seven"}), (255, {"failed"})]
)
def test_an_exit_code(code: int, fired: set[str], live: Live) -> None:
    live.drain()
    pid = fork(lambda: os._exit(code))
    assert wait(pid) == code
    alerts = live.alerts(pid)
    assert _ending(alerts) == (code, 0)
    assert names(alerts) - {"fork", "thread", "both", "exit"} == fired
    assert (only(alerts, "exit").event, only(alerts, "exit").stage) == ("process.exit", "after")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_a_signal(number: signal.Signals, live: Live, busybox: Path) -> None:
    live.drain()
    pid = start(busybox, ["sleep", "60"])
    os.kill(pid, number)
    assert wait(pid) == -number
    alerts = live.alerts(pid)
    assert _ending(alerts) == (0, int(number))
    assert ("murder" in names(alerts)) == (number == signal.SIGKILL)
    assert {"killed"} <= names(alerts) and "failed" not in names(alerts)


def test_a_process_of_several_threads_ends_once(live: Live) -> None:
    live.drain()

    def work() -> None:
        threads = [threading.Thread(target=time.sleep, args=(60,), daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        os._exit(5)

    pid = fork(work)
    assert wait(pid) == 5
    assert _ending(live.alerts(pid)) == (5, 0)


def test_the_first_thread_ends_before_the_others(live: Live) -> None:
    live.drain()
    read, write = os.pipe()

    def last() -> None:
        os.read(read, 1)
        os._exit(3)

    def work() -> None:
        threading.Thread(target=last).start()
        system_call("exit", 0)  # of this thread only

    pid = fork(work)
    deadline = time.monotonic() + 10
    while "zombie" not in Path(f"/proc/{pid}/status").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)
    early = live.alerts(pid)
    os.write(write, b"x")
    assert wait(pid) == 3
    os.close(read)
    os.close(write)
    assert "exit" not in names(early)
    assert _ending(live.alerts(pid)) == (3, 0)


def test_threads_that_an_exec_ends_are_no_end(live: Live, busybox: Path) -> None:
    live.drain()

    def work() -> None:
        for _ in range(3):
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        in_thread(lambda: raw_exec(str(busybox), ["true"]))

    pid = fork(work)
    assert wait(pid) == 0
    alerts = live.alerts(pid)
    order = [a.rule.name for a in alerts if a.rule.name in ("fork", "exec", "exit")]
    assert order == ["fork", "exec", "exit"]
    assert only(alerts, "exit").fields["proc.exe.path"] == str(busybox)


def _texts(live: Live, marker: bytes) -> list[bytes]:
    """Interned texts that contain a marker."""
    return [
        value
        for table in (STRINGS_SHORT_MAP, STRINGS_LONG_MAP)
        for _, value in live.table(table).items()
        if marker in value[STRING_HEADER : STRING_HEADER + int.from_bytes(value[4:8], "little")]
    ]


def test_an_entry_is_there_while_its_process_is(live: Live, busybox: Path, place: Path) -> None:
    marker = f"entry-{os.getpid()}"
    os.mkfifo(place / "nobody-writes")
    pid = start(busybox, ["grep", marker, str(place / "nobody-writes")])
    raw = live.table(PROCESSES_MAP).lookup(u32(pid))
    assert raw is not None
    entry = unpack_process(raw)
    assert (entry["pid"], entry["ppid"]) == (pid, os.getpid())
    status = busybox.stat()
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    assert (entry["exe_device"], entry["exe_inode"]) == (device, status.st_ino)
    assert len(_texts(live, marker.encode())) == 1
    os.kill(pid, signal.SIGKILL)
    wait(pid)
    assert live.table(PROCESSES_MAP).lookup(u32(pid)) is None
    assert not _texts(live, marker.encode())


@pytest.mark.parametrize("kind", ["exec", "fork", "both", "failed exec"])
def test_thousands_of_processes_leave_nothing(
    kind: str, live: Live, busybox: Path, place: Path, scale: int
) -> None:
    marker = f"leak-{kind.replace(' ', '-')}-{os.getpid()}"
    folder = place / f"{marker}-folder"
    folder.mkdir()
    tool = folder / "true"
    tool.write_bytes(busybox.read_bytes())
    tool.chmod(0o755)
    long = f"{marker}-" + "long" * 100  # goes into the table for long texts
    count = 500 * scale
    body = {
        "exec": f"{tool} $i {marker}-short-$i; {tool} $i {long}-$i",
        "fork": "( : ); ( : )",
        "both": f"( {tool} $i {long}-$i; : ) & ( : ); wait",
        "failed exec": f"{folder}/none $i {marker} 2>/dev/null; {folder} $i 2>/dev/null",
    }[kind]
    script = f"i=0; while [ $i -lt {count} ]; do {body}; i=$((i+1)); done; exit 0"
    full = [live.counter(f"{t}_table_full") for t in ("process", "string")]
    pid = start(tool, ["sh", "-c", script, marker])
    assert _texts(live, marker.encode())
    assert wait(pid) == 0
    assert [live.counter(f"{t}_table_full") for t in ("process", "string")] == full
    assert live.counter("internal") == 0
    assert _texts(live, marker.encode()) == []
    left = [
        entry
        for _, value in live.table(PROCESSES_MAP).items()
        if (entry := unpack_process(value))["ppid"] == pid or entry["pid"] == pid
    ]
    assert left == []


def _state(pid: int) -> str:
    """The state of a process as /proc shows it; Z (a zombie) if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_the_table_has_the_processes_that_run(live: Live) -> None:
    table = live.table(PROCESSES_MAP)
    running = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    missing = [pid for pid in running if table.lookup(u32(pid)) is None]
    time.sleep(0.1)  # a process that is ending has left the table a moment before it is a zombie
    assert {pid: _name(pid) for pid in missing if _state(pid) not in "ZX"} == {}
    surplus = [int.from_bytes(key, "little") for key, _ in table.items()]
    surplus = [pid for pid in surplus if not Path(f"/proc/{pid}").exists()]
    # What came and went meanwhile is gone by now.
    surplus = [pid for pid in surplus if table.lookup(u32(pid)) is not None]
    assert not [pid for pid in surplus if not Path(f"/proc/{pid}").exists()]
