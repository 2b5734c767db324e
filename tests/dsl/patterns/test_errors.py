"""What is no pattern is said with its place."""

import pytest

from dsl.frontend import check
from dsl.patterns import glob, regex
from dsl.patterns.tree import PatternError


@pytest.mark.parametrize(
    ("pattern", "place", "kind"),
    [
        ("a(b", "(b", ""),
        ("a)b", ")", ""),
        ("a[b", "[b", ""),
        ("[z-a]", "z-a", ""),
        (r"[a-\d]", r"a-\d", ""),
        ("[[:letter:]]", "[:letter:]", ""),
        ("*a", "*", ""),
        ("a|+", "+", ""),
        ("a**", "a**", ""),
        ("a++", "a++", "unsupported"),
        ("a\\", "\\", ""),
        (r"a\q", r"\q", ""),
        (r"a\Z", r"\Z", "unsupported"),
        (r"(a)\1", r"\1", "unsupported"),
        (r"a(?=b)", "(?=", "unsupported"),
        (r"a(?!b)", "(?!", "unsupported"),
        (r"(?<=a)b", "(?<=", "unsupported"),
        (r"(?<!a)b", "(?<!", "unsupported"),
        (r"(?>a)", "(?>", "unsupported"),
        (r"\pL", r"\p", "unsupported"),
        (r"(?x)a", "x", ""),
        ("(?", "(?", ""),
        ("(?i", "(?i", ""),
        (r"\x4", r"\x4", ""),
        (r"\x{110000}", r"\x{110000}", ""),
        (r"\x{d800}", r"\x{d800}", ""),
        ("a{1001}", "{1001}", "oversized"),
        ("a{3,2}", "{3,2}", ""),
        ("((a{1000}){1000})", "((a{1000}){1000})", "oversized"),
        ("(" * 200 + ")" * 200, "(", "oversized"),
    ],
)
def test_no_regular_expression(pattern: str, place: str, kind: str) -> None:
    with pytest.raises(PatternError) as caught:
        regex.parse(pattern)
    error = caught.value
    assert pattern[error.start : error.end] == place
    assert (error.unsupported, error.oversized) == (kind == "unsupported", kind == "oversized")


@pytest.mark.parametrize(("pattern", "place"), [("a[b", "[b"), ("[!z-a]", "z-a"), ("a\\", "\\")])
def test_no_glob(pattern: str, place: str) -> None:
    with pytest.raises(PatternError) as caught:
        glob.parse(pattern, path=True)
    assert pattern[caught.value.start : caught.value.end] == place


@pytest.mark.parametrize(
    ("literal", "shown"),
    [('r"ab(c"', "(c"), ('"ab(c"', "(c"), (r'"\x61b(c"', r'"\x61b(c"')],
)
def test_the_place_is_inside_the_pattern(literal: str, shown: str) -> None:
    text = 'policy "p" version "1" language 1\n' + (
        f"rule a {{ on process.exec when proc.cmdline regex {literal} }}"
    )
    policy, (problem,) = check([("a.det", text)])
    assert policy is None and problem.code == "BPFC0430"
    assert text[problem.span.start : problem.span.end] == shown
    assert text.splitlines()[problem.span.line - 1][problem.span.column - 1 :].startswith(shown)


@pytest.mark.parametrize(
    "pattern", ['regex ""', 'regex "a*"', 'regex "^"', 'glob "**"', 'regex ["x", "(?:)"]']
)
def test_what_every_text_matches(pattern: str) -> None:
    text = (
        f'policy "p" version "1" language 1 rule a {{ on process.exec when proc.comm {pattern} }}'
    )
    policy, (problem,) = check([("a.det", text)])
    assert policy is None and problem.code == "BPFC0306"
