"""`make demo`: the first policy from source to alerts, one step after the other.

Run as `python -m bpfc_cli.demo`. Ends with 0 only if every expected alert arrived and the denied
connection failed; with 3, after everything up to that step, where BPF programs may not be loaded.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from bpfc_cli import exits
from bpfc_cli.main import guarded

if TYPE_CHECKING:
    from bpfc.artifact.alert import Alert
    from bpfc.artifact.container import Artifact
    from bpfc.runtime.sensor import Sensor

POLICY = Path("examples/first.det")
HOME = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
WATCHED_PORT, FORBIDDEN_PORT = 47811, 47812  # as in the policy
PATIENCE_S = 5.0  # alerts take milliseconds; this is for a machine under load


@frozen
class Expected:
    """An alert that has to come: which rule fires on which process, and with what outcome."""

    rule: str
    pid: int
    outcome: str


@frozen
class Provoked:
    """What the demo has done, and what has to come of it.

    Args:
        expected: alerts that have to come.
        excepted: id of a process that a rule excepts: no alert may come of it.
        refused: whether the forbidden connection failed with PermissionError.
    """

    expected: tuple[Expected, ...]
    excepted: int
    refused: bool


def main() -> int:
    """Run the demo.

    Returns:
        The exit code, one of `bpfc_cli.exits`.
    """
    return guarded(_demo)


def _demo() -> int:
    """All steps."""
    from bpfc.runtime.sensor import Sensor

    artifact = _compile()
    with Sensor() as sensor:
        _verify(sensor, artifact)
        _step("Activate it")
        for rule in sensor.activate(artifact).rules:
            print(f"   {rule.rule} on {rule.event}: {rule.label}")
        _step("Start a harmless program and open harmless connections")
        done = _provoke()
        _step("Alerts")
        alerts = _collect(sensor, done.expected)
    faults = _faults(done, alerts)
    _step("Not as it should be" if faults else "All as it should be")
    for fault in faults:
        print(f"   {fault}")
    return exits.FINDINGS if faults else exits.OK


def _compile() -> "Artifact":
    """From source to artifact."""
    from bpfc_cli.sources import compiled, show_coverage

    _step(f"Compile {POLICY}")
    with contextlib.chdir(HOME):
        result = compiled([POLICY])
    show_coverage(result.coverage)
    artifact = result.artifact
    print(f"   {len(artifact.data):,} bytes, core {artifact.manifest.linux.core_hash[:16]}")
    return artifact


def _verify(sensor: "Sensor", artifact: "Artifact") -> None:
    """The running kernel's verifier."""
    _step("Have the running kernel verify it")
    reports = sensor.verify(artifact)
    most = max(reports, key=lambda report: report.instructions)
    print(
        f"   {len(reports)} programs accepted; the largest, {most.name}, took "
        f"{most.instructions:,} of 1,000,000 instructions"
    )


def _provoke() -> Provoked:
    """Do what the rules name."""
    program = shutil.which("id") or "/usr/bin/id"
    asked, output = _start([program])
    print(f"   {program} (pid {asked}) printed {output}")
    excepted, output = _start([program, "-u"])
    print(f"   {program} -u (pid {excepted}) printed {output}: the rule's exception, no alert")
    with _listener():
        print(f"   connection to port {WATCHED_PORT}: {_connect(WATCHED_PORT)}")
        refusal = _connect(FORBIDDEN_PORT)
    print(f"   connection to port {FORBIDDEN_PORT}: {refusal}")
    expected = (
        Expected("who_am_i", asked, "observed"),
        Expected("watched_port", os.getpid(), "observed"),
        Expected("forbidden_port", os.getpid(), "denied"),
    )
    return Provoked(expected, excepted, refusal.startswith("PermissionError"))


def _start(command: Sequence[str]) -> tuple[int, str]:
    """Run a program to its end; its process id and the first line it printed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output, _ = process.communicate()
    return process.pid, output.splitlines()[0] if output else "nothing"


@contextlib.contextmanager
def _listener() -> Iterator[None]:
    """Somebody who answers on the watched port; whoever has the port already does as well."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            server.bind((HOST, WATCHED_PORT))
            server.listen()
        yield


def _connect(port: int) -> str:
    """Try a connection; what became of it."""
    try:
        socket.create_connection((HOST, port), timeout=PATIENCE_S).close()
    except OSError as error:
        return f"{type(error).__name__}: {error.strerror}"
    return "open"


def _collect(sensor: "Sensor", expected: Sequence[Expected]) -> "list[Alert]":
    """Print alerts until all that have to come are there, or patience ends."""
    from bpfc_cli.alerts import for_stdout

    table = for_stdout()
    print(table.head())
    found: list[Alert] = []
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        for alert in sensor.poll(0.2):
            found.append(alert)
            print(table.row(alert), flush=True)
        if all(any(_fits(one, alert) for alert in found) for one in expected):
            break
    return found


def _fits(one: Expected, alert: "Alert") -> bool:
    """Whether an alert is the expected one."""
    seen = (alert.rule.name, alert.fields.get("proc.pid"), alert.outcome)
    return seen == (one.rule, one.pid, one.outcome)


def _faults(done: Provoked, alerts: "Sequence[Alert]") -> list[str]:
    """What did not come out as the policy says."""
    faults = [
        f"no alert of {one.rule} on process {one.pid} with outcome {one.outcome!r}"
        for one in done.expected
        if not any(_fits(one, alert) for alert in alerts)
    ]
    if any(alert.fields.get("proc.pid") == done.excepted for alert in alerts):
        faults.append("an alert of what the rule excepts")
    if not done.refused:
        faults.append(f"the connection to port {FORBIDDEN_PORT} was not refused")
    return faults


def _step(title: str) -> None:
    """Announce a step."""
    print(f"\n== {title}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
