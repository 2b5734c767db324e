"""`bpfc test` on many rules: from the command to its answer, on two processors.

The policy is the one that compile times are measured with. Each rule has a test of three events:
one on which it fires, one that it just misses, one of another kind.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.policies import many_rules, rule_of
from benchmarks.report import Failed, Result

ROOT = Path(__file__).parents[1]
PROCESSORS = 2
KIB, MIB = 1 << 10, 1 << 20
EVENTS = 3  # of a test
_SUMMARY = re.compile(r"([\d,]+) tests: ([\d,]+) passed .*, ([\d,]+) events")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the benchmark's options."""
    parser.add_argument("--rules", type=int, default=1000, help="rules, and tests")
    parser.add_argument("--runs", type=int, default=3, help="runs, of which the median counts")
    parser.add_argument("--half", default="linux", help="as for bpfc test")


def run(options: argparse.Namespace) -> Result:
    """Measure.

    Args:
        options: of the command line.

    Returns:
        `test_s`: seconds of the whole command; `test_cpu_s`: of all its processes; `test_mib`: of
        the largest; numbers of `rules`, `events` and `processors`.

    Raises:
        Failed: a test does not pass.
    """
    with tempfile.TemporaryDirectory() as folder:
        rules, tests = Path(folder, "rules.det"), Path(folder, "rules_test.det")
        rules.write_text(many_rules(options.rules))
        tests.write_text("\n".join(_test(number) for number in range(options.rules)))
        runs = sorted(_timed(rules, tests, options) for _ in range(options.runs))
    seconds, cpu, peak = runs[len(runs) // 2]
    return {
        "test_s": seconds,
        "test_best_s": runs[0][0],
        "test_cpu_s": cpu,
        "test_mib": peak / MIB,
        "rules": options.rules,
        "events": EVENTS * options.rules,
        "processors": PROCESSORS,
    }


def _timed(rules: Path, tests: Path, options: argparse.Namespace) -> tuple[float, float, float]:
    """Seconds, seconds of processors and bytes of one run."""
    command = [sys.executable, "-m", "bpfc_cli.main", "test", str(rules), str(tests)]
    command += ["--half", options.half]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=_few_processors
    )
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = _SUMMARY.search(done.stdout)
    numbers = [int(text.replace(",", "")) for text in found.groups()] if found else []
    if numbers != [options.rules, options.rules, EVENTS * options.rules]:
        raise Failed(f"bpfc test did not pass:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, float(after.ru_maxrss * KIB)


def _few_processors() -> None:
    """Let this process, and those that it starts, have two processors."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, allowed[:PROCESSORS])


def _test(number: int) -> str:
    return "\n".join(_lines(number))


def _lines(number: int) -> Iterator[str]:
    """The test of a rule."""
    fires, misses = rule_of(number)
    name = f"generated_{number}"
    yield f'test "{name}" {{'
    yield '  given proc parent { exe.path = "/usr/sbin/parent", uid = 33 }'
    yield '  given proc actor child of parent { exe.path = "/usr/bin/actor" }'
    for event, expected in ((fires, f"alert by {name} certain"), (misses, f"no alert by {name}")):
        yield f"  actor: {event}"
        yield f"  expect {expected}"
    other = "net.connect" if fires.startswith("process.exec") else "process.exec"
    yield f"  actor: {other}"
    yield "  expect nothing"
    yield "}"
