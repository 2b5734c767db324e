"""`bpfc run`: activate a policy on this machine and stream its alerts."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc_cli.exits import OK
from bpfc_cli.options import seconds
from bpfc_cli.streaming import AlertFormat, ended_by_signals, printer, say

if TYPE_CHECKING:
    from bpfc.artifact.alert import Alert
    from bpfc.runtime.reports import Activation, RuleStatistics, Statistics
    from bpfc.runtime.sensor import Sensor


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("run")(run)


def run(
    source: Annotated[
        Path,
        typer.Argument(help="An artifact, or rules to compile first.", metavar="RULES.O|FILE.DET"),
    ],
    form: Annotated[
        AlertFormat, typer.Option("--format", help="A table, or a JSON object a line.")
    ] = AlertFormat.TABLE,
    duration: Annotated[
        float | None,
        typer.Option(
            "--for", parser=seconds, metavar="TIME", help="End after this time, e.g. 10s."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="End after so many alerts.")
    ] = None,
) -> int:
    """Activate a policy and print its alerts until Ctrl-C.

    Statistics follow on standard error at the end.
    """
    from bpfc.runtime.sensor import Sensor
    from bpfc_cli.sources import artifact_of

    artifact = artifact_of(source)
    with Sensor() as sensor, ended_by_signals(sensor.stop) as ended:
        _announce(sensor.activate(artifact))
        deadline = None if duration is None else time.monotonic() + duration
        for _ in _batches(sensor, ended, deadline, printer(form), count):
            sys.stdout.flush()
        _report(sensor.statistics())
    return OK


def _batches(
    sensor: "Sensor",
    ended: Callable[[], bool],
    deadline: float | None,
    show: Callable[["Alert"], None],
    count: int | None,
) -> Iterator[None]:
    """Show alerts as they come; yields after each batch, ends by signal, time or count."""
    seen = 0
    while not ended():
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        for alert in sensor.poll(left):
            if seen == count:
                return
            show(alert)
            seen += 1
        yield
        if seen == count or left == 0.0:
            return


def _announce(done: "Activation") -> None:
    """Say what is active, and what is not as its author asked for first."""
    say(f"{done.policy} {done.version} is active (generation {done.generation}, Ctrl-C ends it)")
    for rule in done.rules:
        weaker = ", the form it allows instead of its first" if rule.fallback else ""
        say(f"  {rule.rule} on {rule.event}: {rule.label}{weaker}")
    for name in done.left_out:
        say(f"  {name}: not carried on this platform")


def _report(counts: "Statistics") -> None:
    """Statistics at the end."""
    lost = ", ".join(f"{name} {value:,}" for name, value in counts.counters.items() if value)
    say(f"\n{counts.alerts:,} alerts in {counts.records:,} records; counters: {lost or 'all 0'}")
    if counts.malformed or counts.kills or counts.kills_refused:
        say(
            f"unreadable records {counts.malformed:,}, killed by the agent {counts.kills:,}, "
            f"not killed {counts.kills_refused:,}"
        )
    for rule in counts.rules:
        say(
            f"  {rule.rule}: fired {rule.fired:,} (partial {rule.partial:,}), "
            f"undecided {rule.unknown:,}, denied {rule.denied:,}{_counted(rule)}"
        )
    if counts.lookups:
        asked = ", ".join(f"{what} {number:,}" for what, number in counts.lookups.items())
        say(f"  the agent's questions: {asked}")
    for hook in counts.hooks:
        if hook.skipped:
            say(f"  hook {hook.hook}: {hook.skipped:,} runs skipped by the system: lost events")


def _counted(rule: "RuleStatistics") -> str:
    """What is only worth a word where it happened."""
    words = {
        "alerts held back by the limit": rule.suppressed,
        "keys forgotten": rule.evicted,
        "events not counted": rule.skipped,
        "confirmed by the agent": rule.confirmed,
        "refuted by it": rule.refuted,
        "left open by it": rule.undecided,
    }
    return "".join(f", {word} {number:,}" for word, number in words.items() if number)
