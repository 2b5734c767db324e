"""Globs: `?`, `*`, `**`, classes in brackets.

A glob matches a whole text. On a path, `?`, `*` and classes stop at separators and `**` does not;
as a whole component (`/tmp/**/x`) it also stands for no component. On other texts there are no
separators, and `*` is the same as `**`. A backslash takes the meaning away from the character
behind it, but in a Windows path (`C:\\...`, `\\...`) it is the separator.
"""

from collections.abc import Iterator

from dsl.paths import separator
from dsl.patterns.classes import bracketed
from dsl.patterns.tree import (
    ANY,
    EMPTY,
    Chars,
    Look,
    Node,
    PatternError,
    anything,
    chars,
    choice,
    folded,
    negated,
    sequence,
)


def parse(source: str, nocase: bool = False, path: bool = False, separators: str = "/") -> Node:
    r"""Read a glob.

    Args:
        source: its text.
        nocase: whether ASCII letters fold.
        path: whether what it is compared with is a path.
        separators: characters that separate components (a path only).

    Returns:
        Its tree, with the ends of the text that matter.

    Raises:
        PatternError: it is none.
    """
    windows = path and separator(source.encode("utf-8", "replace")) == b"\\"
    parser = _Glob(source, nocase, separators if path else "", not windows)
    items = [Look.START, *parser.items(), Look.END]
    # A star that takes anything at an end is the same as no end.
    if items[-2:-1] == [anything()]:
        del items[-2:]
    if items[1:2] == [anything()]:
        del items[:2]
    return sequence(*items)


class _Glob:
    def __init__(self, source: str, nocase: bool, separators: str, escapes: bool) -> None:
        self.source, self.nocase, self.separators = source, nocase, separators
        self.escapes = escapes
        self.part = negated(chars([(ord(s), ord(s)) for s in separators])) if separators else ANY

    def items(self) -> Iterator[Node]:
        """What the glob is a sequence of."""
        at, source = 0, self.source
        while at < len(source):
            char = source[at]
            if char == "*":
                stars = len(source[at:]) - len(source[at:].lstrip("*"))
                yield self._stars(at, stars)
                at += stars
                if stars > 1 and self._whole(at - stars, at) and at < len(source):
                    at += 1  # `**/`: the separator belongs to it
            elif char == "?":
                yield self.part
                at += 1
            elif char == "[":
                escape = self._escape if self.escapes else None
                found, at = bracketed(source, at, "!^", self.nocase, escape)
                yield self._without_separators(found)
            elif char == "\\" and self.escapes:
                found, at = self._escape(at)
                yield folded(found) if self.nocase else found
            else:
                found = Chars(((ord(char),) * 2,))
                yield folded(found) if self.nocase else found
                at += 1

    def _stars(self, at: int, count: int) -> Node:
        if count == 1 or not self.separators:
            return anything(self.part)
        end = at + count
        if self._whole(at, end) and end < len(self.source):
            return choice((EMPTY, sequence(anything(), self._char(self.source[end]))))
        return anything()

    def _whole(self, at: int, end: int) -> bool:
        """Whether stars are a whole component of a path."""
        before, behind = self.source[at - 1 : at] if at else "", self.source[end : end + 1]
        return bool(self.separators) and all(c in ("", *self.separators) for c in (before, behind))

    def _char(self, char: str) -> Chars:
        return Chars(((ord(char),) * 2,))

    def _without_separators(self, item: Chars) -> Chars:
        if not self.separators:
            return item
        kept = negated(item).ranges
        return negated(chars([*kept, *((ord(s), ord(s)) for s in self.separators)]))

    def _escape(self, at: int) -> tuple[Chars, int]:
        char = self.source[at + 1 : at + 2]
        if not char:
            raise PatternError(
                "nothing follows the backslash", at, at + 1, "write `\\\\` for a backslash"
            )
        return self._char(char), at + 2
