"""Cases judged by compiled cores, here or in a virtual machine.

This module needs nothing of the compiler: it goes to guests together with what was compiled.
"""

import os
import pickle
import sys
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from attrs import Factory, frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import ACT_DENY
from bpfc.runtime.errors import SensorError
from bpfc.runtime.judging import CoreRunner, Event, Verdict
from runtime_linux.testrun import KernelRunner


@frozen
class Step:
    """An event: its record at each stage at which it is seen, by STAGE_*."""

    event: str
    stages: tuple[tuple[int, Event], ...]


@frozen
class Work:
    """A compiled policy, the events that it is to judge, what its sets hold before them."""

    artifact: Artifact
    steps: tuple[Step, ...]
    sets: dict[str, tuple[Any, ...]] = Factory(dict)


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


def play(work: Work, core: Callable[[Artifact], CoreRunner] = KernelRunner) -> Played:
    """Load the policy and have its core judge the events, one after the other."""
    try:
        with core(work.artifact) as runner:
            for name, values in work.sets.items():
                runner.set(name).update(values)
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
    print(b64encode(pickle.dumps(play_all(works))).decode())


def play_all(works: list[Work]) -> list[Played]:
    """Play works on all processors: verifying programs is what takes time."""
    count = os.cpu_count() or 1
    found: list[Played] = [Played((), (), "not played")] * len(works)
    children = [_child(works[start::count]) for start in range(count)]
    for start, (child, reader) in enumerate(children):
        with os.fdopen(reader, "rb") as file:
            found[start::count] = pickle.loads(file.read())
        os.waitpid(child, 0)
    return found


def _child(works: list[Work]) -> tuple[int, int]:
    """A child that plays works: its process id, and where its results can be read."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "wb") as file:
                pickle.dump([play(work) for work in works], file)
        finally:
            os._exit(0)
    os.close(writer)
    return child, reader
