"""Events judged by compiled cores, here or in a virtual machine.

This module needs nothing of the compiler: it goes to guests together with what was compiled.
"""

import os
import pickle
import sys
import traceback
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from attrs import Factory, define, evolve, frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.decode import State, Value
from bpfc.artifact.record import ACT_DENY
from bpfc.runtime.errors import SensorError
from bpfc.runtime.judging import CoreRunner, Event, Verdict

Core = Callable[[Artifact], CoreRunner]
# Maps in which rules keep what they remember (compiler.emit.state, compiler.plan.memory).
_STATE_MAP, _MEMORY = "state", ("set_", "tags_", "ancestry")


@frozen
class Step:
    """An event.

    Args:
        event: catalogue name.
        stages: its record at each stage at which it is seen, by STAGE_*; none without a rule.
        whole: of an event on which a rule has a second stage, the same with texts of any length.
        known: what the agent knows of it.
    """

    event: str
    stages: tuple[tuple[int, Event], ...]
    whole: tuple[Event, ...] = ()
    known: Mapping[str, Value | State] = Factory(dict)


@frozen
class Work:
    """A compiled policy, the events that it is to judge, what its sets hold before them.

    Args:
        revised: policies that differ by content only, each of which takes the place of the one
            before, with events of its own; what sets hold then is what they held.
    """

    artifact: Artifact
    steps: tuple[Step, ...]
    sets: dict[str, tuple[Any, ...]] = Factory(dict)
    revised: tuple["Work", ...] = ()


@frozen
class Played:
    """What became of it.

    Args:
        verdicts: by event, by stage; what was denied has no further stage.
        statistics: by rule, record.RULE_STATS, since the policy was loaded; none if not asked for.
        problem: why there is none of that, or "".
        entries: of the map of each set, behind the last event.
        revised: the same for each policy that came later.
    """

    verdicts: tuple[tuple[Verdict, ...], ...]
    statistics: tuple[tuple[int, ...], ...]
    problem: str = ""
    entries: tuple[int, ...] = ()
    revised: tuple["Played", ...] = ()


def kernel(artifact: Artifact) -> CoreRunner:
    """The core in the running kernel."""
    from runtime_linux.testrun import KernelRunner  # needs libbpf, which other cores do not

    return KernelRunner(artifact)


@define
class Player:
    """Plays works one after the other, each with a core that remembers nothing; a context manager.

    Args:
        core: loads an artifact.
        counting: whether rules' statistics are read, which takes time where there are many.
    """

    core: Core
    counting: bool = True
    _artifact: Artifact | None = None
    _runner: CoreRunner | None = None

    def __enter__(self) -> "Player":
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner is not None:
            self._runner.close()
        self._artifact = self._runner = None

    def play(self, work: Work) -> Played:
        """Have the core judge a work's events.

        Args:
            work: what to play.

        Returns:
            What became of it.

        Raises:
            ValueError: a record cannot be laid out.
            SensorError: the core cannot be loaded or run, or a set does not take an element.
        """
        if self._runner is None or work.artifact is not self._artifact:
            self.__exit__()
            self._runner, self._artifact = self.core(work.artifact), work.artifact
        elif remembers(work.artifact):  # loading a policy anew takes a kernel its time
            self._runner.reset()
        runner = self._runner
        for name, values in work.sets.items():
            runner.set(name).update(values, 0)  # for ever: its own time began at some other time
        played = _judged(runner, work, self.counting)
        later = []
        for revised in work.revised:
            self._artifact = None  # the runner's is another one now
            runner.revise(revised.artifact)
            later.append(_judged(runner, revised, self.counting))
        return evolve(played, revised=tuple(later))


def _judged(runner: CoreRunner, work: Work, counting: bool) -> Played:
    verdicts = tuple(_step(runner, step) for step in work.steps)
    if not counting:
        return Played(verdicts, ())
    sets = (runner.set(info.name).status() for info in work.artifact.manifest.sets)
    entries = tuple(found.elements + found.expired for found in sets)
    return Played(verdicts, runner.statistics(), entries=entries)


def remembers(artifact: Artifact) -> bool:
    """Whether what a policy makes of an event can depend on the events before."""
    names = (info.name for info in artifact.manifest.linux.maps)
    return any(name == _STATE_MAP or name.startswith(_MEMORY) for name in names)


def play(work: Work, core: Core = kernel) -> Played:
    """Load the policy and have its core judge the events, one after the other.

    Args:
        work: what to play.
        core: loads it.

    Returns:
        What became of it; a problem if it cannot be loaded or judged.
    """
    try:
        with Player(core) as player:
            return player.play(work)
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
                pickle.dump(_in_turn(works), file)
        except BaseException:
            traceback.print_exc()  # whoever started it finds no result, and the reason here
        finally:
            os._exit(0)
    os.close(writer)
    return child, reader


def _in_turn(works: list[Work]) -> list[Played]:
    """Play works; a policy that remembers nothing is loaded once for all of its own."""
    found = []
    with Player(kernel) as player:
        for work in works:
            try:
                found.append(player.play(work))
            except (SensorError, ValueError) as error:
                found.append(Played((), (), str(error)))
    return found
