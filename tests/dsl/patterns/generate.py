"""Random patterns and texts, and the same patterns as Python's `re` writes them."""

import re

from hypothesis import strategies as st

CLASSES = ["[ab]", "[^a]", r"\w", r"\d", r"\s", r"\W", "[à-ü]", "[^\\x00-\\x7f]", "[a-c1-3-]"]
ATOMS = [
    "a",
    "b",
    "c",
    "é",
    "-",
    "/",
    "😀",
    "[😀-😂]",
    " ",
    r"\.",
    "(?:a|b)",
    "(ab|c)",
    ".",
    "(?i:A)",
]
LOOKS = ["^", "$", r"\b", r"\B", r"\A", r"\z"]
TIMES = ["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "{0,1}"]
LETTERS = ["a", "b", "c", "é", "ê", "à", "-", "/", ".", "😀", "😁", "😃", " ", "\n", "A", "1", "_"]
STRAY = [b"\xff", b"\xc3", b"\x80", b"\xe2", b"\xf0\x9f", b"\xa9", b"\xed\xa0", b"\xf4\x90"]

_atoms = st.tuples(st.sampled_from(ATOMS + CLASSES), st.sampled_from(TIMES)).map("".join)
_leaves = _atoms | st.sampled_from(LOOKS)


def _groups(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sequences = st.lists(inner, min_size=1, max_size=4).map("".join)
    choices = st.lists(sequences, min_size=1, max_size=3).map(lambda found: f"({'|'.join(found)})")
    return st.tuples(choices, st.sampled_from(TIMES)).map("".join)


# Regular expressions that Python's `re` reads too, see `pythonic`.
REGEXES = st.lists(st.recursive(_leaves, _groups, max_leaves=6), min_size=1, max_size=5).map(
    "".join
)
GLOBS = st.lists(
    st.sampled_from(["a", "b", "é", "/", "?", "*", "**", "/**/", "[ab]", "[!a]", "\\*", ".", "😀"]),
    min_size=1,
    max_size=8,
).map("".join)
TEXTS = st.lists(st.sampled_from(LETTERS), max_size=12).map("".join)
BYTES = st.lists(st.sampled_from([letter.encode() for letter in LETTERS] + STRAY), max_size=10).map(
    b"".join
)


def pythonic(regex: str) -> re.Pattern[str]:
    r"""A regular expression for `re`: `$` and `\z` are `\Z` there."""
    return re.compile(regex.replace("$", r"\Z").replace(r"\z", r"\Z"), re.ASCII)
