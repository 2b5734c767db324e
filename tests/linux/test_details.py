"""Fields that adapters read only for policies that use them, against what the system says."""

import ctypes
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from dsl.catalogue import load
from tests.linux.live import Live, active, only
from tests.linux.programs import run

pytestmark = [pytest.mark.bpf, pytest.mark.root]

USER, GROUP = 61234, 61235
CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWUTS = 0x40000000, 0x20000000, 0x04000000
DETAILS = {
    "ids": ["tid", "vpid", "pgid", "session_id", "loginuid", "login_session", "cgroup.name"],
    "credentials": ["egid", "suid", "sgid", "fsuid", "fsgid"],
    "capabilities": [
        f"caps.{name}" for name in ("effective", "permitted", "inheritable", "bounding", "ambient")
    ],
    "namespaces": [f"ns.{name}" for name in ("pid", "mnt", "net", "user", "uts", "ipc", "cgroup")],
    "descriptors": ["stdin", "stdout", "stderr"],
    "file": [f"exe.file.{n}" for n in ("device", "inode", "owner", "group", "mode", "kind")]
    + ["exe.deleted"],
    "parent": [f"parent.{n}" for n in ("uid", "gid", "euid", "start_time", "comm")]
    + ["parent.invoked_as", "parent.script.path", "parent.argv"],
}


def every_detail(condition: str) -> str:
    """Rules on process.exec whose alerts show all of them, and the image before."""
    rules = ""
    for rule, names in {**DETAILS, "before": ["prev.exe.path", "prev.cmdline"]}.items():
        text = " ".join(f"{{proc.{name}}}" for name in names)
        rules += f'rule {rule} {{ on process.exec when {condition} alert "{text}" }}\n'
    return rules


def bits(name: str, shown: object) -> int:
    """Flags as an alert shows them, as the number that they are."""
    event = load().event("process.exec")
    field = event.field(name) if event else None
    assert field is not None and isinstance(shown, list)
    return sum(dict(field.constants)[constant] for constant in shown)


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """Every exec by this process, with all details."""
    mine = f"proc.ppid == {os.getpid()}"
    own = f"proc.ns.pid != {own_namespaces()['ns.pid']}"
    rules = (
        every_detail(mine)
        + f"""
    rule nested {{ on process.fork when proc.vpid == 1 and {own} alert }}
    rule session {{ on process.exec when {mine} and proc.session_id == {os.getsid(0)} alert }}
    rule piped {{ on process.exec when {mine} and proc.stdin == pipe alert }}
    rule closed {{ on process.exec when {mine} and proc.stdin not exists alert }}
    rule from_python {{ on process.exec when {mine} and proc.prev.exe.name startswith "python"
                       alert }}
    rule argument {{ on process.exec when {mine} and proc.parent.argv any == "{sys.argv[-1]}"
                    alert }}
    """
    )
    with active(rules) as one:
        yield one


def details(live: Live, program: Path, prepare: Callable[[], object] | None = None) -> Alert:
    """The alert on an exec; all rules of one event show the same record."""
    return live.during(lambda: run(program, ["true"], prepare))[0]


def test_ids(live: Live, busybox: Path) -> None:
    alert = details(live, busybox)
    fields = {name: alert.fields[f"proc.{name}"] for name in ("tid", "vpid", "pgid", "session_id")}
    pid = alert.fields["proc.pid"]
    assert fields == {
        "tid": pid,
        "vpid": pid,
        "pgid": os.getpgid(0),
        "session_id": os.getsid(0),
    }
    mine = details(live, busybox, os.setsid).fields
    assert mine["proc.session_id"] == mine["proc.pgid"] == mine["proc.pid"]


def test_a_session_decides(live: Live, busybox: Path) -> None:
    only(live.during(lambda: run(busybox, ["true"])), "session")
    others = live.during(lambda: run(busybox, ["true"], os.setsid))
    assert "session" not in {alert.rule.name for alert in others}


def test_login(live: Live, busybox: Path) -> None:
    fields = details(live, busybox).fields
    for name, path in (("loginuid", "loginuid"), ("login_session", "sessionid")):
        source = Path("/proc/self", path)
        unset = 0xFFFFFFFF
        expected = int(source.read_text()) if source.exists() else unset
        assert fields.get(f"proc.{name}") == (None if expected == unset else expected)


def test_cgroup(live: Live, busybox: Path) -> None:
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = next(line[3:] for line in lines if line.startswith("0::"))
    if not path.startswith("/.."):
        found = details(live, busybox).fields["proc.cgroup.name"]
        assert path == "/" or found == path.rpartition("/")[2]


def test_credentials(live: Live, busybox: Path) -> None:
    def prepare() -> None:
        os.setresgid(GROUP, GROUP + 1, GROUP + 2)
        os.setresuid(USER, USER + 1, USER + 2)

    fields = details(live, busybox, prepare).fields
    # An exec makes the effective ids the saved ones, too.
    assert [fields[f"proc.{n}"] for n in ("egid", "suid", "sgid", "fsuid", "fsgid")] == [
        GROUP + 1,
        USER + 1,
        GROUP + 1,
        USER + 1,
        GROUP + 1,
    ]


def test_capabilities(live: Live, busybox: Path) -> None:
    def own() -> dict[str, int]:
        lines = Path("/proc/self/status").read_text().splitlines()
        rows = dict(line.split(":\t", 1) for line in lines if line.startswith("Cap"))
        return {name: int(value, 16) for name, value in rows.items()}

    names = {"CapEff": "effective", "CapPrm": "permitted", "CapBnd": "bounding"}
    names |= {"CapInh": "inheritable", "CapAmb": "ambient"}
    fields = details(live, busybox).fields
    mine = own()
    for name, to in names.items():
        assert bits(f"proc.caps.{to}", fields[f"proc.caps.{to}"]) == mine[name]
    fields = details(live, busybox, lambda: os.setresuid(USER, USER, USER)).fields
    assert fields["proc.caps.effective"] == fields["proc.caps.permitted"] == []
    assert bits("proc.caps.bounding", fields["proc.caps.bounding"]) == mine["CapBnd"]


def namespaces(fields: object) -> dict[str, int]:
    assert isinstance(fields, dict)
    return {name: fields[f"proc.{name}"] for name in DETAILS["namespaces"]}


def own_namespaces() -> dict[str, int]:
    """The inode numbers of this process's namespaces."""
    return {
        name: os.stat(f"/proc/self/ns/{name.removeprefix('ns.')}").st_ino
        for name in DETAILS["namespaces"]
    }


def test_namespaces(live: Live, busybox: Path) -> None:
    assert namespaces(details(live, busybox).fields) == own_namespaces()

    def prepare() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.unshare(CLONE_NEWNET | CLONE_NEWUTS) == 0

    apart = namespaces(details(live, busybox, prepare).fields)
    differing = {name for name, number in own_namespaces().items() if apart[name] != number}
    assert differing == {"ns.net", "ns.uts"} and all(apart.values())


def test_the_id_in_an_own_pid_namespace(live: Live) -> None:
    script = (
        f"import ctypes, os; ctypes.CDLL(None).unshare({CLONE_NEWPID});"
        " pid = os.fork(); pid or os._exit(0); os.waitpid(pid, 0)"
    )
    live.drain()
    with subprocess.Popen([sys.executable, "-c", script]) as process:
        process.wait()
    assert process.returncode == 0
    found = only([a for a in live.alerts() if a.fields["proc.ppid"] == process.pid], "nested")
    assert found.fields["proc.vpid"] == 1 != found.fields["proc.pid"]


def test_descriptors(live: Live, busybox: Path, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.touch()
    end, other = socket.socketpair()
    reader, writer = os.pipe()
    leader, terminal = pty.openpty()

    def given(*three: int) -> Callable[[], None]:
        def prepare() -> None:
            for number, descriptor in enumerate(three):
                os.dup2(descriptor, number + 100)
            for number in range(3):
                os.dup2(number + 100, number)

        return prepare

    def kinds(prepare: Callable[[], None]) -> list[object]:
        fields = details(live, busybox, prepare).fields
        return [fields[f"proc.{name}"] for name in DETAILS["descriptors"]]

    file, null = os.open(target, os.O_RDWR), os.open("/dev/null", os.O_RDWR)
    directory, timer = os.open(tmp_path, os.O_RDONLY), os.eventfd(0)
    try:
        assert kinds(given(end.fileno(), reader, terminal)) == ["socket", "pipe", "tty"]
        assert kinds(given(file, null, directory)) == ["file", "device", "directory"]
        assert kinds(given(timer, leader, writer)) == ["other", "tty", "pipe"]
        live.drain()
        run(busybox, ["true"], given(reader, file, file))
        run(busybox, ["true"], lambda: os.close(0))
        named = [alert.rule.name for alert in live.alerts()]
        assert named.count("piped") == 1 and named.count("closed") == 1
    finally:
        for each in (reader, writer, leader, terminal, file, null, directory, timer):
            os.close(each)
        end.close()
        other.close()


def test_the_program_s_file(live: Live, busybox: Path, place: Path) -> None:
    program = place / "owned"
    program.write_bytes(busybox.read_bytes())
    os.chown(program, USER, GROUP)
    program.chmod(0o4751)
    fields = details(live, program).fields
    facts = program.stat()
    device = os.major(facts.st_dev) << 20 | os.minor(facts.st_dev)
    assert [fields[f"proc.exe.file.{n}"] for n in ("inode", "owner", "group", "kind")] == [
        facts.st_ino,
        USER,
        GROUP,
        "regular",
    ]
    assert fields["proc.exe.file.device"] == device
    assert bits("proc.exe.file.mode", fields["proc.exe.file.mode"]) == 0o4751
    assert fields["proc.exe.deleted"] is False


def test_a_program_without_a_name(live: Live, busybox: Path, place: Path) -> None:
    program = place / "gone"
    program.write_bytes(busybox.read_bytes())
    program.chmod(0o755)
    descriptor = os.open(program, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    program.unlink()
    fields = details(live, Path(f"/proc/self/fd/{descriptor}")).fields
    os.close(descriptor)
    assert fields["proc.exe.deleted"] is True and fields["proc.exe.in_memory"] is False


def test_the_parent(live: Live, busybox: Path) -> None:
    alerts = live.during(lambda: run(busybox, ["true"]))
    fields = alerts[0].fields
    assert [fields[f"proc.parent.{n}"] for n in ("uid", "gid", "euid")] == [
        os.getuid(),
        os.getgid(),
        os.geteuid(),
    ]
    assert fields["proc.parent.comm"] == Path("/proc/self/comm").read_text().rstrip("\n")
    arguments = Path("/proc/self/cmdline").read_bytes().split(b"\0")[:-1]
    assert fields["proc.parent.argv"] == [argument.decode() for argument in arguments]
    assert ("argument" in {alert.rule.name for alert in alerts}) == (
        sys.argv[-1].encode() in arguments
    )


def test_the_image_before(live: Live, busybox: Path) -> None:
    alerts = live.during(lambda: run(busybox, ["true"]))
    fields = only(alerts, "before").fields
    path = os.readlink("/proc/self/exe")
    assert fields["proc.prev.exe.path"] == path
    assert ("from_python" in {alert.rule.name for alert in alerts}) == (
        Path(path).name.startswith("python")
    )
