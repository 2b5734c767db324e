"""Number fields: the values that each term allows, as bounds and a row of terms an interval.

A row is an integer whose bit t says that term t is not ruled out by this field. A term that does
not test the field has its bit in every row.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from compiler.plan.normal_form import Term
from dsl.catalogue import Field, Kind
from dsl.typed import Op, Range, Test, Value

# Inclusive, in the order in which the kernel compares: unsigned, signed values with bit 63 flipped.
Interval = tuple[int, int]

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_SIGN = 1 << 63


@frozen
class NumberRows:
    """What a NumberPlan's tables say, before encoding.

    Args:
        bounds: sorted, unsigned, without 0.
        rows: one more than bounds; row i is for values with i bounds at or below them.
        special: in the order of model.SPECIAL_ROWS.
        spread: bounds that so many different values and ranges have if none touches another: the
            size's class goes by it, not by which values they are.
    """

    bounds: tuple[int, ...]
    rows: tuple[int, ...]
    special: tuple[int, int, int, int]
    spread: int


def rows_of(tested: Sequence[tuple[int, Term]], terms: int) -> NumberRows:
    """The rows of one number field, or of the presence of one text.

    Args:
        tested: (term number, its literals on this field) of every term that tests it.
        terms: number of terms of the event.

    Returns:
        Bounds and rows.
    """
    everything = (1 << terms) - 1
    toggles: dict[int, int] = {}
    untested = everything
    fire = definite = absent = everything
    values: set[Interval] = set()
    for number, literals in tested:
        bit = 1 << number
        untested &= ~bit
        definite &= ~bit
        if any(not literal.negated for literal in literals):
            fire &= ~bit
        if not all(literal.negated for literal in literals):
            absent &= ~bit
        top = _top(literals[0].test.field)
        values.update(interval for literal in literals for interval in _each(literal.test))
        for low, high in _allowed(literals, top):
            toggles[low] = toggles.get(low, 0) ^ bit
            if high < top:
                toggles[high + 1] = toggles.get(high + 1, 0) ^ bit
    row = untested ^ toggles.pop(0, 0)
    bounds, rows = [], [row]
    for bound in sorted(toggles):
        if toggles[bound]:
            row ^= toggles[bound]
            bounds.append(bound)
            rows.append(row)
    special = (fire, definite, everything, absent)
    return NumberRows(tuple(bounds), tuple(rows), special, max(2 * len(values), len(bounds)))


def intervals_of(test: Test) -> list[Interval]:
    """The values that satisfy a test against numbers, or presence (0 present, 1 absent).

    Args:
        test: a test of a number field (any of its values), or EXISTS of any field.

    Returns:
        Sorted, disjoint intervals.
    """
    if test.op is Op.EXISTS:
        return [(0, 0)] if test.field.kind.is_text else [(0, _top(test.field))]
    return _merged(_each(test))


def _each(test: Test) -> Iterator[Interval]:
    """The interval of each value, as the test has them."""
    for value in test.values:
        interval = _interval(test, value)
        if interval is not None:
            yield interval


def _allowed(literals: Term, top: int) -> list[Interval]:
    result: list[Interval] = [(0, top)]
    for literal in literals:
        values = intervals_of(literal.test)
        result = _common(result, _complement(values, top) if literal.negated else values)
    return result


def _top(field: Field) -> int:
    return (1 << 128) - 1 if field.kind is Kind.IP else (1 << 64) - 1


def _interval(test: Test, value: Value) -> Interval | None:
    """One value's interval; None if no value of the field's type satisfies the test."""
    if isinstance(value, IPv4Network | IPv6Network):
        shift = _MAPPED if isinstance(value, IPv4Network) else 0
        return int(value.network_address) + shift, int(value.broadcast_address) + shift
    if isinstance(value, bytes):
        raise TypeError(f"{test.field.name}: a text compared with a number")
    least, greatest = (-_SIGN, _SIGN - 1) if test.field.signed else (0, 2 * _SIGN - 1)
    low, high = (value.low, value.high) if isinstance(value, Range) else (value, value)
    match test.op:
        case Op.LT:
            low, high = least, low - 1
        case Op.LE:
            low = least
        case Op.GT:
            low, high = high + 1, greatest
        case Op.GE:
            high = greatest
        case Op.EQ:
            pass
        case _:
            raise TypeError(f"{test.op.value} is not a comparison of numbers")
    low, high = max(low, least), min(high, greatest)
    return (low - least, high - least) if low <= high else None


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    result: list[Interval] = []
    for low, high in sorted(intervals):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(result[-1][1], high))
        else:
            result.append((low, high))
    return result


def _complement(intervals: list[Interval], top: int) -> list[Interval]:
    result, start = [], 0
    for low, high in intervals:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    return [*result, (start, top)] if start <= top else result


def _common(left: list[Interval], right: list[Interval]) -> list[Interval]:
    result, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        low, high = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if low <= high:
            result.append((low, high))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result
