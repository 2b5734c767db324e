"""Examples judged by the core in a virtual machine: many in one boot."""

import pickle
from base64 import b64decode
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from attrs import frozen

from bpfc_cli.vm.machine import Machine
from tests.language.play import Played, Work
from tests.oracle.examples import example_from
from tests.oracle.oracles import (
    CannotCompile,
    Compiled,
    Difference,
    Expected,
    compiled,
    linux_differences,
    linux_expected,
    runs,
    work_of,
)
from tests.oracle.tally import EVENTS, Judged, Tally, run_tally, total

ROOT = Path(__file__).parents[2]
SCRIPT = "tests/language/play.py"
BATCH = 20  # examples that go to the guest at once
TIMEOUT_S = 600.0


@frozen
class _Run:
    """Policies of one structure, on their way to the guest."""

    seed: str
    items: Sequence[Compiled]
    expected: Sequence[Expected]
    work: Work


def judge_in(series: str, seeds: Iterator[str]) -> Iterator[Judged]:
    """Put the Linux half of examples to a released kernel.

    Args:
        series: of the kernel, for example "5.10".
        seeds: of the examples.

    Raises:
        VmError: there is no such machine, or it died.
    """
    with Machine(series) as machine:
        while batch := list(islice(seeds, BATCH)):
            yield from _batch(machine, batch)


def _batch(machine: Machine, seeds: Sequence[str]) -> Iterator[Judged]:
    made: list[_Run] = []
    refused: dict[str, str] = {}
    for seed in seeds:
        example = example_from(seed, EVENTS)
        try:
            items = compiled(example)
        except CannotCompile as refusal:
            refused[seed] = str(refusal)
            continue
        for run in runs(items):
            expected = linux_expected(run, example.sets)
            made.append(_Run(seed, run, expected, work_of(run, example.sets)))
    played = _played(machine, [one.work for one in made])
    for seed in seeds:
        if seed in refused:
            yield Judged(seed, Tally(examples=1, refused=1), refusal=refused[seed])
            continue
        found: list[Difference] = []
        tallies = [Tally(examples=1)]
        for one, answer in zip(made, played, strict=True):
            if one.seed == seed:
                name = f"kernel {machine.series}"
                found += linux_differences(name, one.items, one.work, one.expected, answer)
                tallies.append(run_tally(one.items, one.expected))
        tallies.append(Tally(differences=len(found)))
        yield Judged(seed, total(tallies), tuple(found))


def _played(machine: Machine, works: list[Work]) -> list[Played]:
    """What the guest makes of works."""
    result = machine.run(
        ["python3", "-c", "from tests.language.play import main; main()"],
        files={SCRIPT: (ROOT / SCRIPT).read_bytes()},
        stdin=pickle.dumps(works),
        cwd="/tmp/language",
        timeout=TIMEOUT_S,
    )
    if result.exit_code:
        raise RuntimeError(f"the guest did not play: {result.stderr}")
    found: list[Played] = pickle.loads(b64decode(result.stdout))
    return found
