"""`bpfc verify`: what verifiers say of an artifact, without attaching anything."""

import json
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import asdict, frozen

from bpfc_cli.exits import FINDINGS, OK
from bpfc_cli.known import exit_code, stop_of
from bpfc_cli.options import Format
from bpfc_cli.problems import Problem
from bpfc_cli.render import show

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from bpfc_cli.tables import Cell
    from bpfc_cli.vm.matrix import Verdict as MachineVerdict
    from compiler.targets.windows.preflight import Finding

RUNNING = "running"
BUDGET = 1_000_000  # instructions a verifier walks through at most (BPF_COMPLEXITY_LIMIT_INSNS)


@frozen
class Verified:
    """A program that a verifier accepted.

    Args:
        program: its name.
        hook: for example "exec".
        instructions: instructions the verifier walked through; 0 if it did not say.
    """

    program: str
    hook: str
    instructions: int


@frozen
class Verdict:
    """What one verifier says.

    Args:
        kernel: as it was asked for.
        release: the kernel that answered, "" if none did.
        programs: those it accepted.
        problems: why it refused.
    """

    kernel: str
    release: str
    programs: tuple[Verified, ...] = ()
    problems: tuple[Problem, ...] = ()


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("verify")(verify)


def verify(
    artifact: Annotated[Path, typer.Argument(help="What `bpfc compile` wrote.", metavar="RULES.O")],
    kernel: Annotated[
        str,
        typer.Option(
            help="Kernels to ask, separated by commas: `running`, or releases such as "
            "5.10,6.1,6.12 in small virtual machines."
        ),
    ] = RUNNING,
    form: Annotated[Format, typer.Option("--format", help="For people, or for programs.")] = (
        Format.TEXT
    ),
) -> int:
    """Have kernels verify an artifact, and check its Windows half.

    Nothing is attached. The table gives each program's verified instructions, and how much of the
    verifier's budget of 1,000,000 that is.
    """
    from bpfc.artifact.container import load_artifact

    opened = load_artifact(artifact)
    verdicts = [*_ask(opened, [name.strip() for name in kernel.split(",") if name.strip()])]
    windows = _windows(opened)
    if form is Format.JSON:
        print(_as_json(verdicts, windows))
    else:
        _as_tables(verdicts, windows)
    problems = [*(p for verdict in verdicts for p in verdict.problems), *(windows or ())]
    show(problems)
    codes = {exit_code(p.code) for p in problems if p.severity == "error"}
    return OK if not codes else FINDINGS if FINDINGS in codes else max(codes)


def _ask(opened: "Artifact", kernels: Sequence[str]) -> Iterable[Verdict]:
    """Ask all kernels, in the order of the command line."""
    from bpfc_cli.vm.matrix import verify_on
    from bpfc_cli.vm.table import kernel as known_kernel

    for name in kernels:
        if name != RUNNING:
            known_kernel(name)  # refuses a name that is not in the table before anything boots
    for name in kernels:
        if name == RUNNING:
            yield _ask_running(opened)
            continue
        print(f"booting kernel {name} ...", file=sys.stderr, flush=True)
        yield _of_machine(verify_on(name, opened.data))


def _ask_running(opened: "Artifact") -> Verdict:
    """Ask the kernel that runs this."""
    from bpfc.runtime.sensor import Sensor

    try:
        with Sensor() as sensor:
            reports = sensor.verify(opened)
    except Exception as error:
        stop = stop_of(error)
        if stop is None:
            raise
        return Verdict(RUNNING, platform.release(), problems=stop.problems)
    programs = tuple(Verified(r.name, r.hook, r.instructions) for r in reports)
    return Verdict(RUNNING, platform.release(), programs)


def _of_machine(answer: "MachineVerdict") -> Verdict:
    """What a virtual machine's kernel says."""
    accepted = (Verified(r.program, r.hook, r.instructions) for r in answer.rows if not r.code)
    refused = (r for r in answer.rows if r.code)
    problems = (
        Problem(
            code=r.code,
            message=f"on kernel {answer.kernel}: {r.message}",
            remedy=r.remedy,
            file=r.file,
            line=r.line,
        )
        for r in refused
    )
    return Verdict(answer.kernel, answer.release, tuple(accepted), tuple(problems))


def _windows(opened: "Artifact") -> tuple[Problem, ...] | None:
    """What the preflight finds in the Windows half; None where the artifact has none."""
    from compiler.targets.windows.preflight import preflight

    if opened.windows is None:
        return None
    return tuple(_of_finding(finding) for finding in preflight(opened.windows))


def _of_finding(finding: "Finding") -> Problem:
    """A finding of the preflight."""
    place = f" {finding.program}" if finding.program else ""
    if finding.instruction is not None:
        place += f", instruction {finding.instruction}"
    return Problem(code=finding.code, message=f"Windows half{place}: {finding.message}")


def _as_json(verdicts: Sequence[Verdict], windows: tuple[Problem, ...] | None) -> str:
    """Everything, for programs."""
    rows = [asdict(verdict) for verdict in verdicts]
    half = None if windows is None else [asdict(problem) for problem in windows]
    return json.dumps({"kernels": rows, "windows": half}, indent=2, ensure_ascii=False)


def _as_tables(verdicts: Sequence[Verdict], windows: tuple[Problem, ...] | None) -> None:
    """Everything, for people."""
    from bpfc_cli.tables import print_table

    names = [verdict.release or verdict.kernel for verdict in verdicts]
    programs = dict.fromkeys((p.program, p.hook) for verdict in verdicts for p in verdict.programs)
    by_kernel = [{p.program: p.instructions for p in verdict.programs} for verdict in verdicts]
    rows: list[list[Cell]] = [
        [program, hook, *(_cell(known.get(program)) for known in by_kernel)]
        for program, hook in programs
    ]
    totals: list[Cell] = [
        ("refused", "red") if verdict.problems else (f"{len(verdict.programs)} accepted", "green")
        for verdict in verdicts
    ]
    print_table(
        "Verified instructions (share of 1,000,000)",
        ["program", "hook", *names],
        [*rows, ["", "", *totals]],
        numbers=names,
    )
    half = "none in this artifact" if windows is None else "passes" if not windows else "refused"
    print(f"Windows half, preflight: {half}")


def _cell(instructions: int | None) -> str:
    """A program before one kernel."""
    if instructions is None:
        return "not loaded"
    return f"{instructions:,} ({instructions / BUDGET:.1%})" if instructions else "accepted"
