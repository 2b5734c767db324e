"""A diagnostic as the command line shows it, whichever part of bpfc it comes from."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from dsl.diagnostics import Diagnostic
    from dsl.span import Span


@frozen
class Problem:
    """One diagnostic.

    Args:
        code: "BPFC0123"; `bpfc explain` has the long form.
        message: what is wrong, one sentence.
        remedy: what to do about it; may be empty.
        severity: "error" or "warning".
        file: source file, or "".
        line, column: place in it, from 1; 0 if unknown.
        length: characters that it is about; 0 if unknown.
        end_line, end_column: place behind the last of these, from 1; 0 if unknown.
        expected: what could have stood there.
        suggestion: what was probably meant, or "".
        related: (message, file, line, column) of further places.
        notes: further lines, for example what a tool said.
        display: how people see all of this, where its part of bpfc has drawn it already.
    """

    code: str
    message: str
    remedy: str = ""
    severity: str = "error"
    file: str = ""
    line: int = 0
    column: int = 0
    length: int = 0
    end_line: int = 0
    end_column: int = 0
    expected: tuple[str, ...] = ()
    suggestion: str = ""
    related: tuple[tuple[str, str, int, int], ...] = ()
    notes: tuple[str, ...] = ()
    display: str = ""


def guess(word: str, known: Iterable[str]) -> str:
    """The beginning of a remedy: what was probably meant, or "".

    Args:
        word: as the user wrote it.
        known: what would have been right there.
    """
    from dsl.diagnostics import nearest

    near = nearest(word, known)
    return f"did you mean {near}? " if near else ""


def of_diagnostic(item: "Diagnostic", sources: Mapping[str, str | bytes]) -> Problem:
    """A finding of the language's front end, with its caret display.

    Args:
        item: the finding.
        sources: text by file name.

    Returns:
        The same as a problem.
    """
    from dsl.diagnostics import render

    end_line, end_column = _end(item.span, sources.get(item.span.file, ""))
    return Problem(
        code=item.code,
        message=item.message,
        remedy=item.remedy,
        severity=item.severity,
        file=item.span.file,
        line=item.span.line,
        column=item.span.column,
        length=item.span.end - item.span.start,
        end_line=end_line,
        end_column=end_column,
        expected=item.expected,
        suggestion=item.suggestion,
        related=tuple((text, at.file, at.line, at.column) for text, at in item.related),
        display=render(item, sources),
    )


def _end(span: "Span", source: str | bytes) -> tuple[int, int]:
    """Line and column behind the last character of a place."""
    text = source.decode("utf-8-sig", "replace") if isinstance(source, bytes) else source
    inside = text[span.start : span.end]
    if lines := inside.count("\n"):
        return span.line + lines, len(inside) - inside.rindex("\n")
    return span.line, span.column + span.end - span.start
