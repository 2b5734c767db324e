"""Cases judged by compiled cores, here or in a virtual machine.

This module needs nothing of the compiler: it goes to guests together with what was compiled.
"""

import pickle
import sys
from base64 import b64encode

from attrs import frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import ACT_DENY
from bpfc.artifact.testing import SlotLayout
from bpfc.runtime.errors import SensorError
from runtime_linux.testrun import CoreRunner, Event, Verdict


@frozen
class Step:
    """An event: its record at each stage at which it is seen, by STAGE_*."""

    event: str
    stages: tuple[tuple[int, Event], ...]


@frozen
class Work:
    """A compiled policy and the events that it is to judge."""

    artifact: Artifact
    layout: SlotLayout
    steps: tuple[Step, ...]


@frozen
class Played:
    """What became of it.

    Args:
        verdicts: by event, by stage; what was denied has no further stage.
        statistics: by rule, record.RULE_STATS.
        problem: why there is none of that, or "".
    """

    verdicts: tuple[tuple[Verdict, ...], ...]
    statistics: tuple[tuple[int, ...], ...]
    problem: str = ""


def play(work: Work) -> Played:
    """Load the policy and have its core judge the events, one after the other."""
    try:
        with CoreRunner(work.artifact, work.layout) as runner:
            verdicts = tuple(_step(runner, step) for step in work.steps)
            return Played(verdicts, runner.statistics())
    except (SensorError, ValueError) as error:
        return Played((), (), str(error))


def _step(runner: CoreRunner, step: Step) -> tuple[Verdict, ...]:
    found: list[Verdict] = []
    for stage, made in step.stages:
        if found and found[-1].actions & ACT_DENY:
            break
        found.append(runner.judge(step.event, made, stage))
    return tuple(found)


def main() -> None:
    """Play all of the works that are pickled in standard input; the results go to its other end."""
    works: list[Work] = pickle.load(sys.stdin.buffer)
    print(b64encode(pickle.dumps([play(work) for work in works])).decode())
