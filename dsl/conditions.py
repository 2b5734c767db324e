"""Conditions: names to fields, operators and operands to typed tests."""

from collections.abc import Iterable, Sequence

from attrs import Factory, evolve, frozen

from dsl import ancestry, sets, tags
from dsl.calls import affordable, expand
from dsl.catalogue import Catalogue, Event, Field, Kind
from dsl.counts import count_test
from dsl.diagnostics import Collector, nearest, shown
from dsl.files import in_fields
from dsl.lists import warn_of_repeated
from dsl.macros import Budget, nesting
from dsl.membership import RuntimeSet
from dsl.missing import report_missing
from dsl.named_numbers import NamedNumbers
from dsl.operands import Operands
from dsl.relations import Relations, property_test
from dsl.resolver import Names
from dsl.syntax import (
    AddressProperty,
    Alone,
    Ancestors,
    Broken,
    Call,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    Flag,
    Literal,
    Literals,
    Membership,
    Name,
    Negation,
    Presence,
    Relation,
    Tagged,
)
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Test, Value
from dsl.values import MAX_POSITION, Converter, holds_several, readable

_NUMERIC = ("==", "!=", "in", "<", "<=", ">", ">=")
_TEXTUAL = ("==", "!=", "in", "startswith", "endswith", "contains", "under", "glob", "regex")
_OPERATORS = {
    Kind.BOOL: ("==", "!="),
    Kind.INT: _NUMERIC,
    Kind.PORT: _NUMERIC,
    Kind.DURATION: _NUMERIC,
    Kind.TIME: _NUMERIC,
    Kind.FLAGS: ("has any", "has all", "==", "!="),
    Kind.ENUM: ("==", "!=", "in"),
    Kind.IP: ("==", "!=", "in"),
    Kind.STRING: _TEXTUAL,
    Kind.PATH: _TEXTUAL,
    Kind.STRINGS: _TEXTUAL,
}
_ORDERED = (Op.LT, Op.LE, Op.GT, Op.GE)
_ALIASED = (Op.EQ, Op.STARTSWITH, Op.UNDER, Op.GLOB)


@frozen
class ListCache:
    """Values of lists that were converted already, by (list, field, operator)."""

    values: dict[tuple[str, str, Op], tuple[Value, ...] | None] = Factory(dict)


@frozen
class Conditions:
    """Checks the conditions of one rule.

    Args:
        catalogue: all events.
        events: those the rule listens on; without any, a field may be of any event.
        names: the policy's lists and macros.
        cache: of the policy.
        budget: what macros may expand to.
        report: takes diagnostics.
        above: levels of and, or, not and calls around the condition, if it comes from a macro.
    """

    catalogue: Catalogue
    events: tuple[Event, ...]
    names: Names
    cache: ListCache
    budget: Budget
    report: Collector
    above: int = 0

    # ------------------------------------------------------------ the tree

    def whole(self, condition: Condition, top: bool = True) -> Expr | None:
        """The typed form of a rule's condition or of an exception; arguments as for `check`."""
        return evolve(self, above=nesting(condition)).check(condition, top)

    def check(self, condition: Condition, top: bool = True) -> Expr | None:
        """The typed condition.

        Args:
            condition: as parsed.
            top: whether it is a whole condition; `when true` alone is deliberate.

        Returns:
            The typed tree, or None after a diagnostic.
        """
        if not affordable(condition, self.budget, self.report):
            return None
        match condition:
            case Negation():
                item = self.check(condition.item, False)
                return None if item is None else Not(item)
            case Conjunction():
                items = self._each(condition.items)
                return And(items) if items is not None else None
            case Disjunction():
                items = self._each(condition.items)
                return Or(items) if items is not None else None
            case Flag():
                return self._flag(condition, top)
            case Presence():
                return self._presence(condition)
            case AddressProperty():
                return property_test(condition, self.field(condition.field), self.report)
            case Call():
                return self._call(condition)
            case Membership():
                return self._member(condition)
            case Tagged():
                return tags.test_of(condition, self.names.tags, self.events, self.report)
            case Ancestors():
                inner = evolve(self, events=(ancestry.image(),), above=self.above + 1)
                return ancestry.test_of(condition, self.events, self.report, inner.check)
            case Comparison():
                of_files = in_fields(condition, self.events or self.catalogue.events, self.report)
                if of_files is not None:
                    return None if isinstance(of_files, Broken) else self.check(of_files, False)
                if self._names_field(condition.operand):
                    return self.relations.between(condition)
                return self._comparison(condition)
            case Relation():
                return self.relations.check(condition)
            case Alone():
                self.relations.alone(condition)
                return None

    def _each(self, conditions: Sequence[Condition]) -> tuple[Expr, ...] | None:
        """All of them, so that each gets its diagnostics; None if one failed."""
        found = [self.check(item, False) for item in conditions]
        good = tuple(item for item in found if item is not None)
        return good if len(good) == len(found) else None

    def _flag(self, flag: Flag, top: bool) -> Expr | None:
        """A bool field, or `true` or `false`."""
        if flag.field.text in ("true", "false"):
            value = flag.field.text == "true"
            if not (top and value):
                self._constant(flag.field.text, flag.field)
            return Constant(value)
        if flag.field.text in self.names.macros:
            return self._call(Call(flag.field, (), flag.span))
        field = self.field(flag.field, self.names.macros)
        if field is None:
            return None
        if field.kind is Kind.BOOL:
            return Test(field, Op.EQ, (1,), flag.span)
        self.report.error(
            "BPFC0301",
            f"`{field.name}` is {readable(field)}, which is neither true nor false",
            flag.span,
            expected=_OPERATORS[field.kind],
            remedy="compare it with something",
        )
        return None

    def _presence(self, presence: Presence) -> Expr | None:
        """`exists`."""
        field = self.field(presence.field)
        if field is None:
            return None
        if not field.optional:
            self.report.error(
                "BPFC0310",
                f"`{field.name}` always exists",
                presence.span,
                remedy="leave the test out; `exists` is for fields that can be absent",
            )
            return None
        test = Test(field, Op.EXISTS, (), presence.span)
        return Not(test) if presence.negated else test

    # ------------------------------------------------------------ macros

    def _call(self, call: Call) -> Expr | None:
        """What a macro says of its arguments."""
        for argument in call.arguments:
            self._mark_used(argument)
        found = expand(call, self.names, self.report, self.above)
        if found is None:
            return None
        body, inside, above = found
        if isinstance(body, Flag) and body.field.text in ("true", "false"):
            return Constant(body.field.text == "true")  # deliberate: a place to fill in
        return evolve(self, report=inside, above=above).check(body, False)

    # ------------------------------------------------------------ names

    def field(self, name: Name, others: Iterable[str] = ()) -> Field | None:
        """The field of that name on all of the rule's events, or None after a diagnostic.

        Args:
            name: as written.
            others: names that would have been right too.
        """
        events = self.events or self.catalogue.events
        found = [(event, event.field(name.text)) for event in events]
        known = [field for _, field in found if field is not None]
        if len(known) == len(found) or (known and not self.events):
            return known[0]
        report_missing(name, events, self.catalogue, others, self.report)
        return None

    # ------------------------------------------------------------ calculations

    def _names_field(self, operand: Literal | Literals) -> bool:
        """Whether an operand is the name of a field, and of nothing else."""
        events = self.events or self.catalogue.events
        return (
            isinstance(operand, Name)
            and operand.text not in self.names.announced
            and any(event.field(operand.text) for event in events)
        )

    @property
    def relations(self) -> Relations:
        """What checks comparisons of calculations and of fields."""
        named = NamedNumbers(self.events or self.catalogue.events, self.names, self.report)
        operands = Operands(self.field, self.report, named)
        return Relations(operands, self.report, self._comparison, self._values)

    # ------------------------------------------------------------ comparisons

    def set_of(self, name: Name) -> RuntimeSet | None:
        """The run-time set of a name, or None after a diagnostic."""
        self.names.used.add(name.text)
        others = (*self.names.lists, *self.names.macros, *self.names.announced)
        return sets.find_set(name, self.names.sets, others, self.report)

    def _member(self, item: Membership) -> Expr | None:
        """Fields and a run-time set."""
        return sets.test_of(item, self.set_of(item.set), self.field, self.report)

    def _in_set(self, item: Comparison, name: Name) -> Expr | None:
        """`FIELD in NAME`, where NAME is a set."""
        odd = next((w for w in (item.element, item.quantifier, *item.suffixes) if w), None)
        if item.operator.text != "in":
            odd = item.operator
        if odd is None:
            member = Membership((item.field,), item.negated, name, item.span)
            return self._member(member)
        self.names.used.add(name.text)
        self.report.error(
            "BPFC0474",
            f"`{odd.text}` cannot be used with the set `{shown(name.text)}`",
            odd.span,
            remedy=f"a set answers `{item.field.text} in {shown(name.text)}` only",
        )
        return None

    def _comparison(self, item: Comparison) -> Expr | None:
        """A field, an operator and one or several values."""
        if isinstance(item.operand, Name) and item.operand.text in self.names.sets:
            return self._in_set(item, item.operand)
        field = self.field(item.field)
        if field is not None and item.element is not None and item.element.text == "count":
            return self._count(item, field)
        op = None
        if field is not None and self._element(item, field):
            op = self._operator(item, field)
        if field is None or op is None:
            self._mark_used(item.operand)
            return None
        values = self._values(item, field, op)
        if not values or not self._shape(item, op, values) or not self._suffixes(item, field, op):
            return None
        every = item.quantifier is not None and item.quantifier.text == "all" and len(values) > 1
        suffixes = {s.text for s in item.suffixes}
        test = Test(
            field=field,
            op=op,
            values=values,
            span=item.span,
            every=every,
            nocase="nocase" in suffixes,
            exact="exact" in suffixes,
            element=item.element.text.strip("[]") if item.element else None,
        )
        return Not(test) if item.negated else test

    def _count(self, item: Comparison, field: Field) -> Expr | None:
        """A comparison of the number of elements."""
        if field.kind is not Kind.STRINGS:
            self._element(item, field)
            self._mark_used(item.operand)
            return None
        number = evolve(
            field, name=f"{field.name} count", kind=Kind.INT, capacity=0, base="", part=""
        )
        op = self._operator(item, number)
        values = self._values(item, number, op) if op is not None else None
        if op is None or not values or not self._shape(item, op, values):
            return None
        if not self._suffixes(item, number, op):
            return None
        return count_test(item, field, op, values, self.report)

    def _operator(self, item: Comparison, field: Field) -> Op | None:
        """The operator, if the field's type has it."""
        word = item.operator.text
        if word == "has":
            word = "has all" if item.quantifier and item.quantifier.text == "all" else "has any"
        if word in _OPERATORS[field.kind]:
            return Op("==" if word in ("!=", "in") else word)
        self._unfit(
            f"`{item.operator.text}` does not fit `{field.name}`, which is {readable(field)}",
            item.operator,
            expected=_OPERATORS[field.kind],
        )
        return None

    def _element(self, item: Comparison, field: Field) -> bool:
        """Whether the words behind the field's name fit: `any` for lists and only for them."""
        wanted = field.kind is Kind.STRINGS
        if item.element is None:
            if wanted:
                self.report.error(
                    "BPFC0311",
                    f"`{field.name}` is a list: say which of its elements are meant",
                    item.field.span,
                    suggestion=f"{field.name} any",
                )
            return not wanted
        if not wanted:
            self.report.error(
                "BPFC0311",
                f"`{field.name}` is {readable(field)}, not a list of which to take elements",
                item.element.span,
                remedy=f"for several values write `{item.operator.text} {item.element.text} [...]`",
            )
            return False
        if not self._position(item.element):
            return False
        if item.negated and item.element.text in ("any", "all"):
            word = "!=" if item.operator.text == "!=" else "not in"
            every = item.element.text == "all"
            self._unfit(
                f"`all {word}` is easily misread"
                if every
                else f"`any {word}` is true of nearly every list",
                item.operator,
                remedy=f"write `not {field.name} any {'==' if word == '!=' else 'in'} ...`",
            )
            return False
        return True

    def _position(self, element: Name) -> bool:
        """Whether `[n]` names a place that can be looked at."""
        if not element.text.startswith("["):
            return True
        if element.text[1:-1].isdecimal() and int(element.text[1:-1]) <= MAX_POSITION:
            return True
        self.report.error(
            "BPFC0434",
            f"`{element.text}` is no position in a list",
            element.span,
            remedy=f"positions are counted from 0 and go up to {MAX_POSITION}",
        )
        return False

    def _values(self, item: Comparison, field: Field, op: Op) -> tuple[Value, ...] | None:
        """The operand's values, each once."""
        operand = item.operand
        if isinstance(operand, Name):
            constant = operand.text in dict(field.constants) or field.kind is Kind.BOOL
            if not constant or (item.operator.text == "in" and operand.text in self.names.lists):
                return self._list(operand, field, op)
        if item.operator.text == "in" and not holds_several(operand, field):
            self.report.error(
                "BPFC0301",
                "`in` needs a list, a range or a network",
                operand.span,
                remedy="put the value into brackets, or write `==`",
            )
            return None
        if isinstance(operand, Literals):
            warn_of_repeated(operand, self.report)
        literals = operand.items if isinstance(operand, Literals) else (operand,)
        if not literals:
            self.report.error("BPFC0305", "the list is empty", operand.span)
            return None
        return self._convert(literals, field, op)

    def _list(self, name: Name, field: Field, op: Op) -> tuple[Value, ...] | None:
        """The values of a named list."""
        self.names.used.add(name.text)
        found = self.names.lists.get(name.text)
        if found is None:
            if name.text in self.names.macros:
                self.report.error(
                    "BPFC0203", f"`{shown(name.text)}` is a macro, not a list", name.span
                )
            elif name.text not in self.names.announced:
                self._unknown_list(name, field, op)
            return None
        key = (name.text, field.name, op)
        if key not in self.cache.values:
            self.cache.values[key] = self._convert(self.names.values[name.text], field, op)
        return self.cache.values[key]

    def _unknown_list(self, name: Name, field: Field, op: Op) -> None:
        """Report a name that stands for no values; perhaps its quotes were forgotten."""
        constants = [constant for constant, _ in field.constants]
        text = field.kind.is_text
        self.report.error(
            "BPFC0204" if constants else "BPFC0203",
            f"unknown {'constant' if constants else 'list'} `{shown(name.text)}`",
            name.span,
            suggestion=nearest(name.text, [*self.names.lists, *self.names.sets, *constants])
            or (f'"{shown(name.text)}"' if text and op is Op.EQ else ""),
            remedy="a string stands in double quotes" if text else "",
        )

    def _convert(
        self, literals: Sequence[Literal], field: Field, op: Op
    ) -> tuple[Value, ...] | None:
        """Each literal as a value of the field's type; None if one does not suit."""
        converter = Converter(field, op, self.report, frozenset(self.names.lists))
        found = [converter.convert(literal) for literal in literals]
        good = dict.fromkeys(value for value in found if value is not None)
        return tuple(good) if None not in found else None

    def _mark_used(self, operand: Literal | Literals) -> None:
        """A list in a comparison that is wrong elsewhere is used nevertheless."""
        if isinstance(operand, Name):
            self.names.used.add(operand.text)

    # ------------------------------------------------------------ what does not go together

    def _unfit(
        self, message: str, place: Name, remedy: str = "", expected: tuple[str, ...] = ()
    ) -> None:
        """Report an operator that cannot be used in this way."""
        self.report.error("BPFC0302", message, place.span, expected=expected, remedy=remedy)

    def _shape(self, item: Comparison, op: Op, values: tuple[Value, ...]) -> bool:
        """Whether operator, quantifier and number of values go together."""
        several = len(values) > 1
        if op in _ORDERED:
            if several or item.quantifier or isinstance(values[0], Range):
                self._unfit(f"`{op.value}` compares with one number", item.operator)
                return False
        elif op in (Op.HAS_ANY, Op.HAS_ALL):
            if several and not item.quantifier:
                self._unfit("`has` needs `any` or `all` in front of a list", item.operator)
                return False
        elif several and item.quantifier and item.quantifier.text == "all" and op is Op.EQ:
            self._unfit("one value cannot equal all of several", item.quantifier)
            return False
        return True

    def _suffixes(self, item: Comparison, field: Field, op: Op) -> bool:
        """Whether `nocase` and `exact` mean something here."""
        seen: set[str] = set()
        for suffix in item.suffixes:
            if not field.kind.is_text:
                self._unfit(f"`{suffix.text}` is for strings and paths", suffix)
                return False
            aliased = field.kind is Kind.PATH and op in _ALIASED
            if suffix.text in seen or (suffix.text == "exact" and not aliased):
                self.report.warning(
                    "BPFC0504",
                    f"`{suffix.text}` has no effect here",
                    suffix.span,
                    remedy="leave it out",
                )
            seen.add(suffix.text)
        return True

    def _constant(self, value: str, place: Name) -> None:
        """Warn of a condition that does not depend on the event."""
        self.report.warning(
            "BPFC0502", f"this is always {value}", place.span, remedy="leave it out"
        )
