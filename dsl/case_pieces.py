"""Syntax nodes of `test` blocks: what `dsl.builder` builds them with."""

from typing import Any

from attrs import frozen

from dsl.case_syntax import (
    After,
    Assignment,
    Expect,
    ExpectValue,
    GivenList,
    GivenProcess,
    GivenSet,
    GivenTuple,
    Happens,
    Made,
    Repeated,
    Sum,
    TestItem,
)
from dsl.lexer import Token
from dsl.pieces import Parts, Pieces
from dsl.precedence import span_of
from dsl.span import Span
from dsl.syntax import Broken, Name, Number

# `{ ... }` on the parser's stack: what it assigns, and its place.
Values = tuple[tuple[Assignment, ...], Span]
# An effect: its name, a detail, and the keyword that it begins with.
Effect = tuple[str, Name | None, Token | Span]


@frozen
class CasePieces(Pieces):
    """Makes the nodes of test blocks. Methods take what the production's symbols became."""

    def third_name(self, parts: Parts) -> Name:
        return self.name(parts[2:])

    # ------------------------------------------------------------ values

    def values(self, parts: Parts) -> Values:
        given = parts[1] if isinstance(parts[1], list) else []
        return tuple(given), self._span(parts[0], parts[-1])

    def assignment(self, parts: Parts) -> Assignment:
        return Assignment(self.name(parts), parts[2], self._span(parts[0], parts[2].span))

    def given_sum(self, parts: Parts) -> Sum:
        items = parts[0]
        return Sum(tuple(items), self._span(items[0].span, items[-1].span))

    def given_list(self, parts: Parts) -> GivenList:
        items = parts[1] if isinstance(parts[1], list) else []
        return GivenList(tuple(items), self._span(parts[0], parts[-1]))

    def given_tuple(self, parts: Parts) -> GivenTuple:
        return GivenTuple(tuple(parts[1]), self._span(parts[0], parts[-1]))

    def made(self, parts: Parts) -> Made:
        return Made(self.name(parts), tuple(parts[2]), self._span(parts[0], parts[-1]))

    # ------------------------------------------------------------ statements

    def given_process(self, parts: Parts) -> GivenProcess:
        keyword, _, name, parent, *block = parts
        given, place = block[0] if block else ((), None)
        last = place or (parent.span if parent else name)
        return GivenProcess(self.name([name]), parent, given, self._span(keyword, last))

    def given_set(self, parts: Parts) -> GivenSet:
        keyword, _, name, _, elements = parts
        return GivenSet(self.name([name]), elements, self._span(keyword, elements.span))

    def repeated(self, parts: Parts) -> Repeated:
        every = self.number(parts[3:]) if len(parts) > 2 else None
        return Repeated(self.number(parts), every, self._span(parts[0], parts[-1]))

    def happens(self, parts: Parts) -> Happens:
        actor, _, event, *block, repeated = parts
        given, place = block[0] if block else ((), None)
        span = self._span(actor, repeated.span if repeated else place or event)
        return Happens(self.name([actor]), self.name([event]), given, repeated, span)

    def happens_alone(self, parts: Parts) -> Happens:
        keyword, event, (given, place), repeated = parts
        span = self._span(keyword, repeated.span if repeated else place)
        return Happens(None, self.name([event]), given, repeated, span)

    def after(self, parts: Parts) -> After:
        return After(self.number(parts[1:]), self._span(parts[0], parts[1]))

    # ------------------------------------------------------------ expectations

    def effect(self, parts: Parts) -> Effect:
        keyword, detail = parts
        return keyword.text, detail, detail.span if detail else keyword

    def effect_audited(self, parts: Parts) -> Effect:
        return f"would {parts[1].text}", None, parts[1]

    def expect_nothing(self, parts: Parts) -> Expect:
        span = self._span(parts[0], parts[1])
        return Expect("nothing", False, None, None, None, None, span)

    def expect(self, parts: Parts) -> Expect:
        return self._expect(parts[0], parts[1], parts[2], False)

    def expect_no(self, parts: Parts) -> Expect:
        keyword, _, effect, rule = parts
        if isinstance(effect, Token):
            effect = (effect.text, None, effect)
        return self._expect(keyword, effect, rule, True)

    def _expect(self, keyword: Token, effect: Effect, rule: Name | None, negated: bool) -> Expect:
        name, detail, last = effect
        span = self._span(keyword, rule.span if rule else last)
        return Expect(name, negated, detail, rule, None, None, span)

    def expect_alert(self, parts: Parts) -> Expect:
        keyword, alert, rule, certainty, counted = parts
        count, last = counted or (None, certainty.span if certainty else None)
        span = self._span(keyword, last or (rule.span if rule else alert))
        return Expect("alert", False, None, rule, certainty, count, span)

    def count(self, parts: Parts) -> tuple[Number | Broken, Token]:
        return self.number(parts), parts[1]

    def expect_value(self, parts: Parts) -> ExpectValue:
        keyword, name, operator, value, rule = parts
        span = self._span(keyword, rule.span if rule else span_of(value))
        return ExpectValue(self.name([name]), self.name([operator]), value, rule, span)

    def test_item(self, parts: Parts) -> Any:
        keyword, title, _, statements, closer = parts
        text = self.string([title])
        span = self._span(keyword, title)
        return TestItem(text, tuple(statements), span, self._span(keyword, closer))
