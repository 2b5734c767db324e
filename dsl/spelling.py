"""Typed conditions in the language's own spelling, without places: for people, and to tell whether
two conditions are the same."""

from ipaddress import IPv4Network, IPv6Network

from dsl.catalogue import Field, Kind
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Test, Value

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def condition(expr: Expr) -> str:
    """A whole condition.

    Args:
        expr: a typed condition.

    Returns:
        Its text; equal for conditions that differ in their places only.
    """
    match expr:
        case Constant():
            return "true" if expr.value else "false"
        case Not():
            return f"not ({condition(expr.item)})"
        case And() | Or():
            word = " and " if isinstance(expr, And) else " or "
            return word.join(f"({condition(item)})" for item in expr.items)
        case Test():
            return " ".join([asked(expr), *values(expr)])


def asked(test: Test) -> str:
    """Field and operator; `==` is `in` with one value, so that a list may shrink to one.

    Args:
        test: any test.
    """
    operator = "in" if test.op is Op.EQ and test.field.kind is not Kind.BOOL else test.op.value
    element = f"[{test.element}]" if test.element and test.element.isdecimal() else test.element
    words = [test.field.name, element, operator, "all" if test.every else None]
    marks = [name for name in ("nocase", "exact") if getattr(test, name)]
    return " ".join(word for word in [*words, *marks] if word)


def values(test: Test) -> tuple[str, ...]:
    """What a test compares with, each value once.

    Args:
        test: any test.
    """
    return tuple(dict.fromkeys(_spelled(value, test.field) for value in test.values))


def _spelled(value: Value, field: Field) -> str:
    match value:
        case bytes():
            text = value.decode("utf-8", "backslashreplace")
            return f'"{"".join(_escaped(c) for c in text)}"'
        case Range():
            return f"{value.low}..{value.high}"
        case IPv4Network() | IPv6Network():
            single = value.prefixlen == value.max_prefixlen
            return str(value.network_address if single else value)
        case _:
            names = {number: name for name, number in field.constants}
            if field.kind is Kind.BOOL:
                return "true" if value else "false"
            return names.get(value, str(value))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
