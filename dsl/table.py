"""The parse table of the language, as it is read when a file is parsed.

Computing it from `grammar.lark` takes lark and a tenth of a second (`dsl.grammar`), a fifth of a
cold start. So a build of the package leaves the table beside the grammar, and it is taken from
there as long as it belongs to that grammar.
"""

import json
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any, NamedTuple

from attrs import frozen

END = "$END"
GRAMMAR = "grammar.lark"
STORED = "grammar.json"


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
    """The table of the language; read or computed once per process.

    Returns:
        The same table on every call.

    Raises:
        ModuleNotFoundError: the package was not built, and lark is not installed.
    """
    folder = resources.files("dsl")
    grammar = folder.joinpath(GRAMMAR).read_text("utf-8")
    stored = folder.joinpath(STORED)
    if stored.is_file():
        table = parse(stored.read_text("utf-8"), grammar)
        if table is not None:
            return table
    try:
        from dsl.grammar import compute
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"reading rules needs the package {error.name}, which is not installed: "
            'pip install "bpfc[compiler]"',
            name=error.name,
        ) from None
    return compute(grammar)


def dump(table: Table, grammar: str) -> str:
    """A table as JSON, with the digest of its grammar.

    Args:
        table: to be stored.
        grammar: what it was computed from.
    """
    productions = {
        action: number
        for number, action in enumerate(
            dict.fromkeys(
                action
                for row in table.actions.values()
                for action in row.values()
                if isinstance(action, Production)
            )
        )
    }
    rows = [
        [
            state,
            {
                symbol: [productions[action]] if isinstance(action, Production) else action
                for symbol, action in row.items()
            },
        ]
        for state, row in table.actions.items()
    ]
    document = {
        "grammar": _digest(grammar),
        "start": table.start,
        "end": table.end,
        "keywords": table.keywords,
        "productions": list(productions),
        "states": rows,
    }
    return json.dumps(document, separators=(",", ":")) + "\n"


def parse(text: str, grammar: str) -> Table | None:
    """A stored table.

    Args:
        text: what `dump` gave.
        grammar: the grammar as it is now.

    Returns:
        The table; None if it was computed from another grammar.
    """
    document: dict[str, Any] = json.loads(text)
    if document["grammar"] != _digest(grammar):
        return None
    productions = [Production(*item) for item in document["productions"]]
    actions = {
        state: {
            symbol: action if isinstance(action, int) else productions[action[0]]
            for symbol, action in row.items()
        }
        for state, row in document["states"]
    }
    methods = frozenset(production.method for production in productions)
    return Table(actions, document["start"], document["end"], document["keywords"], methods)


def _digest(grammar: str) -> str:
    return sha256(grammar.encode()).hexdigest()
