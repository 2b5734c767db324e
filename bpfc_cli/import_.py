"""`bpfc import`: rules of other systems, as policies."""

import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc.own import check_own
from bpfc_cli.exits import FINDINGS, OK, USAGE, Stop
from bpfc_cli.problems import Problem

if TYPE_CHECKING:
    from bpfc_cli.importing.model import Translation

STDOUT = Path("-")


class ReportFormat(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """How to print what became of each rule."""

    TABLE = "table"
    JSON = "json"


class System(str, Enum):  # noqa: UP042  # as above
    """The operating system that rules are for."""

    LINUX = "linux"
    WINDOWS = "windows"


Sources = Annotated[
    list[Path], typer.Argument(help="Rule files, and folders of them.", metavar="FILE|DIR...")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="OUT.DET", help="Where to write the policy; - prints it."
    ),
]
Report = Annotated[ReportFormat, typer.Option("--format", help="How to print what became of each.")]


KernelPart = Annotated[
    bool,
    typer.Option(
        "--kernel-part",
        help="Of rules that ask for what bpfc has no field for, write what is left without it.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    group = typer.Typer(
        help="Translate rules of other systems into a policy.", no_args_is_help=True
    )
    group.command("sigma")(import_sigma)
    group.command("falco")(import_falco)
    app.add_typer(group, name="import")


def import_sigma(
    files: Sources,
    output: Output = None,
    pipeline: Annotated[
        list[Path] | None,
        typer.Option(
            "--pipeline", metavar="FILE", help="A pySigma processing pipeline; may be repeated."
        ),
    ] = None,
    form: Report = ReportFormat.TABLE,
    platform: Annotated[
        System | None,
        typer.Option("--platform", help="Only rules for this system, and those for none."),
    ] = None,
    kernel_part: KernelPart = False,
) -> int:
    """Translate Sigma rules.

    Ends with 0 if all rules were translated, also with a second stage, 1 if some were not, 2 if
    something is no rule.
    """
    check_own("dsl", "compiler")
    from bpfc_cli.importing.files import rule_files
    from bpfc_cli.importing.sigma.pipelines import pipeline_of
    from bpfc_cli.importing.sigma.translate import translated
    from bpfc_cli.sources import read

    pipelines = [pipeline_of(name, data) for name, data in read(pipeline or ())]
    contents = _contents(list(rule_files(files)))
    found = translated(contents, pipelines, platform.value if platform else "", kernel_part)
    return finish(found, "sigma", output, form)


def import_falco(
    files: Sources,
    output: Output = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option(
            "--mapping", metavar="FILE", help="TOML with fields of one's own; may be repeated."
        ),
    ] = None,
    form: Report = ReportFormat.TABLE,
    kernel_part: KernelPart = False,
) -> int:
    """Translate Falco's rules; files in the order in which Falco would load them.

    Ends with 0 if all rules were translated, also with a second stage, 1 if some were not, 2 if
    something is no rule.
    """
    check_own("dsl", "compiler")
    from bpfc_cli.importing.falco.translate import translated
    from bpfc_cli.importing.files import rule_files
    from bpfc_cli.sources import read

    contents = _contents(list(rule_files(files)))
    found = translated(contents, list(read(mapping or ())), kernel_part)
    return finish(found, "falco", output, form)


def finish(
    found: "Sequence[Translation]", system: str, output: Path | None, form: ReportFormat
) -> int:
    """Write the policy, print the report, and say how the command ends.

    Args:
        found: all translations, with names.
        system: where they come from, for the policy's name.
        output: where to write the policy; None for nowhere, STDOUT to print it, and the report to
            standard error.
        form: of the report.

    Returns:
        The exit code.
    """
    from bpfc_cli.files import write_whole
    from bpfc_cli.importing.model import Status
    from bpfc_cli.importing.report import is_bad_input
    from bpfc_cli.importing.source import policy_text
    from bpfc_cli.render import show

    if output is not None and not any(item.names for item in found):
        show([_nothing(output)])
    elif output is not None:
        name = system if output == STDOUT else output.stem
        text = policy_text(name, found)
        if output == STDOUT:
            sys.stdout.write(text)
        else:
            write_whole(output, text.encode())
    _print(found, form, output == STDOUT)
    if is_bad_input(found):
        return USAGE
    return OK if all(item.status is not Status.NOT for item in found) else FINDINGS


def _nothing(output: Path) -> Problem:
    """BPFC0821: a policy without rules is none."""
    return Problem(
        code="BPFC0821",
        message=f"no rule was translated, so {output} is not written",
        remedy="the report says what is missing",
        severity="warning",
    )


def _print(found: "Sequence[Translation]", form: ReportFormat, aside: bool) -> None:
    """Print the report; aside: to standard error."""
    from contextlib import redirect_stdout

    from bpfc_cli.importing.report import as_json, count_rows, rule_rows
    from bpfc_cli.tables import print_facts, print_table

    with redirect_stdout(sys.stderr if aside else sys.stdout):
        if form is ReportFormat.JSON:
            print(as_json(found))
            return
        print_table("Rules", ["place", "title", "translated", "why not"], rule_rows(found))
        print_facts("Together", count_rows(found))


def _contents(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """Files and what is in them."""
    from bpfc_cli.sources import read

    if not paths:
        raise Stop(
            USAGE,
            Problem(
                code="BPFC0901",
                message="there are no rule files (.yml, .yaml) in these folders",
                remedy="name the files themselves, or a folder above them",
            ),
        )
    return list(read(paths))
