"""What came of many examples, in numbers that add up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import asdict, frozen

from tests.oracle.examples import example_from
from tests.oracle.oracles import (
    CannotCompile,
    Compiled,
    Difference,
    Expected,
    compiled,
    linux_expected,
    run_differences,
    runs,
)
from tests.oracle.windows import happens_on_windows

EVENTS = 50  # in each policy's time


@frozen
class Tally:
    """Numbers of some examples.

    Args:
        examples: how many.
        refused: of these, those that the compiler refused.
        policies: random policies.
        structures: programs that were compiled and loaded for them.
        updates: policies that took the place of another one by a change of content.
        events: judged while a policy was in force, over all policies.
        telling: events of which the interpreter says more than nothing.
        alerts, partial, denials, undecided: what it says of them.
        windows_policies, windows_events: of policies that have a Windows half.
        differences: of any oracle.
    """

    examples: int = 0
    refused: int = 0
    policies: int = 0
    structures: int = 0
    updates: int = 0
    events: int = 0
    telling: int = 0
    alerts: int = 0
    partial: int = 0
    denials: int = 0
    undecided: int = 0
    windows_policies: int = 0
    windows_events: int = 0
    differences: int = 0

    @property
    def numbers(self) -> dict[str, int]:
        """All of them by name."""
        return asdict(self)


@frozen
class Judged:
    """One example.

    Args:
        seed: from which it is made again.
        tally: its numbers.
        differences: what oracles say otherwise.
        refusal: what the compiler said, or "".
    """

    seed: str
    tally: Tally
    differences: tuple[Difference, ...] = ()
    refusal: str = ""


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies."""
    found: Counter[str] = Counter()
    for tally in tallies:
        found.update(tally.numbers)
    return Tally(**found)


def judge(seed: str, kernel: bool) -> Judged:
    """Put the example of a seed to all oracles of this machine.

    Args:
        seed: any text.
        kernel: whether the running kernel is one of them.
    """
    example = example_from(seed, EVENTS)
    try:
        items = compiled(example)
    except CannotCompile as refusal:
        return Judged(seed, Tally(examples=1, refused=1), refusal=str(refusal))
    found: list[Difference] = []
    tallies = [Tally(examples=1)]
    for run in runs(items):
        expected = linux_expected(run, example.sets)
        found += run_differences(run, example.sets, kernel)
        tallies.append(run_tally(run, expected))
    tallies.append(Tally(differences=len(found)))
    return Judged(seed, total(tallies), tuple(found))


def run_tally(run: Sequence[Compiled], expected: Sequence[Expected]) -> Tally:
    """The numbers of policies of one structure."""
    outcomes = [outcome for item in expected for outcome in item.outcomes]
    alerts = [alert for outcome in outcomes for alert in outcome.alerts]
    on_windows = run[0].artifact.windows is not None
    events = [event for item in run for event in item.events]
    return Tally(
        policies=len(run),
        structures=1,
        updates=len(run) - 1,
        events=len(events),
        telling=sum(bool(o.alerts or o.deny or o.kill or o.undecided) for o in outcomes),
        alerts=len(alerts),
        partial=sum(alert.partial for alert in alerts),
        denials=sum(bool(outcome.deny) for outcome in outcomes),
        undecided=sum(len(outcome.undecided) for outcome in outcomes),
        windows_policies=len(run) if on_windows else 0,
        windows_events=sum(map(_is_on_windows, events)) if on_windows else 0,
    )


def _is_on_windows(event: Any) -> bool:
    return happens_on_windows(event) is not None
