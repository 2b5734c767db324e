"""What tests give for fields: literals and functions to values of records."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from attrs import frozen

from dsl.case_syntax import GivenList, GivenTuple, Made, Sum
from dsl.catalogue import Field, Kind
from dsl.diagnostics import Collector, nearest, shown
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated
from dsl.span import Span
from dsl.syntax import Broken, Literal, Name, Network, Number, NumberRange, Text
from dsl.typed import Op, Range
from dsl.values import Converter, readable

MAX_TEXT = 1 << 20  # bytes of one value; no field has room for more than 32 KiB
# Functions and what they take.
FUNCTIONS = {
    "repeat": 'repeat("a", 30000)',
    "hex": 'hex("ff 0a")',
    "truncated": 'truncated("...")',
    "each": "each(1000..1019)",
}
_STATES = {"unknown": UNKNOWN, "absent": ABSENT}

Given = Sum | GivenList


@frozen
class Values:
    """Makes values of records.

    Args:
        report: takes diagnostics.
        lists: names of the policy's lists, for a better message where one stands as a value.
    """

    report: Collector
    lists: frozenset[str]

    def of(self, given: Given, field: Field, base: Field) -> tuple[FieldValue, ...] | None:
        """The value of a field, or the values that it has one after the other.

        Args:
            given: as parsed.
            field: which it is given for.
            base: the field that has the bytes: that of a list is its joined text.

        Returns:
            One value, or several of `each`; None after a diagnostic.
        """
        call = call_of(given, "each")
        if call is None:
            value = self._value(given, field, base)
            return None if value is None else (value,)
        return self._each(call, field, base)

    def _each(self, call: Made, field: Field, base: Field) -> tuple[FieldValue, ...] | None:
        """The arguments of `each`, ranges and networks taken apart."""
        found: list[FieldValue | None] = []
        for argument in call.arguments:
            literal = _literal(argument)
            if isinstance(literal, NumberRange) and not field.kind.is_text:
                bounds = Converter(field, Op.EQ, self.report, self.lists).convert(literal)
                found += _numbers(bounds)
            elif isinstance(literal, Network) and field.kind is Kind.IP:
                found += _hosts(literal.value)
            else:
                found.append(self._value(argument, field, base))
        complete = tuple(value for value in found if value is not None)
        return complete if len(complete) == len(found) else None

    def _value(self, given: Given, field: Field, base: Field) -> FieldValue | None:
        """One value, or None after a diagnostic."""
        literal = _literal(given)
        if isinstance(literal, Name) and literal.text in _STATES:
            return self._state(literal, field)
        if not field.kind.is_text:
            return self._number(given, field)
        call = call_of(given, "truncated")
        if call is not None:
            text = self._argument(call, field)
            return None if text is None else Truncated(text[: base.capacity])
        text = self.text(given, field)
        if text is None:
            return None
        # What does not fit is not examined, as in a real event.
        return Truncated(text[: base.capacity]) if len(text) > base.capacity else text

    def _state(self, name: Name, field: Field) -> FieldValue | None:
        """`unknown` or `absent`."""
        if name.text == "absent" and not field.optional:
            self.report.error(
                "BPFC0728",
                f"`{field.name}` is never absent",
                name.span,
                remedy="write `unknown` for a value that could not be read",
            )
            return None
        return _STATES[name.text]

    # ------------------------------------------------------------ numbers and addresses

    def _number(self, given: Given, field: Field) -> FieldValue | None:
        """A number, a truth, a constant, flags or an address."""
        if isinstance(given, GivenList):
            return self._flags(given, field)
        literal = _literal(given)
        if literal is None:
            self._unfit(f"`{field.name}` is {readable(field)}, no text", given.span)
            return None
        value = Converter(field, Op.EQ, self.report, self.lists).convert(literal)
        if isinstance(value, Range) or (
            isinstance(value, IPv4Network | IPv6Network) and value.num_addresses > 1
        ):
            self._unfit(
                f"`{field.name}` has one value, not a range",
                given.span,
                "take one after the other: `field = each(1..9)` and `9 times`",
            )
            return None
        if isinstance(value, IPv4Network | IPv6Network):
            return value.network_address
        return value

    def _flags(self, given: GivenList, field: Field) -> FieldValue | None:
        """Flags together."""
        if field.kind is not Kind.FLAGS:
            self._unfit(f"`{field.name}` is {readable(field)}, no list", given.span)
            return None
        bits = 0
        for item in given.items:
            value = self._number(item, field) if isinstance(item, Sum) else None
            if not isinstance(value, int):
                return None
            bits |= value
        return bits

    # ------------------------------------------------------------ texts

    def text(self, given: Given, field: Field | None) -> bytes | None:
        """The bytes of a text or a list, or None after a diagnostic.

        Args:
            given: as parsed.
            field: which it is given for; None for an element of a set.
        """
        listed = field is not None and field.kind is Kind.STRINGS
        what = f"`{field.name}` is {readable(field)}" if field else "this is a text"
        if isinstance(given, GivenList) != listed:
            hint = "write its elements in brackets: [...]" if listed else ""
            literal = _literal(given)
            if isinstance(literal, Broken):
                return None
            self._unfit(what if listed else f"{what}, no list", given.span, hint)
            return None
        if isinstance(given, Sum):
            return self._sum(given, what)
        elements = [self._sum(item, "an element is a string") for item in _sums(given)]
        complete = [element for element in elements if element is not None]
        if len(complete) < len(given.items):
            if len(complete) == len(elements):
                self._unfit("an element is a string", given.span)
            return None
        return self._fitting(b"\0".join(complete), given.span)

    def _sum(self, given: Sum, what: str) -> bytes | None:
        """Texts, one behind the other."""
        parts = [self._part(part, what) for part in given.parts]
        complete = [part for part in parts if part is not None]
        if len(complete) < len(parts):
            return None
        return self._fitting(b"".join(complete), given.span)

    def _fitting(self, text: bytes, span: Span) -> bytes | None:
        """A text that is not too long."""
        if len(text) <= MAX_TEXT:
            return text
        self._wrong(f"the text has {len(text):,} bytes; at most {MAX_TEXT:,} can be given", span)
        return None

    def _part(self, part: Literal | Made, what: str) -> bytes | None:
        """The bytes of a string or of what a function makes."""
        if isinstance(part, Text):
            return part.value.encode()
        if isinstance(part, Broken):
            return None
        if isinstance(part, Made):
            return self._made(part)
        word = shown(part.text) if isinstance(part, Name) else ""
        quoted = f'"{word}"' if word else f'"{part.value}"' if isinstance(part, Number) else ""
        self.report.error(
            "BPFC0301",
            what,
            part.span,
            suggestion=quoted,
            remedy="strings stand in double quotes",
        )
        return None

    def _made(self, call: Made) -> bytes | None:
        """What a function makes."""
        name, arguments = call.function.text, call.arguments
        if name not in FUNCTIONS:
            self.report.error(
                "BPFC0725",
                f"there is no function `{shown(name)}`",
                call.function.span,
                expected=tuple(FUNCTIONS),
                suggestion=nearest(name, FUNCTIONS),
            )
            return None
        if name in ("each", "truncated"):
            self._wrong(f"`{name}(...)` is a whole value, no part of one", call.span, name)
            return None
        if name == "hex":
            return self._hex(call)
        text = self._sum(arguments[0], "a string") if isinstance(arguments[0], Sum) else None
        times = _literal(arguments[1]) if len(arguments) == 2 else None
        if not isinstance(times, Number) or times.unit or times.value < 0:
            self._wrong("`repeat` takes a text and how many times it is to stand", call.span, name)
            return None
        if text is not None and len(text) * times.value > MAX_TEXT:
            self._wrong(f"the text has more than {MAX_TEXT:,} bytes", call.span, name)
            return None
        return None if text is None else text * times.value

    def _hex(self, call: Made) -> bytes | None:
        """Bytes as they are, also such as no UTF-8 has."""
        literal = _literal(call.arguments[0])
        try:
            assert isinstance(literal, Text) and len(call.arguments) == 1
            found = bytes.fromhex(literal.value)
        except (AssertionError, ValueError):
            found = b"\0"
        if b"\0" in found:
            self._wrong(
                "`hex` takes a string of pairs of digits, none of them 00", call.span, "hex"
            )
            return None
        return found

    def _argument(self, call: Made, field: Field) -> bytes | None:
        """The one argument of `truncated`."""
        if len(call.arguments) != 1:
            self._wrong("`truncated` takes one text or list", call.span, "truncated")
            return None
        return self.text(call.arguments[0], field)

    # ------------------------------------------------------------ messages

    def _unfit(self, message: str, span: Span, remedy: str = "") -> None:
        self.report.error("BPFC0301", message, span, remedy=remedy)

    def _wrong(self, message: str, span: Span, function: str = "") -> None:
        example = f"for example {FUNCTIONS[function]}" if function else ""
        self.report.error("BPFC0725", message, span, remedy=example)


def element_of(given: Given | GivenTuple | Broken) -> Sequence[Sum] | None:
    """The parts of an element of a set; None of one that was wrong, or is a list."""
    if isinstance(given, GivenTuple):
        return given.items
    return (given,) if isinstance(given, Sum) else None


def _literal(given: Given) -> Literal | None:
    """The literal that a value is, if it is one."""
    if isinstance(given, Sum) and len(given.parts) == 1 and not isinstance(given.parts[0], Made):
        return given.parts[0]
    return None


def call_of(given: Given, function: str) -> Made | None:
    """The call of that function that a value is, if it is one."""
    part = given.parts[0] if isinstance(given, Sum) and len(given.parts) == 1 else None
    return part if isinstance(part, Made) and part.function.text == function else None


def _sums(given: GivenList) -> list[Sum]:
    return [item for item in given.items if isinstance(item, Sum)]


def _numbers(bounds: object) -> list[FieldValue | None]:
    """The numbers of a range, as many as a test can have."""
    if not isinstance(bounds, Range):
        return [None]
    return list(range(bounds.low, min(bounds.high, bounds.low + MAX_TEXT) + 1))


def _hosts(network: IPv4Network | IPv6Network) -> list[FieldValue | None]:
    """The addresses of a network, as many as a test can have."""
    kind, count = type(network[0]), min(network.num_addresses, MAX_TEXT)
    first = int(network.network_address)
    return [kind(first + number) for number in range(count)]


def network_text(literal: Literal) -> str | None:
    """An address or a network as text, quoted or not; None of anything else."""
    try:
        network = ip_network(literal.value) if isinstance(literal, Text | Network) else None
    except ValueError:
        return None
    if network is None:
        return None
    return str(network.network_address if network.num_addresses == 1 else network)
