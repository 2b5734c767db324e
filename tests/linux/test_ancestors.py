"""Conditions on ancestors, with real processes: chains, orphans, processes from before the sensor,
edited lists, a full table."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

from bpfc.artifact.alert import Alert
from bpfc.artifact.control import ANCESTRY_ROOM, ANCESTRY_SIZE
from runtime_linux.maps import Map
from tests.linux.conftest import BUSYBOX
from tests.linux.live import Live, active
from tests.linux.programs import start, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]

WAIT_S = 10.0


@frozen
class Programs:
    """Copies of a shell under other names.

    Args:
        sshd: what is looked for among ancestors.
        target: what is started below it.
    """

    sshd: Path
    target: Path


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Programs:
    """The programs, in a folder of their own."""
    folder = tmp_path_factory.mktemp("ancestors")
    made = Programs(folder / "sshd", folder / "busybox_target")
    for path in (made.sshd, made.target):
        shutil.copy(busybox, path)
    return made


def _rules(programs: Programs, listed: str = '"sshd"') -> str:
    return f"""
    list listed = [{listed}]
    rule below {{
      on process.exec
      when proc.exe.path == "{programs.target}" and proc.ancestors any exe.name in listed
      alert
    }}
    rule free {{
      on process.exec
      when proc.exe.path == "{programs.target}" and not proc.ancestors any exe.name in listed
      alert
    }}
    rule called {{
      on process.exec or process.fork or process.exit
      when proc.exe.path == "{programs.target}"
           and proc.ancestors any (cmdline contains "marked" and exe.path under "{programs.sshd}")
      alert
    }}
    """


@pytest.fixture(scope="module")
def live(programs: Programs) -> Iterator[Live]:
    """A policy that looks for sshd."""
    with active(_rules(programs)) as one:
        yield one


def _nested(depth: int, command: str) -> str:
    """A command in so many shells, one in the other."""
    for _ in range(depth):
        command = f"( {command}; : )"
    return f"{command}; :"


def _shell(programs: Programs, script: str, path: Path | None = None) -> int:
    """Start a shell; returns its process id."""
    return start(path or programs.sshd, ["sh", "-c", script])


def _told(live: Live, wanted: int = 1) -> list[Alert]:
    """The alerts, once there are so many."""
    found: list[Alert] = []
    deadline = time.monotonic() + WAIT_S
    while len(found) < wanted and time.monotonic() < deadline:
        found += live.alerts()
        time.sleep(0.01)
    return found


def _certain(alerts: list[Alert]) -> dict[str, bool]:
    return {alert.rule.name: alert.certainty != "partial" for alert in alerts}


def _readable() -> bool:
    """Whether the program of the first process, an ancestor of all, can be read at all."""
    try:
        os.readlink("/proc/1/exe")
    except PermissionError:
        return False
    return True


@pytest.mark.parametrize("depth", [0, 1, 5, 20])
def test_a_chain(live: Live, programs: Programs, depth: int) -> None:
    live.drain()
    wait(_shell(programs, _nested(depth, f"{programs.target} true")))
    assert _certain(_told(live)) == {"below": True}


def test_nothing_of_the_kind(live: Live, programs: Programs, busybox: Path) -> None:
    live.drain()
    wait(_shell(programs, _nested(3, f"{programs.target} true"), busybox))
    assert _certain(_told(live)) == {"free": _readable()}


def test_the_process_itself_is_none_of_its_ancestors(live: Live, programs: Programs) -> None:
    live.drain()
    # The same process is sshd first.
    wait(_shell(programs, f"exec {programs.target} true"))
    assert _certain(_told(live)) == {"free": _readable()}


def test_command_lines_and_other_events(live: Live, programs: Programs) -> None:
    live.drain()
    wait(_shell(programs, f"{programs.target} true; : marked"))
    assert [a.event for a in _told(live, 3) if a.rule.name == "called"] == [
        "process.exec",
        "process.exit",
    ]


def test_ancestors_that_ended_or_became_another_program(
    live: Live, programs: Programs, busybox: Path
) -> None:
    live.drain()
    later = f"( {busybox} sleep 0.2; {programs.target} true ) &"
    wait(_shell(programs, f"( {later} ) & wait"))
    assert _certain(_told(live)) == {"below": True}
    pid = _shell(programs, f"{later} exec {busybox} sleep 1")
    assert _certain(_told(live)) == {"below": True}
    wait(pid)


@contextmanager
def _waiting(programs: Programs, folder: Path, script: str) -> Iterator[Path]:
    """A shell called sshd with a script, which goes on when a pipe is written to; yields it."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    pid = _shell(programs, script.format(pipe=pipe, target=programs.target, busybox=BUSYBOX))
    try:
        yield pipe
    finally:
        wait(pid)
        pipe.unlink()


IN_A_CHILD = "( read x < {pipe}; {target} true; : ); :"
IN_AN_ORPHAN = "( {busybox} sh -c 'read x < {pipe}; {target} true; :' & )"


def test_a_process_from_before_the_sensor(programs: Programs, tmp_path: Path) -> None:
    with _waiting(programs, tmp_path, IN_A_CHILD) as pipe:
        time.sleep(0.2)
        with active(_rules(programs)) as one:
            pipe.write_text("go\n")
            assert _certain(_told(one)) == {"below": True}


def test_an_edited_list_applies_to_processes_that_run(programs: Programs, tmp_path: Path) -> None:
    with active(_rules(programs, '"nothing"')) as one:
        with _waiting(programs, tmp_path, IN_A_CHILD) as pipe:
            time.sleep(0.2)
            assert one.use(_rules(programs, '"sshd"')).content_only
            pipe.write_text("go\n")
            assert _certain(_told(one)) == {"below": True}
        # And back: the content before it finds what was known then.
        one.sensor.rollback()
        one.drain()
        wait(_shell(programs, f"{programs.target} true; :"))
        assert _certain(_told(one)) == {"free": _readable()}


def test_after_an_edit_ancestors_that_ended_are_unknown(programs: Programs, tmp_path: Path) -> None:
    with active(_rules(programs, '"nothing"')) as one:
        with _waiting(programs, tmp_path, IN_AN_ORPHAN) as pipe:
            time.sleep(0.2)
            one.use(_rules(programs, '"sshd"'))
            pipe.write_text("go\n")
            assert _certain(_told(one)) == {"free": False}
        # The same conditions in a policy of another structure: nothing is forgotten.
        with _waiting(programs, tmp_path, IN_AN_ORPHAN) as pipe:
            time.sleep(0.2)
            more = "rule more { on net.connect when remote.port == 1 and proc.uid == 7 alert }"
            report = one.use(_rules(programs, '"sshd"') + more)
            assert not report.content_only
            assert "ancestors proc" in report.carried
            pipe.write_text("go\n")
            assert _certain(_told(one)) == {"below": True}


def test_full(programs: Programs, busybox: Path) -> None:
    with active(_rules(programs)) as one:
        table = _table(one)
        keys = [(1 << 31) + n for n in range(ANCESTRY_ROOM)]
        for key in keys:
            table.try_update((key << 32).to_bytes(8, "little"), bytes(ANCESTRY_SIZE))
        before = one.counter("ancestry_full")
        one.drain()
        wait(_shell(programs, _nested(2, f"{programs.target} true")))
        # What stands nowhere is found out each time.
        assert _certain(_told(one)) == {"below": True}
        assert one.counter("ancestry_full") > before
        for key in keys:
            table.delete((key << 32).to_bytes(8, "little"))


def test_by_position(programs: Programs, busybox: Path) -> None:
    rules = f"""
    rule second {{
      on process.exec
      when proc.exe.path == "{programs.target}" and proc.ancestors[2].exe.name == "sshd"
           and proc.ancestors[1].cmdline contains "{programs.target}"
           and proc.ancestors[1].pid == proc.ppid and proc.ancestors[16].pid not exists
      alert "{{proc.ancestors[1].exe.path}} {{proc.ancestors[2].pid}} {{proc.ancestors[9].cmdline}}"
    }}
    rule none {{
      on process.exec
      when proc.exe.path == "{programs.target}" and proc.ancestors[16].exe.path exists
      alert
    }}
    """
    with active(rules) as one:
        pid = _shell(programs, f"{busybox} sh -c '{programs.target} true; :'; :")
        wait(pid)
        (alert,) = _told(one)
        assert alert.message.startswith(f"{busybox} {pid} ")
        assert alert.fields["proc.ancestors[2].exe.path"] == str(programs.sshd)
        assert "sh -c" in str(alert.fields["proc.ancestors[1].cmdline"])


def _table(live: Live) -> Map:
    found = [made for name, (_, made) in live.platform._shared._maps.items() if "ancestors" in name]
    assert len(found) == 1
    return found[0]
