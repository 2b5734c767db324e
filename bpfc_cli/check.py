"""`bpfc check`: are the rules all right?"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from bpfc_cli.exits import FINDINGS, OK
from bpfc_cli.options import Allow, CheckFormat, DenyWarnings
from bpfc_cli.render import as_json, show


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("check")(check)


def check(
    files: Annotated[
        list[Path], typer.Argument(help="The .det files of one policy.", metavar="FILE.DET...")
    ],
    form: Annotated[CheckFormat, typer.Option("--format", help="For people, or for programs.")] = (
        CheckFormat.TEXT
    ),
    allow: Allow = None,
    deny_warnings: DenyWarnings = False,
) -> int:
    """Check rules and report every error and warning in them.

    Text goes to standard error, JSON and SARIF to standard output. Warnings alone end with 0,
    unless they are denied.
    """
    from bpfc_cli.sarif import as_sarif
    from bpfc_cli.sources import checked

    policy, problems = checked(files, allow or ())
    if form is CheckFormat.JSON:
        print(as_json(problems))
    elif form is CheckFormat.SARIF:
        print(as_sarif(problems))
    else:
        show(problems)
        if policy is not None:
            count = len(policy.rules)
            rules = "1 rule" if count == 1 else f"{count:,} rules"
            found = "" if not problems else f", {_warnings(len(problems))}"
            print(f"{policy.name} {policy.version}: {rules}, no errors{found}", file=sys.stderr)
    return FINDINGS if policy is None or (deny_warnings and problems) else OK


def _warnings(count: int) -> str:
    """Some warnings in words."""
    return "1 warning" if count == 1 else f"{count:,} warnings"
