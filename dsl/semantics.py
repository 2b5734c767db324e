"""What a typed condition means: a plain evaluation, the reference for compiled code.

Short and obviously right before fast. Logic is three-valued (Kleene): a test is True, False or,
where the value it needs could not be read, undetermined (None here).
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from attrs import frozen

from dsl import catalogue, computation
from dsl.catalogue import Field, Kind, form_of
from dsl.derived import AnyAncestor, Derived
from dsl.membership import HasTag, Member
from dsl.paths import aliases, directory, separator
from dsl.patterns.search import found
from dsl.patterns.values import glob_of, regex_of
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Test, Value


class State(Enum):
    """A field without a value."""

    UNKNOWN = "unknown"
    ABSENT = "absent"


UNKNOWN = State.UNKNOWN
ABSENT = State.ABSENT


@frozen
class Truncated:
    """A text that is longer than what was examined.

    Args:
        prefix: the examined bytes; at least as many as the longest pattern (the checker sees to it
            that no pattern is longer than its field), and at least one further byte exists.
    """

    prefix: bytes


Address = IPv4Address | IPv6Address
# A list field (proc.argv) is a tuple of its elements, or its raw bytes with NUL between elements.
FieldValue = int | Address | bytes | tuple[bytes, ...] | Truncated | State
Record = Mapping[str, FieldValue]
Truth = bool | None

_NUMBER_TESTS: dict[Op, Callable[[int, int], bool]] = {
    Op.EQ: lambda value, bound: value == bound,
    Op.LT: lambda value, bound: value < bound,
    Op.LE: lambda value, bound: value <= bound,
    Op.GT: lambda value, bound: value > bound,
    Op.GE: lambda value, bound: value >= bound,
    Op.HAS_ANY: lambda value, bound: value & bound != 0,
    Op.HAS_ALL: lambda value, bound: value & bound == bound,
}
_FOLD = bytes(b + 32 if 65 <= b <= 90 else b for b in range(256))


def evaluate(expr: Expr, record: Record) -> tuple[bool, bool, bool]:
    """Judge one event.

    Args:
        expr: a checked condition.
        record: the event's fields by catalogue name: int for numbers, flags and bool; an ipaddress
            object; bytes for texts; a tuple of bytes for lists. A field with `base` may be left out
            where its base is given, and proc.cmdline where proc.argv is given.

    Returns:
        (fire, definite, possible). fire: undetermined tests count as false, so that a negated one
        passes. definite: true whatever the undetermined tests turn out to be (Kleene true).
        possible: not excluded (Kleene not false).

    Raises:
        KeyError: a field that the condition reads is neither in the record nor derivable from it.
    """
    truth = _kleene(expr, record)
    # What is settled whatever undetermined tests turn out to be is so if they are false.
    fires = _fires(expr, record) if truth is None else truth
    return fires, truth is True, truth is not False


def _kleene(expr: Expr, record: Record) -> Truth:
    """Three-valued evaluation."""
    match expr:
        case Constant():
            return expr.value
        case Not():
            return _not(_kleene(expr.item, record))
        case And():
            return _all(_kleene(item, record) for item in expr.items)
        case Or():
            return _any(_kleene(item, record) for item in expr.items)
        case Test():
            return test(expr, record)


def _fires(expr: Expr, record: Record) -> bool:
    """Two-valued evaluation in which an undetermined test is false."""
    match expr:
        case Constant():
            return expr.value
        case Not():
            return not _fires(expr.item, record)
        case And():
            return all(_fires(item, record) for item in expr.items)
        case Or():
            return any(_fires(item, record) for item in expr.items)
        case Test():
            return test(expr, record) is True


def test(item: Test, record: Record) -> Truth:
    """One test on a record: True, False or None (undetermined).

    Raises:
        KeyError: as for `evaluate`.
    """
    value = _value(item.field, record)
    if value is UNKNOWN:
        return None
    if item.op is Op.EXISTS:
        return value is not ABSENT
    if value is ABSENT:
        return False
    if item.element is not None:
        return _elements(item, value)
    if item.field.kind.is_text:
        text, cut = _text(value)
        return _over_values(item, text.replace(b"\0", b" "), cut)
    assert isinstance(value, int | IPv4Address | IPv6Address)
    return satisfies(item, value)


def _value(field: Field, record: Record) -> FieldValue:
    """The field's value, derived from a related field where the record has only that one."""
    if field.name in record:
        return record[field.name]
    if isinstance(field, Derived):
        return _computed(field, record)
    if field.part == "name":
        whole = named_value(field.base, record)
        if isinstance(whole, Truncated):
            return UNKNOWN  # the last component is in the part that was not examined
        return whole.rpartition(b"/")[2] if isinstance(whole, bytes) else whole
    if field.part in ("directory", "extension"):
        whole = record[field.base]
        if isinstance(whole, Truncated):
            return UNKNOWN
        return _path_part(whole, field.part) if isinstance(whole, bytes) else whole
    if field.part == "elements":
        return named_value(field.base, record)
    return named_value(_element_fields().get(field.name, field.name), record)


def named_value(name: str, record: Record) -> FieldValue:
    """The value of a field that no other one gives.

    Args:
        name: its name. A field with a parameter (one of many, all optional) is absent where the
            record does not have it, unknown where the record says so of all of them.
        record: the event's fields.

    Returns:
        The value.

    Raises:
        KeyError: the record lacks it.
    """
    if "[" in name and name not in record:
        return record.get(form_of(name), ABSENT)
    return record[name]


@frozen
class _Inputs:
    """A record as `dsl.computation` reads it."""

    record: Record

    def number(self, field: Field) -> int:
        value = _value(field, self.record)
        assert isinstance(value, int)
        return value

    def address(self, field: Field) -> int:
        value = _value(field, self.record)
        assert isinstance(value, IPv4Address | IPv6Address)
        return address_number(value)

    def text(self, field: Field) -> tuple[bytes, bool]:
        return _text(_value(field, self.record))


def _computed(field: Derived, record: Record) -> FieldValue:
    """A derived value: unknown if one of the fields it needs is, else absent if one is."""
    if isinstance(field.source, Member | HasTag | AnyAncestor):
        raise KeyError(field.name)  # not to be told from one event
    states = [_value(item, record) for item in field.source.fields]
    for state in (UNKNOWN, ABSENT):
        if state in states:
            return state
    try:
        return computation.value(field.source, _Inputs(record))
    except computation.Unknown:
        return UNKNOWN


def _path_part(path: bytes, part: str) -> bytes:
    """The directory of a path, or the extension of its last component."""
    head, slash, name = path.rpartition(b"/")
    if part == "directory":
        return head or slash
    stem, _, extension = name.rpartition(b".")
    return extension if stem.strip(b".") else b""


@cache
def _element_fields() -> dict[str, str]:
    """Joined field -> the list field it is joined from (proc.cmdline -> proc.argv)."""
    fields = (f for event in catalogue.load().events for f in event.fields)
    return {f.base: f.name for f in fields if f.part == "elements"}


def _text(value: FieldValue) -> tuple[bytes, bool]:
    """Examined bytes of a text (list elements with NUL between), and whether there are more."""
    if isinstance(value, Truncated):
        return value.prefix, True
    if isinstance(value, tuple):
        return b"\0".join(value), False
    assert isinstance(value, bytes)
    return value, False


def _elements(item: Test, value: FieldValue) -> Truth:
    """A test of one, every or some element of a list.

    An empty list counts as one empty element, as in the raw bytes. If the list goes on behind the
    examined part, its last visible element may go on there, and more may follow.
    """
    text, cut = _text(value)
    if item.element == "count":
        return _counted(item, text.count(b"\0") + 1, cut)
    *complete, last = text.split(b"\0")
    truths = [_over_values(item, element, False) for element in complete]
    truth = _over_values(item, last, cut)
    truths.append(None if cut and not truth else truth)
    if item.element == "any":
        return _any([*truths, None] if cut else truths)
    if item.element == "all":
        return _all([*truths, None] if cut else truths)
    position = int(item.element or 0)
    return truths[position] if position < len(truths) else _unless_cut(cut)


def _counted(item: Test, count: int, cut: bool) -> Truth:
    """A number of elements; there may be more of them in a list that was cut."""
    if not cut:
        return satisfies(item, count)
    # Above all constants nothing changes any more.
    bounds = [v.high if isinstance(v, Range) else v for v in item.values]
    most = max([count, *(bound for bound in bounds if isinstance(bound, int))]) + 1
    truths = {satisfies(item, number) for number in range(count, most + 1)}
    return truths.pop() if len(truths) == 1 else None


def _over_values(item: Test, text: bytes, cut: bool) -> Truth:
    """A text against all values of a test."""
    results = [_text_test(item, text, cut, v) for v in item.values if isinstance(v, bytes)]
    return _all(results) if item.every else _any(results)


def _text_test(item: Test, text: bytes, cut: bool, pattern: bytes) -> Truth:
    """A text against one value, in all spellings of it."""
    if item.op is Op.REGEX:
        return found(regex_of(pattern, item.nocase), text, cut) or _unless_cut(cut)
    if item.op is Op.GLOB:
        path = item.field.kind is Kind.PATH
        glob = glob_of(pattern, item.nocase, path, aliased=path and not item.exact)
        return found(glob, text, cut) or _unless_cut(cut)
    if item.nocase:
        text, pattern = text.translate(_FOLD), pattern.translate(_FOLD)
    alias = item.field.kind is Kind.PATH and not item.exact
    if alias and item.op in (Op.EQ, Op.STARTSWITH, Op.UNDER):
        return _any(_matches(item.op, text, cut, p) for p in aliases(pattern))
    return _matches(item.op, text, cut, pattern)


def _matches(op: Op, text: bytes, cut: bool, pattern: bytes) -> Truth:
    """A text against one pattern. Where a cut text leaves the answer open it is undetermined."""
    match op:
        case Op.STARTSWITH:
            return text.startswith(pattern)
        case Op.UNDER:
            root = directory(pattern)
            return text.startswith(root + separator(pattern)) or (text == root and not cut)
        case Op.CONTAINS:
            return True if pattern in text else _unless_cut(cut)
        case Op.EQ:
            return None if cut else text == pattern
        case Op.ENDSWITH:
            return None if cut else text.endswith(pattern)
        case _:
            raise AssertionError(f"{op} is no test of a text")


def _unless_cut(cut: bool) -> Truth:
    """The answer of a test that found nothing."""
    return None if cut else False


def satisfies(item: Test, value: int | Address) -> bool:
    """A number or an address against all values of a test.

    Args:
        item: a test of numbers or addresses.
        value: the number or address.
    """
    results = [_number_test(item.op, value, v) for v in item.values]
    return all(results) if item.every or item.op is Op.HAS_ALL else any(results)


def _number_test(op: Op, value: int | Address, bound: Value) -> bool:
    """A number or an address against one value."""
    if isinstance(value, IPv4Address | IPv6Address):
        assert isinstance(bound, IPv4Network | IPv6Network)
        low, high = address_range(bound)
        return low <= address_number(value) <= high
    if isinstance(bound, Range):
        return bound.low <= value <= bound.high
    assert isinstance(bound, int)
    return _NUMBER_TESTS[op](value, bound)


def address_range(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    """First and last address of a network as 128-bit numbers.

    IPv4 addresses stand in the IPv4-mapped block ::ffff:0:0/96 (RFC 4291, 2.5.5.2), so an IPv6
    network that spans that block, such as ::/0, contains them.
    """
    return address_number(network[0]), address_number(network[-1])


def address_number(address: Address) -> int:
    """An address as a 128-bit number."""
    mapped = 0xFFFF << 32 if isinstance(address, IPv4Address) else 0
    return mapped | int(address)


def _not(value: Truth) -> Truth:
    """Kleene negation."""
    return None if value is None else not value


def _all(values: Iterable[Truth]) -> Truth:
    """Kleene conjunction."""
    seen = list(values)
    if False in seen:
        return False
    return None if None in seen else True


def _any(values: Iterable[Truth]) -> Truth:
    """Kleene disjunction."""
    seen = list(values)
    if True in seen:
        return True
    return None if None in seen else False


def value_of(field: Field, record: Record) -> FieldValue:
    """A field's value, derived from a related field where the record has only that one.

    Args:
        field: of the event.
        record: as for `evaluate`.

    Raises:
        KeyError: as for `evaluate`.
    """
    return _value(field, record)
