"""The syntax tree's leaves: names and literals."""

from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from dsl.span import Span


@frozen
class Name:
    """A name or a word, dotted or not."""

    text: str
    span: Span


@frozen
class Text:
    """A string, escapes resolved.

    Args:
        value: the characters.
        span: with its quotes.
        offset: characters between the start of the span and the first character of the value, if
            the value stands in the source as it is; 0 if it has escapes.
    """

    value: str
    span: Span
    offset: int


@frozen
class Number:
    """An integer, sign and unit applied.

    Args:
        value: the number; nanoseconds of a duration, bytes of a size.
        unit: "", "duration" or "size".
    """

    value: int
    unit: str
    span: Span


@frozen
class NumberRange:
    """`low..high`, both included."""

    low: Number
    high: Number
    span: Span


@frozen
class Network:
    """An address (as a network of one) or a network."""

    value: IPv4Network | IPv6Network
    span: Span


@frozen
class Broken:
    """Something that was wrong and has been reported; nothing further is said about it."""

    span: Span


Literal = Text | Number | NumberRange | Network | Name | Broken


@frozen
class Literals:
    """`[a, b, c]`."""

    items: tuple[Literal, ...]
    span: Span
