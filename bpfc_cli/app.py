"""All commands in one application; each command's work is imported when it is called."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bpfc.version import __version__
from bpfc_cli import (
    build,
    check,
    diff,
    doctor,
    explain,
    fmt,
    import_,
    inspect,
    record_,
    replay_,
    run_,
    verify,
)
from bpfc_cli.exits import HELP, OK, USAGE, Stop
from bpfc_cli.problems import Problem
from bpfc_cli.testing import command as testing

app = typer.Typer(
    name="bpfc",
    help="Compile detection rules to eBPF, verify, run and inspect them.",
    epilog=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        print(f"bpfc {__version__}")
        raise typer.Exit(OK)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    """Options that stand before the command."""


MODULES = (
    check,
    fmt,
    testing,
    build,
    import_,
    inspect,
    diff,
    verify,
    run_,
    record_,
    replay_,
    explain,
    doctor,
)
for module in MODULES:
    module.register(app)


def run(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: the command line's words.

    Returns:
        Its exit code.

    Raises:
        Stop: the command ended in a diagnostic, or the command line is wrong (BPFC0900).
    """
    try:
        result: Any = app(list(arguments), prog_name="bpfc", standalone_mode=False)
    except typer.Abort as abort:
        raise KeyboardInterrupt from abort
    except Exception as error:
        # typer's own errors: their base class is click's or typer's, by typer's version.
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():  # no command at all: the help has been printed
            return USAGE
        raise _usage(error) from error
    return result if isinstance(result, int) else OK


def _usage(error: Any) -> Stop:
    """BPFC0900 for what typer found wrong with the command line."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "bpfc"
    message = " ".join(error.format_message().split()).rstrip(".")
    return Stop(
        USAGE,
        Problem(code="BPFC0900", message=message, remedy=f"{path} --help lists what it takes"),
    )
