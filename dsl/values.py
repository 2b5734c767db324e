"""Literals to typed values: whether a literal suits the field it is compared with."""

from collections.abc import Callable
from ipaddress import IPv6Network

from attrs import frozen

from dsl import literals
from dsl.catalogue import Field, Kind
from dsl.diagnostics import Collector, nearest, shown
from dsl.paths import directory
from dsl.pattern_checks import check_pattern
from dsl.syntax import Broken, Literal, Literals, Name, Network, Number, NumberRange, Text
from dsl.typed import Op, Range, Value

MAX_PATTERN = 1024  # bytes; what the matching tables and the truncation rules are sized for
MAX_PORT = 0xFFFF
MAX_POSITION = 255  # of a list's element; each takes a state of an automaton

_READABLE = {
    Kind.BOOL: "true or false",
    Kind.INT: "an integer",
    Kind.FLAGS: "a set of flags",
    Kind.ENUM: "one of named values",
    Kind.PORT: "a port",
    Kind.IP: "an address",
    Kind.DURATION: "a duration",
    Kind.TIME: "a time since boot",
    Kind.STRING: "a string",
    Kind.PATH: "a path",
    Kind.STRINGS: "a list of strings",
}
_HELP = {
    Kind.BOOL: "write true or false",
    Kind.INT: "write a number such as 10, 0x1f, 0o755 or 64KiB",
    Kind.PORT: "write a number from 0 to 65535",
    Kind.IP: "write an address such as 10.0.0.1 or a network such as 2001:db8::/32",
    Kind.DURATION: "write a number with a unit: ms s min h d",
    Kind.TIME: "write a duration since boot such as 5min",
}
_EVERY_VALUE = (Op.STARTSWITH, Op.ENDSWITH, Op.CONTAINS, Op.UNDER)
_PATTERNS = (Op.GLOB, Op.REGEX)
_BOOLEANS = {"false": 0, "true": 1}
_MAPPED = IPv6Network("::ffff:0:0/96")


def readable(field: Field) -> str:
    """What a field's values are, for messages: "an integer"."""
    return _READABLE[field.kind]


def holds_several(operand: Literal | Literals, field: Field) -> bool:
    """Whether an operand stands for more than one value of a field."""
    match operand:
        case Literals() | NumberRange() | Broken():
            return True
        case Network():
            return operand.value.num_addresses > 1
        case Text():
            return field.kind is Kind.IP and "/" in operand.value
        case _:
            return False


def limits(field: Field) -> tuple[int, int]:
    """Smallest and largest value of a numeric field."""
    if field.kind is Kind.PORT:
        return 0, MAX_PORT
    if field.signed:
        return -(1 << 63), (1 << 63) - 1
    return 0, (1 << 64) - 1


@frozen
class Converter:
    """Converts literals for one comparison.

    Args:
        field: what they are compared with.
        op: how.
        report: takes diagnostics.
        lists: names of the policy's lists, for a better message where one stands inside a list.
    """

    field: Field
    op: Op
    report: Collector
    lists: frozenset[str]

    def convert(self, literal: Literal) -> Value | None:
        """The typed value, or None after a diagnostic."""
        if isinstance(literal, Broken):
            return None
        converters: dict[Kind, Callable[[Literal], Value | None]] = {
            Kind.BOOL: self._named,
            Kind.ENUM: self._named,
            Kind.FLAGS: self._named,
            Kind.IP: self._network,
            Kind.STRING: self._text,
            Kind.PATH: self._text,
            Kind.STRINGS: self._text,
        }
        return converters.get(self.field.kind, self._number)(literal)

    def _mismatch(self, literal: Literal) -> None:
        """Report a literal of another type."""
        if isinstance(literal, Name):
            self._name_mismatch(literal)
            return
        constants = ", ".join(name for name, _ in self.field.constants)
        self.report.error(
            "BPFC0301",
            f"`{self.field.name}` is {readable(self.field)}, not {_what(literal)}",
            literal.span,
            remedy=f"write one of: {constants}" if constants else _HELP.get(self.field.kind, ""),
            suggestion=_quoted(literal) if self.field.kind.is_text else "",
        )

    def _name_mismatch(self, name: Name) -> None:
        """Report a word where a literal should stand."""
        if name.text in self.lists:
            self.report.error(
                "BPFC0301",
                f"`{shown(name.text)}` is a list; a list cannot stand here",
                name.span,
                remedy=f"write `{self.field.name} in {shown(name.text)}` as a test of its own",
            )
            return
        constants = [n for n, _ in self.field.constants]
        if self.field.kind is Kind.BOOL:
            constants = list(_BOOLEANS)
        text = self.field.kind.is_text
        self.report.error(
            "BPFC0204",
            f"unknown constant `{shown(name.text)}` for `{self.field.name}`",
            name.span,
            expected=tuple(constants),
            suggestion=_quoted(name) if text else nearest(name.text, constants),
            remedy="strings stand in double quotes" if text else _HELP.get(self.field.kind, ""),
        )

    def _named(self, literal: Literal) -> int | None:
        """A constant of a bool, an enum or flags, by name or (not for bool) by number."""
        known = _BOOLEANS if self.field.kind is Kind.BOOL else dict(self.field.constants)
        if isinstance(literal, Name) and literal.text in known:
            return known[literal.text]
        if isinstance(literal, Number) and not literal.unit and self.field.kind is not Kind.BOOL:
            return self._within(literal)
        self._mismatch(literal)
        return None

    def _number(self, literal: Literal) -> int | Range | None:
        """An integer, a port or a duration, or a range of them."""
        if isinstance(literal, NumberRange):
            low, high = self._number(literal.low), self._number(literal.high)
            return Range(low, high) if isinstance(low, int) and isinstance(high, int) else None
        if isinstance(literal, Number):
            timed = self.field.kind in (Kind.DURATION, Kind.TIME)
            if literal.unit == ("duration" if timed else "") or literal.value == 0:
                return self._within(literal)
            if self.field.kind is Kind.INT and literal.unit == "size":
                return self._within(literal)
        self._mismatch(literal)
        return None

    def _within(self, literal: Number) -> int | None:
        """A number that the field can hold."""
        low, high = limits(self.field)
        if low <= literal.value <= high:
            return literal.value
        port = self.field.kind is Kind.PORT
        self.report.error(
            "BPFC0304" if port else "BPFC0303",
            f"{literal.value} is out of range for `{self.field.name}`",
            literal.span,
            remedy=f"its values go from {low} to {high}",
        )
        return None

    def _network(self, literal: Literal) -> Value | None:
        """An address or a network, quoted or not."""
        if isinstance(literal, Text):
            found = literals.address(literal.value, literal.span, self.report)
            return None if isinstance(found, Broken) else self._network(found)
        if not isinstance(literal, Network):
            self._mismatch(literal)
            return None
        network = literal.value
        if isinstance(network, IPv6Network) and network.supernet_of(_MAPPED):
            self.report.warning(
                "BPFC0505",
                f"{network} contains all IPv4 addresses too",
                literal.span,
                remedy="addresses of IPv4 are ::ffff:0:0/96; for one family test net.family",
            )
        return network

    def _text(self, literal: Literal) -> bytes | None:
        """A string that the operator can use."""
        if not isinstance(literal, Text):
            self._mismatch(literal)
            return None
        value = literal.value.encode("utf-8")
        if len(value) > MAX_PATTERN:
            self.report.error(
                "BPFC0308",
                f"the string has {len(value)} bytes; at most {MAX_PATTERN} can be compared",
                literal.span,
                remedy="compare with its beginning, its end or a part of it",
            )
            return None
        if self.op in _EVERY_VALUE and not self._selective(literal, value):
            return None
        if self.op in _PATTERNS and not check_pattern(literal, self.op, self.field, self.report):
            return None
        if self.op is Op.EQ and not value and self.field.optional and not self.field.part:
            self.report.error(
                "BPFC0307",
                f"`{self.field.name}` is never empty: it is absent where there is none",
                literal.span,
                remedy=f"write `{self.field.name} not exists`",
            )
            return None
        self._lint(literal, value)
        return value

    def _selective(self, literal: Text, value: bytes) -> bool:
        """Whether not every text satisfies the operator with this value; if so, an error."""
        if directory(value) if self.op is Op.UNDER else value:
            return True
        self.report.error(
            "BPFC0306",
            f"every value satisfies `{self.op.value} {literal.value!r}`".replace("'", '"'),
            literal.span,
            remedy="leave the test out, or name what to look for",
        )
        return False

    def _lint(self, literal: Text, value: bytes) -> None:
        """Warn of a value that the field never has."""
        why = ""
        if self.op is Op.REGEX:
            return
        if len(value) > self.field.capacity:
            why = f"`{self.field.name}` has at most {self.field.capacity} bytes"
        elif self.field.part == "name" and b"/" in value:
            why = f"`{self.field.name}` is the last component of a path, without `/`"
        elif (
            self.field.kind is Kind.PATH
            and not self.field.relative
            and self.op in (Op.EQ, Op.STARTSWITH, Op.UNDER, Op.GLOB)
            and not (self.op is Op.GLOB and value[:1] in (b"*", b"?", b"["))
        ):
            absolute = value[:1] in (b"/", b"\\") or value[1:2] == b":"
            why = "" if absolute else f"`{self.field.name}` is a full path"
        if why:
            self.report.warning(
                "BPFC0503", f"this test is never true: {why}", literal.span, remedy=self._hint(why)
            )

    def _hint(self, why: str) -> str:
        """What the author of a test that is never true probably wants."""
        if why.endswith("a full path"):
            return f"begin with /, or test `{self.field.name.removesuffix('.path')}.name`"
        if why.endswith("`/`"):
            return f"test `{self.field.base}`"
        return "shorten the string"


def _what(literal: Literal) -> str:
    """A literal's type, for messages."""
    match literal:
        case Text():
            return "a string"
        case Number():
            return {"": "a number", "duration": "a duration", "size": "a size"}[literal.unit]
        case NumberRange():
            return "a range of numbers"
        case Network():
            return "an address" if literal.value.num_addresses == 1 else "a network"
        case _:
            return "a name"


def _quoted(literal: Literal) -> str:
    """A literal as the string that was probably meant, or ""."""
    match literal:
        case Name():
            return f'"{shown(literal.text)}"'
        case Number() if not literal.unit:
            return f'"{literal.value}"'
        case _:
            return ""
