"""Commands that load programs into the running kernel, and what they leave behind: nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bpfc_cli.demo import FORBIDDEN_PORT, HOST, WATCHED_PORT
from bpfc_cli.exits import CANNOT, FINDINGS, OK, USAGE
from tests.cli.conftest import FIRST, Cli
from tests.house.table import ROOT

pytestmark = [pytest.mark.bpf, pytest.mark.root]

ACTIVE = "is active"
WAIT_S = 60
# A root user without any right, as in many containers.
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]


@contextmanager
def _running(*words: object) -> Iterator[subprocess.Popen[str]]:
    """`bpfc run` from the moment its policy is active; killed if the test does not end it."""
    command = [sys.executable, "-u", "-m", "bpfc_cli.main", "run", *(str(word) for word in words)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            assert process.stderr is not None
            first = process.stderr.readline()
            assert ACTIVE in first, first + process.stderr.read()
            yield process
        finally:
            process.kill()


def _connect(port: int) -> None:
    """Try a connection; what becomes of it does not matter."""
    with socket.socket() as client:
        client.settimeout(5)
        client.connect_ex((HOST, port))


def _left(before: set[int]) -> set[int]:
    """Programs that were not there before; the kernel frees them a moment after the last use."""
    end = time.monotonic() + WAIT_S
    while (left := _programs() - before) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _programs() -> set[int]:
    """Ids of all programs in the kernel."""
    listed = subprocess.run(["bpftool", "prog", "-j"], capture_output=True, text=True, check=True)
    return {program["id"] for program in json.loads(listed.stdout)}


def test_doctor(cli: Cli) -> None:
    shown = cli("doctor")
    told = json.loads(cli("doctor", "--format", "json").out)
    assert shown.code == OK and told["problem"] is None
    for capability in told["capabilities"]:
        assert capability["name"] in shown.out and capability["enables"]
    assert {"privileges", "libbpf", "btf", "ringbuf"} <= {
        c["name"] for c in told["capabilities"] if c["available"]
    }


def test_verifying_on_the_running_kernel(artifact: Path, cli: Cli) -> None:
    told = json.loads(cli("verify", artifact, "--format", "json").out)
    (kernel,) = told["kernels"]
    assert kernel["release"] == os.uname().release and kernel["programs"]
    assert all(0 < p["instructions"] < 1_000_000 for p in kernel["programs"])
    assert (kernel["problems"], told["windows"]) == ([], [])
    shown = cli("verify", artifact)
    assert shown.code == OK and "Windows half, preflight: passes" in shown.out
    assert all(p["program"] in shown.out and "%" in shown.out for p in kernel["programs"])


def test_an_unknown_kernel(artifact: Path, cli: Cli) -> None:
    shown = cli("verify", artifact, "--kernel", "running,2.6")
    assert (shown.code, "BPFC0801" in shown.err) == (USAGE, True)


def test_alerts_as_a_table_until_a_count(artifact: Path) -> None:
    with _running(artifact, "--count", "2") as process:
        _connect(WATCHED_PORT)
        _connect(FORBIDDEN_PORT)
        out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == OK, err
    assert "watched_port" in out and "forbidden_port" in out
    assert "observed" in out and "denied (EPERM)" in out and str(os.getpid()) in out
    assert "2 alerts" in err and "forbidden_port: fired 1" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_with_statistics_and_leave_nothing(number: int, artifact: Path) -> None:
    before = _programs()
    with _running(artifact, "--format", "json") as process:
        assert process.stdout is not None
        asked = subprocess.run(["id"], capture_output=True, check=True)
        alerts = [json.loads(process.stdout.readline())]
        process.send_signal(number)
        out, err = process.communicate(timeout=WAIT_S)
    alerts += map(json.loads, out.splitlines())
    assert process.returncode == OK and asked.returncode == 0
    assert "counters:" in err and "Traceback" not in err
    assert {a["rule"]["name"] for a in alerts} == {"who_am_i"}
    assert {a["schema"] for a in alerts} == {1}
    assert _left(before) == set()


def test_rules_are_compiled_first_and_time_ends_it(cli: Cli) -> None:
    shown = cli("run", FIRST, "--for", "100ms", "--format", "json")
    assert shown.code == OK and ACTIVE in shown.err


def test_a_reader_that_leaves(artifact: Path) -> None:
    before = _programs()
    with _running(artifact, "--format", "json") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        for _ in range(3):
            _connect(WATCHED_PORT)
        err = process.stderr.read()
        assert process.wait(WAIT_S) == OK
    assert "Traceback" not in err and "Broken" not in err
    assert _left(before) == set()


def test_the_demo_ends_with_0_when_everything_came(real_cli: Cli) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bpfc_cli.demo"],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == OK, done.stdout + done.stderr
    assert "PermissionError" in done.stdout and "denied (EPERM)" in done.stdout
    for rule in ("who_am_i", "watched_port", "forbidden_port"):
        assert rule in done.stdout


def test_the_demo_notices_what_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    from bpfc_cli import demo

    monkeypatch.setattr(demo, "FORBIDDEN_PORT", WATCHED_PORT)
    monkeypatch.setattr(demo, "PATIENCE_S", 0.5)
    assert demo.main() == FINDINGS


@pytest.mark.parametrize("command", ["demo", "run", "verify", "doctor"])
def test_without_rights(command: str, artifact: Path) -> None:
    words = {
        "demo": ["bpfc_cli.demo"],
        "run": ["bpfc_cli.main", "run", str(artifact)],
        "verify": ["bpfc_cli.main", "verify", str(artifact)],
        "doctor": ["bpfc_cli.main", "doctor"],
    }[command]
    done = subprocess.run(
        [*POWERLESS, sys.executable, "-m", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
    )
    assert done.returncode == CANNOT, done.stdout + done.stderr
    assert done.stderr.count("error[BPFC07") == 1 and "Traceback" not in done.stderr
    if command == "demo":
        assert "who_am_i" in done.stdout  # everything up to that step


@pytest.mark.vm
def test_verifying_on_a_released_kernel_beside_the_running_one(artifact: Path, cli: Cli) -> None:
    shown = cli("verify", artifact, "--kernel", "running,6.1", "--format", "json")
    assert shown.code == OK, shown.err
    running, released = json.loads(shown.out)["kernels"]
    assert released["kernel"] == "6.1" and released["release"].startswith("6.1.")
    assert {p["program"] for p in running["programs"]} & {
        p["program"] for p in released["programs"]
    }
