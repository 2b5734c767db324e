"""Text to a syntax tree. After an error it goes on at the next list element, clause or item."""

from dsl import syntax_errors
from dsl.automaton import Automaton
from dsl.builder import Builder
from dsl.diagnostics import Collector
from dsl.lexer import Token, begins_item, tokens
from dsl.recovery import recover
from dsl.syntax import File, Item
from dsl.table import END, load

# The phases behind the parser recurse over conditions, which nest by parentheses only.
MAX_DEPTH = 64


def parse(name: str, text: str, report: Collector) -> File | None:
    """Read one file.

    Args:
        name: the file's name, for messages.
        text: the source.
        report: takes every syntax error of the file.

    Returns:
        The tree of all that could be read; None if there is no use in going on.
    """
    found = tokens(name, text, report)
    if found is None:
        return None
    found.append(_end(found))
    items = _items(Automaton(load(), found, Builder(name, report)), report)
    if items is None:
        return None
    named = ("list", "set", "macro")
    lists = (i for i, t in enumerate(found) if t.text in named and begins_item(found, i))
    return File(
        name=name,
        items=items,
        announced=frozenset(found[i + 1].text for i in lists),
        headed=any(t.type == "WORD" and t.text == "policy" for t in found),
    )


def _end(found: list[Token]) -> Token:
    """The token behind the last one."""
    if not found:
        return Token(END, "", 0, 1, 1, True, 0)
    last = found[-1]
    end, column = last.start + last.width, last.column + last.width
    return Token(END, "", end, last.line, column, False, 0)


def _items(machine: Automaton, report: Collector) -> tuple[Item, ...] | None:
    """Drive the automaton to the end of the file; None if nobody would read more errors."""
    depth = 0
    while machine.index < len(machine.tokens):
        kind = machine.token.type
        if kind == "LPAR" and depth >= MAX_DEPTH:
            syntax_errors.too_deep(machine, MAX_DEPTH, report)
        elif machine.take():
            depth += (kind == "LPAR") - (kind == "RPAR")
            continue
        elif syntax_errors.mistyped_equals(machine, report):
            continue
        else:
            syntax_errors.explain(machine, report)
        if report.full:
            return None
        recover(machine)
        depth = sum(isinstance(v, Token) and v.type == "LPAR" for v in machine.values)
    result: tuple[Item, ...] = machine.values[-1]
    return result
