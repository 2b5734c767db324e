"""The grammar as a parse table. Lark reads `grammar.lark` and computes the LALR(1) automaton."""

from functools import cache
from importlib import resources
from typing import NamedTuple

from attrs import frozen
from lark import Lark
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

END = "$END"


class Production(NamedTuple):
    """What a reduction does.

    Args:
        size: symbols it takes from the stack.
        origin: nonterminal it leaves there.
        method: name of the builder's method.
    """

    size: int
    origin: str
    method: str


@frozen
class Table:
    """An LALR(1) automaton.

    Args:
        actions: by state and symbol: the next state (shift, or goto for a nonterminal) or the
            production to reduce.
        start: first state.
        end: state in which the file is complete.
        keywords: terminal of each keyword.
        methods: names of the builder's methods.
    """

    actions: dict[int, dict[str, int | Production]]
    start: int
    end: int
    keywords: dict[str, str]
    methods: frozenset[str]


@cache
def load() -> Table:
    """The table of the language; computed once per process.

    Returns:
        The same table on every call.
    """
    text = resources.files("dsl").joinpath("grammar.lark").read_text("utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", maybe_placeholders=False)
    parsed = lark.parse_interactive().parser_state.parse_conf
    productions: dict[int, Production] = {}

    def entry(action: object, argument: object) -> int | Production:
        if action is Shift:
            assert isinstance(argument, int)
            return argument
        key = id(argument)
        if key not in productions:
            productions[key] = Production(
                size=len(argument.expansion),  # type: ignore[attr-defined]
                origin=str(argument.origin.name),  # type: ignore[attr-defined]
                method=str(argument.alias),  # type: ignore[attr-defined]
            )
        return productions[key]

    actions = {
        state: {str(symbol): entry(*action) for symbol, action in row.items()}
        for state, row in parsed.parse_table.states.items()
    }
    keywords = {
        t.pattern.value: t.name for t in lark.terminals if isinstance(t.pattern, PatternStr)
    }
    # Lark would shift the end of the file there; for this automaton it is the goal.
    actions[parsed.end_state] = {}
    methods = frozenset(production.method for production in productions.values())
    return Table(actions, parsed.start_state, parsed.end_state, keywords, methods)
