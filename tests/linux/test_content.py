"""Policies that differ by content only: written into the idle buffer, put in force by one flip."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import RULE_STATS
from bpfc.runtime.errors import SensorError
from runtime_linux.loaded import LinuxUnit
from tests.linux.live import Live, active, compiled, only
from tests.linux.programs import connect, end, fork, run

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 45_000


def _rules(port: int, name: str = "listed", names: str = '"nobody"') -> str:
    """Three ports, far from any other."""
    listed = ", ".join(str(port + n) for n in (0, 100, 200))
    return f"""rule {name} {{
    on net.connect
    when remote.ip == 127.0.0.1
         and remote.port in [{listed}]
    deny
}}
rule programs {{
    on process.exec
    when proc.exe.name in [{names}]
    alert
}}"""


OTHER = "rule other {\n on net.connect\n when remote.port == 1\n deny\n}"


@pytest.fixture
def live() -> Iterator[Live]:
    """A sensor with a policy that refuses PORT."""
    with active(_rules(PORT)) as one:
        yield one


@contextmanager
def connecting() -> Iterator["_Asked"]:
    """A process that connects to ports when asked to."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        ours.close()
        while data := theirs.recv(4):
            theirs.send(struct.pack("<I", connect("127.0.0.1", struct.unpack("<I", data)[0])))

    pid = fork(serve)
    theirs.close()
    try:
        yield _Asked(ours)
    finally:
        ours.close()
        end(pid)


class _Asked:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def refused(self, port: int) -> bool:
        """Whether its connection is denied."""
        self._channel.send(struct.pack("<I", port))
        return bool(struct.unpack("<I", self._channel.recv(4))[0] == 1)


def _program_ids() -> set[str]:
    """Programs that this process holds."""
    found = set()
    for info in Path("/proc/self/fdinfo").iterdir():
        try:
            text = info.read_text()
        except OSError:
            continue
        found |= {line for line in text.splitlines() if line.startswith("prog_id")}
    return found


def test_an_edited_list_judges_a_process_that_runs_already(live: Live) -> None:
    with connecting() as process:
        assert (process.refused(PORT), process.refused(PORT + 5)) == (True, False)
        before = _program_ids()
        done = live.use(_rules(PORT + 5, name="edited"))
        assert (done.content_only, done.generation, done.replaced) == (True, 2, 1)
        assert _program_ids() == before
        assert (process.refused(PORT), process.refused(PORT + 5)) == (False, True)
    found = [(a.rule.name, a.generation, a.fields["remote.port"]) for a in live.alerts()]
    assert found == [("listed", 1, PORT), ("edited", 2, PORT + 5)]
    assert live.sensor.statistics().malformed == 0


def test_texts_are_content(live: Live, busybox: Path) -> None:
    assert live.during(lambda: run(busybox, ["true"])) == []
    assert live.use(_rules(PORT, names='"busybox", "zsh"')).content_only
    alert = only(live.during(lambda: run(busybox, ["true"])), "programs")
    assert alert.generation == 2


def test_one_can_go_back_and_forth(live: Live) -> None:
    live.use(_rules(PORT + 5, name="edited"))
    for name, number, port in (("listed", 1, PORT), ("edited", 2, PORT + 5)) * 2:
        done = live.sensor.rollback()
        assert (done.content_only, done.generation, done.replaced) == (True, number, 3 - number)
        assert [connect("127.0.0.1", p) == 1 for p in (PORT, PORT + 5)] == [
            port == PORT,
            port == PORT + 5,
        ]
        assert [(a.rule.name, a.generation) for a in live.alerts(os.getpid())] == [(name, number)]
    assert live.use(_rules(PORT + 9)).generation == 3
    assert live.sensor.rollback().generation == 2


def test_only_content_can_be_gone_back_to(live: Live) -> None:
    with pytest.raises(SensorError) as error:
        live.sensor.rollback()
    assert error.value.code == "BPFC0730"
    live.use(_rules(PORT + 5))
    assert not live.use(OTHER).content_only
    with pytest.raises(SensorError):
        live.sensor.rollback()


def test_counters_begin_anew_and_are_kept_for_going_back(live: Live) -> None:
    fired = RULE_STATS.index("fired")
    connect("127.0.0.1", PORT)
    live.use(_rules(PORT + 5, name="edited"))
    for _ in range(2):
        connect("127.0.0.1", PORT + 5)
    assert live.statistics("edited").fired == 2
    live.sensor.rollback()
    assert live.statistics("listed").fired == 1
    active_now = live.sensor._active
    assert active_now is not None
    assert live.platform.rule_stats(active_now.loaded)[0][fired] == 1


def test_content_that_cannot_be_written_changes_nothing(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SensorError("BPFC0713", "taken away by a test", "")

    with monkeypatch.context() as patch:
        patch.setattr(LinuxUnit, "write_policy", refuse)
        with pytest.raises(SensorError):
            live.use(_rules(PORT + 5))
    assert connect("127.0.0.1", PORT) == 1 and connect("127.0.0.1", PORT + 5) != 1
    assert live.use(_rules(PORT + 5)).content_only
    assert connect("127.0.0.1", PORT + 5) == 1


def test_many_edits_in_a_row(live: Live, scale: int) -> None:
    artifacts: list[Artifact] = [compiled(_rules(PORT + n)) for n in range(3)]
    for number in range(12 * scale):
        assert live.sensor.activate(artifacts[number % 3]).content_only
        wanted = [n == number % 3 for n in range(3)]
        assert [connect("127.0.0.1", PORT + n) == 1 for n in range(3)] == wanted
    found = {(a.fields["remote.port"], a.generation % 3) for a in live.alerts(os.getpid())}
    assert found == {(PORT, 2), (PORT + 1, 0), (PORT + 2, 1)}
