"""Who did it: ids, names, terminal, cgroup, start, parent, for processes old and new."""

import fcntl
import json
import os
import pty
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from runtime_linux.procfs import cgroup2_mount
from tests.linux.live import Live, active, names, only
from tests.linux.programs import connect, end, fork, interpreter, run, start, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 47999
USER, GROUP = 61234, 61235
NAME = os.path.basename(interpreter())
OLD_ARGUMENTS = ["sh", "-c", "read line; /proc/self/exe true; read line", "old process"]


@pytest.fixture(scope="module")
def old(busybox: Path, place: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is there before the sensor is."""
    link = place / "old-name"
    link.symlink_to(busybox)
    with subprocess.Popen(OLD_ARGUMENTS, executable=link, stdin=subprocess.PIPE, env={}) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def live(old: object) -> Iterator[Live]:
    """Every exec by this process or below `old`, and its connections to one port."""
    net, mine = f"on net.connect when remote.port == {PORT}", f"proc.ppid == {os.getpid()}"
    last = json.dumps(_own_arguments()[-1])
    rules = f"""
    rule exec   {{ on process.exec when {mine} alert }}
    rule below  {{ on process.exec when proc.parent.cmdline contains "old process" alert }}
    rule ending {{ on process.exec when proc.parent.cmdline endswith " old process" alert }}
    rule last   {{ {net} and proc.cmdline endswith {last} alert }}
    rule one    {{ {net} and proc.argv any == {last} alert }}
    rule called {{ {net} and proc.exe.name == "{NAME}" alert }}
    rule family {{ on process.exec when {mine} and proc.parent.exe.name == "{NAME}" alert }}
    rule hollow {{ {net} and proc.argv any == "" alert }}
    rule child  {{ on process.exec when proc.parent.exe.name == "parent-program" alert }}
    rule net    {{ {net} alert }}
    rule root   {{ on process.exec when {mine} and proc.euid == 0 alert }}
    rule user   {{ on process.exec when {mine} and proc.uid in [{USER}, 7] alert }}
    rule tty    {{ on process.exec when {mine} and proc.tty startswith "pts" alert }}
    rule no_tty {{ on process.exec when {mine} and proc.tty not exists alert }}
    rule comm   {{ on process.exec when {mine} and proc.comm == "a-name-that-is-" alert }}
    """
    with active(rules) as one:
        yield one


def _exec(live: Live, program: Path, prepare: Callable[[], object] | None = None) -> Alert:
    return only(live.during(lambda: run(program, ["true"], prepare)), "exec")


def test_ids(live: Live, busybox: Path) -> None:
    live.drain()
    pid = run(busybox, ["true"])
    alerts = live.alerts(pid)
    fields = only(alerts, "exec").fields
    assert (fields["proc.pid"], fields["proc.ppid"]) == (pid, os.getpid())
    ids = {n: fields[f"proc.{n}"] for n in ("uid", "gid", "euid")}
    assert ids == {"uid": os.getuid(), "gid": os.getgid(), "euid": os.geteuid()}
    assert "root" in names(alerts) and "user" not in names(alerts)


def test_another_user(live: Live, busybox: Path) -> None:
    def prepare() -> None:
        os.setresgid(GROUP, GROUP, GROUP)
        os.setresuid(USER, USER, USER)

    alerts = live.during(lambda: run(busybox, ["true"], prepare))
    fields = only(alerts, "exec").fields
    assert (fields["proc.uid"], fields["proc.gid"], fields["proc.euid"]) == (USER, GROUP, USER)
    assert "user" in names(alerts) and "root" not in names(alerts)


def test_real_and_effective_user(live: Live, busybox: Path) -> None:
    fields = _exec(live, busybox, lambda: os.setresuid(USER, 0, 0)).fields
    assert (fields["proc.uid"], fields["proc.euid"]) == (USER, 0)


def test_a_set_user_id_program(live: Live, busybox: Path, place: Path) -> None:
    program = place / "set-user-id"
    program.write_bytes(busybox.read_bytes())
    os.chown(program, USER, GROUP)
    program.chmod(0o4755)
    if os.statvfs(place).f_flag & os.ST_NOSUID:
        pytest.fail(f"{place} is mounted nosuid: set TMPDIR to a directory that is not")
    place.chmod(0o755)

    def prepare() -> None:
        os.chdir(place)
        os.setresuid(7, 7, 7)

    fields = _exec(live, Path(program.name), prepare).fields
    assert (fields["proc.uid"], fields["proc.euid"]) == (7, USER)


def test_comm_is_cut_at_15_bytes_and_invoked_as_is_not(
    live: Live, busybox: Path, place: Path
) -> None:
    link = place / "a-name-that-is-long"
    link.symlink_to(busybox)
    alerts = live.during(lambda: run(link, ["true"]))
    fields = only(alerts, "comm").fields
    assert fields["proc.comm"] == "a-name-that-is-"
    assert fields["proc.invoked_as"] == "a-name-that-is-long"


def test_a_terminal(live: Live, busybox: Path) -> None:
    master, slave = pty.openpty()
    number = os.ttyname(slave).rpartition("/")[2]

    def prepare() -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    try:
        alerts = live.during(lambda: run(busybox, ["true"], prepare))
    finally:
        os.close(master)
        os.close(slave)
    assert only(alerts, "tty").fields["proc.tty"] == f"pts{number}"
    assert "no_tty" not in names(alerts)


def test_no_terminal(live: Live, busybox: Path) -> None:
    alerts = live.during(lambda: run(busybox, ["true"], os.setsid))
    assert "tty" not in names(alerts)
    assert "proc.tty" in only(alerts, "no_tty").absent


def test_the_cgroup(live: Live, busybox: Path) -> None:
    mount = cgroup2_mount()
    assert mount is not None
    group = mount / f"bpfc-test-{os.getpid()}"
    group.mkdir()
    try:
        join = group / "cgroup.procs"
        alert = _exec(live, busybox, lambda: join.write_text(str(os.getpid())))
        assert alert.fields["proc.cgroup_id"] == group.stat().st_ino
        live.drain()

        def work() -> None:
            join.write_text(str(os.getpid()))
            connect("127.0.0.1", PORT)

        pid = fork(work)
        assert wait(pid) == 0
        # What is attached at the root sees what happens below it.
        alert = only(live.alerts(pid), "net")
        assert alert.fields["proc.cgroup_id"] == group.stat().st_ino
    finally:
        group.rmdir()


def _start_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def test_the_start(live: Live, busybox: Path) -> None:
    live.drain()
    pid = start(busybox, ["sleep", "60"])
    try:
        alert = only(live.alerts(pid), "exec")
        began = alert.fields["proc.start_time"]
        assert isinstance(began, int)
        assert began * os.sysconf("SC_CLK_TCK") // 10**9 == _start_ticks(pid)
        assert began <= alert.time_ns
    finally:
        end(pid)


def _own_arguments() -> list[str]:
    raw = Path("/proc/self/cmdline").read_bytes()
    return raw.decode(errors="backslashreplace").removesuffix("\0").split("\0")


def test_the_parent_is_older_than_the_sensor(live: Live, busybox: Path) -> None:
    fields = _exec(live, busybox).fields
    assert fields["proc.parent.exe.path"] == interpreter()
    assert fields["proc.parent.exe.name"] == os.path.basename(interpreter())
    assert fields["proc.parent.cmdline"] == " ".join(_own_arguments())


def test_a_connection_by_a_process_that_is_older_than_the_sensor(live: Live) -> None:
    live.drain()
    connect("127.0.0.1", PORT)
    fields = only(live.alerts(os.getpid()), "net").fields
    assert fields["proc.exe.path"] == interpreter()
    assert fields["proc.argv"] == _own_arguments()
    assert fields["proc.cmdline"] == " ".join(_own_arguments())
    assert fields["proc.comm"] == Path("/proc/self/comm").read_text().strip()
    assert fields["proc.ppid"] == os.getppid()


def test_a_child_of_a_process_that_is_older_than_the_sensor(
    live: Live, old: "subprocess.Popen[bytes]", busybox: Path
) -> None:
    live.drain()
    assert old.stdin is not None
    old.stdin.write(b"go\n")
    old.stdin.flush()
    found: dict[str, Alert] = {}
    while "below" not in found:
        alerts = live.sensor.poll(10)
        assert alerts
        found |= {a.rule.name: a for a in alerts if a.fields["proc.ppid"] == old.pid}
    alert = found["below"]
    assert alert.fields["proc.ppid"] == old.pid
    assert alert.fields["proc.parent.exe.path"] == str(busybox)
    assert alert.fields["proc.parent.cmdline"] == " ".join(OLD_ARGUMENTS)
    assert alert.fields["proc.argv"] == ["/proc/self/exe", "true"]
    assert alert.fields["proc.invoked_as"] == "exe"
    assert "ending" in found


def test_the_name_of_a_process_that_is_older_than_the_sensor(live: Live, busybox: Path) -> None:
    live.drain()
    connect("127.0.0.1", PORT)
    assert "called" in names(live.alerts(os.getpid()))
    assert "family" in names(live.during(lambda: run(busybox, ["true"])))


def test_the_arguments_of_an_older_process_end_where_they_end(
    live: Live, old: "subprocess.Popen[bytes]", busybox: Path
) -> None:
    live.drain()
    connect("127.0.0.1", PORT)
    found = names(live.alerts(os.getpid()))
    assert {"last", "one"} <= found and "hollow" not in found


def test_a_parent_that_is_younger_than_the_sensor(live: Live, busybox: Path, place: Path) -> None:
    program = place / "parent-program"
    program.write_bytes(busybox.read_bytes())
    program.chmod(0o755)
    live.drain()
    words = ["sh", "-c", f"{busybox} true x; exit 0", "two words"]
    parent = run(program, words)
    alert = only([a for a in live.alerts() if a.fields["proc.ppid"] == parent], "child")
    assert alert.fields["proc.parent.exe.path"] == str(program)
    assert alert.fields["proc.parent.exe.name"] == "parent-program"
    assert alert.fields["proc.parent.cmdline"] == " ".join(words)


def test_a_long_command_line_of_a_parent_is_cut(live: Live, busybox: Path, place: Path) -> None:
    words = ["sh", "-c", f"{busybox} true x; exit 0", "z" * 6000]
    live.drain()
    parent = run(place / "parent-program", words)
    alert = only([a for a in live.alerts() if a.fields["proc.ppid"] == parent], "child")
    assert alert.fields["proc.parent.cmdline"] == " ".join(words)[:4095]
    assert "proc.parent.cmdline" in alert.truncated


def test_a_forked_child_has_its_parents_image(live: Live) -> None:
    live.drain()
    pid = fork(lambda: connect("127.0.0.1", PORT))
    assert wait(pid) == 0
    fields = only(live.alerts(pid), "net").fields
    assert (fields["proc.pid"], fields["proc.ppid"]) == (pid, os.getpid())
    assert fields["proc.exe.path"] == fields["proc.parent.exe.path"] == interpreter()
    assert fields["proc.argv"] == _own_arguments()


def test_a_connection_after_an_exec(live: Live, place: Path) -> None:
    code = f"import socket; socket.socket(2, 2).connect(('127.0.0.1', {PORT}))"
    live.drain()
    pid = run(sys.executable, ["renamed", "-I", "-S", "-c", code])
    fields = only(live.alerts(pid), "net").fields
    assert fields["proc.exe.path"] == interpreter()
    assert fields["proc.argv"] == ["renamed", "-I", "-S", "-c", code]
    assert fields["proc.invoked_as"] == os.path.basename(sys.executable)


def test_a_thread_that_connects(live: Live) -> None:
    from tests.linux.programs import in_thread

    live.drain()
    pid = fork(lambda: in_thread(lambda: connect("127.0.0.1", PORT)))
    assert wait(pid) == 0
    assert only(live.alerts(pid), "net").fields["proc.pid"] == pid


def test_sockets_that_nobody_asked_about_give_nothing(live: Live) -> None:
    live.drain()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", PORT - 1))
    assert not [a for a in live.alerts(os.getpid()) if a.event == "net.connect"]
