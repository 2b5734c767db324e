"""In-kernel time per event of one rule against hand-written C that does the same.

Both are attached to the same hooks at the same time, beside an empty program whose time (it is that
of the accounting itself) is subtracted from both. Blocks of events come in pairs in which the two
sides are attached in either order, so that neither always finds warm caches. README.md says what
"the same" means.
"""

import argparse
import random
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from benchmarks import machine
from benchmarks.report import Failed, Result
from benchmarks.sides import Account, Attached, Compiled, Empty, Native, compiled, native
from benchmarks.source import DONE
from runtime_linux.platform import LinuxPlatform

RULES = Path(__file__).parent / "rules"
ROOT = Path(__file__).parents[1]
UPKEEP = ("fork", "exec", "exit")
RESAMPLES = 2000
LEAST_PAIRS = 31
NETWORK_HOST = "127.64.1.2"  # in the network that the rule names
WATCHED_PORT, OTHER_PORT = 4444, 9


@frozen
class Case:
    """What is measured.

    Args:
        name: for the report.
        rule: file of the rule.
        define: what sensor.c is compiled with.
        watched: program name that the rule names; only of rules on exec.
        command: what `benchmarks.source` is told to do, its count left out.
        hooks: the hooks whose time is measured, the deciding one first.
        alerts: whether every event matches.
        divisor: how many times fewer events a block has.
    """

    name: str
    rule: str
    define: str
    watched: str
    command: str
    hooks: tuple[str, ...]
    alerts: bool
    divisor: int


def _cases(program: str) -> tuple[Case, ...]:
    name, other = Path(program).name, "no-such-name"
    connect, execute = ("event_connect.det", "RULE_CONNECT"), ("event_exec.det", "RULE_EXEC")
    hooks = ("exec", "fork", "exit")
    miss, hit = f"connect {NETWORK_HOST} {OTHER_PORT}", f"connect {NETWORK_HOST} {WATCHED_PORT}"
    return (
        Case("connect_no_match", *connect, other, miss, ("connect4",), False, 1),
        Case("connect_match", *connect, other, hit, ("connect4",), True, 4),
        Case("exec_no_match", *execute, other, f"exec {program}", hooks, False, 16),
        Case("exec_match", *execute, name, f"exec {program}", hooks, True, 16),
    )


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options."""
    parser.add_argument("--pairs", type=int, default=LEAST_PAIRS, help="pairs of blocks a case")
    parser.add_argument("--events", type=int, default=4000, help="connections in a block")
    parser.add_argument("--case", action="append", help="only this one; may be repeated")


def run(options: argparse.Namespace) -> Result:
    """Measure all cases.

    Args:
        options: of the command line.

    Returns:
        Figures by name: `ratio_vs_c` is the upper 95 % confidence bound of the worst case without a
        match, `ratio_median` the median there.

    Raises:
        Failed: this machine cannot run it.
    """
    machine.need_root()
    program = machine.need_program("busybox", "busybox-static")
    chosen = [c for c in _cases(program) if not options.case or c.name in options.case]
    with machine.alone(), machine.accounting():
        found = {case.name: _measure(case, options) for case in chosen}
    usual = [r for name, r in found.items() if name.endswith("no_match")] or list(found.values())
    worst = max(usual, key=lambda r: r["ratio_upper"])
    return {"ratio_vs_c": worst["ratio_upper"], "ratio_median": worst["ratio_median"], **found}


def _measure(case: Case, options: argparse.Namespace) -> Result:
    events = max(1, options.events // case.divisor)
    with _sides(case) as (ours, theirs, empty), _source() as source:
        for side in (empty, ours, theirs):
            side.detach()
        sides = (ours, theirs)
        pairs = [_pair(sides, empty, source, case, events) for _ in range(options.pairs)]
    result: Result = {"events_per_block": events, "pairs": len(pairs)}
    for hook in case.hooks:
        figures = _figures([pair[hook] for pair in pairs])
        if hook == case.hooks[0]:
            result |= figures
        else:
            result[f"upkeep_at_{hook}"] = figures
    return result


@contextmanager
def _sides(case: Case) -> Iterator[tuple[Attached, Attached, Attached]]:
    """Both sides and the empty programs, attached."""
    text = (RULES / case.rule).read_text().replace("{program}", case.watched)
    hooks = tuple(dict.fromkeys((*UPKEEP, *case.hooks)))
    with ExitStack() as stack:
        platform = LinuxPlatform()
        stack.callback(platform.close)
        ours: Compiled = compiled(platform, case.rule, text)
        theirs: Native = native((case.define, f'WATCHED_NAME="{case.watched}"'))
        stack.callback(theirs.close)
        found = tuple(Attached(s, hooks) for s in (ours, theirs, Empty(theirs.source)))
        for side in found:
            stack.callback(side.detach)
            side.attach()
        yield found[0], found[1], found[2]


# Accounts of ours, of C's and of the empty program.
Triple = tuple[Account, Account, Account]


def _pair(
    sides: tuple[Attached, Attached],
    empty: Attached,
    source: "_Source",
    case: Case,
    events: int,
) -> dict[str, Triple]:
    """Two blocks, one in either order of attachment, added up; by hook."""
    found: dict[str, Triple] = {}
    for order in (sides, sides[::-1]):
        block = _block((empty, *order), source, case, events)
        for hook in case.hooks:
            new = (block[sides[0]][hook], block[sides[1]][hook], block[empty][hook])
            old = found.get(hook, (Account(0, 0),) * 3)
            found[hook] = (old[0] + new[0], old[1] + new[1], old[2] + new[2])
    return found


def _block(
    order: Sequence[Attached], source: "_Source", case: Case, events: int
) -> dict[Attached, dict[str, Account]]:
    """One block: attach, produce events, detach; accounts by side and hook."""
    with ExitStack() as stack:
        for side in order:
            stack.callback(side.detach)
            side.attach()
        before = {side: side.accounts() for side in order}
        source.produce(f"{case.command} {events}")
        after = {side: side.accounts() for side in order}
    for side in order:
        records = side.side.drain()
        if case.alerts and not isinstance(side.side, Empty) and records < events:
            raise Failed(f"{events} events gave {records} records: {case.name} is not measured")
    return {
        side: {hook: after[side][hook] - before[side][hook] for hook in case.hooks}
        for side in order
    }


# ---------------------------------------------------------------------- statistics


def _figures(pairs: list[Triple]) -> Result:
    """Medians over pairs of blocks, and the confidence interval of the ratio's median."""
    ours = [pair[0].mean - pair[2].mean for pair in pairs]
    theirs = [pair[1].mean - pair[2].mean for pair in pairs]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    lower, upper = confidence(ratios)
    return {
        "ratio_median": statistics.median(ratios),
        "ratio_lower": lower,
        "ratio_upper": upper,
        "bpfc_ns": statistics.median(ours),
        "c_ns": statistics.median(theirs),
        "empty_ns": statistics.median(pair[2].mean for pair in pairs),
    }


def confidence(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of a median, by resampling.

    Args:
        values: the sample.

    Returns:
        Lower and upper bound; the same on every call with the same values.
    """
    draw = random.Random(1)
    medians = sorted(
        statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES)
    )
    return medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES)]


# ---------------------------------------------------------------------- the source of events


class _Source:
    """A child process that produces events when told to."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child

    def produce(self, command: str) -> None:
        """Tell it what to do and wait until it has done it."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(command, file=self._child.stdin, flush=True)
        if self._child.stdout.readline().strip() != DONE:
            raise Failed(f"the source of events ended while it did: {command}")


@contextmanager
def _source() -> Iterator[_Source]:
    """Start the child; it must be started while both sides are attached, so that they know it."""
    command = [sys.executable, "-m", "benchmarks.source"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield _Source(child)
        assert child.stdin is not None
        child.stdin.close()
