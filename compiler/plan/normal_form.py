"""A rule's condition as a disjunction of terms, each a conjunction of tests and negated tests.

Terms are kept as bit masks over a table of literals while they are multiplied out, so that union
is `|`, and "says no more than" is a comparison of masks. Every step keeps the three-valued meaning
exact (`dsl.semantics`): distribution, absorption and duplicates are laws of Kleene logic too. What
is not a law stays: `a and not a` is unknown where `a` is, so a term of that kind is kept.
"""

from attrs import evolve, frozen

from dsl.derived import Masked, derived
from dsl.typed import And, Constant, Expr, Not, Op, Or, Range, Rule, Test

# Terms of a rule and event; docs/language says so too.
TERMS_MAX = 64

# Terms while multiplying out. Absorption can bring a product back under TERMS_MAX, so there is some
# room above it; behind it the condition is refused before it takes time or memory.
_WORK_MAX = 1024


@frozen
class Literal:
    """A test, or its negation.

    Args:
        test: the test.
        negated: whether it must not be true.
        failing: of a test of list elements: the question is whether an element that is there as a
            whole does not satisfy it.
        guard: it says nothing that another literal of its term does not say, except where that one
            is undetermined and this one is known to be false.
    """

    test: Test
    negated: bool
    failing: bool = False
    guard: bool = False


Term = tuple[Literal, ...]


class TooManyTerms(Exception):
    """The condition needs more than TERMS_MAX terms."""


def condition_of(rule: Rule) -> Expr:
    """The whole condition of a rule: `when`, and none of its exceptions."""
    return And((rule.when, *(Not(clause.when) for clause in rule.excepts)))


def terms_of(condition: Expr) -> tuple[Term, ...]:
    """The terms of a condition, in source order.

    A test against a list stays one literal. `every` (all values) is a conjunction of tests, but for
    `any` element, which has to satisfy them all and stays one literal too. A text
    test that an empty value satisfies on every text is a test for presence.

    Args:
        condition: a checked condition.

    Returns:
        Its terms. No term: never true. One term without literals: always true.

    Raises:
        TooManyTerms: more than TERMS_MAX are needed.
    """
    table = _Literals()
    masks = _dnf(condition, False, table)
    if len(masks) > TERMS_MAX:
        raise TooManyTerms
    return tuple(table.term(mask) for mask in masks)


class _Literals:
    """Numbers literals in order of first appearance; equal tests at different places are one."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._literals: list[Literal] = []

    def bit(self, test: Test, negated: bool, failing: bool = False, guard: bool = False) -> int:
        key = (
            test.field.name,
            test.op,
            frozenset(test.values),
            test.nocase,
            test.exact,
            test.element,
            test.every,
            negated,
            failing,
            guard,
        )
        number = self._numbers.setdefault(key, len(self._literals))
        if number == len(self._literals):
            self._literals.append(Literal(test, negated, failing, guard))
        return 1 << number

    def term(self, mask: int) -> Term:
        return tuple(item for n, item in enumerate(self._literals) if mask >> n & 1)


def _dnf(item: Expr, negated: bool, table: _Literals) -> list[int]:
    """The terms of `item` (or of its negation) as masks over `table`."""
    match item:
        case Constant():
            return [0] if item.value != negated else []
        case Not():
            return _dnf(item.item, not negated, table)
        case Test():
            plain = _plain(item)
            if isinstance(plain, Test):
                return _test(plain, negated, table)
            return _dnf(plain, negated, table)
        case And():
            parts = [_dnf(part, negated, table) for part in item.items]
            return _sum(parts) if negated else _product(parts)
        case Or():
            parts = [_dnf(part, negated, table) for part in _merged(item.items)]
            return _product(parts) if negated else _sum(parts)


def _test(test: Test, negated: bool, table: _Literals) -> list[int]:
    """A test as terms.

    `all` and `[n]` of a list that was not examined to its end may be known to be false: where an
    element that fails is seen. So they are joined with that question, which answers nothing else.
    """
    bit = table.bit(test, negated)
    if test.element in (None, "any"):
        return [bit]
    if not negated:
        return [bit | table.bit(test, True, failing=True, guard=True)]
    return [bit, table.bit(test, False, failing=True) | table.bit(test, True, guard=True)]


def _merged(items: tuple[Expr, ...]) -> list[Expr]:
    """`a == 1 or a == 2` as one test against a list: one term instead of two."""
    result: dict[object, Expr] = {}
    for n, item in enumerate(items):
        if not isinstance(item, Test) or not _mergeable(item):
            result[n] = item
            continue
        key = (item.field.name, item.op, item.nocase, item.exact, item.element)
        known = result.get(key)
        values = (*known.values, *item.values) if isinstance(known, Test) else item.values
        result[key] = evolve(item, values=tuple(dict.fromkeys(values)), every=False)
    return list(result.values())


def _mergeable(test: Test) -> bool:
    """Whether `test or other` can be one test with the values of both."""
    every = test.op is Op.HAS_ALL or (test.every and len(test.values) > 1)
    return bool(test.values) and not every and test.element != "all"


def _plain(test: Test) -> Expr:
    """A test in the forms that tables know: any of several values, or presence."""
    if test.op is not Op.EXISTS and not test.values:
        return Constant(test.every)
    if test.op in (Op.HAS_ANY, Op.HAS_ALL):
        return _masked(test)
    if test.every and test.element == "any":
        test = _telling(test)
    if test.every and len(test.values) > 1:
        if test.element == "any":
            return test
        return And(tuple(evolve(test, values=(value,), every=False) for value in test.values))
    if test.field.kind.is_text and (test.op is Op.EXISTS or b"" in test.values):
        return _maybe_presence(evolve(test, every=False))
    return evolve(test, every=False)


def _telling(test: Test) -> Test:
    """A test with all values, without an empty one that every element satisfies."""
    if test.op not in (Op.STARTSWITH, Op.CONTAINS):
        return test
    return evolve(test, values=tuple(value for value in test.values if value) or (b"",))


def _masked(test: Test) -> Test:
    """`has` as a comparison of the bits that it asks for."""
    mask = 0
    for value in test.values:
        if isinstance(value, int):
            mask |= value
    wanted = mask if test.op is Op.HAS_ALL else Range(1, (1 << 64) - 1)
    return evolve(
        test, field=derived(Masked(test.field, mask)), op=Op.EQ, values=(wanted,), every=False
    )


def _maybe_presence(test: Test) -> Test:
    """EXISTS, and tests that an empty value satisfies on every text there is."""
    if test.op not in (Op.EXISTS, Op.STARTSWITH, Op.CONTAINS):
        return test
    if test.element not in (None, "any"):
        return test  # not every list has an element there
    plain = evolve(test, values=(), nocase=False, exact=False, element=None)
    if test.field.part in ("name", "directory", "extension"):
        # Known only where the whole path is: found at the end, which is not looked at otherwise.
        return evolve(plain, op=Op.ENDSWITH, values=(b"",))
    return evolve(plain, op=Op.EXISTS)


def _sum(parts: list[list[int]]) -> list[int]:
    return _absorbed([mask for part in parts for mask in part])


def _product(parts: list[list[int]]) -> list[int]:
    """Every combination of one term of each part; small parts first, so a false one ends it."""
    result = [0]
    for part in sorted(parts, key=len):
        found: dict[int, None] = {}
        for left in result:
            for right in part:
                found[left | right] = None
            if len(found) > _WORK_MAX:
                raise TooManyTerms
        result = _absorbed(list(found))
    return result


def _absorbed(masks: list[int]) -> list[int]:
    """Without the terms that another one makes superfluous (`a or a and b` is `a`), order kept."""
    if len(masks) < 2:
        return masks
    kept: list[int] = []
    for mask in sorted(set(masks), key=lambda m: (m.bit_count(), m)):
        if not any(other & mask == other for other in kept):
            kept.append(mask)
        if len(kept) > _WORK_MAX:
            raise TooManyTerms
    order = {mask: n for n, mask in reversed(list(enumerate(masks)))}
    return sorted(kept, key=order.__getitem__)
