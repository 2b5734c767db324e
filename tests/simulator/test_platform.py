"""Whole policies in a simulated system: dispatcher, adapter, core, return value, record, alert."""

from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address

import pytest

from bpfc.abi import windows
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import SCRATCH_BITS_MAP
from bpfc.runtime.platform import Platform
from bpfc.runtime.sensor import Sensor
from bpfc.simulator import Fault, SimulatedPlatform
from bpfc.simulator.contexts import UDP, connection, process
from bpfc.simulator.machine import Machine
from bpfc.simulator.maps import Program, ProgramArray, Ring
from compiler.driver import compile_sources

PID = 4242
RULES = """policy "{name}" version "1" language 1
rule tool {{ on process.exec  when proc.exe.name == "evil.exe"  deny EACCES else alert }}
rule ssh {{ on net.connect  when remote.port == {port}  deny EPERM else alert }}
rule udp {{ on net.connect  when net.protocol == udp  alert }}
"""
DENIED = 0xC0000022  # STATUS_ACCESS_DENIED


@cache
def artifact(name: str = "first", port: str = "22", more: str = "") -> Artifact:
    source = RULES.format(name=name, port=port) + more
    found = compile_sources([("p.det", source)]).artifact
    assert found is not None
    return found


@pytest.fixture(params=["linux", "windows"])
def platform(request: pytest.FixtureRequest) -> SimulatedPlatform:
    made = SimulatedPlatform(request.param, cpus=2)
    made.system.pid_tgid = PID << 32 | PID
    made.system.nothing_readable = True
    return made


@pytest.fixture
def sensor(platform: SimulatedPlatform) -> Iterator[Sensor]:
    with Sensor(platform) as made:
        made.activate(artifact())
        yield made


def connect(platform: SimulatedPlatform, port: int, protocol: int = 6) -> int:
    """Connect to a port; returns 1 if that is allowed."""
    context = connection(platform.name, ip_address("192.0.2.1"), port, protocol)
    return platform.run("connect4", context)


def start(platform: SimulatedPlatform, path: str, line: str) -> int:
    """Start a process on Windows; returns a status."""
    text = line.encode("utf-16le")
    at = platform.system.memory.add(text)
    platform.system.image_path = path.encode("utf-16le")
    operation = windows.PROCESS_CREATE
    return platform.run("process", process(operation, PID, 7, (at, at + len(text))))


def names(sensor: Sensor) -> list[str]:
    return [alert.rule.name for alert in sensor.poll()]


def test_it_is_a_platform(platform: SimulatedPlatform) -> None:
    assert isinstance(platform, Platform)
    assert {program.role for program in platform.verify(artifact())} == {"dispatcher", "adapter"}


def test_connections(platform: SimulatedPlatform, sensor: Sensor) -> None:
    platform.system.time_ns = 5_000_000_000
    assert [connect(platform, port) for port in (21, 22, 23)] == [1, 0, 1]
    six = connection(platform.name, ip_address("2001:db8::1"), 22)
    assert platform.run("connect6", six) == 0
    assert connect(platform, 53, UDP) == 1
    alerts = sensor.poll()
    assert [alert.rule.name for alert in alerts] == ["ssh", "ssh", "udp"]
    assert [alert.fields["remote.ip"] for alert in alerts] == [
        "192.0.2.1",
        "2001:db8::1",
        "192.0.2.1",
    ]
    assert alerts[0].time_ns == 5_000_000_000
    assert [rule.fired for rule in sensor.statistics().rules] == [0, 2, 1]


def test_processes_of_windows() -> None:
    platform = SimulatedPlatform("windows")
    with Sensor(platform) as sensor:
        sensor.activate(artifact())
        assert start(platform, r"\Device\a\good.exe", "good.exe /all") == 0
        platform.system.pid_tgid = PID << 32
        assert connect(platform, 22) == 0
        assert start(platform, r"\Device\a\evil.exe", "evil.exe \u00e9") == DENIED
        alerts = sensor.poll()
        assert [alert.rule.name for alert in alerts] == ["ssh", "tool"]
        # The connection is that of the process which was seen to start.
        assert alerts[0].fields["proc.exe.path"] == r"\Device\a\good.exe"
        assert alerts[1].fields["proc.cmdline"] == "evil.exe \u00e9"
        assert platform.run("process", process(windows.PROCESS_DELETE, PID, 7)) == 0
        connect(platform, 22)
        assert sensor.poll()[0].fields.get("proc.exe.path") is None


def test_a_policy_that_is_refused_leaves_nothing_behind(
    platform: SimulatedPlatform, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    regions = set(platform.system.memory.regions)
    arrays = [one for one in platform.maps().values() if isinstance(one, ProgramArray)]
    before = [dict(one.programs) for one in arrays]
    check, last = Machine.program, platform.verify(artifact())[-1].name

    def program(machine: Machine, name: str) -> Program:
        if name == last:
            raise Fault("BPFC0920", "taken away by a test")
        return check(machine, name)

    monkeypatch.setattr(Machine, "program", program)
    with pytest.raises(Fault):
        platform.load(artifact("second"))
    assert [one.programs for one in arrays] == before
    assert set(platform.system.memory.regions) == regions
    assert connect(platform, 22) == 0 and names(sensor) == ["ssh"]


def test_policies_that_are_gone_leave_no_memory_behind(platform: SimulatedPlatform) -> None:
    other = artifact("other", more="rule more { on net.connect when remote.port == 1 alert }\n")
    platform.system.time_ns = 1
    sizes = []
    with Sensor(platform) as sensor:
        for number in range(6):
            sensor.activate(other if number % 2 else artifact())
            assert connect(platform, 22) == 0
            sizes.append(len(platform.system.memory.regions))
    assert sizes[2:4] == sizes[4:6]
    assert not platform.system.memory.regions
    platform.load(artifact())
    platform.load(other)
    platform.close()
    assert not platform.system.memory.regions


def test_a_swap_by_content_and_back(platform: SimulatedPlatform, sensor: Sensor) -> None:
    assert sensor.activate(artifact("second", "23")).content_only
    assert [connect(platform, port) for port in (22, 23)] == [1, 0]
    sensor.rollback()
    assert [connect(platform, port) for port in (22, 23)] == [0, 1]
    assert [alert.policy.name for alert in sensor.poll()] == ["second", "first"]


def test_a_swap_by_structure(platform: SimulatedPlatform, sensor: Sensor) -> None:
    more = (
        "rule more { on net.connect  when remote.ip in 192.0.2.0/24 and remote.port > 9000 alert }"
    )
    assert not sensor.activate(artifact("third", "24", more)).content_only
    assert [connect(platform, port) for port in (22, 24, 9001)] == [1, 0, 1]
    assert names(sensor) == ["ssh", "more"]


def test_no_policy(platform: SimulatedPlatform, sensor: Sensor) -> None:
    platform.switch_to(None)
    assert connect(platform, 22) == 1
    assert platform.counters()["no_policy"] == 1 and not names(sensor)


def test_a_full_ring_does_not_weaken(platform: SimulatedPlatform, sensor: Sensor) -> None:
    (ring,) = (one for one in platform.maps().values() if isinstance(one, Ring))
    ring.used = ring.max_entries - 64
    assert connect(platform, 22) == 0
    assert platform.counters()["ring_full"] == 1 and not names(sensor)


def test_no_free_scratch_slot(platform: SimulatedPlatform, sensor: Sensor) -> None:
    platform.maps()[SCRATCH_BITS_MAP].update(bytes(4), b"\xff" * 8)
    assert connect(platform, 22) == 1
    assert platform.counters()["no_scratch"] == 1
    platform.system.cpu = 1
    assert connect(platform, 22) == 0


LATCHED = """policy "{name}" version "1" language 1
rule never {{ on process.exec  when proc.uid == 77  deny EACCES else alert }}
rule user {{ on process.exec  when proc.uid == {uid}  alert }}
"""


def test_an_exec_is_judged_by_the_content_that_judged_its_file() -> None:
    platform = SimulatedPlatform("linux")
    platform.system.nothing_readable = True  # so that all ids are 0
    platform.system.pid_tgid = PID << 32 | PID
    old, new = (
        compile_sources([("p.det", LATCHED.format(name=name, uid=uid))]).artifact
        for name, uid in (("old", 0), ("new", 1))
    )
    assert old is not None and new is not None
    image = bytes(8) + PID.to_bytes(8, "little") + bytes(8)
    with Sensor(platform) as sensor:
        sensor.activate(old)
        assert platform.run("exec_check", bytes(8)) == 0
        assert sensor.activate(new).content_only
        platform.run("exec", image)
        platform.run("exec", image)  # not latched any more
        assert [alert.policy.name for alert in sensor.poll()] == ["old"]


def test_what_is_not_simulated_is_refused() -> None:
    platform = SimulatedPlatform("linux")
    with Sensor(platform) as sensor:
        sensor.activate(artifact())
        assert connect(platform, 21) == 1
        with pytest.raises(Fault, match=r"BPFC0921.* of the kernel or a process") as caught:
            connect(platform, 22)
        assert caught.value.places[-1].function.startswith("connect4")
