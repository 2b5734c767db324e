"""Limits, thresholds and sequences on real events, from several processes at the same time."""

import json
import os
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from bpfc.artifact.alert import to_json
from bpfc.artifact.own_alerts import EVICTED
from compiler.plan import state
from tests.linux.live import active
from tests.linux.programs import fork, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]
LIMITED, COUNTED, FOLLOWED, OUTLIVED = 41_001, 41_002, 41_003, 41_004

RULES = f"""
rule limited {{
  on net.connect when remote.port == {LIMITED}
  alert limit 2 per 1h by proc
}}
rule counted {{
  on net.connect when remote.port == {COUNTED}
  threshold 1000 within 1h by remote.ip
  deny
}}
rule followed {{
  on sequence within 1min
    [net.connect as a when a.remote.port == {FOLLOWED}] by proc
    [process.exec as b] by proc
}}
"""
KILLS = f"""
rule kills_the_first {{
  on sequence within 1min
    [net.connect as w when w.remote.port == {OUTLIVED}] by proc.parent
    [process.exec as x when x.proc.exe.name startswith "busybox"] by proc.parent
  kill w.proc
  alert "{{x.proc.exe.name}} behind {{w.proc.pid}} to {{w.remote.ip}}"
}}
"""


def connect(port: int, times: int) -> int:
    """Send to a port that nobody listens on; returns how often it was denied."""
    denied = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for _ in range(times):
            try:
                one.sendto(b"", ("127.0.0.1", port))
            except PermissionError:
                denied += 1
    return denied


def test_alerts_of_each_process_are_limited() -> None:
    with active(RULES) as live:
        children = [fork(lambda: connect(LIMITED, 5)) for _ in range(3)]
        for child in children:
            wait(child)
        found = Counter(alert.fields["proc.pid"] for alert in live.alerts())
        assert found == dict.fromkeys(children, 2)
        counts = live.statistics("limited")
        assert counts.suppressed == 9 and counts.evicted == 0


def test_counting_on_several_processors_loses_nothing() -> None:
    with active(RULES) as live:
        children = [fork(lambda: os._exit(connect(COUNTED, 300) > 0)) for _ in range(4)]
        for child in children:
            wait(child)
        denied = live.statistics("counted").denied
        assert denied == 4 * 300 - 999
        assert 1 <= len(live.alerts()) <= (os.cpu_count() or 1)


def test_an_exec_follows_a_connection(busybox: Path) -> None:
    def child() -> None:
        connect(FOLLOWED, 1)
        os.execv(busybox, ["true"])

    with active(RULES) as live:
        first = fork(child)
        wait(first)
        wait(fork(lambda: os.execv(busybox, ["true"])))
        found = live.alerts()
        assert [(a.rule.name, a.event, a.fields["proc.pid"]) for a in found] == [
            ("followed", "process.exec", first)
        ]


def test_the_process_of_an_earlier_step_is_killed(busybox: Path) -> None:
    ready, done = os.pipe()

    def connects_and_waits() -> None:
        connect(OUTLIVED, 1)
        os.write(done, b".")
        signal.pause()

    with active(KILLS) as live:
        first, bystander = fork(connects_and_waits), fork(signal.pause)
        os.read(ready, 1)
        second = fork(lambda: os.execv(busybox, ["busybox", "true"]))
        wait(second)
        (alert,) = live.alerts()
        assert os.WTERMSIG(os.waitpid(first, 0)[1]) == signal.SIGKILL
        assert os.waitpid(bystander, os.WNOHANG) == (0, 0)
        os.kill(bystander, signal.SIGKILL)
        wait(bystander)
    assert alert.outcome == "kill requested" and alert.fields["proc.pid"] == second
    assert alert.message == f"{busybox.name} behind {first} to 127.0.0.1"
    (step,) = alert.steps
    assert (step.name, step.event, step.fields["proc.pid"]) == ("w", "net.connect", first)
    assert step.program == os.readlink("/proc/self/exe") and step.time_ns < alert.time_ns
    (row,) = json.loads(to_json(alert))["steps"]
    assert row["program"] == step.program and row["fields"]["remote.ip"] == "127.0.0.1"


def test_counts_go_on_under_new_content_and_begin_again_under_a_new_policy() -> None:
    rule = "rule c {{ on net.connect when remote.port == {} threshold {} within 1h{} }}"
    with active(rule.format(COUNTED, 3, "")) as live:
        connect(COUNTED, 2)
        live.use(rule.format(COUNTED, 4, ""))
        connect(COUNTED, 1)
        assert live.alerts() == []
        connect(COUNTED, 1)
        assert len(live.alerts()) == 1
        live.use(rule.format(COUNTED, 2, " by remote.ip"))
        connect(COUNTED, 1)
        assert live.alerts() == []


def test_what_was_forgotten_is_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "SETS_MIN", 1)  # a table of eight places
    rule = (
        "rule quiet { on net.connect when remote.port < 1024 alert limit 1 per 1h }\n"
        "rule flooded { on net.connect when remote.port in 41100..41200"
        " threshold 2 within 1h by remote.port }"
    )

    def flood(first: int, keys: int) -> None:
        for port in range(first, first + keys):
            connect(port, 1)

    with active(rule) as live:
        flood(41_100, 20)
        (alert,) = live.sensor.poll(5)
        assert (alert.rule.name, alert.event, alert.output) == ("flooded", EVICTED, {"keys": 12})
        assert "12 keys" in alert.message and json.loads(to_json(alert))["fields"] == {}
        assert alert.generation == live.sensor.statistics().generation
        flood(41_150, 3)
        assert live.sensor.poll(0) == []  # at most one a second
        (later,) = live.sensor.poll(5)
        assert later.output == {"keys": 3} and later.sequence == alert.sequence + 1
        assert live.statistics("flooded").evicted == 15
        # A policy that goes is asked once more.
        flood(41_160, 1)
        live.use("rule other { on process.exec when false }")
        (last,) = live.sensor.poll(5)
        assert last.output == {"keys": 1} and last.generation == alert.generation
        assert live.sensor.poll(0) == []
