"""How diagnostics look as text."""

from dsl.diagnostics import Diagnostic, nearest, render, shown
from dsl.span import Span


def _render(text: str, start: int, end: int) -> str:
    begin = text.rfind("\n", 0, start) + 1
    span = Span("a.det", start, end, text.count("\n", 0, start) + 1, start - begin + 1)
    return render(Diagnostic("BPFC0123", "error", "wrong", span), {"a.det": text})


def test_caret_under_the_place() -> None:
    assert _render("one\ntwo three\n", 8, 13) == (
        "error[BPFC0123]: wrong\n --> a.det:2:5\n  |\n2 | two three\n  |     ^^^^^"
    )


def test_tabs_and_wide_characters_keep_the_caret_in_place() -> None:
    text = "\t日本 e\u0301 x"
    assert _render(text, 7, 8).splitlines()[-2:] == ["1 |  日本 e\u0301 x", "  |         ^"]


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert _render("one [a,\nb]", 4, 10).splitlines()[-1] == "  |     ^^^"


def test_a_long_line_is_cut_around_the_place() -> None:
    text = "x" * 5000 + " here " + "y" * 5000
    line, caret = _render(text, 5001, 5005).splitlines()[-2:]
    assert len(line) < 130 and line.endswith(" ...") and " here " in line
    assert line[caret.index("^") :].startswith("here")


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in _render("a \x1b[31m b", 0, 1)


def test_a_place_in_an_unknown_file_is_named_only() -> None:
    item = Diagnostic("BPFC0123", "warning", "w", Span("b.det", 0, 1, 1, 1), remedy="r")
    assert render(item, {}) == "warning[BPFC0123]: w\n --> b.det:1:1\n  help: r"


def test_nearest_ignores_case_and_gives_up_on_strangers() -> None:
    assert nearest("Remote.Prot", ["remote.port", "remote.ip"]) == "remote.port"
    assert nearest("zebra", ["remote.port"]) == ""
    assert nearest("a" * 100_000, ["remote.port"]) == ""


def test_long_pieces_of_source_are_cut_visibly() -> None:
    assert shown("a" * 100) == "a" * 37 + "..."
