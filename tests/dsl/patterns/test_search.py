"""What patterns mean, against Python's `re` and tables of cases."""

import re

import pytest
from hypothesis import given

from dsl.patterns import glob, regex
from dsl.patterns.search import found
from tests.dsl.patterns.generate import BYTES, GLOBS, REGEXES, TEXTS, pythonic


@given(REGEXES, TEXTS)
def test_regular_expressions_mean_what_re_says(pattern: str, text: str) -> None:
    if text or r"\B" not in pattern:  # `re` finds no \B in an empty text, RE2 does
        wanted = pythonic(pattern).search(text) is not None
        assert found(regex.parse(pattern), text.encode()) == wanted


@given(REGEXES, BYTES)
def test_stray_bytes_are_characters(pattern: str, text: bytes) -> None:
    decoded = text.decode("utf-8", "surrogateescape")
    if text or r"\B" not in pattern:
        wanted = pythonic(pattern).search(decoded) is not None
        assert found(regex.parse(pattern), text) == wanted


@given(REGEXES, TEXTS, TEXTS)
def test_what_is_found_in_the_visible_part_stays_found(pattern: str, text: str, rest: str) -> None:
    node = regex.parse(pattern)
    if found(node, text.encode(), cut=True):
        assert found(node, (text + rest).encode())


def _translated(pattern: str, path: bool) -> str:
    """A glob of the generator as a regular expression, by replacement."""
    part = "[^/]" if path else "(?s:.)"
    rest = ["\\A"]
    at = 0
    while at < len(pattern):
        before = pattern[at - 1 : at] if at else "/"
        if pattern[at] == "*":
            count = len(re.match(r"\*+", pattern[at:])[0])  # type: ignore[index]
            at += count
            if path and count > 1:
                whole = before == "/" and pattern[at : at + 1] == "/"
                rest.append("(?:(?s:.)*/)?" if whole else "(?s:.)*")
                at += whole
            else:
                rest.append(f"{part}*")
            continue
        if pattern[at] == "[":
            end = pattern.index("]", at)
            inside = pattern[at + 1 : end]
            negated = "^" + inside[1:] + ("/" if path else "") if inside[0] == "!" else inside
            rest.append(f"[{negated}]")
            at = end
        elif pattern[at] == "\\":
            at += 1
            rest.append(re.escape(pattern[at]))
        else:
            rest.append(part if pattern[at] == "?" else re.escape(pattern[at]))
        at += 1
    return "".join([*rest, r"\Z"])


@given(GLOBS, TEXTS)
def test_globs_mean_what_their_translation_says(pattern: str, text: str) -> None:
    for path in (False, True):
        wanted = re.search(_translated(pattern, path), text) is not None
        assert found(glob.parse(pattern, path=path), text.encode()) == wanted


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/tmp/**/x", ["/tmp/x", "/tmp/a/x", "/tmp/a/b/x"], ["/tmpx", "/tmp/ax", "/x"]),
        ("/tmp/**", ["/tmp/", "/tmp/x", "/tmp/x/y"], ["/tmp", "/tmpx"]),
        ("**/x", ["x", "/x", "/a/b/x"], ["ax", "/xa"]),
        ("/a/*/b", ["/a/x/b", "/a//b"], ["/a/b", "/a/x/y/b"]),
        ("/a[!b]c", ["/axc", "/aéc"], ["/abc", "/a/c"]),
        ("/[[:digit:]]?", ["/1x", "/2\udcff"], ["/xx", "/1"]),
        ("/{a,b}", ["/{a,b}"], ["/a"]),
        ("/[]a]", ["/]", "/a"], ["/b"]),
        (r"C:\*\x?.exe", [r"C:\a\x1.exe"], [r"C:\a\b\x1.exe", "C:*x1.exe"]),
    ],
)
def test_globs_of_paths(pattern: str, matching: list[str], others: list[str]) -> None:
    windows = pattern.startswith("C:")
    node = glob.parse(pattern, path=True, separators="/\\" if windows else "/")
    for text in matching:
        assert found(node, text.encode("utf-8", "surrogateescape")), text
    for text in others:
        assert not found(node, text.encode()), text


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (r"\Qa.b*\E+", ["a.b*", "a.b**"], ["axb*"]),
        (r"(?P<n>a)(?<m>b)", ["ab"], ["a"]),
        (r"a{,2}", ["a{,2}"], ["aa"]),
        (r"x{2,1000}$", ["xx", "x" * 1000], ["x", "xxa"]),
        (r"(?m)^b$", ["a\nb\nc", "b"], ["ab", "b "]),
        (r"(?s)a.b", ["a\nb"], ["ab"]),
        (r"(?i)straße", ["STRAßE"], ["STRASSE", "STRAẞE"]),
        (r"(?i:a)b|(?-i)C", ["Ab", "C"], ["AB", "c"]),
        (r"[[:^alpha:][:upper:]]x", ["1x", "Ax"], ["ax"]),
        (r"\x{e9}\x41\101\0", ["éAA\0"], ["éAA"]),
        (r"[\d\-z]+$", ["1-z"], ["1-y"]),
        (r"[^\d]", ["a"], ["1"]),
        (r"\bsh\b", ["sh", "a sh;"], ["bash", "sh_"]),
    ],
)
def test_regular_expressions(pattern: str, matching: list[str], others: list[str]) -> None:
    for text in matching:
        assert found(regex.parse(pattern), text.encode()), text
    for text in others:
        assert not found(regex.parse(pattern), text.encode()), text
