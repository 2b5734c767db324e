"""Syntax nodes from the grammar's reductions: one method for each name in `grammar.lark`."""

from typing import Any

from attrs import evolve, frozen

from dsl import literals as literal_values
from dsl.case_pieces import CasePieces
from dsl.lexer import Token
from dsl.pieces import Parts
from dsl.span import Span
from dsl.syntax import (
    Add,
    Alert,
    Allow,
    Ancestors,
    Broken,
    Condition,
    Confirm,
    Conjunction,
    Deny,
    Disable,
    Disjunction,
    Exception_,
    Header,
    Include,
    Item,
    Key,
    Kill,
    Language,
    Limit,
    ListItem,
    Literals,
    Macro,
    Membership,
    Metadata,
    Mode,
    Name,
    NamedValue,
    Negation,
    Number,
    On,
    OnSequence,
    Output,
    Override,
    Owner,
    Rule,
    SetItem,
    Silent,
    Step,
    Tag,
    Tagged,
    Text,
    Threshold,
    Untag,
    Until,
    Version,
    When,
)


@frozen
class Builder(CasePieces):
    """Makes the nodes of one file. Methods take what the production's symbols became, in order."""

    # ------------------------------------------------------------ lists under construction

    def empty(self, parts: Parts) -> Parts:
        return []

    def single(self, parts: Parts) -> Parts:
        return parts

    def append(self, parts: Parts) -> Parts:
        parts[0].append(parts[1])
        return parts[0]  # type: ignore[no-any-return]

    def append_both(self, parts: Parts) -> Parts:
        parts[0] += parts[1:]
        return parts[0]  # type: ignore[no-any-return]

    def append_second(self, parts: Parts) -> Parts:
        parts[0].append(parts[2])
        return parts[0]  # type: ignore[no-any-return]

    def single_name(self, parts: Parts) -> Parts:
        return [self.name(parts)]

    def append_name(self, parts: Parts) -> Parts:
        parts[0].append(self.name(parts[2:]))
        return parts[0]  # type: ignore[no-any-return]

    # ------------------------------------------------------------ small pieces

    def nothing(self, parts: Parts) -> None:
        return None

    def first(self, parts: Parts) -> Any:
        return parts[0]

    def second(self, parts: Parts) -> Any:
        return parts[1]

    def second_name(self, parts: Parts) -> Name:
        return self.name(parts[1:])

    def skipped(self, parts: Parts) -> Broken:
        return Broken(parts[0].span(self.file))

    # ------------------------------------------------------------ literals

    def literals(self, parts: Parts) -> Literals:
        items = parts[1] if isinstance(parts[1], list) else []
        return Literals(tuple(items), self._span(parts[0], parts[-1]))

    # ------------------------------------------------------------ conditions

    def element(self, parts: Parts) -> Name:
        text = "".join(part.text for part in parts)
        return Name(text, self._span(parts[0], parts[-1]))

    def quantified(self, parts: Parts) -> tuple[Name, Any]:
        return self.name(parts), parts[1]

    def not_in(self, parts: Parts) -> Token:
        token: Token = parts[1]
        return token._replace(type="NOT_IN")

    def membership(self, parts: Parts) -> Membership:
        fields = (self.name(parts[1:]), *parts[3])
        # `in NAME` or `not in NAME` behind the parenthesis.
        name, negated = self.name(parts[-1:]), len(parts) == 8
        return Membership(fields, negated, name, self._span(parts[0], parts[-1]))

    def tagged(self, parts: Parts) -> Tagged:
        return Tagged(self.name(parts), self.name(parts[2:]), self._span(parts[0], parts[2]))

    def ancestors(self, parts: Parts) -> Ancestors:
        return Ancestors(self.name(parts), parts[2], self._span(parts[0], parts[1]))

    def group(self, parts: Parts) -> Condition:
        return self.disjunction(parts[1])

    def negation(self, parts: Parts) -> Condition:
        item: Condition = parts[1]
        # `not not x` is x; so the tree is no deeper than the parentheses are.
        return item.item if isinstance(item, Negation) else Negation(item)

    def conjunction(self, items: Parts) -> Condition:
        return items[0] if len(items) == 1 else Conjunction(tuple(items))

    def disjunction(self, items: Parts) -> Condition:
        each = [self.conjunction(item) for item in items]
        return each[0] if len(each) == 1 else Disjunction(tuple(each))

    # ------------------------------------------------------------ clauses

    def metadata(self, parts: Parts) -> Metadata:
        key, value = parts
        several = value.items if isinstance(value, Literals) else (value,)
        return Metadata(self.name([key]), several, self._span(key, value.span))

    def on(self, parts: Parts) -> On:
        return On(tuple(parts[1]), self._span(parts[0], parts[1][-1].span))

    def when(self, parts: Parts) -> When:
        return When(self.disjunction(parts[1]), parts[0].span(self.file))

    def confirm(self, parts: Parts) -> Confirm:
        keyword, unknown, _, condition = parts
        return Confirm(self.disjunction(condition), unknown is not None, keyword.span(self.file))

    def except_plain(self, parts: Parts) -> Exception_:
        return Exception_(None, self.disjunction(parts[2]), parts[0].span(self.file))

    def except_named(self, parts: Parts) -> Exception_:
        keyword, text, details, _, condition = parts
        name = self.string([text])
        span = keyword.span(self.file)
        return Exception_(
            name if isinstance(name, Text) else None,
            self.disjunction(condition),
            span,
            tuple(details),
        )

    def except_set(self, parts: Parts) -> Exception_:
        keyword, _, _, source, _, fields = parts
        return self._from_set(keyword, None, [], source, fields)

    def except_set_named(self, parts: Parts) -> Exception_:
        keyword, text, details, _, _, source, _, fields = parts
        return self._from_set(keyword, self.string([text]), details, source, fields)

    def _from_set(
        self, keyword: Token, text: Text | Broken | None, details: Parts, source: Any, fields: Parts
    ) -> Exception_:
        """An exception that is a set: its condition is membership."""
        declared = source if isinstance(source, SetItem) else None
        name: Name = declared.name if declared else source
        return Exception_(
            text if isinstance(text, Text) else None,
            Membership(tuple(fields), False, name, self._span(fields[0].span, fields[-1].span)),
            keyword.span(self.file),
            tuple(details),
            declared,
        )

    def add(self, parts: Parts) -> Add:
        keyword, fields, _, name, lifetime = parts
        last = lifetime.span if lifetime else name
        return Add(tuple(fields), self.name([name]), lifetime, self._span(keyword, last))

    def tag(self, parts: Parts) -> Tag:
        keyword, subject, tag, inherited, lifetime = parts
        last = lifetime.span if lifetime else inherited or tag
        return Tag(
            self.name([subject]),
            self.name([tag]),
            self.name([inherited]) if inherited else None,
            lifetime,
            self._span(keyword, last),
        )

    def untag(self, parts: Parts) -> Untag:
        keyword, subject, tag = parts
        return Untag(self.name([subject]), self.name([tag]), self._span(keyword, tag))

    def owner(self, parts: Parts) -> Owner | Broken:
        value = self.string(parts[1:])
        span = self._span(parts[0], parts[1])
        return Owner(value, span) if isinstance(value, Text) else Broken(span)

    def until(self, parts: Parts) -> Until | Broken:
        value = literal_values.day(parts[1], self.file, self.report)
        span = self._span(parts[0], parts[1])
        return Broken(span) if value is None else Until(value, span)

    def alert(self, parts: Parts) -> Alert:
        keyword, *strings, limit = parts
        text = self.string(strings) if strings else None
        last = limit.span if limit else strings[0] if strings else keyword
        return Alert(text if isinstance(text, Text) else None, self._span(keyword, last), limit)

    # ------------------------------------------------------------ state

    def key(self, parts: Parts) -> Key:
        names = tuple(parts[2]) if len(parts) > 2 else (self.name(parts[1:]),)
        return Key(names, self._span(parts[0], parts[-1]))

    def limit(self, parts: Parts) -> Limit:
        keyword, count, _, per, key = parts
        span = self._span(keyword, key.span if key else per)
        return Limit(self.number([count]), self.number([per]), key, span)

    def threshold(self, parts: Parts) -> Threshold:
        keyword, count, distinct, _, within, key = parts
        span = self._span(keyword, key.span if key else within)
        return Threshold(self.number([count]), distinct, self.number([within]), key, span)

    def within(self, parts: Parts) -> Number | Broken:
        return self.number(parts[1:])

    def step(self, parts: Parts) -> Step:
        opener, event, alias, _, condition, closer, key = parts
        span = self._span(opener, closer)
        return Step(self.name([event]), alias, self.disjunction(condition), key, span)

    def step_always(self, parts: Parts) -> Step:
        opener, event, alias, closer, key = parts
        return Step(self.name([event]), alias, None, key, self._span(opener, closer))

    def on_sequence(self, parts: Parts) -> OnSequence:
        keyword, _, within, steps, until = parts
        last = until or steps[-1]
        end = last.key.span if last.key else last.span
        return OnSequence(within, tuple(steps), until, self._span(keyword, end))

    def deny(self, parts: Parts) -> Deny:
        keyword, errno, unknown, fallback = parts
        last = fallback.span if fallback else unknown or (errno.span if errno else keyword)
        return Deny(errno, unknown is not None, fallback, self._span(keyword, last))

    def kill(self, parts: Parts) -> Kill:
        targets: list[Name] = parts[1] if len(parts) > 1 else []
        last = targets[-1].span if targets else parts[0]
        return Kill(tuple(targets), self._span(parts[0], last))

    def silent(self, parts: Parts) -> Silent:
        return Silent(parts[0].span(self.file))

    def mode(self, parts: Parts) -> Mode:
        return Mode(self.name(parts[1:]), self._span(parts[0], parts[1]))

    # ------------------------------------------------------------ items

    def version(self, parts: Parts) -> Version | Broken:
        value = self.string(parts[1:])
        span = self._span(parts[0], parts[1])
        return Version(value, span) if isinstance(value, Text) else Broken(span)

    def language(self, parts: Parts) -> Language:
        return Language(self.number(parts[1:]), self._span(parts[0], parts[1]))

    def policy(self, parts: Parts) -> Item:
        keyword, name, header = parts
        text = self.string([name])
        last = header[-1].span if header else name
        span = self._span(keyword, last)
        return Header(text, tuple(header), span) if isinstance(text, Text) else Broken(span)

    def include(self, parts: Parts) -> Item:
        path = self.string(parts[1:])
        span = self._span(parts[0], parts[1])
        return Include(path, span) if isinstance(path, Text) else Broken(span)

    def list_item(self, parts: Parts) -> ListItem:
        keyword, name, _, listed = parts
        return ListItem(self.name([name]), tuple(listed), self._span(keyword, listed[-1][1].span))

    def set_declaration(self, parts: Parts) -> SetItem:
        name, _, members, capacity, lifetime = parts
        is_tuple = isinstance(members, tuple)
        names = members[0] if is_tuple else members
        last = lifetime or capacity
        end = members[1] if is_tuple else names[-1].span
        span = self._span(name, last.span if last else end)
        return SetItem(
            self.name([name]),
            tuple(names),
            is_tuple,
            capacity,
            lifetime,
            span,
        )

    def set_item(self, parts: Parts) -> SetItem:
        keyword, item = parts
        return evolve(item, span=self._span(keyword, item.span))  # type: ignore[no-any-return]

    def set_tuple(self, parts: Parts) -> tuple[Parts, Span]:
        return parts[1], self._span(parts[0], parts[2])

    def capacity(self, parts: Parts) -> Number | Broken:
        return self.number(parts[1:])

    def lifetime(self, parts: Parts) -> Number | Broken:
        return self.number(parts[1:])

    def sum_first(self, parts: Parts) -> Parts:
        return [(True, parts[0])]

    def sum_more(self, parts: Parts) -> Parts:
        listed, sign, term = parts
        listed.append((sign.type == "PLUS", term))
        return listed  # type: ignore[no-any-return]

    def macro_name(self, parts: Parts) -> tuple[Name, tuple[Name, ...], Token]:
        return self.name(parts), (), parts[0]

    def macro_head(self, parts: Parts) -> tuple[Name, tuple[Name, ...], Token]:
        return self.name(parts), tuple(parts[2]), parts[3]

    def macro(self, parts: Parts) -> Macro:
        keyword, (name, parameters, last), _, body = parts
        return Macro(name, parameters, self.disjunction(body), self._span(keyword, last))

    def rule(self, parts: Parts) -> Rule:
        keyword, name, base, _, clauses, closer = parts
        # The place of a rule is its first line: that is what messages about it should show.
        span = self._span(keyword, name.span if name else keyword)
        return Rule(name, tuple(clauses), span, base, self._span(keyword, closer))

    def override(self, parts: Parts) -> Override:
        keyword, rule, name, _, clauses, closer = parts
        span = self._span(keyword, name.span if name else rule)
        return Override(name, tuple(clauses), span, self._span(keyword, closer))

    def disable(self, parts: Parts) -> Disable:
        return Disable(self.name(parts[1:]), self._span(parts[0], parts[1]))

    def named_field(self, parts: Parts) -> NamedValue:
        return NamedValue(self.name(parts), self.name(parts[2:]), self._span(parts[0], parts[2]))

    def named_text(self, parts: Parts) -> NamedValue:
        value = self.string(parts[2:])
        return NamedValue(self.name(parts), value, self._span(parts[0], parts[2]))

    def output(self, parts: Parts) -> Output:
        return Output(tuple(parts[2]), self._span(parts[0], parts[-1]))

    def allow(self, parts: Parts) -> Allow:
        return Allow(tuple(parts[1]), self._span(parts[0], parts[1][-1].span))

    def file_items(self, parts: Parts) -> tuple[Item, ...]:
        return tuple(parts[0])
