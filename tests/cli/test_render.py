"""Diagnostics for people and for programs."""

import io
import json

import pytest

from bpfc_cli.problems import Problem
from bpfc_cli.render import as_json, show, text

PLAIN = Problem(
    code="BPFC0901",
    message="cannot read x.det: no such file or directory",
    remedy="name another",
    file="x.det",
    line=3,
    notes=("first", "second"),
)


class _Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_all_parts_are_shown() -> None:
    assert text(PLAIN).splitlines() == [
        "error[BPFC0901]: cannot read x.det: no such file or directory",
        " --> x.det:3",
        "  | first",
        "  | second",
        "  help: name another",
    ]


def test_what_is_drawn_already_is_shown_as_it_is() -> None:
    assert text(Problem(code="BPFC0101", message="m", display="drawn\n^^^")) == "drawn\n^^^"


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in text(Problem(code="BPFC0901", message="cannot read \x1b[2J.det"))


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = _Terminal(), io.StringIO()
    show([PLAIN], terminal)
    show([PLAIN], pipe)
    assert "\x1b[31m" in terminal.getvalue()
    assert pipe.getvalue() == text(PLAIN) + "\n"
    monkeypatch.setenv("NO_COLOR", "1")
    quiet = _Terminal()
    show([PLAIN], quiet)
    assert quiet.getvalue() == pipe.getvalue()


def test_colouring_changes_no_character(monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    drawn = "error[BPFC0101]: odd\n --> a.det:12:3\n   |\n12 | a == b\n   |   ^^\n  help: x = y"
    terminal = _Terminal()
    show([Problem(code="BPFC0101", message="odd", display=drawn)], terminal)
    assert re.sub(r"\x1b\[\d+m", "", terminal.getvalue()) == drawn + "\n"


def test_json_has_everything_but_the_drawing() -> None:
    problem = Problem(code="BPFC0101", message="m", related=(("here", "a", 1, 2),), display="x")
    (row,) = json.loads(as_json([problem]))
    assert row["code"] == "BPFC0101" and "display" not in row
    assert row["related"] == [{"message": "here", "file": "a", "line": 1, "column": 2}]
