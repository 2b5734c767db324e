"""Secrets are taken out of texts before a recording sees them.

A pattern is a regular expression of Python's `re` within what RE2 has: no references to groups, no
looking around. Inside what is repeated nothing may repeat in its turn or have alternatives: whoever
starts a process chooses the text, and must not be able to choose one that takes years to search.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from bpfc.recording.errors import RecordingError

MARKER = "[redacted]"
SECRET = "secret"  # group of a pattern that is replaced in the place of all of it
PATTERN_MAX = 1024  # characters
_REMEMBERED = 4096  # texts; most events repeat a few
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
# Names of what RE2 does not have (POSSESSIVE_REPEAT and ATOMIC_GROUP: from Python 3.11 on).
_REFUSED = {
    "GROUPREF": "a reference to a group",
    "GROUPREF_EXISTS": "a condition on a group",
    "ASSERT": "a look around",
    "ASSERT_NOT": "a look around",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive repetition",
}
_parser: Any = import_module("re._parser")


def default_patterns() -> tuple[str, ...]:
    """The patterns of well-known secrets, from `redaction.toml`."""
    rows = tomllib.loads(
        files("bpfc.recording").joinpath("redaction.toml").read_text(encoding="utf-8")
    )
    return tuple(str(row["regex"]) for row in rows["pattern"])


def pattern_of(text: str) -> re.Pattern[str]:
    """A pattern, checked.

    Args:
        text: the regular expression.

    Returns:
        What searches for it.

    Raises:
        RecordingError: BPFC0943, it cannot be used.
    """
    if len(text) > PATTERN_MAX:
        raise _refused(text, f"it has {len(text)} characters, more than {PATTERN_MAX}")
    try:
        compiled = re.compile(text)
        tree = _parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise _refused(text, str(error)) from error
    if compiled.match(""):
        raise _refused(text, "it matches the empty text")
    if what := next(_problems(tree, False), ""):
        raise _refused(text, what)
    return compiled


def _problems(tree: Any, repeated: bool) -> Iterator[str]:
    """Why a parsed pattern is not taken.

    Args:
        tree: of Python's own parser: (operation, argument) pairs.
        repeated: whether all of it is repeated.
    """
    for operation, argument in tree:
        name = str(operation)
        if name in _REFUSED:
            yield f"it has {_REFUSED[name]}, which RE2 has not"
        elif name == "BRANCH":
            if repeated:
                yield "there are alternatives inside a repetition"
            for branch in argument[1]:
                yield from _problems(branch, repeated)
        elif name == "SUBPATTERN":
            yield from _problems(argument[-1], repeated)
        elif name in _REPEATS:
            least, most, inner = argument
            if repeated and least != most:
                yield "there is a repetition inside a repetition"
            yield from _problems(inner, repeated or most > 1)


def _refused(text: str, reason: str) -> RecordingError:
    shown = text if len(text) <= 80 else f"{text[:77]}..."
    return RecordingError(
        "BPFC0943",
        f"the pattern {shown!r} cannot be used: {reason}",
        "write a regular expression in RE2 syntax in which nothing that repeats is repeated",
    )


class Redactor:
    """Takes what patterns find out of texts.

    Args:
        patterns: regular expressions.

    Raises:
        RecordingError: BPFC0943, one of them cannot be used.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._compiled = tuple(pattern_of(text) for text in self.patterns)
        self._remembered = lru_cache(_REMEMBERED)(self._redacted)

    def __call__(self, text: bytes, arguments: bool) -> bytes:
        """A text without what the patterns find.

        Args:
            text: UTF-8, or any other bytes.
            arguments: whether it is a list of arguments, with NUL between them. Patterns see blanks
                there, and a match that begins where an argument does and ends with the secret
                reaches to the end of the argument, since its value may contain blanks.

        Returns:
            The text with MARKER in the place of each match, or of its group `secret`. Of a list the
            number of elements stays.
        """
        return self._remembered(text, arguments) if self._compiled and text else text

    def _redacted(self, data: bytes, arguments: bool) -> bytes:
        text = data.decode("utf-8", "surrogateescape")
        seen = text.replace("\0", " ") if arguments else text
        spans = [span for pattern in self._compiled for span in _spans(pattern, seen, text)]
        if not spans:
            return data
        return _replaced(text, _joined(spans)).encode("utf-8", "surrogateescape")


def _spans(pattern: re.Pattern[str], seen: str, text: str) -> Iterator[tuple[int, int]]:
    """From where to where matches reach; `text` has the NULs that `seen` has not."""
    group: str | int = SECRET if SECRET in pattern.groupindex else 0
    for match in pattern.finditer(seen):
        start, end = match.span(group)
        if start < 0:  # the group took no part: all of it is replaced
            start, end = match.span()
        begins = match.start()
        if (
            end == match.end()
            and "\0" in text
            and (begins == 0 or "\0" in text[begins - 1 : begins + 1])
        ):
            end = text.find("\0", end) if "\0" in text[end:] else len(text)
        if end > start:
            yield start, end


def _joined(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Spans in order, those that overlap or touch as one."""
    ordered = sorted(spans)
    start, end = ordered[0]
    for first, last in ordered[1:]:
        if first <= end:
            end = max(end, last)
        else:
            yield start, end
            start, end = first, last
    yield start, end


def _replaced(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with the marker in place of spans; ends of list elements stay."""
    parts, at = [], 0
    for start, end in spans:
        inside = text[start:end].split("\0")
        parts += [text[at:start], "\0".join(MARKER if piece else "" for piece in inside)]
        at = end
    return "".join([*parts, text[at:]])
