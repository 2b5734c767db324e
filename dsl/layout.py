"""How a run of words becomes lines: one line if it fits, else broken at or, and, brackets."""

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import TypeGuard

from attrs import define, evolve, field, frozen

from dsl.trivia import Word, joined, spaced

WIDTH = 100  # characters in a line, if there is a place to break it
STEP = 2  # characters of indentation
_CLOSERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_LITERALS = frozenset({"STRING", "NUMBER", "ADDRESS", "WORD", "NAME"})


@frozen
class Group:
    """Something in brackets.

    Args:
        opener, closer: the brackets.
        parts: what stands between them and the commas.
        commas: one behind each part, or behind each but the last.
    """

    opener: Word
    parts: "list[list[Node]]"
    commas: list[Word]
    closer: Word


Node = Word | Group


@define
class Writer:
    """Lines under construction.

    Args:
        lines: those that are complete.
        line: the one being written; only its indentation if nothing stands on it yet.
        indent: its indentation.
        last: the last word on it, None if there is none.
        ended: a comment ends the line.
        tight: the last thing written opens a bracket; no blank line follows that.
    """

    lines: list[str] = field(factory=list)
    line: str = ""
    indent: int = 0
    last: Word | None = None
    ended: bool = False
    tight: bool = False

    def newline(self, indent: int) -> None:
        """Begin a line, unless one has just begun; then only indent it anew."""
        if self.last is not None:
            self.lines.append(self.line)
        self.line, self.indent, self.last, self.ended = " " * indent, indent, None, False

    def blank(self) -> None:
        """Leave a line blank, at the beginning of a line; never two, nor behind a bracket."""
        if self.lines and self.lines[-1] and not self.tight:
            self.lines.append("")

    def comments(self, word: Word, indent: int) -> None:
        """Write the comments that stand above a word."""
        if word.lead:
            self.newline(indent)
        for comment in word.lead:
            if comment.blank:
                self.blank()
            self.lines.append(" " * indent + comment.text)
            self.tight = False
        word.lead.clear()

    def put(self, word: Word, hanging: int) -> None:
        """Write a word, with its comments; `hanging` indents lines that they make necessary."""
        self.comments(word, self.indent if self.last is None else hanging)
        if self.ended:
            self.newline(hanging)
        gap = " " if self.last is not None and spaced(self.last, word) else ""
        self.line += gap + word.text
        self.last = word
        self.tight = word.type in _CLOSERS
        if word.trail:
            self.line += "  " + word.trail
            self.ended = True

    def has_room(self, found: Sequence[Word], hanging: int) -> bool:
        """Whether words can be put on one line, here or where their comments move them."""
        if not found:
            return True
        if any(w.lead for w in found[1:]) or any(w.trail for w in found[:-1]):
            return False
        if self.ended or (found[0].lead and self.last is not None):
            column = hanging
        else:
            column = len(self.line) + (self.last is not None and spaced(self.last, found[0]))
        return column + joined(list(found)) <= WIDTH


def nodes(found: Sequence[Word]) -> list[Node]:
    """Words as a tree of brackets.

    Args:
        found: words whose brackets match.

    Returns:
        The outermost level.
    """
    stack: list[Group] = [Group(Word("", ""), [[]], [], Word("", ""))]
    for word in found:
        if word.type in _CLOSERS:
            stack.append(Group(word, [[]], [], word))
        elif len(stack) > 1 and word.type == _CLOSERS[stack[-1].opener.type]:
            group = stack.pop()
            stack[-1].parts[-1].append(_closed(group, word))
        elif word.type == "COMMA" and len(stack) > 1:
            stack[-1].commas.append(word)
            stack[-1].parts.append([])
        else:
            stack[-1].parts[-1].append(word)
    return stack[0].parts[0]


def _closed(group: Group, closer: Word) -> Group:
    """A complete group; a list of several literals ends with a comma (dropped on one line)."""
    if not group.parts[-1]:
        group.parts.pop()
    complete = Group(group.opener, group.parts, group.commas, closer)
    last = complete.parts[-1][-1] if complete.parts else None
    several = len(complete.parts) > len(complete.commas) > 0 and _ends_with_comma(complete)
    if several and isinstance(last, Word):
        # A copy: the words are looked at more than once.
        complete.parts[-1][-1] = evolve(last, trail="")
        complete.commas.append(Word("COMMA", ",", trail=last.trail))
    return complete


def _ends_with_comma(group: Group) -> bool:
    """Whether a comma can stand behind its last part: in lists, and between braces."""
    return group.opener.type == "LBRACE" or _is_list(group)


def _is_list(group: Group) -> bool:
    """Whether it is a list of literals."""
    return group.opener.type == "LSQB" and all(_is_literal(part) for part in group.parts)


def _is_literal(part: list[Node]) -> bool:
    """Whether it is a literal or a range."""
    ends = part[::2]
    return (
        len(part) in (1, 3)
        and all(isinstance(node, Word) and node.type in _LITERALS for node in ends)
        and all(isinstance(node, Word) and node.type == "RANGE" for node in part[1::2])
    )


def flat(found: Sequence[Node]) -> Iterator[Word]:
    """The words of a line on which all of it stands."""
    for node in found:
        if isinstance(node, Word):
            yield node
            continue
        yield node.opener
        for index, part in enumerate(node.parts):
            yield from flat(part)
            if index < len(node.commas):
                comma = node.commas[index]
                superfluous = index + 1 == len(node.parts) and _ends_with_comma(node)
                if comma.trail or not superfluous:
                    yield comma
        yield node.closer


def write(out: Writer, found: Sequence[Node], hanging: int) -> None:
    """Write a clause, a condition, or an element of something.

    Args:
        out: takes it, from where it stands.
        found: what to write.
        hanging: indentation of its further lines.
    """
    line = list(flat(found))
    if out.has_room(line, hanging):
        for word in line:
            out.put(word, hanging)
        return
    for operator in ("or", "and"):
        cuts = [i for i, node in enumerate(found) if i and _is_word(node, operator)]
        if not cuts:
            continue
        for begin, end in zip([0, *cuts], [*cuts, len(found)], strict=True):
            if begin:
                out.newline(hanging)
            write(out, found[begin:end], hanging + STEP)
        return
    _write_run(out, found, hanging)


def _is_word(node: Node, text: str) -> TypeGuard[Word]:
    """Whether it is that word."""
    return isinstance(node, Word) and node.type == "WORD" and node.text == text


def _write_run(out: Writer, found: Sequence[Node], hanging: int) -> None:
    """Write what can only be broken inside its brackets; the last ones are broken first."""
    for index, node in enumerate(found):
        if isinstance(node, Word):
            out.put(node, hanging)
            continue
        behind = list(takewhile(_is_whole, found[index + 1 :]))
        # Of brackets that can be broken at least the first one stands on this line.
        following = (each for each in found[index + 1 + len(behind) :] if isinstance(each, Group))
        openers = [group.opener for group in islice(following, 1)]
        if _is_whole(node) or out.has_room([*flat([node, *behind]), *openers], hanging):
            for word in flat([node]):
                out.put(word, hanging)
        else:
            _write_group(out, node, hanging)


def _is_whole(node: Node) -> bool:
    """Whether it cannot be broken: a word, or brackets around nothing."""
    return isinstance(node, Word) or not (node.parts or node.closer.lead or node.opener.trail)


def _write_group(out: Writer, group: Group, hanging: int) -> None:
    """Write brackets on lines of their own, and what is between them further in."""
    out.put(group.opener, hanging)
    base = out.indent
    inner = base + STEP
    out.newline(inner)
    filled = _is_filled(group)
    further = inner + STEP if len(group.parts) > 1 else inner
    for index, part in enumerate(group.parts):
        comma = group.commas[index : index + 1]
        line = [*flat(part), *comma]
        if not filled or line[0].lead or not out.has_room(line, inner):
            out.newline(inner)
        write(out, part, further)
        for word in comma:
            out.put(word, inner)
    out.comments(group.closer, inner)
    out.newline(base)
    out.put(group.closer, inner)


def _is_filled(group: Group) -> bool:
    """Whether its lines take as many elements as fit: short ones without remarks of their own."""
    return _is_list(group) and not any(
        word.trail or word.type == "STRING"
        for part, comma in zip(group.parts, group.commas, strict=False)
        for word in (*flat(part), comma)
    )
