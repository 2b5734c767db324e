"""Comparisons of calculations and of fields with each other: to typed tests.

A calculation against constants is a test of a derived number, as if the catalogue had it. Two
calculations, or two fields, become a derived truth.
"""

from collections.abc import Callable

from attrs import evolve, frozen

from dsl import addresses
from dsl.catalogue import Field, Kind
from dsl.computation import COMPARISONS
from dsl.derived import Compare, Derived, Length, Same, derived
from dsl.diagnostics import Collector, nearest, shown
from dsl.named_numbers import fields_in
from dsl.operands import Operand, Operands, same_unit
from dsl.syntax import (
    AddressProperty,
    Alone,
    Broken,
    Comparison,
    Flag,
    Literals,
    Name,
    Network,
    Number,
    NumberRange,
    Relation,
    Text,
)
from dsl.typed import Constant, Expr, Not, Op, Range, Test, Value
from dsl.values import readable

# What an operator is when the sides are exchanged.
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ORDERED = (Kind.INT, Kind.PORT, Kind.TIME, Kind.DURATION)
_NAMED = (Kind.ENUM, Kind.FLAGS, Kind.BOOL)
_ALIKE = ((Kind.INT, Kind.PORT), (Kind.TIME, Kind.DURATION), (Kind.STRING, Kind.PATH))

# Bytes that are examined of every text at least, wherever the event's record comes from.
EXAMINED = 4095


@frozen
class Relations:
    """Checks the comparisons of one rule that are more than a field against constants.

    Args:
        operands: checks their sides.
        report: takes diagnostics.
        comparison: checks a field against constants.
        constants: the values of an operand for a field and an operator, or None.
    """

    operands: Operands
    report: Collector
    comparison: Callable[[Comparison], Expr | None]
    constants: Callable[[Comparison, Field, Op], tuple[Value, ...] | None]

    def check(self, item: Relation) -> Expr | None:
        """The typed test.

        Args:
            item: as parsed.

        Returns:
            The test, or None after a diagnostic.
        """
        beside = frozenset((*fields_in(item.left), *fields_in(item.right)))
        operands = evolve(self.operands, named=evolve(self.operands.named, beside=beside))
        left = operands.single(item.left)
        if left is None or not self._sensible(item):
            return None
        match item.right:
            case Broken():
                return None
            case Name() if item.operator.text != "in":
                right = operands.single(Flag(item.right, item.right.span))
            case Text() | NumberRange() | Network() | Literals() | Name():
                return self._constants(item, left, item.right)
            case _ if item.operator.text == "in":
                self.report.error(
                    "BPFC0302", "`in` needs a list, a range or a list's name", item.operator.span
                )
                return None
            case _:
                right = operands.single(item.right)
        if right is None:
            return None
        if right.constant is not None:
            return self._constant(item, left, right)
        if left.constant is not None:
            operator = evolve(item.operator, text=_MIRRORED[item.operator.text])
            return self._constant(evolve(item, operator=operator), right, left)
        found = self._two(item, left, right)
        return Not(found) if found is not None and item.negated else found

    def between(self, item: Comparison) -> Expr | None:
        """A comparison of a field with what turned out to be another one.

        Args:
            item: as parsed; its operand is a field's name.
        """
        if item.element is not None:
            self._unfit("elements of a list are compared with constants", item.operator)
            return None
        left = Flag(item.field, item.field.span)
        relation = Relation(
            left,
            item.operator,
            item.negated,
            item.quantifier,
            item.operand,
            item.suffixes,
            item.span,
        )
        return self.check(relation)

    def alone(self, item: Alone) -> None:
        """Report something that is neither true nor false.

        Args:
            item: as parsed.
        """
        if not isinstance(item.item, Broken):
            self.report.error(
                "BPFC0450",
                "a number is neither true nor false",
                item.span,
                remedy="compare it with something",
            )

    def _sensible(self, item: Relation) -> bool:
        """Whether the operator compares numbers, without words that are for texts."""
        if item.operator.text not in (*_MIRRORED, "in"):
            self._unfit(f"`{item.operator.text}` is not for calculations", item.operator)
            return False
        for word in (item.quantifier, *item.suffixes):
            if word is not None:
                self._unfit(f"`{word.text}` does not go with a calculation", word)
                return False
        return True

    def _unfit(self, message: str, place: Name) -> None:
        self.report.error("BPFC0302", message, place.span, expected=(*_MIRRORED, "in"))

    # ------------------------------------------------------------ against constants

    def _constant(self, item: Relation, side: Operand, constant: Operand) -> Expr | None:
        """A calculation or a field against a number, whichever side that stands on."""
        value = constant.constant
        assert value is not None
        if side.constant is None:
            unit = "duration" if constant.unit == "time" else ""
            return self._constants(item, side, Number(value, unit, constant.span))
        word = "==" if item.negated else item.operator.text
        answer = COMPARISONS[word](side.constant, value) != item.negated
        self.report.warning(
            "BPFC0502", f"this is always {str(answer).lower()}", item.span, remedy="leave it out"
        )
        return Constant(answer)

    def _constants(
        self,
        item: Relation,
        side: Operand,
        right: Text | Number | NumberRange | Network | Literals | Name,
    ) -> Expr | None:
        """A calculation or a field against one or several constants."""
        if side.constant is not None:
            self._unfit("a constant is compared with a list: write the field first", item.operator)
            return None
        name = Name(side.source.text, side.span)
        compared = Comparison(
            name, None, item.operator, item.negated, None, right, item.suffixes, item.span
        )
        if side.field is not None:
            return self.comparison(compared)
        field = derived(side.source, Kind.DURATION if side.unit == "time" else Kind.INT)
        op = Op("==" if item.negated or item.operator.text == "in" else item.operator.text)
        values = self.constants(compared, field, op)
        if not values or not self._examined(field, values, item):
            return None
        test = Test(field, op, values, item.span)
        return Not(test) if item.negated else test

    def _examined(self, field: Derived, values: tuple[Value, ...], item: Relation) -> bool:
        """Whether a length can be told from the constants, also where the text is longer than what
        was examined of it."""
        if not isinstance(field.source, Length):
            return True
        most = min(field.source.field.capacity, EXAMINED)
        ends = (v.high if isinstance(v, Range) else v for v in values)
        if all(isinstance(end, int) and end <= most for end in ends):
            return True
        self.report.error(
            "BPFC0456",
            f"of `{field.source.field.name}` only {most} bytes are sure to be examined",
            item.span,
            remedy=f"compare its length with {most} at most",
        )
        return False

    # ------------------------------------------------------------ two sides

    def _two(self, item: Relation, left: Operand, right: Operand) -> Test | None:
        """A test of two calculations or two fields."""
        word = "==" if item.negated else item.operator.text
        if left.field is not None and right.field is not None:
            alone = self.operands.readable_alone
            if not self._alike(item, left.field, right.field):
                return None
            if not alone(left.field, left.span) or not alone(right.field, right.span):
                return None
            if left.field.kind in (*_ALIKE[2], Kind.IP):
                same = Same(left.field, right.field)
                return Test(derived(same, Kind.BOOL), Op.EQ, (1,), item.span)
        elif not all(
            s.field is None or s.field.kind in (*_ORDERED, Kind.FLAGS) for s in (left, right)
        ):
            self._differ(item, left, right)
            return None
        if same_unit(left.unit, right.unit) is None:
            self._differ(item, left, right)
            return None
        compare = Compare(word, left.source, right.source)
        return Test(derived(compare, Kind.BOOL), Op.EQ, (1,), item.span)

    def _alike(self, item: Relation, left: Field, right: Field) -> bool:
        """Whether two fields can be compared in this way."""
        word = item.operator.text
        same = left.kind is right.kind or any(
            left.kind in kinds and right.kind in kinds for kinds in _ALIKE
        )
        if not same or Kind.STRINGS in (left.kind, right.kind) or left.constants != right.constants:
            self._differ(item, Operand.of(left, item.span), Operand.of(right, item.span))
            return False
        if word in ("==", "!=") or left.kind in _ORDERED:
            return True
        self.report.error(
            "BPFC0302",
            f"`{word}` does not fit `{left.name}`, which is {readable(left)}",
            item.operator.span,
            expected=("==", "!="),
        )
        return False

    def _differ(self, item: Relation, left: Operand, right: Operand) -> None:
        self.report.error(
            "BPFC0455",
            f"{left.what} is not compared with {right.what}",
            item.span,
            remedy="compare values of one type",
        )


def property_test(item: AddressProperty, field: Field | None, report: Collector) -> Test | None:
    """`FIELD is_private` as a test against networks.

    Args:
        item: as parsed.
        field: what its field is, None if that was reported.
        report: takes diagnostics.
    """
    if field is None:
        return None
    known, name = addresses.load(), item.property
    if name.text not in known:
        report.error(
            "BPFC0457",
            f"unknown property `{shown(name.text)}`",
            name.span,
            expected=tuple(known),
            suggestion=nearest(name.text, known),
        )
        return None
    if field.kind is not Kind.IP:
        report.error(
            "BPFC0457",
            f"`{name.text}` is a property of addresses; `{field.name}` is {readable(field)}",
            name.span,
        )
        return None
    return Test(field, Op.EQ, known[name.text].networks, item.span)
