"""Syntax nodes of literals, calculations and comparisons: what `dsl.builder` builds on."""

from typing import Any

from attrs import frozen

from dsl import literals as values
from dsl import precedence
from dsl.diagnostics import Collector
from dsl.lexer import Token
from dsl.span import Span
from dsl.syntax import (
    AddressProperty,
    Alone,
    Broken,
    Calculation,
    Call,
    Comparison,
    Condition,
    Flag,
    Literal,
    Literals,
    Name,
    Number,
    NumberRange,
    Part,
    Presence,
    Relation,
    Signed,
    Text,
)

# What stands on the parser's stack: tokens, nodes, lists under construction.
Parts = list[Any]


@frozen
class Pieces:
    """Makes the small nodes of one file. Methods take what the production's symbols became.

    Args:
        file: its name.
        report: takes diagnostics.
    """

    file: str
    report: Collector

    def _span(self, first: Token | Span, last: Token | Span) -> Span:
        """From the beginning of one place to the end of another."""
        begin = first if isinstance(first, Span) else first.span(self.file)
        end = last.end if isinstance(last, Span) else last.start + last.width
        return Span(self.file, begin.start, end, begin.line, begin.column)

    def name(self, parts: Parts) -> Name:
        return Name(parts[0].text, parts[0].span(self.file))

    def string(self, parts: Parts) -> Text | Broken:
        return values.string(parts[0], self.file, self.report)

    def number(self, parts: Parts) -> Number | Broken:
        return values.number(parts[0], self.file, self.report)

    def address(self, parts: Parts) -> Literal:
        return values.address(parts[0].text, parts[0].span(self.file), self.report)

    def number_range(self, parts: Parts) -> NumberRange | Broken:
        low, high = self.number(parts), self.number(parts[2:])
        span = self._span(low.span, high.span)
        if isinstance(low, Broken) or isinstance(high, Broken):
            return Broken(span)
        if low.value > high.value:
            self.report.error(
                "BPFC0309",
                "the range is empty: its end is below its beginning",
                span,
                remedy="write the smaller number first",
            )
            return Broken(span)
        return NumberRange(low, high, span)

    # ------------------------------------------------------------ calculations

    def flag(self, parts: Parts) -> Flag:
        name = self.name(parts)
        return Flag(name, name.span)

    def call(self, parts: Parts) -> Call:
        arguments = parts[2] if isinstance(parts[2], list) else []
        return Call(self.name(parts), tuple(arguments), self._span(parts[0], parts[-1]))

    def sign(self, parts: Parts) -> Part:
        return precedence.signed(self.name(parts), parts[1], self.report)

    def alone(self, parts: Parts) -> Condition:
        part = self._calculation(parts[0])
        if isinstance(part, Number | Signed | Calculation | Broken):
            return Alone(part, precedence.span_of(part))
        return part

    def _calculation(self, items: Parts) -> Part:
        """A tree of parts and operators, as they came."""
        names = [Name(i.text, i.span(self.file)) if isinstance(i, Token) else i for i in items]
        return precedence.tree(names, self.report)

    def exists(self, parts: Parts) -> Presence | Alone:
        return self._presence(parts, False)

    def not_exists(self, parts: Parts) -> Presence | Alone:
        return self._presence(parts, True)

    def address_property(self, parts: Parts) -> AddressProperty | Alone:
        part, name = self._calculation(parts[0]), self.name(parts[1:])
        span = self._span(precedence.span_of(part), name.span)
        if isinstance(part, Flag):
            return AddressProperty(part.field, name, span)
        self.report.error(
            "BPFC0450",
            f"`{name.text}` is asked of an address",
            name.span,
            remedy="write the name of one field in front of it",
        )
        return Alone(Broken(span), span)

    def _presence(self, parts: Parts, negated: bool) -> Presence | Alone:
        part = self._calculation(parts[0])
        if isinstance(part, Flag):
            return Presence(part.field, negated, self._span(part.span, parts[-1]))
        self.report.error(
            "BPFC0450",
            "`exists` is asked of a field",
            parts[-1].span(self.file),
            remedy="write the name of one optional field in front of it",
        )
        span = precedence.span_of(part)
        return Alone(Broken(span), span)

    def unquantified(self, parts: Parts) -> tuple[None, Any]:
        return None, parts[0]

    def only_string(self, parts: Parts) -> tuple[None, Any]:
        return None, self.string(parts)

    def only_address(self, parts: Parts) -> tuple[None, Any]:
        return None, self.address(parts)

    def only_range(self, parts: Parts) -> tuple[None, Any]:
        return None, self.number_range(parts)

    def calculated(self, parts: Parts) -> tuple[None, Any]:
        part = self._calculation(parts[0])
        return None, part.field if isinstance(part, Flag) else part

    def comparison(self, parts: Parts) -> Comparison | Relation:
        first, *element, operator, (quantifier, operand), suffixes = parts
        left = self._calculation(first) if isinstance(first, list) else self.flag([first])
        last = suffixes[-1].span if suffixes else precedence.span_of(operand)
        # `not in` leaves `in`, its second word; what the first one says is in the token's place.
        negated = operator.text == "!=" or operator.type == "NOT_IN"
        name, span = self.name([operator]), self._span(precedence.span_of(left), last)
        if isinstance(left, Flag) and isinstance(operand, Literal | Literals):
            return Comparison(
                left.field,
                element[0] if element else None,
                name,
                negated,
                quantifier,
                operand,
                tuple(suffixes),
                span,
            )
        return Relation(left, name, negated, quantifier, operand, tuple(suffixes), span)
