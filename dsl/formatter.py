"""The canonical form of a source file: the same words and comments, set in one way.

Only white space changes, and the comma behind the last element of a list. Where items and clauses
begin is read off the syntax tree; what it lacks, above all comments, comes from `dsl.trivia`.
"""

from collections.abc import Iterable
from itertools import pairwise

from attrs import frozen

from dsl.diagnostics import Collector, Diagnostic
from dsl.frontend import decoded
from dsl.layout import STEP, Writer, flat, nodes, write
from dsl.lexer import tokens
from dsl.parser import parse
from dsl.syntax import File, Header, Item, ListItem, Override, Rule, SetItem, TestItem
from dsl.trivia import Word, content_of, words


def format_source(name: str, content: str | bytes) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """Format one file.

    Args:
        name: its name, for messages.
        content: what is in it.

    Returns:
        The canonical text, None if the file has errors of syntax; those errors. Line ends are those
        of the file's first line. A byte order mark is left out.

    Raises:
        AssertionError: a bug here would have lost or changed words or comments.
    """
    report = Collector()
    text = decoded(name, content, report)
    file = parse(name, text, report) if text is not None else None
    if text is None or file is None or report.has_errors:
        return None, report.result([name])
    found = words(text, tokens(name, text, report) or [])
    before = content_of(found)
    end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    result = "".join(line + end for line in _lines(file, found))
    # Nobody reads a formatted file again as closely as the one that was written.
    if content_of(words(result, tokens(name, result, report) or [])) != before:
        raise AssertionError(f"formatting would have changed more of {name} than its white space")
    return result, ()


@frozen
class _Piece:
    """An item and its words."""

    item: Item
    words: list[Word]


def _cut(found: list[Word], starts: Iterable[int]) -> list[list[Word]]:
    """Words up to the first of some places, then from each of them to the next."""
    parts: list[list[Word]] = [[]]
    places = set(starts)
    for word in found:
        if word.start in places:
            parts.append([])
        parts[-1].append(word)
    return parts


def _lines(file: File, found: list[Word]) -> list[str]:
    """The lines of a file."""
    out = Writer()
    before: _Piece | None = None
    _, *parts = _cut(found[:-1], (item.span.start for item in file.items))
    for item, part in zip(file.items, parts, strict=True):
        piece = _Piece(item, part)
        first = piece.words[0]
        out.newline(0)
        if before is not None and not _stay_together(before, piece):
            out.blank()
        commented = bool(first.lead)
        out.comments(first, 0)
        if commented and first.blank:
            out.blank()
        _write_item(out, piece)
        before = piece
    out.newline(0)
    out.comments(found[-1], 0)
    return out.lines


def _stay_together(before: _Piece, piece: _Piece) -> bool:
    """Whether no blank line parts two items: short lists that the author wrote as one block."""
    first = piece.words[0]
    return (
        not first.blank
        and not any(comment.blank for comment in first.lead)
        and all(
            isinstance(each.item, ListItem | SetItem) and _is_line(each.words)
            for each in (before, piece)
        )
    )


def _is_line(found: list[Word]) -> bool:
    """Whether an item takes one line."""
    return Writer().has_room(list(flat(nodes(found))), STEP)


def _write_item(out: Writer, piece: _Piece) -> None:
    """Write one item, its comments aside."""
    match piece.item:
        case Rule(clauses=clauses) | Override(clauses=clauses):
            _write_rule(out, piece.words, (clause.span.start for clause in clauses))
        case TestItem(statements=statements):
            for word in piece.words:
                word.type = "TIGHT_COLON" if word.type == "COLON" else word.type
            _write_rule(out, piece.words, (statement.span.start for statement in statements))
        case Header(parts=parts) if not _is_line(piece.words):
            for index, words_ in enumerate(_cut(piece.words, (part.span.start for part in parts))):
                if index:
                    out.newline(STEP)
                write(out, nodes(words_), STEP)
        case _:
            write(out, nodes(piece.words), STEP)


def _steps(clause: list[Word]) -> list[list[Word]]:
    """The lines of a sequence: what it is, then a step each; any other clause is one line."""
    if [word.text for word in clause[:2]] != ["on", "sequence"]:
        return [clause]
    starts: list[int] = []
    depth = 0
    for before, word in pairwise(clause):
        if word.type == "LSQB" and depth == 0:
            starts.append(before.start if before.text == "until" else word.start)
        depth += (word.type == "LSQB") - (word.type == "RSQB")
    return _cut(clause, starts)


def _write_rule(out: Writer, found: list[Word], starts: Iterable[int]) -> None:
    """Write a rule or a test: one clause or statement a line."""
    closer = found[-1]
    head, *clauses = _cut(found[:-1], starts)
    for word in head:
        out.put(word, STEP)
    for clause in clauses:
        out.newline(STEP)
        out.comments(clause[0], STEP)
        if clause[0].blank:
            out.blank()
        first, *steps = _steps(clause)
        write(out, nodes(first), 2 * STEP)
        for step in steps:
            out.newline(2 * STEP)
            write(out, nodes(step), 3 * STEP)
    out.comments(closer, STEP)
    out.newline(0)
    out.put(closer, STEP)
