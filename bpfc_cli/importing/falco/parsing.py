"""Falco's conditions read: text to values, by the grammar in `grammar.lark`."""

from functools import cache
from importlib.resources import files

from attrs import evolve
from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from bpfc_cli.importing.falco.syntax import (
    And,
    Compare,
    Expression,
    FieldName,
    Macro,
    Not,
    Or,
    Word,
)

MAX_DEPTH = 100  # parentheses inside one another, as Falco's parser allows
_NEAR = 30  # characters of a condition that are shown where it is wrong
# What is expected, in words; other terminals are left out.
_WORDS = {
    "_AND": "`and`",
    "_OR": "`or`",
    "RPAR": "`)`",
    "FIELD": "a field",
    "IDENTIFIER": "a macro",
    "BARE": "a value",
    "NUMBER": "a number",
    "TEXTUAL": "an operator",
}
_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class ConditionError(Exception):
    """A text is no condition; the message says where."""


def parse(text: str) -> Expression:
    """Read a condition.

    Args:
        text: as it stands in a rule or macro.

    Returns:
        The condition; names of macros and lists as they are.

    Raises:
        ConditionError: it is none.
    """
    _check_depth(text)
    try:
        result: Expression = _Builder().transform(_parser().parse(text))
    except UnexpectedInput as error:
        raise ConditionError(_message(text, error)) from error
    return result


@cache
def _parser() -> Lark:
    grammar = files("bpfc_cli.importing.falco").joinpath("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", maybe_placeholders=True)


def _check_depth(text: str) -> None:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth > MAX_DEPTH:
            raise ConditionError(f"parentheses nest more than {MAX_DEPTH} deep")


def _message(text: str, error: UnexpectedInput) -> str:
    at: int = getattr(error, "pos_in_stream", None) or 0
    expected: set[str] = set()
    if isinstance(error, UnexpectedToken):
        expected = error.accepts or error.expected
        at = len(text) if error.token.type == "$END" else at
    elif isinstance(error, UnexpectedCharacters):
        expected = error.allowed or set()
    words = [word for name, word in _WORDS.items() if name in expected]
    before = " ".join(text[:at].split())
    place = (
        f"behind `{'...' * (len(before) > _NEAR)}{before[-_NEAR:]}`" if before else "at its start"
    )
    rest = " ".join(text[at : at + _NEAR].split())
    found = f"`{rest}` is not expected" if rest else "it ends too early"
    hint = f"; expected: {', '.join(words)}" if words else ""
    return f"the condition is wrong {place}: {found}{hint}"


class _Builder(Transformer[Token, Expression]):
    """From lark's tree to values; a method for each rule of the grammar."""

    def any_of(self, items: list[Expression]) -> Expression:
        return Or(tuple(items))

    def all_of(self, items: list[Expression]) -> Expression:
        return And(tuple(items))

    def opposite(self, items: list[Expression]) -> Expression:
        return Not(items[0])

    def macro(self, items: list[Token]) -> Expression:
        return Macro(str(items[0]))

    def field(self, items: list[Token | None]) -> FieldName:
        argument = items[1]
        text = _unquoted(argument) if argument is not None else ""
        return FieldName(str(items[0]), text)

    def transformed(self, items: list[object]) -> FieldName:
        word, inner = items
        assert isinstance(inner, FieldName)
        return evolve(inner, transformers=(*inner.transformers, str(word).rstrip("( \t\r\n")))

    def same(self, items: list[object]) -> FieldName:
        assert isinstance(items[1], FieldName)
        return items[1]

    def quoted(self, items: list[Token]) -> Word:
        return Word(_unquoted(items[0]), quoted=True)

    def bare(self, items: list[Token]) -> Word:
        return Word(str(items[0]))

    def words(self, items: list[Word | None]) -> tuple[Word, ...]:
        return tuple(item for item in items if item is not None)

    def exists(self, items: list[FieldName]) -> Expression:
        return Compare(items[0], "exists")

    def compared(self, items: list[object]) -> Expression:
        field, op, right = items
        assert isinstance(field, FieldName)
        if isinstance(right, FieldName):
            return Compare(field, _operator(op), other=right)
        value = right if isinstance(right, Word) else Word(str(right))
        return Compare(field, _operator(op), (value,))

    def listed(self, items: list[object]) -> Expression:
        field, op, values = items
        assert isinstance(field, FieldName) and isinstance(values, tuple)
        return Compare(field, _operator(op), values)

    def modified(self, items: list[object]) -> Expression:
        field, op, modifier, values = items
        assert isinstance(field, FieldName) and isinstance(values, tuple)
        return Compare(field, _operator(op), values, str(modifier))


def _operator(word: object) -> str:
    return "=" if str(word) == "==" else str(word)


def _unquoted(token: Token) -> str:
    """The text of a token: escapes of quoted ones resolved as Falco does."""
    text = str(token)
    if text[:1] not in ("'", '"'):
        return text
    result, characters = [], iter(text[1:-1])
    for character in characters:
        if character == "\\":
            following = next(characters, "")
            # A sign that Falco does not know as an escape keeps its backslash.
            known = following in "\\\"'/"
            character = _ESCAPES.get(following, following if known else f"\\{following}")
        result.append(character)
    return "".join(result)
