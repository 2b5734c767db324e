"""The sensor on the running kernel, with a tiny policy: real execs, connections and swaps."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from attrs import evolve

from bpfc.artifact.alert import Alert
from bpfc.artifact.container import Artifact
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import Capability
from bpfc.runtime.reader import AlertReader
from bpfc.runtime.sensor import Sensor
from runtime_linux import procfs
from runtime_linux.maps import possible_cpus
from runtime_linux.platform import LinuxPlatform
from tests.runtime import tiny
from tests.runtime.test_capabilities import bpf_descriptors

pytestmark = pytest.mark.bpf
CONNECT = f"import socket; socket.create_connection(('127.0.0.1', {tiny.PORT}), 5)"


@pytest.fixture(scope="module")
def first() -> Artifact:
    """A policy with a rule on exec and a rule that denies connections."""
    return tiny.build("first")


@pytest.fixture(scope="module")
def second() -> Artifact:
    """A policy that has no hook on connect."""
    return tiny.build("second", connect=False)


@pytest.fixture
def sensor() -> Iterator[Sensor]:
    """A sensor that has to leave nothing behind."""
    before = bpf_descriptors()
    with Sensor(LinuxPlatform()) as one:
        yield one
    assert bpf_descriptors() == before


def _started() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def _until(sensor: Sensor, pid: int, rule: str = "started") -> Alert:
    """The alert of a rule on a process."""
    for alert in sensor.alerts(timeout=10):
        if alert.fields["proc.pid"] == pid and alert.rule.name == rule:
            return alert
    raise AssertionError(f"no alert by {rule} on {pid}")


def _refused() -> bool:
    """Whether a connection is denied."""
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", tiny.PORT)) == 1


def test_an_exec_and_a_connection_give_alerts(sensor: Sensor, first: Artifact) -> None:
    done = sensor.activate(first)
    assert [(r.rule, r.label, r.fallback) for r in done.rules] == [
        ("started", "observed", False),
        ("refused", "denied with EPERM", False),
    ]
    assert {p.name for p in done.programs} >= {"d_exec", "a_exec", "d_connect4", "a_connect4"}
    assert all(p.instructions > 5 for p in done.programs)
    pid = _started()
    alert = _until(sensor, pid)
    assert (alert.policy.name, alert.generation, alert.artifact) == ("first", 1, first.digest)
    assert (alert.event, alert.outcome, alert.stage) == ("process.exec", "observed", "after")
    assert _refused()
    alert = _until(sensor, os.getpid(), "refused")
    assert (alert.outcome, alert.errno, alert.stage) == ("denied", "EPERM", "before")


def test_verifying_attaches_nothing(sensor: Sensor, first: Artifact) -> None:
    reports = sensor.verify(first)
    assert {p.name: p.instructions > 5 for p in reports} == {
        f"{role}_{hook}": True for role in "da" for hook in tiny.HOOKS
    }
    assert not _refused()
    with pytest.raises(SensorError) as error:
        sensor.poll()
    assert error.value.code == "BPFC0717"


def test_a_swap_changes_the_policy_and_detaches_what_is_not_needed(
    sensor: Sensor, first: Artifact, second: Artifact
) -> None:
    sensor.activate(first)
    old = _started()
    done = sensor.activate(second)
    assert (done.generation, done.replaced, done.left_out) == (2, 1, ())
    new = _started()
    assert not _refused()
    # The old policy's record is still in the ring, and is read by the old manifest.
    found = {a.fields["proc.pid"]: a for a in sensor.alerts(timeout=0.2)}
    assert (found[old].policy.name, found[old].generation) == ("first", 1)
    assert (found[new].policy.name, found[new].generation) == ("second", 2)
    assert sensor.statistics().malformed == 0
    assert {h.hook for h in sensor.statistics().hooks} == {"fork", "exec", "exit"}
    sensor.activate(first)
    assert _refused()


def test_slots_are_used_again(sensor: Sensor, scale: int) -> None:
    for number in range(1, 10 * scale):
        done = sensor.activate(tiny.build("second", connect=False, code=str(number % 2)))
        assert (done.generation, done.content_only) == (number, False)
    assert _until(sensor, _started()).generation == 10 * scale - 1


def test_a_policy_that_does_not_load_leaves_the_old_one(sensor: Sensor, first: Artifact) -> None:
    sensor.activate(first)
    descriptors = len(bpf_descriptors())
    with pytest.raises(SensorError) as error:
        sensor.activate(tiny.build("broken", broken=True))
    assert error.value.code == "BPFC0705" and error.value.rules == ("started",)
    assert len(bpf_descriptors()) == descriptors
    assert _refused()
    assert _until(sensor, _started()).generation == 1


def test_another_shape_of_a_shared_map_is_refused(sensor: Sensor, first: Artifact) -> None:
    sensor.activate(first)
    with pytest.raises(SensorError) as error:
        sensor.activate(tiny.build("other", ring=1 << 17))
    assert error.value.code == "BPFC0709" and "events" in error.value.message
    assert _refused()


def test_a_manifest_that_does_not_fit_its_object_is_refused(first: Artifact) -> None:
    half = first.manifest.linux
    maps = tuple(evolve(m, value_size=32) if m.name == "control" else m for m in half.maps)
    wrong = tiny.with_half(first, evolve(half, maps=maps))
    with (
        Sensor(LinuxPlatform()) as sensor,
        pytest.raises(SensorError, match="map control") as error,
    ):
        sensor.activate(wrong)
    assert error.value.code == "BPFC0712"


def test_a_rule_that_this_machine_cannot_carry_is_refused(first: Artifact) -> None:
    real = LinuxPlatform().capabilities()
    lesser = [evolve(c, available=c.available and c.name != "cgroup") for c in real]
    with Sensor(LinuxPlatform(lesser)) as sensor, pytest.raises(SensorError) as error:
        sensor.activate(first)
    assert (error.value.code, error.value.rules) == ("BPFC0708", ("refused",))


def test_a_machine_without_rights_says_so(first: Artifact) -> None:
    machine = [Capability("privileges", False, "no capabilities", "everything")]
    with Sensor(LinuxPlatform(machine)) as sensor, pytest.raises(SensorError) as error:
        sensor.verify(first)
    assert error.value.code == "BPFC0703"


def test_a_failed_attachment_is_taken_back(
    sensor: Sensor, first: Artifact, second: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor.activate(second)
    monkeypatch.setattr("runtime_linux.attach.cgroup2_mount", lambda: None)
    with pytest.raises(SensorError) as error:
        sensor.activate(first)
    assert error.value.code == "BPFC0707"
    assert _until(sensor, _started()).policy.name == "second"


def test_the_process_table_is_filled_before_anything_else_is_attached(
    sensor: Sensor, first: Artifact
) -> None:
    platform = sensor.platform
    assert isinstance(platform, LinuxPlatform)
    sensor.activate(first)
    assert platform.primed is not None and platform.primed.entered >= 3
    assert list(h.hook for h in sensor.statistics().hooks) == ["fork", "exec", "exit", "connect4"]


def test_a_process_is_killed_by_the_agent(sensor: Sensor) -> None:
    sensor.activate(tiny.build("kill", form=tiny.KILL))
    # It retries until it is killed; nobody listens on the port.
    code = f"while True:\n  try: {CONNECT}\n  except OSError: pass"
    process = subprocess.Popen([sys.executable, "-c", code])
    alert = _until(sensor, process.pid, "refused")
    assert alert.outcome == "kill requested"
    assert process.wait(10) == -signal.SIGKILL
    assert any(k.pid == process.pid and k.done for k in sensor.kills)
    assert sensor.statistics().kills >= 1


def test_a_parent_that_cannot_be_named_is_not_killed(sensor: Sensor) -> None:
    # The tiny policy says that every parent is process 0.
    sensor.activate(tiny.build("parent", form=tiny.KILL_PARENT))
    assert not _refused()
    assert _until(sensor, os.getpid(), "refused").outcome == "kill requested"
    assert [(k.pid, k.done) for k in sensor.kills] == [(0, False)]
    assert sensor.statistics().kills_refused == 1


def test_records_of_an_unknown_policy_are_counted(second: Artifact) -> None:
    platform = LinuxPlatform()
    try:
        platform.activate(platform.load(second))
        _started()
        reader = AlertReader(platform)
        assert reader.read(10) == []
        assert reader.malformed == reader.records >= 1
    finally:
        platform.close()


def test_flips_between_loaded_policies_lose_no_event(first: Artifact, scale: int) -> None:
    platform = LinuxPlatform()
    try:
        one, two = platform.load(first), platform.load(first)
        platform.activate(one)
        stop = threading.Event()

        def flip() -> None:
            while not stop.is_set():
                platform.switch_to(two)
                platform.switch_to(one)

        thread = threading.Thread(target=flip)
        thread.start()
        try:
            denied = 0
            for _ in range(200 * scale):
                denied += _refused()
                platform.read(0)  # the tiny policy only denies while the ring has room
        finally:
            stop.set()
            thread.join()
        assert denied == 200 * scale
        assert platform.counters()["empty_slot"] == 0
        platform.retire(two)
        with pytest.raises(ValueError, match="active"):
            platform.retire(one)
        platform.switch_to(None)
        platform.retire(one)
        assert not _refused()
    finally:
        platform.close()


def test_at_most_seven_policies_are_loaded(second: Artifact) -> None:
    platform = LinuxPlatform()
    try:
        for _ in range(7):
            platform.load(second)
        with pytest.raises(SensorError) as error:
            platform.load(second)
        assert error.value.code == "BPFC0711"
    finally:
        platform.close()


def test_contents_and_policy_maps_are_written(first: Artifact) -> None:
    platform = LinuxPlatform()
    try:
        platform.load(first)
        loaded = platform.load(first)
        assert loaded.map("table").lookup((1).to_bytes(4, "little")) == bytes(range(16))
        head = struct.pack("<IIII256x", 0, loaded.slot, 2, 0)  # buffer, slot, generations, gates
        assert loaded.map("policy").lookup(bytes(4)) == head
        assert loaded.map("scratch").max_entries == 4 * possible_cpus()
    finally:
        platform.close()


def test_stopping_from_another_thread_ends_the_alerts(sensor: Sensor, first: Artifact) -> None:
    sensor.activate(first)
    threading.Timer(0.1, sensor.stop).start()
    for _ in sensor.alerts():
        pass


def test_one_reader_at_a_time(sensor: Sensor, first: Artifact) -> None:
    sensor.activate(first)
    thread = threading.Thread(target=lambda: list(sensor.alerts()))
    thread.start()
    codes: list[str] = []
    while not codes:
        try:
            sensor.poll()
        except SensorError as error:
            codes.append(error.code)
    sensor.stop()
    thread.join()
    assert codes == ["BPFC0719"]


def test_a_closed_sensor_says_so(first: Artifact) -> None:
    sensor = Sensor(LinuxPlatform())
    sensor.activate(first)
    sensor.close()
    sensor.close()
    assert not _refused()
    for use in (sensor.poll, sensor.statistics, lambda: sensor.activate(first)):
        with pytest.raises(SensorError) as error:
            use()
        assert error.value.code == "BPFC0717"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_the_process_ends_the_policy(number: int) -> None:
    code = (
        "from bpfc.runtime.sensor import Sensor\n"
        "from runtime_linux.platform import LinuxPlatform\n"
        "from tests.runtime import tiny\n"
        "with Sensor(LinuxPlatform()) as sensor:\n"
        "    sensor.activate(tiny.build())\n"
        "    print('ready', flush=True)\n"
        "    list(sensor.alerts())\n"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(tiny.__file__))))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background job ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        assert _refused()
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()  # its policy would go on denying
    # After SIGKILL the kernel's own release of the descriptors may take a moment.
    end = time.monotonic() + 10
    while _refused():
        assert time.monotonic() < end
    if number == signal.SIGINT:
        assert errors.strip().splitlines()[-1] == "KeyboardInterrupt"


def test_statistics_count(sensor: Sensor, first: Artifact) -> None:
    sensor.activate(first)
    _until(sensor, _started())
    found = sensor.statistics()
    assert found.generation == 1 and found.records >= found.alerts >= 1
    assert found.counters["events"] >= 1  # the tiny policy counts forks and exits there
    assert [(r.rule, r.fired) for r in found.rules] == [("started", 0), ("refused", 0)]
    assert procfs.in_initial_pid_namespace()
