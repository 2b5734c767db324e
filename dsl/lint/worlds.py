"""What the tests of one field can answer together: every combination that some value gives.

The combinations may be more than there are (then less is found out), never fewer.
"""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from itertools import product
from operator import attrgetter
from typing import Any, TypeGuard

from attrs import fields, frozen

from dsl.catalogue import Field, Kind
from dsl.lint.texts import excludes, follows
from dsl.semantics import address_range
from dsl.typed import Expr, Op, Range, Test
from dsl.values import limits

_POINTS = 256  # places in the domain of a number at which answers change
_TEXTS = 6  # text tests of a field that are compared with each other
_NUMERIC = (Kind.BOOL, Kind.INT, Kind.ENUM, Kind.PORT, Kind.DURATION, Kind.TIME, Kind.IP)
_ADDRESSES = (0, (1 << 128) - 1)

# Tests are the same if they ask the same, wherever they stand.
Key = tuple[Any, ...]


def key_of(test: Test) -> Key:
    """What tests have in common that always give the same answer.

    Args:
        test: any test.
    """
    return (type(test), test.field.name, frozenset(test.values), *_PARTS(test))


# All others, so that a test can get further parts.
_PARTS = attrgetter(*(a.name for a in fields(Test) if a.name not in ("field", "values", "span")))


@frozen
class Worlds:
    """The answers that some tests can give together.

    Args:
        keys: the tests.
        answers: for each combination the answers in the order of `keys`, and whether the field has
            a value or is known to be absent there.
    """

    keys: tuple[Key, ...]
    answers: tuple[tuple[tuple[bool, ...], bool], ...]


def worlds(tests: Sequence[Test]) -> list[Worlds]:
    """Combinations of answers, for tests of any fields.

    Args:
        tests: each once.

    Returns:
        Independent groups of tests; every test is in one of them.
    """
    by_field: dict[str, list[Test]] = {}
    for test in tests:
        by_field.setdefault(test.field.name, []).append(test)
    return [group for own in by_field.values() for group in _of_field(own)]


def _of_field(tests: list[Test]) -> Iterator[Worlds]:
    """The groups of one field's tests."""
    field = tests[0].field
    form: Callable[[Test], bool] = _is_number if field.kind in _NUMERIC else is_text
    known = [test for test in tests if form(test)]
    number = field.kind in _NUMERIC
    points = _points(field, known) if number else []
    if (number and len(points) > _POINTS) or (not number and len(known) > _TEXTS):
        known = []
    if known:
        rows = {tuple(_number(test, point) for test in known) for point in points}
        found = rows if number else set(_consistent(known))
        yield _group(field, known, sorted(found))
    for test in tests:
        if test not in known:
            yield _group(field, [test], [(False,), (True,)])


def _group(field: Field, tests: Sequence[Test], rows: Sequence[tuple[bool, ...]]) -> Worlds:
    """Combinations for values, and that of a field without one, whose tests are all false."""
    nothing = (False,) * len(tests)
    known = dict.fromkeys(rows, True)
    # What is computed from fields is absent where they are.
    known.setdefault(nothing, field.optional or type(field) is not Field)
    return Worlds(tuple(map(key_of, tests)), tuple(known.items()))


def _is_number(test: Test) -> bool:
    """Whether the points of a number's domain decide a test."""
    plain = test.op in (Op.EQ, Op.LT, Op.LE, Op.GT, Op.GE, Op.EXISTS)
    return plain and type(test) is Test and test.element is None


def _points(field: Field, tests: Sequence[Test]) -> list[int]:
    """Values of which each answer to the tests has one."""
    low, high = _ADDRESSES if field.kind is Kind.IP else _domain(field)
    found = {low, high}
    for test in tests:
        for value in test.values:
            begin, end = _bounds(value)
            found |= {begin - 1, begin, end, end + 1}
    return sorted(point for point in found if low <= point <= high)


def _domain(field: Field) -> tuple[int, int]:
    """The smallest and the largest value."""
    return (0, 1) if field.kind is Kind.BOOL else limits(field)


def _bounds(value: object) -> tuple[int, int]:
    """First and last number of a value."""
    if isinstance(value, IPv4Network | IPv6Network):
        return address_range(value)
    if isinstance(value, Range):
        return value.low, value.high
    assert isinstance(value, int)
    return value, value


def _number(test: Test, point: int) -> bool:
    """The answer at a point."""
    bounds = [_bounds(value) for value in test.values]
    match test.op:
        case Op.EXISTS:
            return True
        case Op.EQ:
            return any(low <= point <= high for low, high in bounds)
        case Op.LT:
            return point < bounds[0][0]
        case Op.LE:
            return point <= bounds[0][0]
        case Op.GT:
            return point > bounds[0][0]
        case _:
            return point >= bounds[0][0]


def is_text(expr: Expr) -> TypeGuard[Test]:
    """Whether a condition is a test of a text that `dsl.lint.texts` compares with others.

    Args:
        expr: a typed condition.
    """
    return type(expr) is Test and expr.element is None and expr.field.kind.is_text


def _consistent(tests: Sequence[Test]) -> Iterator[tuple[bool, ...]]:
    """Combinations in which no two tests contradict each other."""
    if len(tests) == 1:
        yield from ((False,), (True,)) if tests[0].op is not Op.EXISTS else ((True,),)
        return
    places = range(len(tests))
    plain = [test.op is not Op.EXISTS for test in tests]
    pairs = [(i, j) for i in places for j in places if i != j and plain[i] and plain[j]]
    follow = [(i, j) for i, j in pairs if follows(tests[i], tests[j])]
    exclude = [(i, j) for i, j in pairs if i < j and excludes(tests[i], tests[j])]
    for row in product((False, True), repeat=len(tests)):
        # A text that exists answers the test whether it does.
        exists = all(row[i] for i in places if not plain[i])
        wrong = any(row[i] and not row[j] for i, j in follow)
        if exists and not wrong and not any(row[i] and row[j] for i, j in exclude):
            yield row
