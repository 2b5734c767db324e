"""Tests on all processors: each worker has the artifact loaded once, and judges test after test."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial

from attrs import define, field, frozen

from bpfc.artifact.container import Artifact
from bpfc.runtime.judging import CoreRunner
from bpfc.simulator import SimulatedCore
from bpfc_cli.testing import guests, play
from bpfc_cli.testing.cases import Cases, Result
from bpfc_cli.testing.coverage import Coverage
from dsl.typed import Policy

# Tests that a worker takes at a time: enough that handing them over costs nothing, few enough that
# the progress bar moves and no worker is left with a long rest.
_PORTION = 8
SIMULATOR, RUNNING = "simulator", "running"
_FEW = 12  # tests for which it does not pay to start a process

Portion = tuple[list[Result], Coverage]


@frozen
class Job:
    """What is to be run.

    Args:
        policy: checked, with its tests.
        artifact: what it was compiled to.
        half: "linux" or "windows".
        judge: SIMULATOR, RUNNING, or a kernel in a virtual machine, for example "5.10".
        texts: of all files, by name.
        explaining: whether expectations that hold are explained, too.
        covering: whether to find out what tests reach.
    """

    policy: Policy
    artifact: Artifact
    half: str
    judge: str
    texts: dict[str, str]
    explaining: bool
    covering: bool

    @property
    def name(self) -> str:
        """Who judges, in words."""
        return f"{self.half} half" if self.judge == SIMULATOR else f"kernel {self.judge}"

    def core(self) -> play.Core:
        """What loads the artifact here."""
        return partial(_simulated, half=self.half) if self.judge == SIMULATOR else play.kernel

    def cases(self) -> Cases:
        """What judges tests."""
        return Cases(
            self.policy,
            self.artifact,
            self.half,
            self.name,
            self.texts,
            self.explaining,
            self.covering,
        )


def _simulated(artifact: Artifact, half: str) -> CoreRunner:
    return SimulatedCore(artifact, half)


@define
class Worker:
    """A process that judges tests.

    Args:
        job: what is to be run.
    """

    job: Job
    player: play.Player = field(init=False)
    _cases: Cases = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._cases = self.job.cases()
        self.player = play.Player(self.job.core(), counting=False)

    def run(self, numbers: Sequence[int]) -> Portion:
        """Judge tests, each with fresh state.

        Args:
            numbers: of the tests, in the policy.

        Returns:
            What became of them, and what they reached.
        """
        cases = self._cases
        reached = cases.reached = Coverage()
        return [cases.run(self.job.policy.cases[n], self.player.play) for n in numbers], reached


_worker: Worker | None = None


def _start(job: Job) -> None:
    global _worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started it ends it
    _worker = Worker(job)


def _work(numbers: Sequence[int]) -> Portion:
    assert _worker is not None
    return _worker.run(numbers)


def run(job: Job, numbers: Sequence[int], processes: int | None = None) -> Iterator[Portion]:
    """Judge tests on all processors.

    Args:
        job: what is to be run.
        numbers: of the tests, in the policy.
        processes: how many to use; None for one for each processor.

    Yields:
        What became of some of them and what they reached, in no particular order.
    """
    if job.judge not in (SIMULATOR, RUNNING):
        yield guests.run(job, numbers)
        return
    count = processes or _processors()
    portions = [numbers[at : at + _PORTION] for at in range(0, len(numbers), _PORTION)]
    if count == 1 or len(numbers) <= _FEW:
        worker = Worker(job)
        with worker.player:
            for portion in portions:
                yield worker.run(portion)
        return
    # A copy of this process has everything already; elsewhere it is handed over.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(count, context, _start, (job,)) as pool:
        futures: list[Future[Portion]] = [pool.submit(_work, portion) for portion in portions]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


def _processors() -> int:
    """Processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
