"""`bpfc test`: do rules do what their tests say?"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import frozen

from bpfc_cli.exits import FINDINGS, OK, USAGE, Stop
from bpfc_cli.options import Allow, Format
from bpfc_cli.problems import Problem
from bpfc_cli.render import show, wants_colour

if TYPE_CHECKING:
    from rich.progress import Progress

    from bpfc_cli.testing.cases import Result
    from bpfc_cli.testing.coverage import Coverage
    from bpfc_cli.testing.runner import Job
    from dsl.typed import Policy


class Half(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """Which half of an artifact the simulator runs."""

    LINUX = "linux"
    WINDOWS = "windows"
    BOTH = "both"


@frozen
class _Options:
    """What the command line asks for, besides files."""

    filters: tuple[str, ...]
    halves: tuple[str, ...]
    kernels: tuple[str, ...]
    explaining: bool
    covering: bool
    fail_fast: bool
    partial: bool


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("test")(run_tests)


def run_tests(
    files: Annotated[
        list[Path],
        typer.Argument(help="The .det files of one policy, tests included.", metavar="FILE.DET..."),
    ],
    half: Annotated[
        Half | None,
        typer.Option(help="Which half of the artifact to simulate; linux if nothing is said."),
    ] = None,
    kernel: Annotated[
        str,
        typer.Option(
            help="Have kernels judge instead, separated by commas: `running` (needs root), or "
            "releases such as 5.10,6.12 in small virtual machines."
        ),
    ] = "",
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="TITLE",
            help="Only tests with this in their title (* and ? as in file names); repeatable.",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show why expectations hold, too.")
    ] = False,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="List rules, conditions and exceptions not reached.")
    ] = False,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Stop at the first test that does not pass.")
    ] = False,
    form: Annotated[Format, typer.Option("--format", help="For people, or for programs.")] = (
        Format.TEXT
    ),
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write JUnit XML as well.")
    ] = None,
    allow_partial: Annotated[
        bool, typer.Option("--allow-partial", help="Leave out rules that Linux cannot carry.")
    ] = False,
    allow: Allow = None,
) -> int:
    """Run the tests of a policy.

    The compiled rules run in a simulator: no privileges and no Linux are needed. Ends with 0 if all
    tests pass, 1 if one does not, 2 if the rules or tests themselves have errors.
    """
    from bpfc_cli.files import check_writable, write_whole

    if junit is not None:
        check_writable(junit)
    halves = ("linux", "windows") if half is Half.BOTH else (half.value,) if half else ()
    kernels = tuple(name.strip() for name in kernel.split(",") if name.strip())
    options = _Options(
        filters=tuple(filters or ()),
        halves=halves or (() if kernels else ("linux",)),
        kernels=kernels,
        explaining=explain,
        covering=coverage,
        fail_fast=fail_fast,
        partial=allow_partial,
    )
    begin = time.perf_counter()
    policy, texts = _policy(files, allow or ())
    numbers = _chosen(policy, options.filters)
    jobs = list(_jobs(policy, texts, options))
    results, reached = _run(jobs, numbers, options)
    chosen = len(jobs) * len(numbers)
    seconds = time.perf_counter() - begin
    _show(policy, texts, results, reached if coverage else None, options, form, (chosen, seconds))
    if junit is not None:
        from bpfc_cli.testing.output import junit as as_junit

        write_whole(junit, as_junit(policy.name, results, seconds))
    return OK if all(result.status == "passed" for result in results) else FINDINGS


# ---------------------------------------------------------------- before


def _policy(files: Sequence[Path], allow: Sequence[str]) -> "tuple[Policy, dict[str, str]]":
    """The checked policy, and the texts of its files."""
    from bpfc_cli.sources import checked_texts

    policy, problems, contents = checked_texts(files, allow)
    if policy is None:
        raise Stop(USAGE, *problems)
    show(problems)
    if not policy.cases:
        raise _usage("there is no test in these files", 'write: test "title" { ... }')
    texts = {
        name: text.decode("utf-8-sig") if isinstance(text, bytes) else text
        for name, text in contents.items()
    }
    return policy, texts


def _chosen(policy: "Policy", filters: Sequence[str]) -> list[int]:
    """Numbers of the tests to be run."""
    found = [
        number
        for number, case in enumerate(policy.cases)
        if not filters or any(fnmatchcase(case.title, f"*{one}*") for one in filters)
    ]
    if not found:
        raise _usage("no test has such a title", "titles are compared letter by letter")
    return found


def _jobs(policy: "Policy", texts: dict[str, str], options: _Options) -> "Iterator[Job]":
    """Who is to judge."""
    from bpfc_cli.testing.runner import RUNNING, Job
    from bpfc_cli.testing.subjects import subject
    from bpfc_cli.vm.table import kernel as known_kernel

    for name in options.kernels:
        if name != RUNNING:
            known_kernel(name)  # refuses a name that is not in the table before anything boots
    simulated = subject(policy, texts, options.partial, False) if options.halves else None
    for half in options.halves:
        assert simulated is not None
        if getattr(simulated.manifest, half) is None:
            raise _usage(f"no rule can be carried on {half}", "leave out --half")
        yield Job(policy, simulated, half, "simulator", texts, options.explaining, options.covering)
    if options.kernels:
        judged = subject(policy, texts, options.partial, True)
        for name in options.kernels:
            yield Job(policy, judged, "linux", name, texts, options.explaining, options.covering)


def _usage(message: str, remedy: str) -> Stop:
    return Stop(USAGE, Problem(code="BPFC0900", message=message, remedy=remedy))


# ---------------------------------------------------------------- at work


def _run(
    jobs: "Sequence[Job]", numbers: Sequence[int], options: _Options
) -> "tuple[list[Result], Coverage]":
    """Run all tests, with a progress bar on a terminal."""
    from bpfc_cli.testing.coverage import Coverage
    from bpfc_cli.testing.runner import run

    reached = Coverage()
    results: list[Result] = []
    with _Progress(len(jobs) * len(numbers)) as progress:
        for job in jobs:
            mine: list[Result] = []
            for some, found in run(job, numbers):
                mine += some
                reached.join(found)
                progress.advance(len(some))
                if options.fail_fast and any(one.status != "passed" for one in some):
                    break
            order = {case.title: number for number, case in enumerate(job.policy.cases)}
            mine.sort(key=lambda one: order[one.title])
            failed = next((n for n, one in enumerate(mine) if one.status != "passed"), None)
            if options.fail_fast and failed is not None:
                return results + mine[: failed + 1], reached
            results += mine
    return results, reached


class _Progress:
    """A progress bar on a terminal; nothing elsewhere.

    Args:
        total: number of tests.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._bar: Progress | None = None

    def __enter__(self) -> "_Progress":
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich import progress
            from rich.console import Console

            # Without a thread of its own: worker processes are copies of this one.
            self._bar = progress.Progress(
                "tests",
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                auto_refresh=False,
            )
            self._bar.start()
            self._task = self._bar.add_task("", total=self._total)
            self._bar.refresh()
        return self

    def advance(self, count: int) -> None:
        """Some more are done."""
        if self._bar is not None:
            self._bar.update(self._task, advance=count, refresh=True)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


# ---------------------------------------------------------------- behind


def _show(
    policy: "Policy",
    texts: dict[str, str],
    results: "Sequence[Result]",
    reached: "Coverage | None",
    options: _Options,
    form: Format,
    figures: tuple[int, float],
) -> None:
    """Print what became of the tests."""
    from bpfc_cli.testing import coverage as coverage_
    from bpfc_cli.testing import output
    from bpfc_cli.testing.report import Report, coverage_lines, leanings, summary

    found = coverage_.report(policy, reached, texts) if reached is not None else None
    if form is Format.JSON:
        print(output.as_json((policy.name, policy.version), results, found))
        return
    judges = len(options.halves) + len(options.kernels) > 1
    report = Report(wants_colour(sys.stdout), judges, options.explaining)
    for result in results:
        for line in report.result(result):
            print(line)
    for line in leanings(results):
        print(line)
    if found is not None:
        for line in coverage_lines(found):
            print(line)
    print(summary(results, *figures))
