"""Secrets: what is found, what stands in its place, which patterns are taken."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.control import LONG_TEXT
from bpfc.artifact.decode import Decoder
from bpfc.artifact.record import TEXT_MAX, VIEW_TRUNCATED
from bpfc.recording.errors import RecordingError
from bpfc.recording.redacting import RecordRedactor
from bpfc.recording.redaction import MARKER, Redactor, default_patterns, pattern_of
from tests.artifact.test_decode import record_bytes
from tests.recording.samples import LAYOUTS, event

CASES = Path(__file__).parent / "data" / "redaction.txt"
EXEC = LAYOUTS[0]
ARGUMENTS = next(text.view for text in EXEC.texts if text.joined)


def cases() -> list[tuple[str, str]]:
    """Pairs of what a process was given and what a recording has of it; arguments end at `|`."""
    lines = [line for line in CASES.read_text("utf-8").splitlines() if line and line[0] != "#"]
    return list(zip(lines[::2], lines[1::2], strict=True))


@pytest.mark.parametrize(("given_", "kept"), cases())
def test_well_known_secrets_are_taken_out(given_: str, kept: str) -> None:
    redactor = Redactor(default_patterns())
    words, expected = given_.replace("|", "\0").encode(), kept.replace("|", "\0").encode()
    assert redactor(words, True) == expected
    assert redactor(words, True) == expected  # remembered


def test_texts_that_are_no_lists_are_searched_too() -> None:
    assert Redactor(["se[c]ret"])(b"/srv/secret/x", False) == b"/srv/[redacted]/x"


def test_bytes_that_are_no_text_stay() -> None:
    assert Redactor(["key=\\w+"])(b"\xff\xfe key=abc \xc3", False) == b"\xff\xfe [redacted] \xc3"


def test_only_the_group_is_replaced_if_there_is_one() -> None:
    assert Redactor(["pin=(?P<secret>\\d+)"])(b"pin=1234", False) == b"pin=[redacted]"


def test_matches_that_overlap_are_one() -> None:
    assert Redactor(["abc", "bcd"])(b"xabcdx", False) == b"x[redacted]x"


@given(words=st.lists(st.text(st.characters(exclude_characters="\0"), min_size=1), min_size=1))
def test_a_list_keeps_its_length(words: list[str]) -> None:
    data = "\0".join(words).encode("utf-8", "surrogatepass")
    found = Redactor([*default_patterns(), "a.", " "])(data, True)
    assert found.count(b"\0") == data.count(b"\0")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(a", "unterminated"),
        ("a*", "empty text"),
        (r"(a)\1", "reference to a group"),
        ("a(?=b)", "look around"),
        ("(?<!a)b", "look around"),
        ("(?>ab)c", "atomic"),
        ("a++b", "possessive"),
        ("(a+)+b", "repetition inside"),
        ("(?:a|aa)+b", "alternatives inside"),
        ("(?:ab{1,3}){2,9}", "repetition inside"),
        ("a" * 1025, "1025 characters"),
    ],
)
def test_patterns_that_are_not_taken(pattern: str, why: str) -> None:
    with pytest.raises(RecordingError) as caught:
        pattern_of(pattern)
    assert caught.value.code == "BPFC0943" and why in caught.value.message


@pytest.mark.parametrize("pattern", ["a(?:b|c)d", "[ab]+", "a{3}", "(?:ab)+", "(?i)x(?:y?z)"])
def test_patterns_that_are_taken(pattern: str) -> None:
    assert pattern_of(pattern).pattern == pattern


def redacted(raw: bytes, *patterns: str) -> bytes:
    return RecordRedactor(Decoder(LAYOUTS), Redactor(patterns))(raw)


def test_a_record_without_secrets_is_as_it_was() -> None:
    raw = event(1)
    assert redacted(raw + bytes(8), "secret") == raw


def test_of_a_record_only_the_texts_change() -> None:
    texts = {ARGUMENTS: (b"tool\0--password=hunter2\0-v", 0), 0: (b"/usr/bin/tool", 0)}
    raw = record_bytes(EXEC, {0: 7}, texts, (), time_ns=9)
    record = Decoder(LAYOUTS).decode(redacted(raw, *default_patterns()))
    before = Decoder(LAYOUTS).decode(raw)
    assert record.value("proc.argv") == ("tool", f"--password={MARKER}", "-v")
    assert record.header._replace(length=0) == before.header._replace(length=0)
    assert record.numbers == before.numbers
    assert [n for n, v in record.values().items() if v != before.values()[n]] == [
        text.name for text in EXEC.texts if text.view == ARGUMENTS
    ]


def test_what_grows_too_long_is_cut_off_and_says_so() -> None:
    raw = record_bytes(EXEC, {}, {0: (b"xy" * 2000, 0)}, ())
    record = Decoder(LAYOUTS).decode(redacted(raw, "x"))
    assert len(record.texts[0]) == LONG_TEXT and record.view_flags[0] & VIEW_TRUNCATED


def test_all_texts_together_fit_into_a_record() -> None:
    views = sorted({text.view for text in EXEC.texts})
    raw = record_bytes(
        EXEC, {}, {view: (b"xy" * (TEXT_MAX // 2 // len(views)), 0) for view in views}, ()
    )
    record = Decoder(LAYOUTS).decode(redacted(raw, "x"))
    assert sum(map(len, record.texts)) <= TEXT_MAX
