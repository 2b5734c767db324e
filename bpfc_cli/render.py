"""The one renderer of diagnostics: coloured text for people, JSON for programs."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from attrs import asdict

from bpfc_cli.problems import Problem

_COLOURS = {"error": "31", "warning": "33", "note": "36", "place": "34", "bold": "1"}
_HEAD = re.compile(r"^(error|warning|note)(\[\w+\])?: (.*)$")
_PLACE = re.compile(r"^( *)(-->|=|\d+ \||\|)(.*)$")


def show(problems: Sequence[Problem], stream: TextIO | None = None) -> None:
    """Print diagnostics for people.

    Args:
        problems: in the order to show.
        stream: where to; standard error by default.
    """
    out = stream or sys.stderr
    colour = wants_colour(out)
    for problem in problems:
        plain = text(problem)
        print("\n".join(_coloured(plain.splitlines())) if colour else plain, file=out)


def text(problem: Problem) -> str:
    """One diagnostic for people, without colours.

    Args:
        problem: the diagnostic.

    Returns:
        One or more lines without a newline at the end.
    """
    from bpfc.artifact.alert import printable

    if problem.display:
        return problem.display
    lines = [f"{problem.severity}[{problem.code}]: {printable(problem.message)}"]
    if problem.file:
        lines.append(
            f" --> {printable(problem.file)}" + (f":{problem.line}" if problem.line else "")
        )
    lines += [f"  | {printable(note)}" for note in problem.notes]
    if problem.remedy:
        lines.append(f"  help: {printable(problem.remedy)}")
    return "\n".join(lines)


def as_json(problems: Sequence[Problem]) -> str:
    """Diagnostics for programs.

    Args:
        problems: the diagnostics.

    Returns:
        A JSON list with one object for each, with the attributes of `Problem` except `display`.
    """
    rows = []
    for problem in problems:
        row = asdict(problem, filter=lambda attribute, _: attribute.name != "display")
        names = ("message", "file", "line", "column")
        row["related"] = [dict(zip(names, place, strict=True)) for place in problem.related]
        rows.append(row)
    return json.dumps(rows, indent=2, ensure_ascii=False)


def _coloured(lines: Iterable[str]) -> list[str]:
    """The lines of one diagnostic with terminal colours."""
    style = "error"
    found = []
    for line in lines:
        if head := _HEAD.match(line):
            style = head[1]
            line = _paint(head[1] + (head[2] or ""), style) + ": " + _paint(head[3], "bold")
        elif place := _PLACE.match(line):
            carets = place[3].strip() and not place[3].strip(" ^")
            line = place[1] + _paint(place[2], "place") + _paint(place[3], style if carets else "")
        found.append(line)
    return found


def _paint(words: str, style: str) -> str:
    """Words in a colour."""
    return f"\x1b[{_COLOURS[style]}m{words}\x1b[0m" if style and words else words


def wants_colour(stream: TextIO) -> bool:
    """Whether to colour what is written to a stream (NO_COLOR: the convention of no-color.org).

    Args:
        stream: the stream.
    """
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
