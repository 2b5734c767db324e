"""Errors that other parts of bpfc raise, as diagnostics and exit codes."""

from collections.abc import Callable

from bpfc.own import ShadowError
from bpfc_cli.exits import CANNOT, FINDINGS, USAGE, Stop
from bpfc_cli.problems import Problem

Command = Callable[[], int]

# Packages of the extras, and the extra that brings each.
EXTRAS = {
    **dict.fromkeys(("rich", "typer"), "cli"),
    **dict.fromkeys(("lark", "llvmlite"), "compiler"),
    **dict.fromkeys(("sigma", "yaml"), "import"),
}

# Which exit code a code means, by the longest prefix; whatever is about rules or artifacts is a
# finding, whatever is about the machine means that it cannot.
EXITS = {
    "BPFC": FINDINGS,
    "BPFC07": CANNOT,
    **dict.fromkeys(("BPFC075", "BPFC076", "BPFC077"), FINDINGS),  # of reading artifacts
    "BPFC0751": USAGE,  # no such file
    # The artifact is at fault: not readable, refused, of another version, in contradiction.
    **dict.fromkeys(("BPFC0704", "BPFC0705", "BPFC0710", "BPFC0712"), FINDINGS),
    "BPFC094": USAGE,  # of recordings
    "BPFC08": CANNOT,
    "BPFC0801": USAGE,  # no such kernel
    "BPFC0820": USAGE,  # no pipeline
    "BPFC0830": USAGE,  # no mapping
}


def stop_of(error: BaseException) -> Stop | None:
    """What an expected error means for the command.

    Args:
        error: whatever a command raised.

    Returns:
        The diagnostics and the exit code; None for an error that nobody expected.
    """
    if isinstance(error, ModuleNotFoundError):
        return _missing_extra(error)
    if isinstance(error, ShadowError):
        return Stop(CANNOT, Problem(code="BPFC0906", message=error.msg))
    code = getattr(error, "code", None)
    if isinstance(code, str) and code.startswith("BPFC"):
        return Stop(exit_code(code), problem_of(error))
    return None


def problem_of(error: BaseException) -> Problem:
    """The diagnostic in one of bpfc's own exceptions.

    Args:
        error: an exception with `code`, `message` and `remedy`, and perhaps a place (`file`,
            `line`) and a `detail` of several lines.

    Returns:
        The same as a problem.
    """
    detail = str(getattr(error, "detail", "") or "")
    return Problem(
        code=str(getattr(error, "code", "")),
        message=str(getattr(error, "message", "")),
        remedy=str(getattr(error, "remedy", "")),
        file=str(getattr(error, "file", "") or ""),
        line=int(getattr(error, "line", 0) or 0),
        notes=tuple(detail.splitlines()),
    )


def exit_code(code: str) -> int:
    """The exit code for a diagnostic's code."""
    return EXITS[max((prefix for prefix in EXITS if code.startswith(prefix)), key=len)]


def _missing_extra(error: ModuleNotFoundError) -> Stop | None:
    """BPFC0903, where the module is one that an extra brings."""
    package = (error.name or "").partition(".")[0]
    if package not in EXTRAS:
        return None
    extra = EXTRAS[package]
    return Stop(
        CANNOT,
        Problem(
            code="BPFC0903",
            message=f"this command needs the package {package}, which is not installed",
            remedy=f'install it with  pip install "bpfc[{extra}]"',
        ),
    )
