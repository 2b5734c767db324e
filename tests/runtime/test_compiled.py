"""The runtime under a compiled policy: primed processes, kills by start time, swaps."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import bpfc
from bpfc.artifact.alert import Alert
from bpfc.runtime.sensor import Sensor
from runtime_linux.platform import LinuxPlatform

pytestmark = pytest.mark.bpf
WATCHED, DEADLY = 47813, 47814
POLICY = f"""policy "runtime test" version "1" language 1
rule watched {{
  on net.connect
  when remote.port == {WATCHED}
  alert
}}
rule deadly {{
  on net.connect
  when remote.port == {DEADLY}
  kill
  alert
}}
"""


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> bpfc.Artifact:
    """The policy, compiled."""
    rules = tmp_path_factory.mktemp("rules") / "rules.det"
    rules.write_text(POLICY)
    return bpfc.compile(rules)


def _until(sensor: Sensor, pid: int, rule: str) -> Alert:
    for alert in sensor.alerts(timeout=10):
        if alert.fields.get("proc.pid") == pid and alert.rule.name == rule:
            return alert
    raise AssertionError(f"no alert by {rule} on {pid}")


def test_a_process_that_ran_before_is_known_across_swaps(
    artifact: bpfc.Artifact, tmp_path: Path
) -> None:
    code = (
        "import socket, sys\n"
        "for line in sys.stdin:\n"
        f"    socket.socket().connect_ex(('127.0.0.1', {WATCHED}))\n"
    )
    with Sensor(LinuxPlatform()) as sensor:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, text=True, bufsize=1
        )
        try:
            assert process.stdin is not None
            for generation in (1, 2, 3):
                sensor.activate(artifact)
                process.stdin.write("go\n")
                alert = _until(sensor, process.pid, "watched")
                assert alert.generation == generation
                assert alert.fields["proc.exe.path"] == str(Path(sys.executable).resolve())
                assert alert.fields["proc.argv"] == [sys.executable, "-c", code]
                assert alert.fields["proc.invoked_as"] == Path(sys.executable).name
        finally:
            process.kill()
            process.communicate()
        found = sensor.statistics()
        assert found.malformed == 0 and found.counters["internal"] == 0


def test_a_kill_hits_the_process_and_no_other(artifact: bpfc.Artifact) -> None:
    shell = shutil.which("bash")
    assert shell is not None
    with Sensor(LinuxPlatform()) as sensor:
        done = sensor.activate(artifact)
        assert {r.rule for r in done.rules} == {"watched", "deadly"}
        attempt = f": 3<>/dev/tcp/127.0.0.1/{DEADLY}; while :; do :; done"
        process = subprocess.Popen([shell, "-c", attempt], stderr=subprocess.DEVNULL)
        try:
            alert = _until(sensor, process.pid, "deadly")
            assert process.wait(10) == -signal.SIGKILL
        finally:
            process.kill()
            process.wait()
        assert alert.outcome in ("killed", "kill requested")
        if alert.outcome == "kill requested":
            assert [(k.pid, k.done) for k in sensor.kills] == [(process.pid, True)]
