"""`bpfc doctor`: what this machine offers, and what each thing enables."""

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc.version import __version__
from bpfc_cli.exits import CANNOT, OK, Stop
from bpfc_cli.known import stop_of
from bpfc_cli.options import Format
from bpfc_cli.problems import Problem

if TYPE_CHECKING:
    from bpfc.runtime.platform import Capability

# Optional parts: the package to look for, and what it enables.
PARTS = {
    "lark": "reading rules (bpfc[compiler])",
    "llvmlite": "compiling rules (bpfc[compiler])",
    "rich": "this command line (bpfc[cli])",
}


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("doctor")(doctor)


def doctor(
    form: Annotated[
        Format, typer.Option("--format", help="For people, or for programs.")
    ] = Format.TEXT,
) -> int:
    """Show what this machine offers and what each thing enables.

    Ends with 3 where policies cannot be run at all.
    """
    parts = [(name, _installed(name), enables) for name, enables in PARTS.items()]
    found, problem = _capabilities()
    if form is Format.JSON:
        print(_as_json(parts, found, problem))
    else:
        _as_tables(parts, found)
    if problem is not None:
        raise Stop(CANNOT, problem)
    return OK


def _installed(name: str) -> str:
    """Version of an installed package, or ""."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _capabilities() -> tuple[tuple["Capability", ...], Problem | None]:
    """What the platform sees, and why nothing runs here if nothing does."""
    from bpfc.runtime.platform import find_platform
    from runtime_linux.selection import BASE

    try:
        found = find_platform().capabilities()
    except Exception as error:
        stop = stop_of(error)
        if stop is None:
            raise
        return (), stop.problems[0]
    lacking = [c for c in found if c.name in BASE and not c.available]
    return found, _cannot(lacking[0]) if lacking else None


def _cannot(lacking: "Capability") -> Problem:
    """The diagnostic for something without which nothing runs."""
    return Problem(
        code="BPFC0703" if lacking.name == "privileges" else "BPFC0718",
        message=f"policies cannot be run here: {lacking.detail}",
        remedy="the table above shows what each thing enables",
    )


def _as_json(
    parts: list[tuple[str, str, str]], found: tuple["Capability", ...], problem: Problem | None
) -> str:
    """Everything, for programs."""
    from attrs import asdict

    return json.dumps(
        {
            "bpfc": __version__,
            "system": platform.platform(),
            "parts": [dict(zip(("name", "version", "enables"), row, strict=True)) for row in parts],
            "capabilities": [asdict(capability) for capability in found],
            "problem": asdict(problem) if problem else None,
        },
        indent=2,
        ensure_ascii=False,
    )


def _as_tables(parts: list[tuple[str, str, str]], found: tuple["Capability", ...]) -> None:
    """Everything, for people."""
    from bpfc_cli.tables import print_facts, print_table

    print_facts(
        f"bpfc {__version__}",
        [
            ("system", f"{platform.system()} {platform.release()} on {platform.machine()}"),
            ("python", f"{platform.python_version()} ({sys.executable})"),
        ],
    )
    print_table(
        "Parts",
        ["part", "here", "enables"],
        ((name, _mark(bool(number), number), enables) for name, number, enables in parts),
    )
    if found:
        print_table(
            "Capabilities",
            ["capability", "here", "enables", "how it is known"],
            ((c.name, _mark(c.available, "yes"), c.enables, c.detail) for c in found),
        )


def _mark(here: bool, words: str) -> tuple[str, str]:
    """A cell that says whether something is there."""
    return (words, "green") if here else ("no", "red")
