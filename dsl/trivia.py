"""Tokens with what the parser does not see: comments and blank lines, by their places."""

from itertools import pairwise

from attrs import define, field, frozen

from dsl.lexer import Token
from dsl.table import END, load
from dsl.words import METADATA

# TIGHT_COLON: behind the name of a process in a test; that of a set's type has spaces around it.
_CLINGING = frozenset({"RPAR", "RSQB", "COMMA", "TIGHT_COLON"})
_BLANKS = " \t\r\f"  # the lexer's white space within a line


@frozen
class Comment:
    """A comment on a line of its own.

    Args:
        text: from its # on, without white space behind it.
        blank: whether a blank line stands above it.
    """

    text: str
    blank: bool


@define
class Word:
    """A token and what stands around it. Only the formatter's own run changes it.

    Args:
        type: the token's.
        text: as it stands in the source.
        start: offset in characters.
        blank: whether a blank line stands above it and below its comments.
        lead: comments on lines of their own above it.
        trail: comment behind it on its line, or "".
    """

    type: str
    text: str
    start: int = -1
    blank: bool = False
    lead: list[Comment] = field(factory=list)
    trail: str = ""


def words(text: str, found: list[Token]) -> list[Word]:
    """Put comments and blank lines to the tokens they belong to.

    Args:
        text: the source.
        found: its tokens, without one for the end.

    Returns:
        A word for each token, and one for the end of the file. The comments around a comma stand
        behind the comma or above what follows it, so that a line can end with the comma.
    """
    result: list[Word] = []
    position = 0
    for token in found:
        word = Word(token.type, token.text, token.start)
        _between(text[position : token.start], result[-1] if result else None, word)
        result.append(word)
        position = token.start + token.width
    end = Word(END, "", len(text))
    _between(text[position:], result[-1] if result else None, end)
    result.append(end)
    _settle_commas(result)
    return result


def _between(gap: str, before: Word | None, after: Word) -> None:
    """Share out what stands between two tokens."""
    pieces = [piece.strip(_BLANKS) for piece in gap.split("\n")]
    if before is not None:
        before.trail = pieces.pop(0)
    last = len(pieces) - 1
    for number, piece in enumerate(pieces):
        if piece:
            after.lead.append(Comment(piece, after.blank))
            after.blank = False
        elif number < last:
            after.blank = True


def _settle_commas(found: list[Word]) -> None:
    """Move comments in front of a comma behind it."""
    for index in range(1, len(found) - 1):
        comma = found[index]
        if comma.type != "COMMA":
            continue
        moved, comma.lead = comma.lead, []
        before, after = found[index - 1], found[index + 1]
        if not comma.trail:
            comma.trail = before.trail
        elif before.trail:
            moved = [Comment(before.trail, False), Comment(comma.trail, False), *moved]
            comma.trail = ""
        before.trail = ""
        after.lead[:0] = moved


def content_of(found: list[Word]) -> tuple[list[str], list[str]]:
    """What no formatting may change.

    Args:
        found: the words of a file.

    Returns:
        The words without commas in front of a closing bracket; all comments, sorted.
    """
    texts = [
        word.text
        for word, after in pairwise(found)
        if word.type != "COMMA" or after.type not in ("RSQB", "RBRACE")
    ]
    remarks = [comment.text for word in found for comment in word.lead]
    return texts, sorted(remarks + [word.trail for word in found if word.trail])


def joined(found: list[Word]) -> int:
    """Characters that words take on one line, spaces between them included."""
    return sum(len(word.text) for word in found) + sum(spaced(a, b) for a, b in pairwise(found))


def spaced(before: Word, after: Word) -> bool:
    """Whether a space stands between two neighbours on a line."""
    if before.type in ("LPAR", "LSQB", "TILDE") or after.type in _CLINGING:
        return False
    if after.type in ("LPAR", "LSQB"):
        return _opens_apart(before)
    # Other things than numbers may themselves hold dots.
    return {before.type, after.type} != {"NUMBER", "RANGE"}


def _opens_apart(before: Word) -> bool:
    """Whether a space stands in front of a bracket: `in [`, but `argv[`."""
    if before.type == "WORD":
        return before.text in METADATA or before.text in load().keywords
    return before.type not in ("NAME", "RPAR", "RSQB")
