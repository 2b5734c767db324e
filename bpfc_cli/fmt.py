"""`bpfc fmt`: rules in their canonical form."""

import sys
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer
from attrs import frozen

from bpfc.own import check_own
from bpfc_cli.exits import FINDINGS, OK
from bpfc_cli.files import write_whole
from bpfc_cli.problems import of_diagnostic
from bpfc_cli.render import show

STDIN = Path("-")


@frozen
class _Source:
    """A file, or standard input."""

    path: Path
    data: bytes

    @property
    def name(self) -> str:
        """As messages name it."""
        return "<stdin>" if self.path == STDIN else str(self.path)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("fmt")(fmt)


def fmt(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="The .det files to format; - formats standard input.", metavar="FILE.DET..."
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; name what would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; print what would change.")
    ] = False,
) -> int:
    """Format rules: the same words and comments, set in one way.

    A file with errors of syntax is reported and left alone. With --check or --diff, ends with 1 if
    anything would change.
    """
    code = OK
    for source in _sources(files):
        data = _formatted(source)
        if data is None:
            code = FINDINGS
            continue
        changed = data != source.data
        if check or diff:
            code = FINDINGS if changed else code
        elif source.path == STDIN:
            sys.stdout.buffer.write(data)
        elif changed:
            # A symbolic link stays one: what it points to is replaced.
            write_whole(source.path.resolve(), data, keep=True)
        if diff and changed:
            sys.stdout.buffer.write("".join(_diff(source, data)).encode())
        if changed and (check or source.path != STDIN):
            print(f"{source.name}: {_verdict(check or diff)}", file=sys.stderr)
    return code


def _verdict(dry: bool) -> str:
    """What to say of a file that is not in its canonical form."""
    return "would be formatted" if dry else "formatted"


def _sources(files: list[Path]) -> Iterator[_Source]:
    """What the command line names, read before anything is written."""
    check_own("dsl")
    from bpfc_cli.sources import READ_MAX, read

    contents = iter(read([path for path in files if path != STDIN]))
    for path in files:
        data = sys.stdin.buffer.read(READ_MAX) if path == STDIN else next(contents)[1]
        yield _Source(path, data)


def _formatted(source: _Source) -> bytes | None:
    """A file's canonical form; None after diagnostics."""
    from dsl.formatter import format_source

    text, found = format_source(source.name, source.data)
    show([of_diagnostic(item, {source.name: source.data}) for item in found])
    return None if text is None else text.encode()


def _diff(source: _Source, data: bytes) -> Iterator[str]:
    """The lines of a unified diff, with their ends."""
    before, after = _lines(source.data.decode()), _lines(data.decode())
    for line in unified_diff(before, after, source.name, source.name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """Lines with their ends; str.splitlines would also cut at rarer characters."""
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + ([rest] if rest else [])
