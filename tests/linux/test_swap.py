"""One policy after another on the running kernel, policies that do not load, what is left over."""

import hashlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.container import DIGEST_SIZE, Artifact, digest_place, open_artifact
from bpfc.runtime.errors import SensorError
from compiler.elf import read_elf
from tests.house.table import ROOT
from tests.linux.live import Live, active, compiled, names, only, open_sensor
from tests.linux.programs import connect, end, fork, parent_is_this_process, run, start, wait

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 44_000
KINDS = {"prog_id": "prog", "map_id": "map", "link_id": "link"}  # in fdinfo, for bpftool
WAIT_S = 60


def _denying(name: str, *ports: int) -> str:
    listed = ", ".join(map(str, ports))
    return f"""rule {name} {{
    on net.connect
    when remote.ip == 127.0.0.1
         and remote.port in [{listed}]
    deny
}}"""


FIRST = _denying("first", PORT, PORT + 1)
# As many ports as FIRST: another content. More than its capacity class takes: another structure.
EDITED = _denying("edited", PORT, PORT + 2)
SECOND = _denying("second", PORT, PORT + 2, *(PORT + 2 * n for n in range(10, 16)))


@pytest.fixture
def live() -> Iterator[Live]:
    """A sensor on which FIRST is active."""
    with active(FIRST) as one:
        yield one


def _refused() -> list[bool]:
    """Which of three ports are refused."""
    return [connect("127.0.0.1", PORT + n) == 1 for n in range(3)]


def test_the_second_policy_replaces_the_first(live: Live) -> None:
    assert _refused() == [True, True, False]
    done = live.use(SECOND)
    assert (done.generation, done.replaced, done.content_only) == (2, 1, False)
    assert _refused() == [True, False, True]
    found = [(a.rule.name, a.generation) for a in live.alerts(os.getpid())]
    assert found == [("first", 1), ("first", 1), ("second", 2), ("second", 2)]
    assert live.sensor.statistics().malformed == 0


@pytest.mark.parametrize("second", [SECOND, EDITED], ids=["policies", "contents"])
def test_no_moment_is_without_a_policy(live: Live, second: str, scale: int) -> None:
    read, write = os.pipe()

    def hammer() -> None:
        os.close(read)
        passed = count = 0
        while os.getppid() == parent:
            count += 1
            if connect("127.0.0.1", PORT) != 1:
                passed += 1
            if count % 1000 == 0:
                os.write(write, struct.pack("<II", count, passed))

    parent = os.getpid()
    artifacts = [compiled(second), compiled(FIRST)]
    pid = fork(hammer)
    os.close(write)
    try:
        for _ in range(2 * scale):
            for artifact in artifacts:
                done = live.sensor.activate(artifact)
                assert done.content_only == (second == EDITED)
                live.drain()
        data = os.read(read, 1 << 16)
    finally:
        end(pid)
        os.close(read)
    count, passed = struct.unpack("<II", data[-8:])
    assert count > 0 and passed == 0
    counters = live.sensor.statistics().counters
    assert (counters["no_policy"], counters["empty_slot"], counters["no_scratch"]) == (0, 0, 0)


def test_what_is_known_of_processes_outlives_a_policy(
    live: Live, busybox: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "nobody-writes")
    pid = start(busybox, ["grep", "x", str(tmp_path / "nobody-writes"), "marked"])
    try:
        live.use(f"""rule known {{
            on process.exit when {parent_is_this_process()} and proc.cmdline endswith "marked" alert
        }}""")
        live.drain()
    finally:
        os.kill(pid, signal.SIGKILL)
        wait(pid)
    assert only(live.alerts(pid), "known").fields["proc.exe.path"] == str(busybox)


def _broken(artifact: Artifact, function: str) -> Artifact:
    """The artifact with a first instruction that reads a register nobody has written: r0 = r7."""
    elf = read_elf(artifact.data)
    symbol = next(s for s in elf.symbols if s.name == function)
    assert symbol.section is not None
    section = elf.section(symbol.section)
    assert section is not None
    at = artifact.data.index(section.data) + symbol.value
    data = bytearray(artifact.data)
    data[at : at + 8] = struct.pack("<BBhi", 0xBF, 0x70, 0, 0)
    place = digest_place(bytes(data))
    data[place : place + DIGEST_SIZE] = bytes(DIGEST_SIZE)
    data[place : place + DIGEST_SIZE] = hashlib.sha256(data).digest()
    return open_artifact(bytes(data))


def test_a_policy_that_the_verifier_refuses_changes_nothing(live: Live) -> None:
    held = _bpf_ids(os.getpid())
    with pytest.raises(SensorError) as refused:
        live.sensor.activate(_broken(compiled(SECOND), "core_net_connect"))
    error = refused.value
    assert (error.code, error.rules) == ("BPFC0705", ("second",))
    assert error.file == "test.det" and 2 <= error.line <= 7
    assert "second" in error.message and "R7" in error.message.upper() and error.remedy
    assert "\n" not in error.message
    assert _bpf_ids(os.getpid()) == held
    assert _refused() == [True, True, False]
    assert {a.generation for a in live.alerts(os.getpid())} == {1}
    live.use(SECOND)
    assert _refused() == [True, False, True]


def test_the_diagnostic_names_the_rule_at_fault(live: Live) -> None:
    both = f"{FIRST}\nrule other {{\n    on process.exec\n    when proc.pid == 1\n    alert\n}}"
    with pytest.raises(SensorError) as refused:
        live.sensor.activate(_broken(compiled(both), "core_process_exec"))
    assert refused.value.rules == ("other",)
    assert 8 <= refused.value.line <= 12


def test_a_refused_first_policy_leaves_nothing() -> None:
    before = _bpf_ids(os.getpid())
    with open_sensor() as live, pytest.raises(SensorError):
        live.sensor.activate(_broken(compiled(FIRST), "core_net_connect"))
    assert _bpf_ids(os.getpid()) == before
    assert _refused() == [False, False, False]


def _bpf_ids(pid: int) -> set[tuple[str, int]]:
    """Kernel objects that a process holds descriptors of: (kind, id)."""
    found = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            lines = info.read_text().splitlines()
        except OSError:
            continue  # the descriptor of the listing itself
        rows = dict(line.split(":", 1) for line in lines if ":" in line)
        found |= {(KINDS[k], int(v)) for k, v in rows.items() if k in KINDS}
    return found


def _existing() -> set[tuple[str, int]]:
    """All kernel objects of those kinds."""
    found = set()
    for kind in KINDS.values():
        listed = subprocess.run(
            ["bpftool", "-j", kind, "list"], capture_output=True, text=True, check=True
        )
        found |= {(kind, one["id"]) for one in json.loads(listed.stdout or "[]")}
    return found


def _left(ids: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Which of some kernel objects exist; programs are freed a moment after their last use."""
    deadline = time.monotonic() + 5
    while (left := _existing() & ids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def test_closing_leaves_nothing() -> None:
    before = _bpf_ids(os.getpid())
    with active(FIRST) as live:
        live.use(SECOND)
        ids = _bpf_ids(os.getpid()) - before
        assert {kind for kind, _ in ids} == set(KINDS.values())
        assert ids <= _existing()
    assert _bpf_ids(os.getpid()) == before
    assert _left(ids) == set()
    assert _refused() == [False, False, False]


def test_an_exception_leaves_nothing() -> None:
    before = _bpf_ids(os.getpid())
    with pytest.raises(ZeroDivisionError), active(FIRST):
        ids = _bpf_ids(os.getpid()) - before
        raise ZeroDivisionError
    assert _left(ids) == set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_command_leaves_nothing(number: signal.Signals, tmp_path: Path) -> None:
    rules = tmp_path / "rules.det"
    rules.write_text(f'policy "test" version "1" language 1\n{FIRST}\n')
    command = [sys.executable, "-u", "-m", "bpfc_cli.main", "run", str(rules)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stderr is not None
            while "is active" not in (line := process.stderr.readline()):
                assert line, "it ended"
            assert _refused() == [True, True, False]
            ids = _bpf_ids(process.pid)
            assert {kind for kind, _ in ids} == set(KINDS.values())
            process.send_signal(number)
            _, errors = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
    assert process.returncode == (-number if number == signal.SIGKILL else 0), errors
    assert "Traceback" not in errors
    assert _left(ids) == set()
    assert _refused() == [False, False, False]


def test_two_sensors_do_not_disturb_each_other(live: Live, busybox: Path) -> None:
    with active(SECOND) as other:
        assert _refused() == [True, True, True]
        assert names(live.alerts(os.getpid())) == {"first"}
        assert names(other.alerts(os.getpid())) == {"second"}
    assert _refused() == [True, True, False]
    assert wait(start(busybox, ["true"])) == 0 and run(busybox, ["true"])
