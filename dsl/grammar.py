"""The grammar as a parse table. Lark reads `grammar.lark` and computes the LALR(1) automaton."""

from collections.abc import Mapping

from lark import Lark
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

from dsl.table import Production, Table


def compute(text: str) -> Table:
    """The table of a grammar.

    Args:
        text: in lark's notation; every alternative names a method of the builder.

    Raises:
        lark.exceptions.LarkError: the grammar is not one, or not LALR(1).
    """
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
    order = _order(actions, parsed.start_state)
    methods = frozenset(production.method for production in productions.values())
    return Table(
        {
            number: {
                symbol: order[action] if isinstance(action, int) else action
                for symbol, action in sorted(actions[state].items())
            }
            for state, number in order.items()
        },
        order[parsed.start_state],
        order[parsed.end_state],
        keywords,
        methods,
    )


def _order(actions: Mapping[int, Mapping[str, int | Production]], start: int) -> dict[int, int]:
    """Number states as they are reached from the first one: lark's own numbers vary with hashes."""
    found = {start: 0}
    waiting = [start]
    for state in waiting:
        for _symbol, action in sorted(actions[state].items()):
            if isinstance(action, int) and action not in found:
                found[action] = len(found)
                waiting.append(action)
    return found
