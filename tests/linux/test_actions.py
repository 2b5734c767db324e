"""What rules do: deny, kill, keep silent, be audited, alone and together, as the machine can."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from bpfc.artifact.record import RULES_MAX
from bpfc.runtime.errors import SensorError
from tests.linux.live import Live, active, compiled, names, only, open_sensor, without
from tests.linux.programs import (
    connect,
    end,
    fork,
    parent_is_this_process,
    raw_exec,
    run,
    start,
    wait,
)

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 46_000  # and above: a port for each rule; nobody listens there
MANY = 40


def _rules(place: Path) -> str:
    mine = f"(proc.ppid == {os.getpid()} or proc.pid == {os.getpid()})"
    many = "\n".join(
        f"rule many{n} {{ on net.connect when {mine} and remote.port == {PORT} alert }}"
        for n in range(MANY)
    )
    return f"""
    {many}
    rule watch  {{ on net.connect when {mine} and remote.port in {PORT + 1}..{PORT + 9} alert }}
    rule deny   {{ on net.connect when {mine} and remote.port == {PORT + 1} deny alert }}
    rule tried  {{ mode audit on net.connect when {mine} and remote.port == {PORT + 2} deny alert }}
    rule mute   {{ on net.connect when {mine} and remote.port == {PORT + 3} deny silent }}
    rule plain  {{ on net.connect when {mine} and remote.port == {PORT + 4} deny EACCES }}
    rule kill   {{ on net.connect when {mine} and remote.port == {PORT + 5} kill }}
    rule parent {{ on net.connect when {mine} and remote.port == {PORT + 6} kill proc.parent }}
    rule hard   {{ on net.connect when {mine} and remote.port == {PORT + 7} deny kill }}
    rule tries  {{ mode audit on net.connect when {mine} and remote.port == {PORT + 8} kill }}
    rule alone  {{
        on net.connect when {mine} and remote.port == {PORT + 11} deny
        except "a user" when proc.uid == 61234
        except when proc.gid in [61235, 61236]
    }}
    rule dies   {{ on process.exec when {mine} and proc.exe.name == "forbidden" kill }}
    rule weak   {{ on process.exec when {mine} and proc.exe.name == "weaker" deny else kill }}
    rule late   {{ on process.exec when {mine} and proc.argv any == "--forbidden" deny else kill }}
    rule look   {{ on process.exec when {mine} and proc.exe.name == "looked-at" deny else alert }}
    rule audited {{
        mode audit on process.exec when {mine} and proc.exe.name == "audited" deny else kill
    }}
    rule exec   {{ on process.exec when {mine} and proc.exe.path under "{place}" alert }}
    """


@pytest.fixture(scope="module")
def live(place: Path) -> Iterator[Live]:
    """All rules, on a machine that cannot deny an exec."""
    with active(_rules(place), probed=without("bpf_lsm")) as one:
        yield one


@pytest.fixture(scope="module")
def tools(place: Path, busybox: Path) -> Path:
    """Programs that the rules know by name."""
    for name in ("forbidden", "weaker", "looked-at", "audited", "of-bad-parent", "harmless"):
        shutil.copy(busybox, place / name)
    return place


def _connected(live: Live, port: int) -> tuple[int, list[Alert]]:
    """Connect from this process."""
    live.drain()
    result = connect("127.0.0.1", port)
    return result, live.alerts(os.getpid())


def _outcomes(alerts: list[Alert]) -> set[tuple[str, str, str | None]]:
    return {(a.rule.name, a.outcome, a.errno) for a in alerts}


def test_the_forms_that_were_chosen(live: Live, place: Path) -> None:
    reports = {r.rule: r for r in live.use(_rules(place)).rules}
    assert {
        (n, reports[n].stage, reports[n].fallback) for n in ("dies", "weak", "late", "look")
    } == {
        ("dies", "after", False),
        ("weak", "after", True),
        ("late", "after", False),
        ("look", "after", True),
    }
    assert reports["weak"].label == reports["late"].label == "killed before its first instruction"
    assert reports["look"].label == "alert"
    assert reports["mute"].label == "denied with EPERM, no alert"
    assert "asynchronous" in reports["kill"].label and "audit" in reports["tried"].label


def test_the_strongest_action_wins_and_all_rules_are_told(live: Live) -> None:
    result, alerts = _connected(live, PORT + 1)
    assert result == 1
    assert _outcomes(alerts) == {("watch", "denied", "EPERM"), ("deny", "denied", "EPERM")}
    assert len({(a.cpu, a.sequence) for a in alerts}) == 1


def test_audit_reports_and_does_nothing(live: Live) -> None:
    before = live.statistics("tried").denied
    result, alerts = _connected(live, PORT + 2)
    assert result == 0
    assert _outcomes(alerts) == {("watch", "observed", None), ("tried", "would deny", "EPERM")}
    assert live.statistics("tried").denied == before


def test_an_audited_kill_on_connect(live: Live) -> None:
    result, alerts = _connected(live, PORT + 8)
    assert (result, _outcomes(alerts)) == (
        0,
        {("watch", "observed", None), ("tries", "would kill", None)},
    )
    assert live.sensor.statistics().kills == live.sensor.statistics().kills_refused == 0


def test_a_silent_denial(live: Live) -> None:
    before = live.statistics("mute")
    result, alerts = _connected(live, PORT + 3)
    assert result == 1
    assert _outcomes(alerts) == {("watch", "denied", "EPERM")}
    after = live.statistics("mute")
    assert (after.fired, after.denied) == (before.fired + 1, before.denied + 1)


def test_a_denial_alerts_without_being_asked(live: Live) -> None:
    result, alerts = _connected(live, PORT + 4)
    assert result == 1
    assert ("plain", "denied", "EPERM") in _outcomes(alerts)


def test_more_rules_than_a_record_lists(live: Live) -> None:
    _, alerts = _connected(live, PORT)
    found = [a.rule.name for a in alerts]
    assert len(found) == len(set(found)) == RULES_MAX
    assert set(found) <= {f"many{n}" for n in range(MANY)}
    assert {a.more_rules for a in alerts} == {MANY - RULES_MAX}
    # Those that were not listed are counted nevertheless.
    assert all(live.statistics(f"many{n}").fired == 1 for n in range(MANY))


@pytest.mark.parametrize(
    ("user", "group", "denied"), [(0, 0, True), (61234, 0, False), (0, 61236, False), (1, 1, True)]
)
def test_exceptions(user: int, group: int, denied: bool, live: Live) -> None:
    def work() -> None:
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        os._exit(connect("127.0.0.1", PORT + 11))

    live.drain()
    pid = fork(work)
    assert wait(pid) == int(denied)
    assert names(live.alerts(pid)) == ({"alone"} if denied else set())


def _until(live: Live, rule: str, pid: int) -> Alert:
    """The alert of a rule on a process; the agent's kills are done by then."""
    for alert in live.sensor.alerts(timeout=10):
        if (alert.rule.name, alert.fields["proc.pid"]) == (rule, pid):
            return alert
    raise AssertionError(f"no alert by {rule} on {pid}")


def test_a_kill_on_connect_is_done_by_the_agent(live: Live) -> None:
    def work() -> None:
        connect("127.0.0.1", PORT + 5)
        time.sleep(60)

    kills = live.sensor.statistics().kills
    pid = fork(work)
    alert = _until(live, "kill", pid)
    assert wait(pid) == -signal.SIGKILL
    assert alert.outcome == "kill requested"
    assert live.sensor.statistics().kills == kills + 1
    assert (live.sensor.kills[-1].pid, live.sensor.kills[-1].done) == (pid, True)


def test_a_denial_and_a_kill_together(live: Live) -> None:
    read, write = os.pipe()

    def work() -> None:
        os.write(write, bytes([connect("127.0.0.1", PORT + 7)]))
        time.sleep(60)

    pid = fork(work)
    os.close(write)
    assert os.read(read, 1) == b"\1"  # EPERM; the agent has not seen the alert yet
    os.close(read)
    alert = _until(live, "hard", pid)
    assert wait(pid) == -signal.SIGKILL
    assert (alert.outcome, alert.errno) == ("denied", "EPERM")


def test_the_sensor_does_not_kill_itself(live: Live) -> None:
    """The parent that a rule wants killed is this process."""
    refused = live.sensor.statistics().kills_refused
    pid = fork(lambda: connect("127.0.0.1", PORT + 6))
    alert = _until(live, "parent", pid)
    assert wait(pid) == 0 and alert.outcome == "kill requested"
    assert live.sensor.statistics().kills_refused == refused + 1
    assert not live.sensor.kills[-1].done and "itself" in live.sensor.kills[-1].reason


def test_kill_on_exec_comes_before_the_first_instruction(live: Live, tools: Path) -> None:
    trace = tools / "trace-of-forbidden"
    live.drain()
    pid = start(tools / "forbidden", ["touch", str(trace)])
    assert wait(pid) == -signal.SIGKILL
    assert not trace.exists()
    alerts = live.alerts(pid)
    assert _outcomes(alerts) == {("dies", "killed", None), ("exec", "killed", None)}
    assert {a.stage for a in alerts} == {"after"}
    pid = start(tools / "harmless", ["touch", str(trace)])
    assert wait(pid) == 0 and trace.exists()
    assert _outcomes(live.alerts(pid)) == {("exec", "observed", None)}


def test_deny_else_kill_kills_where_the_kernel_cannot_deny(live: Live, tools: Path) -> None:
    trace = tools / "trace-of-weaker"
    live.drain()
    pid = start(tools / "weaker", ["touch", str(trace)])
    assert wait(pid) == -signal.SIGKILL and not trace.exists()
    assert ("weak", "killed", None) in _outcomes(live.alerts(pid))


def test_deny_by_an_argument_kills(live: Live, tools: Path) -> None:
    trace = tools / "trace-of-late"
    live.drain()
    pid = start(tools / "harmless", ["touch", "--forbidden", str(trace)])
    assert wait(pid) == -signal.SIGKILL and not trace.exists()
    assert ("late", "killed", None) in _outcomes(live.alerts(pid))


def test_deny_else_alert_lets_it_run(live: Live, tools: Path) -> None:
    live.drain()
    pid = start(tools / "looked-at", ["true"])
    assert wait(pid) == 0
    assert ("look", "observed", None) in _outcomes(live.alerts(pid))


def test_an_audited_kill_on_exec(live: Live, tools: Path) -> None:
    live.drain()
    pid = start(tools / "audited", ["true"])
    assert wait(pid) == 0
    outcomes = {o for n, o, _ in _outcomes(live.alerts(pid)) if n == "audited"}
    assert outcomes <= {"would deny", "would kill"} and len(outcomes) == 1


def test_kill_parent_on_exec(live: Live, tools: Path) -> None:
    """A child of this process starts the program: the child is killed, by the agent."""
    read, write = os.pipe()

    def parent() -> None:
        os.write(
            write, str(fork(lambda: raw_exec(str(tools / "of-bad-parent"), ["true"]))).encode()
        )
        time.sleep(60)

    rule = """rule orphan {
        on process.exec when proc.exe.name == "of-bad-parent" kill proc.parent
    }"""
    with active(rule) as other:
        pid = fork(parent)
        os.close(write)
        grandchild = int(os.read(read, 20))
        os.close(read)
        alert = _until(other, "orphan", grandchild)
        assert (alert.outcome, alert.fields["proc.ppid"]) == ("kill requested", pid)
        assert wait(pid) == -signal.SIGKILL


def test_a_killed_thread_group_is_killed_whole(live: Live, tools: Path) -> None:
    from tests.linux.programs import in_thread

    trace = tools / "trace-of-thread"
    live.drain()
    pid = fork(lambda: in_thread(lambda: raw_exec(str(tools / "forbidden"), ["touch", str(trace)])))
    assert wait(pid) == -signal.SIGKILL and not trace.exists()
    assert names(live.alerts(pid)) == {"dies", "exec"}


@pytest.mark.parametrize("ending", ["", "else refuse"])
def test_a_denial_that_cannot_be_carried_out_is_refused(ending: str, tools: Path) -> None:
    rules = f"""
    rule fine {{ on process.exec when proc.exe.name == "never" alert }}
    rule strict {{
        on process.exec
        when proc.exe.name == "harmless" and {parent_is_this_process()}
        deny EACCES {ending}
    }}"""
    with open_sensor(without("bpf_lsm")) as live:
        with pytest.raises(SensorError) as refused:
            live.use(rules)
        error = refused.value
        assert (error.code, error.rules) == ("BPFC0708", ("strict",))
        assert (error.file, error.line) == ("test.det", 4)
        assert "strict" in error.message and "bpf_lsm" in error.message
        assert "else" in error.remedy
        # Nothing is active.
        assert live.sensor.statistics().generation == 0
        assert wait(start(tools / "harmless", ["true"])) == 0


def test_a_whole_policy_in_audit_mode() -> None:
    header = 'policy "trial" version "1" language 1 mode audit'
    port = PORT + 20
    rules = f"""
    rule stop {{ on net.connect when remote.port == {port} deny }}
    rule die  {{ on process.exec when {parent_is_this_process()} and proc.argv any == "-x" kill }}
    """
    with active(rules, header) as live:
        assert connect("127.0.0.1", port) == 0
        assert _outcomes(live.alerts(os.getpid())) == {("stop", "would deny", "EPERM")}
        pid = start("/proc/self/exe", ["python", "-I", "-S", "-c", "pass", "-x"])
        assert wait(pid) == 0
        assert only(live.alerts(pid), "die").outcome == "would kill"


def test_metadata_and_template(busybox: Path) -> None:
    rules = f"""rule full {{
        id "t-1" revision 3 severity high title "A title" mitre ["T1059", "T1059.004"]
        on process.exec when {parent_is_this_process()} and proc.invoked_as == "{busybox.name}"
        alert "{{proc.exe.name}} by {{proc.parent.exe.name}}: {{proc.cmdline}} {{proc.tty}}"
    }}"""
    with active(rules) as live:
        artifact = compiled(rules)
        alert = only(live.during(lambda: run(busybox, ["true", "x"], os.setsid)), "full")
        rule = alert.rule
        assert (rule.id, rule.revision, rule.severity, rule.title) == ("t-1", 3, "high", "A title")
        assert rule.mitre == ("T1059", "T1059.004")
        assert alert.message.startswith(f"{busybox.name} by python")
        assert alert.message.endswith(": true x -")
        assert alert.artifact == artifact.digest
        assert (alert.policy.name, alert.policy.version) == ("test", "1.0.0")
        assert (alert.schema, alert.host) == (1, os.uname().nodename)


def test_events_that_match_nothing_give_nothing(live: Live, busybox: Path) -> None:
    live.drain()
    run(busybox, ["true"])
    assert connect("127.0.0.1", PORT + 40) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.sendto(b"x", ("127.0.0.1", PORT + 41))
    pid = start(busybox, ["sleep", "60"])
    end(pid)
    assert live.alerts() == []
