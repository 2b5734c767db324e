"""Bad input never gives anything but diagnostics."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dsl.codes import load
from dsl.diagnostics import render
from dsl.frontend import check
from dsl.table import load as load_table
from dsl.words import METADATA
from tests.dsl.summary import FIXTURES

NAMES = ("language", "warnings", "macros", "lists", "exceptions", "overrides", "cases")
GOOD = [(FIXTURES / f"{name}.det").read_text("utf-8") for name in NAMES]
PIECES = sorted(
    {
        *load_table().keywords,
        *METADATA,
        *(piece for text in GOOD for piece in re.findall(r'"[^"\n]*"|[\w.:/]+|[^\w\s]', text)),
        "\n",
        '"',
        "\\",
        "\0",
        "@",
        "'",
        "unknown",
        "9" * 30,
    }
)


def _survives(source: str | bytes) -> None:
    """Check a source and everything that can be said about any outcome."""
    policy, found = check([("x.det", source)])
    assert (policy is None) == any(item.severity == "error" for item in found)
    for item in found:
        assert item.code in load()
        assert item.message and not item.message.endswith(".")
        assert 0 <= item.span.start <= item.span.end <= max(1, len(source))
        assert item.span.line >= 1 and item.span.column >= 1
        text = render(item, {"x.det": source})
        assert all(c.isprintable() or c == "\n" for c in text)


@given(st.text())
def test_random_text(source: str) -> None:
    _survives(source)


@given(st.binary())
def test_random_bytes(source: bytes) -> None:
    _survives(source)


@given(st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=5))
def test_text_that_is_no_text(source: str) -> None:
    _survives(source)


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_random_words_of_the_language(words: list[str]) -> None:
    _survives(" ".join(words))


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_random_words_in_a_condition(words: list[str]) -> None:
    _survives(f'policy "p" version "1" language 1 rule a {{ on process.exec when {" ".join(words)}')


@given(st.sampled_from(GOOD), st.data())
def test_mutated_policies(source: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(source)))
        width = data.draw(st.integers(0, 12))
        piece = data.draw(st.one_of(st.just(""), st.sampled_from(PIECES), st.text(max_size=3)))
        source = source[:start] + piece + source[start + width :]
    _survives(source)


@given(st.sampled_from(GOOD), st.data())
def test_flipped_bytes(source: str, data: st.DataObject) -> None:
    raw = bytearray(source.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    _survives(bytes(raw))


@given(st.sampled_from(GOOD), st.integers(0, 4000))
def test_cut_off_policies(source: str, length: int) -> None:
    _survives(source[:length])
