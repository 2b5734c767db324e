"""A recording that is replayed gives the alerts that a sensor gave at the same time."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from bpfc.artifact.container import Artifact
from bpfc.recording.reader import Reader
from bpfc.recording.recorder import Limits, Recorder
from bpfc.recording.redaction import Redactor
from bpfc.recording.replay import Replay, offered
from bpfc.runtime.sensor import Sensor
from bpfc.simulator.runner import SimulatedCore
from bpfc_cli.record_ import recording_artifact
from tests.house.table import ROOT
from tests.linux.live import compiled
from tests.linux.programs import fork, run, run_child, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]
PORT = 41_100

RULES = f"""
list names = ["alpha", "beta"]
set met : int[1024]
set denied : (port, path)[64]
rule strings {{
  on process.exec
  when proc.invoked_as in names and proc.cmdline contains any ["needle", "NEEDLE"]
  alert "{{proc.exe.path}} as {{proc.invoked_as}}: {{proc.cmdline}}"
}}
rule arguments {{
  on process.exec
  when proc.argv any == "-x" and not proc.cmdline contains "quiet"
  output {{ words = proc.argv, tty = proc.tty }}
}}
rule parent {{
  on process.exec
  when proc.parent.exe.name glob "python*" and proc.invoked_as == "beta"
  alert "{{proc.parent.cmdline}} started {{proc.cmdline}}, session {{proc.session_id}}"
}}
rule connection {{
  severity high
  on net.connect
  when remote.port in {PORT}..{PORT + 9} and remote.ip in 127.0.0.0/8
  except "the last one" owner "tests" when remote.port == {PORT + 9}
  alert "{{remote.ip}}:{{remote.port}} by {{proc.pid}}"
}}
rule limited {{
  on net.connect when remote.port == {PORT} and remote.ip == 127.0.0.1
  alert limit 2 per 1h by proc
}}
rule counted {{
  on net.connect when remote.port == {PORT + 1}
  threshold 3 distinct remote.ip within 1h by proc
  alert
}}
rule followed {{
  on sequence within 1min
    [net.connect as a when a.remote.port == {PORT + 2}] by proc
    [process.exec as b] by proc
}}
rule marks {{
  on process.exec when proc.invoked_as == "alpha"
  tag proc tainted inherited
  silent
}}
rule marked {{
  on net.connect when proc tagged tainted and remote.port == {PORT + 3}
}}
rule meets {{
  on net.connect when remote.port == {PORT + 4}
  add proc.pid to met
  silent
}}
rule met_again {{
  on net.connect when remote.port == {PORT + 5} and proc.pid in met
  except from set denied on (remote.port, proc.exe.path)
}}
rule beneath {{
  on process.exec
  when proc.ancestors any (exe.name glob "python*" and cmdline contains "pytest")
       and proc.invoked_as == "beta"
}}
rule not_beneath {{
  on process.exec
  when not proc.ancestors any exe.name == "sshd" and proc.invoked_as == "beta"
}}
rule of_users {{
  on process.exec when proc.invoked_as == "alpha"
  confirm when proc.euid.name == "root" and proc.cmdline contains "true"
  alert "{{proc.exe.path}} run by {{proc.uid.name}}"
}}
rule short_life {{
  on process.exit when exit.code == 7
  alert "{{proc.exe.path}} ended with {{exit.code}}"
}}
"""


def _connect(*ports: int, last: Sequence[int] = (1,)) -> None:
    """Send to ports of 127.0.0.LAST."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        for number in last:
            for port in ports:
                one.sendto(b"", (f"127.0.0.{number}", port))


def _act(place: Path, busybox: Path) -> None:
    """Start programs and connect in every way that the rules know."""
    for name in ("alpha", "beta"):
        (place / name).symlink_to(busybox)
    run(place / "alpha", ["true", "a needle"])
    run(place / "beta", ["true", "needle", "x" * 6000])
    run(place / "beta", ["true", "-x", "NEEDLE"])
    run(busybox, ["true", "-x", "quiet"])
    run(busybox, ["true", "-x", ""])
    run(busybox, ["sh", "-c", "exit 7"])
    run_child(lambda: _connect(*[PORT] * 5, *range(PORT, PORT + 12)))
    run_child(lambda: _connect(PORT + 1, last=(1, 1, 2, 3, 4)))
    run_child(lambda: _connect(PORT + 5, PORT + 4, PORT + 5))

    def connects_and_starts() -> None:
        _connect(PORT + 2)
        os.execv(busybox, ["true"])

    wait(fork(connects_and_starts))
    # A child of a process that is tagged.
    script = f"{busybox} nc -w 1 127.0.0.1 {PORT + 3}; true"
    run(place / "alpha", ["sh", "-c", script])


def _told(alert: Alert) -> tuple[object, ...]:
    """What must be the same; times are each program's own."""
    fields = {n: v for n, v in alert.fields.items()}
    return (
        alert.rule.name,
        alert.event,
        alert.stage,
        alert.outcome,
        alert.certainty,
        alert.message,
        repr(sorted(fields.items())),
        alert.unknown,
        alert.absent,
        alert.truncated,
        repr(alert.output),
        repr([(step.name, step.event, sorted(step.fields.items())) for step in alert.steps]),
    )


def _record(path: Path, policy: Artifact, sensor: Sensor) -> threading.Thread:
    """Record in the background until the sensor is stopped."""
    recorder, began = Recorder(sensor, Redactor(())), threading.Event()

    def told(_: object) -> bool:
        began.set()
        return True

    def work() -> None:
        recorder.record(path, policy, Limits(), told=told)

    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(30)
    return thread


def _both(
    rules: Artifact, policy: Artifact, path: Path, act: Callable[[], object]
) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """The alerts of a sensor, and those of a replay of what was recorded at the same time."""
    with Sensor() as recording, Sensor() as sensor:
        thread = _record(path, policy, recording)
        sensor.activate(rules)
        act()
        live = sensor.poll(0)
        recording.stop()
        thread.join(30)
    with path.open("rb") as file:
        reader = Reader(file)
        core = SimulatedCore(rules, "linux", offered(reader.header))
        replay = Replay(core, reader.header, reader.users.get)
        again = [alert for item in reader for alert in replay.play(item)]
    assert not reader.counts.lost
    assert not replay.missing.events and not replay.missing.fields
    return Counter(map(_told, live)), Counter(map(_told, again))


@pytest.mark.parametrize("everything", [False, True], ids=["for the rules", "all that fits"])
def test_a_replay_gives_the_alerts_of_the_day(
    everything: bool, tmp_path: Path, busybox: Path
) -> None:
    rules = compiled(RULES)
    policy = recording_artifact((), () if everything else (rules,))
    live, again = _both(rules, policy, tmp_path / "day.rec", lambda: _act(tmp_path, busybox))
    assert {told[0] for told in live} == {
        rule.name for rule in rules.manifest.rules if not rule.silent
    }
    assert live - again == Counter() and again - live == Counter()


def test_what_no_record_has_is_unknown_in_a_replay(tmp_path: Path, busybox: Path) -> None:
    rules = compiled("""
        rule behind { on process.exec when proc.cmdline contains "needle" alert }
        rule without { on process.exec when proc.cmdline contains "xxx" and not proc.argv any == "y"
                       alert }
    """)

    def act() -> None:
        run(busybox, ["true", "x" * 6000, "needle"])

    live, again = _both(rules, recording_artifact((), (rules,)), tmp_path / "day.rec", act)
    assert [(told[0], told[4]) for told in live] == [("behind", "certain"), ("without", "certain")]
    assert [(told[0], told[4]) for told in again] == [("without", "partial")]


@pytest.mark.parametrize(
    ("ending", "code", "kind"),
    [(signal.SIGTERM, 0, "complete"), (signal.SIGKILL, -signal.SIGKILL, "cut")],
    ids=["asked to end", "killed"],
)
def test_a_recorder_that_ends_leaves_what_it_wrote(
    ending: int, code: int, kind: str, tmp_path: Path, busybox: Path
) -> None:
    path = tmp_path / "day.rec"
    words = [
        sys.executable,
        "-m",
        "bpfc_cli.main",
        "record",
        str(path),
        "--redact",
        "s[e]cret-\\d+",
    ]
    with subprocess.Popen(words, stderr=subprocess.PIPE, cwd=ROOT, text=True) as recorder:
        _until(lambda: path.exists() and b"FRME" in path.read_bytes()[200:])
        pids = [run(busybox, ["true", "secret-123", "--password=hunter2"]) for _ in range(3)]
        _until(lambda: set(pids) <= set(_recorded(path)))
        recorder.send_signal(ending)
        _, told = recorder.communicate(timeout=30)
    assert recorder.returncode == code, told
    with path.open("rb") as file:
        reader = Reader(file)
        lines = {item.record.value("proc.cmdline") for item in reader}
    assert "true [redacted] --password=[redacted]" in lines
    assert reader.ending is not None and reader.ending.kind == kind
    assert b"hunter2" not in path.read_bytes()


def _recorded(path: Path) -> Iterator[int]:
    """Ids of processes whose execs stand in a recording that is being written."""
    with path.open("rb") as file:
        for item in Reader(file):
            if item.record.event == "process.exec":
                yield int(str(item.record.value("proc.pid")))


def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that takes a second or two."""
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen within half a minute")
