"""Random policies and events put to all oracles, for as long as you like."""

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from attrs import frozen

from benchmarks.machine import need_root
from benchmarks.report import Failed, Result
from tests.oracle.examples import example_from
from tests.oracle.guest import judge_in
from tests.oracle.oracles import first_difference
from tests.oracle.shrinking import shown, smallest
from tests.oracle.tally import EVENTS, Judged, Tally, judge, total

ROOT = Path(__file__).parents[1]
# What decides about a result: a journal says which state of it was judged.
JUDGED = ("bpfc", "compiler", "dsl", "runtime_linux", "tests/language", "tests/oracle")
TASKS_A_CHILD = 100  # about; then new ones begin, with empty caches
PROGRESS_S = 30


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options."""
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to go on")
    parser.add_argument("--seed", default="0", help="where chance begins")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--kernel", help="judge in a virtual machine with this kernel, not here")
    parser.add_argument("--journal", type=Path, help="file to go on from, and to add to")
    parser.add_argument("--replay", metavar="SEED", help="one seed of a journal, made small")


def run(options: argparse.Namespace) -> Result:
    """Judge examples until the time is over.

    Args:
        options: of the command line.

    Returns:
        The numbers of `tests.oracle.tally.Tally`, over everything in the journal; of this run
        `seconds` and `policies_per_s`; `defects`: a line for each difference.

    Raises:
        Failed: this machine cannot load programs, the virtual machine does not work, the journal
            cannot be read, or a process was ended.
    """
    need_root()
    if options.replay:
        return _replayed(options.replay)
    kernel = options.kernel or os.uname().release
    journal = _Journal.read(options.journal, kernel)
    begun = time.monotonic()
    end = begun + 60 * options.minutes
    seeds = _seeds(f"{options.seed}:", journal, end)
    found = []
    last = begun
    for judged in _judgements(seeds, options):
        found.append(judged)
        journal.add(judged)
        for difference in judged.differences:
            print(f"{judged.seed}: {difference.oracle}: {difference.text}", file=sys.stderr)
        if time.monotonic() - last > PROGRESS_S:
            last = time.monotonic()
            print(_progress(found, last - begun), file=sys.stderr, flush=True)
    seconds = time.monotonic() - begun
    mine = total(one.tally for one in found)
    return {
        **total([journal.before, mine]).numbers,
        "oracles": f"kernel {options.kernel}" if options.kernel else "simulator, running kernel",
        "events_a_policy": EVENTS,
        "seconds": seconds,
        "policies_per_s": mine.policies / seconds,
        "defects": [
            *journal.defects,
            *(f"{j.seed}: {d.oracle}: {d.text}" for j in found for d in j.differences),
        ],
    }


def _progress(found: list[Judged], seconds: float) -> str:
    tally = total(one.tally for one in found)
    return (
        f"{seconds:6.0f} s  {tally.policies:,} policies  {tally.events:,} events  "
        f"{tally.differences} differences  {tally.policies / seconds:.2f} policies/s"
    )


def _seeds(prefix: str, journal: "_Journal", end: float) -> Iterator[str]:
    """Seeds that the journal does not have, until the time is over."""
    for number in count():
        if time.monotonic() > end:
            return
        if f"{prefix}{number}" not in journal.seeds:
            yield f"{prefix}{number}"


def _judgements(seeds: Iterator[str], options: argparse.Namespace) -> Iterator[Judged]:
    if options.kernel:
        yield from judge_in(options.kernel, seeds)
        return
    if options.jobs == 1:
        yield from (judge(seed, True) for seed in seeds)
        return
    context = multiprocessing.get_context("fork")
    while (first := next(seeds, None)) is not None:
        some = chain([first], islice(seeds, options.jobs * TASKS_A_CHILD - 1))
        with ProcessPoolExecutor(options.jobs, context) as pool:
            try:
                yield from _on_all(pool, some, options.jobs + 2)
            except BrokenProcessPool as error:
                raise Failed(
                    "a process was ended from outside, perhaps for want of memory: go on from the "
                    "journal, with fewer --jobs"
                ) from error


def _on_all(pool: ProcessPoolExecutor, seeds: Iterator[str], ahead: int) -> Iterator[Judged]:
    """Judge on all processors, so many ahead: seeds come until the time is over."""
    waiting = {pool.submit(judge, seed, True) for seed in islice(seeds, ahead)}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        waiting |= {pool.submit(judge, seed, True) for seed in islice(seeds, len(done))}
        yield from (one.result() for one in done)


@frozen
class _Journal:
    """What was judged before: a line of JSON for each example.

    Args:
        path: the file, None for none.
        kernel: which one judges.
        seeds: of examples in it that this kernel judged by the code as it is.
        before: their numbers.
        defects: their differences.
        state: digest of the code.
    """

    path: Path | None
    kernel: str
    seeds: frozenset[str]
    before: Tally
    defects: tuple[str, ...]
    state: str

    @classmethod
    def read(cls, path: Path | None, kernel: str) -> "_Journal":
        """Read a journal; one that is not there is empty."""
        state, rows = _state(), []
        if path is not None and path.exists():
            rows = [*_rows(path)]
        known = [row for row in rows if (row["state"], row["kernel"]) == (state, kernel)]
        return cls(
            path,
            kernel,
            frozenset(row["seed"] for row in known),
            total(Tally(**row["tally"]) for row in known),
            tuple(f"{row['seed']}: {text}" for row in known for text in row["differences"]),
            state,
        )

    def add(self, judged: Judged) -> None:
        """Write down an example."""
        if self.path is None:
            return
        row = {
            "seed": judged.seed,
            "state": self.state,
            "kernel": self.kernel,
            "tally": judged.tally.numbers,
            "differences": [f"{d.oracle}: {d.text}" for d in judged.differences],
            "refusal": judged.refusal,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal.

    Raises:
        Failed: one is broken, as a full disk leaves it.
    """
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise Failed(f"{path}:{number}: no line of a journal: take it out") from error


def _state() -> str:
    """A digest of everything that decides about a result."""
    digest = hashlib.sha256()
    for folder in JUDGED:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".lark"):
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _replayed(seed: str) -> Result:
    """One seed again; an example that fails is made small and printed."""
    judged = judge(seed, True)
    if not judged.differences:
        return {**judged.tally.numbers, "refusal": judged.refusal, "defects": []}
    oracle = judged.differences[0].oracle
    example = example_from(seed, EVENTS)
    small = smallest(example, lambda other: first_difference(other, oracle) is not None)
    print("\n".join(shown(small)), file=sys.stderr)
    difference = first_difference(small, oracle)
    assert difference is not None
    return {**judged.tally.numbers, "defects": [f"{seed}: {oracle}: {difference.text}"]}
