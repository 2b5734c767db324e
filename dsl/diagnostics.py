"""Diagnostics: what is wrong in a source file, where, and what to do about it.

A diagnostic is a value; `render` turns it into plain text with the source line and a caret (colour
is the command line's business). The long form of a code stands in `codes.toml`, see `dsl.codes`.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from attrs import field, frozen

from dsl.span import Span

# More than anyone reads; the one that follows says how to see the others.
LIMIT = 200

_WIDTH = 100  # longest piece of a source line that is shown, in characters
_CONTEXT = 30  # of which in front of the marked place


@frozen
class Diagnostic:
    """One finding.

    Args:
        code: "BPFC" and four digits; `dsl.codes.explain` has the long form.
        severity: "error" (no policy comes out) or "warning".
        message: one sentence without a full stop.
        span: the place.
        expected: what could have stood there, readable.
        suggestion: text that would probably be right in the place of `span`, or "".
        remedy: what to do, one sentence, or "".
        related: (message, place) of further places that belong to the finding.
    """

    code: str
    severity: str
    message: str
    span: Span
    expected: tuple[str, ...] = ()
    suggestion: str = ""
    remedy: str = ""
    related: tuple[tuple[str, Span], ...] = ()


@frozen
class Collector:
    """Takes the diagnostics of one run of the front end."""

    items: list[Diagnostic] = field(factory=list)
    _seen: set[tuple[str, str, Span]] = field(factory=set)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        expected: tuple[str, ...] = (),
        suggestion: str = "",
        remedy: str = "",
        related: tuple[tuple[str, Span], ...] = (),
    ) -> None:
        """Add an error; the same finding at the same place is added once."""
        self.add(Diagnostic(code, "error", message, span, expected, suggestion, remedy, related))

    def warning(self, code: str, message: str, span: Span, *, remedy: str = "") -> None:
        """Add a warning."""
        self.add(Diagnostic(code, "warning", message, span, remedy=remedy))

    def add(self, item: Diagnostic) -> None:
        """Add a diagnostic unless the same finding is there already."""
        key = (item.code, item.message, item.span)
        if key not in self._seen:
            self._seen.add(key)
            self.items.append(item)

    @property
    def has_errors(self) -> bool:
        """Whether an error was added."""
        return any(item.severity == "error" for item in self.items)

    @property
    def full(self) -> bool:
        """Whether there is no use in looking for more: nobody will see it."""
        return len(self.items) > 2 * LIMIT

    def result(self, files: Sequence[str]) -> tuple[Diagnostic, ...]:
        """All findings in the order of files and places, at most `LIMIT` and one that says so.

        Args:
            files: names of the files in the order in which the user gave them.
        """
        order = {name: index for index, name in enumerate(files)}
        found = sorted(
            self.items, key=lambda d: (order.get(d.span.file, 0), d.span.start, d.code, d.message)
        )
        if len(found) <= LIMIT:
            return tuple(found)
        # An error must not be hidden by warnings in front of it.
        shown = [d for d in found if d.severity == "error"][:LIMIT]
        more = Diagnostic(
            "BPFC0111",
            "error" if shown else "warning",
            f"more than {LIMIT} findings: the others are not shown",
            found[-1].span,
            remedy="mend the ones above first",
        )
        return (*(shown or found[:LIMIT]), more)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The candidate that was probably meant, or "".

    Args:
        word: as the user wrote it.
        candidates: what would have been right there.
    """
    by_fold = {c.casefold(): c for c in sorted(candidates)}
    # difflib takes time in proportion to the word; nobody mistypes a name into hundreds of letters.
    matches = get_close_matches(word[:80].casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[matches[0]] if matches else ""


def shown(text: str, limit: int = 40) -> str:
    """A piece of source text as messages quote it: printable, and cut visibly if it is long."""
    text = printable(text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def printable(text: str) -> str:
    """Text without control characters (a terminal must not obey a rule file), tabs as spaces."""
    return "".join(
        c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def render(item: Diagnostic, sources: Mapping[str, str | bytes]) -> str:
    """One diagnostic as text.

    Args:
        item: the diagnostic.
        sources: text by file name; without the file's text the place is named but not shown.

    Returns:
        Lines without a line end after the last.
    """
    lines = [f"{item.severity}[{item.code}]: {item.message}"]
    lines += _place(item.span, sources, "-->")
    for message, span in item.related:
        lines.append(f"note: {message}")
        lines += _place(span, sources, "-->")
    if item.expected:
        lines.append(f"  expected: {', '.join(item.expected)}")
    if item.suggestion:
        lines.append(f"  did you mean `{item.suggestion}`?")
    if item.remedy:
        lines.append(f"  help: {item.remedy}")
    return "\n".join(lines)


def _place(span: Span, sources: Mapping[str, str | bytes], arrow: str) -> list[str]:
    """A place: name, line and column, and the source line with a caret."""
    number = str(span.line)
    pad = " " * len(number)
    lines = [f"{pad}{arrow} {printable(span.file)}:{span.line}:{span.column}"]
    line = _source_line(sources.get(span.file, ""), span)
    if not line.strip():
        return lines
    start = max(0, span.column - 1 - _CONTEXT) if len(line) > _WIDTH else 0
    piece = line[start : start + _WIDTH]
    before = piece[: span.column - 1 - start]
    marked = piece[len(before) : len(before) + max(1, span.end - span.start)]
    left = "... " if start else ""
    right = " ..." if start + _WIDTH < len(line) else ""
    caret = " " * (len(left) + _cells(before)) + "^" * max(1, _cells(marked))
    return [*lines, f"{pad} |", f"{number} | {left}{printable(piece)}{right}", f"{pad} | {caret}"]


def _source_line(text: str | bytes, span: Span) -> str:
    """The line of source text that a span begins in."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    text = text.removeprefix("\N{BYTE ORDER MARK}")
    begin = text.rfind("\n", 0, span.start) + 1
    end = text.find("\n", span.start)
    return text[begin : end if end >= 0 else len(text)].rstrip("\r")


def _cells(text: str) -> int:
    """Width of text on a terminal, in character cells."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
