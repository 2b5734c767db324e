"""The LALR automaton at work on the tokens of one file."""

from collections.abc import Callable
from typing import Any

from attrs import Factory, define

from dsl.builder import Builder
from dsl.lexer import Token, begins_item, split_sign
from dsl.table import END, Table
from dsl.words import METADATA


@define
class Automaton:
    """Stack, tokens and position; the parser drives it.

    Args:
        table: the grammar.
        tokens: the file's tokens with one for the end.
        builder: makes the nodes.
    """

    table: Table
    tokens: list[Token]
    builder: Builder
    states: list[int] = Factory(lambda self: [self.table.start], takes_self=True)
    values: list[Any] = Factory(list)
    index: int = 0
    _methods: dict[str, Callable[[list[Any]], Any]] = Factory(
        lambda self: {name: getattr(self.builder, name) for name in self.table.methods},
        takes_self=True,
    )

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.index]

    def kind(self, token: Token) -> str:
        """The terminal that a token is here: a word is a keyword only where one fits."""
        if token.type != "WORD":
            return token.type
        accepted = self.table.actions[self.states[-1]]
        # Where a statement of a test can begin, any word in front of a colon is somebody's name.
        if "ACTOR" in accepted and self.tokens[self.index + 1].type == "COLON":
            return "ACTOR"
        keyword = self.table.keywords.get(token.text, "NAME")
        # `deny on unknown` against `deny` and then the clause `on process.exec`.
        if (
            keyword == "ON"
            and "ON_UNKNOWN" in accepted
            and self.tokens[self.index + 1].text == "unknown"
        ):
            return "ON_UNKNOWN"
        if keyword in accepted:
            return keyword
        if token.text in METADATA and "METADATA" in accepted:
            return "METADATA"
        if token.text.startswith("is_") and "PROPERTY" in accepted:
            return "PROPERTY"
        # In a list that is not closed the next item would be read as an element.
        return "ITEM" if begins_item(self.tokens, self.index) else "NAME"

    def take(self) -> bool:
        """Take the next token. False, with the token not taken, if it does not fit."""
        token = self.tokens[self.index]
        kind = self.kind(token) if token.type == "WORD" else token.type
        if not self.feed(kind, token):
            return self._subtract(token)
        self.index += 2 if kind == "ON_UNKNOWN" else 1
        return True

    def _subtract(self, token: Token) -> bool:
        """Take the sign of a negative number as an operator, where one fits: `name -1`."""
        if token.type != "NUMBER" or token.text[0] != "-" or not self.accepts("ARITHMETIC"):
            return False
        self.tokens[self.index : self.index + 1] = split_sign(token)
        return self.take()

    def feed(self, kind: str, token: Token) -> bool:
        """Put one token on the stack after the reductions it asks for. False if it does not fit."""
        # Nine tenths of the time that parsing takes go by in this loop.
        actions, states, values = self.table.actions, self.states, self.values
        while True:
            action = actions[states[-1]].get(kind)
            if isinstance(action, int):
                states.append(action)
                values.append(token)
                return True
            if action is None:
                return kind == END and states[-1] == self.table.end
            size, origin, method = action
            parts = values[-size:] if size else []
            if size:
                del values[-size:], states[-size:]
            values.append(self._methods[method](parts))
            goto = actions[states[-1]][origin]
            assert isinstance(goto, int)
            states.append(goto)

    def cut(self, height: int) -> None:
        """Drop what is on the stack above `height` states."""
        del self.states[height:], self.values[height - 1 :]

    def accepts(self, kind: str) -> bool:
        """Whether a terminal fits here, the reductions that it asks for included."""
        actions, states = self.table.actions, list(self.states)
        while True:
            action = actions[states[-1]].get(kind)
            if action is None:
                return kind == END and states[-1] == self.table.end
            if isinstance(action, int):
                return True
            if action.size:
                del states[-action.size :]
            goto = actions[states[-1]][action.origin]
            assert isinstance(goto, int)
            states.append(goto)

    def expected(self) -> list[str]:
        """All terminals that fit here."""
        row = self.table.actions[self.states[-1]]
        return [kind for kind in row if (kind.isupper() or kind == END) and self.accepts(kind)]
