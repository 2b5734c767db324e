"""Parts of calculations: from syntax to what is computed, with constants folded and units checked.

A number of nanoseconds (a duration, a time since boot) and a plain number are not the same: `time +
time` is a time, `time / time` a plain number, `time + number` an error.
"""

from collections.abc import Callable

from attrs import frozen

from dsl import computation
from dsl.catalogue import Field, Kind
from dsl.computation import GREATEST, LEAST
from dsl.derived import Binary, Fixed, Length, Read, Source, Unary
from dsl.diagnostics import Collector, nearest, shown
from dsl.named_numbers import NamedNumbers
from dsl.precedence import span_of
from dsl.span import Span
from dsl.syntax import Broken, Calculation, Call, Flag, Name, Number, Part, Signed
from dsl.values import readable

FUNCTIONS = ("length",)
_PLAIN = (Kind.INT, Kind.PORT, Kind.FLAGS)
_TIMES = (Kind.TIME, Kind.DURATION)
_BITS = ("&", "|", "^", "<<", ">>")
_PRODUCTS = ("*", "/", "%")


@frozen
class Operand:
    """A part of a calculation, checked.

    Args:
        source: how it is computed.
        unit: "time" (nanoseconds), "" (a plain number), or "any" (the constant 0).
        span: its place.
        field: the field, if it is one and nothing else; of any type then.
    """

    source: Source
    unit: str
    span: Span
    field: Field | None = None

    @classmethod
    def of(cls, field: Field, span: Span) -> "Operand":
        """A field as an operand."""
        return cls(Read(field), "time" if field.kind in _TIMES else "", span, field)

    @property
    def what(self) -> str:
        """What it is, for messages."""
        if self.field is not None:
            return f"`{self.field.name}`, which is {readable(self.field)},"
        return {"time": "a time", "": "a plain number", "any": "0"}[self.unit]

    @property
    def constant(self) -> int | None:
        """Its value, if that is known at compile time."""
        return self.source.value if isinstance(self.source, Fixed) else None


@frozen
class Operands:
    """Checks the parts of the calculations of one rule.

    Args:
        field: finds a field of the rule's events by name, or reports that there is none.
        report: takes diagnostics.
        named: finds what other names stand for.
    """

    field: Callable[[Name], Field | None]
    report: Collector
    named: NamedNumbers

    def single(self, part: Part) -> Operand | None:
        """One side of a comparison: a calculation, or a field of any type.

        Args:
            part: as parsed.

        Returns:
            The operand, or None after a diagnostic.
        """
        if isinstance(part, Flag):
            if self.named.knows(part.field):
                number = self.named.value(part.field)
                return None if number is None else self._constant(number)
            found = self.field(part.field)
            if found is None:
                return None
            return Operand.of(found, part.span)
        return self.number(part)

    def number(self, part: Part) -> Operand | None:
        """Something that can be calculated with.

        Args:
            part: as parsed.

        Returns:
            The operand, or None after a diagnostic.
        """
        match part:
            case Broken():
                return None
            case Number():
                return self._constant(part)
            case Flag():
                return self._numeric(self.single(part))
            case Call():
                return self._function(part)
            case Signed():
                return self._signed(part)
            case Calculation():
                return self._calculation(part)
            case _:
                self.report.error(
                    "BPFC0450",
                    "this is a condition: it can be neither compared nor calculated with",
                    span_of(part),
                    remedy="join conditions with `and`, `or` and `not`",
                )
                return None

    def _constant(self, number: Number) -> Operand | None:
        if not LEAST <= number.value <= GREATEST:
            self._overflow(number.span)
            return None
        unit = "time" if number.unit == "duration" else ""
        return Operand(Fixed(number.value), unit if number.value else "any", number.span)

    def _numeric(self, operand: Operand | None) -> Operand | None:
        """The operand, unless its field is no number."""
        if operand is None or operand.field is None or operand.field.kind in (*_PLAIN, *_TIMES):
            return operand
        self.report.error(
            "BPFC0450",
            f"`{operand.field.name}` is {readable(operand.field)}: no number to calculate with",
            operand.span,
            remedy=f"write `length({operand.field.name})` for its length"
            if operand.field.kind.is_text
            else "compare it as it is",
        )
        return None

    def _function(self, call: Call) -> Operand | None:
        """`length(FIELD)`."""
        if call.name.text not in FUNCTIONS:
            self.report.error(
                "BPFC0452",
                f"`{shown(call.name.text)}` is no function that gives a number",
                call.name.span,
                expected=FUNCTIONS,
                suggestion=nearest(call.name.text, FUNCTIONS),
            )
            return None
        names = [item for item in call.arguments if isinstance(item, Name)]
        if len(call.arguments) != 1 or len(names) != 1:
            self.report.error(
                "BPFC0452",
                "`length` takes one field",
                call.span,
                remedy="write length(proc.cmdline)",
            )
            return None
        found = self.field(names[0])
        if found is None or not self.readable_alone(found, names[0].span):
            return None
        if found.kind in (Kind.STRING, Kind.PATH):
            return Operand(Length(found), "", call.span)
        several = found.kind is Kind.STRINGS
        self.report.error(
            "BPFC0452",
            f"`length` is of strings and paths; `{found.name}` is {readable(found)}",
            names[0].span,
            remedy=f"write `{found.name} count`" if several else "leave `length` out",
        )
        return None

    def readable_alone(self, field: Field, place: Span) -> bool:
        """Whether a field's text stands somewhere by itself; an error if it does not."""
        if field.part not in ("directory", "extension"):
            return True
        self.report.error(
            "BPFC0435",
            f"`{field.name}` can be compared with constants only",
            place,
            remedy=f"use `{field.base}`, of which it is a part",
        )
        return False

    def _signed(self, part: Signed) -> Operand | None:
        item = self.number(part.item)
        if item is None:
            return None
        if part.operator.text == "~" and item.unit == "time":
            self._mismatch("~", item, item, part.span)
            return None
        if isinstance(item.source, Fixed):
            value = item.source.value
            return self._folded(-value if part.operator.text == "-" else ~value, item.unit, part)
        return Operand(Unary(part.operator.text, item.source), item.unit, part.span)

    def _calculation(self, part: Calculation) -> Operand | None:
        left, right = self.number(part.left), self.number(part.right)
        if left is None or right is None:
            return None
        operator = part.operator.text
        unit = _joined(operator, left.unit, right.unit)
        if unit is None:
            self._mismatch(operator, left, right, part.span)
            return None
        if not self._possible(operator, right):
            return None
        if left.constant is not None and right.constant is not None:
            try:
                value = computation.apply(operator, left.constant, right.constant)
            except computation.Unknown:
                self._overflow(part.span)
                return None
            return self._folded(value, unit, part)
        return Operand(Binary(operator, left.source, right.source), unit, part.span)

    def _folded(self, value: int, unit: str, part: Part) -> Operand | None:
        """A constant that was calculated."""
        span = span_of(part)
        if not LEAST <= value <= GREATEST:
            self._overflow(span)
            return None
        return Operand(Fixed(value), unit, span)

    def _possible(self, operator: str, right: Operand) -> bool:
        """Whether a constant right of an operator can stand there."""
        if right.constant is None:
            return True
        if operator in ("/", "%") and right.constant == 0:
            self.report.error(
                "BPFC0453", "division by zero", right.span, remedy="no number can be divided by 0"
            )
            return False
        if operator in ("<<", ">>") and not 0 <= right.constant <= 63:
            self.report.error(
                "BPFC0453",
                f"a shift by {right.constant} bits",
                right.span,
                remedy="numbers have 64 bits: shift by 0 to 63",
            )
            return False
        return True

    def _overflow(self, span: Span) -> None:
        self.report.error(
            "BPFC0454",
            "this constant does not fit into 64 bits with a sign",
            span,
            remedy=f"numbers of calculations go from {LEAST} to {GREATEST}",
        )

    def _mismatch(self, operator: str, left: Operand, right: Operand, span: Span) -> None:
        also = "" if left is right else f" and {right.what}"
        self.report.error(
            "BPFC0455",
            f"`{operator}` does not go with {left.what}{also}",
            span,
            remedy="write durations with their unit, as in 5min; bits are of plain numbers",
        )


def same_unit(left: str, right: str) -> str | None:
    """The unit of both, or None if they differ.

    Args:
        left, right: units of operands.
    """
    if "any" in (left, right):
        return right if left == "any" else left
    return left if left == right else None


def _joined(operator: str, left: str, right: str) -> str | None:
    """The unit of a result; None if the operator does not go with these units."""
    if operator in _BITS:
        return None if "time" in (left, right) else ""
    if operator not in _PRODUCTS:
        return same_unit(left, right)
    times = (left == "time", right == "time")
    if operator == "*":
        return None if all(times) else "time" if any(times) else ""
    if operator == "%":
        return same_unit(left, right)
    if times == (False, True):
        return "" if left == "any" else None
    return "" if times[0] == times[1] else "time"
