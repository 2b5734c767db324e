"""Tests that contradict each other, say the same twice, or leave nothing open."""

from collections.abc import Callable
from itertools import combinations

from attrs import evolve, frozen

from dsl.catalogue import Kind
from dsl.diagnostics import Collector, Diagnostic
from dsl.lint.search import Judge, Verdict
from dsl.lint.worlds import key_of
from dsl.span import Span
from dsl.typed import And, Expr, Not, Op, Or, Test
from dsl.walk import tests_of

_ITEMS = 64  # of one `and` or `or` that are compared with each other

_MESSAGES = {
    (True, True): "this is always true",
    (True, False): "this is always false",
    (False, True): "one of these tests is always true",
    (False, False): "these tests are never true together",
}
_PAIRS = {
    True: "this or another test is always true",
    False: "this is never true together with another test",
}

Pair = tuple[Expr, Expr]


@frozen
class Linter:
    """Looks at the conditions of one rule.

    Args:
        judge: of the policy.
        own: whether a place belongs to the rule's own text. What a macro or another rule brings
            along may be more than is needed here.
        name: the place of the rule's name, for findings in what it has from elsewhere.
        report: takes warnings.
    """

    judge: Judge
    own: Callable[[Span], bool]
    name: Span
    report: Collector

    def examine(self, expr: Expr) -> bool:
        """Look at a condition and everything in it.

        Args:
            expr: a typed condition.

        Returns:
            Whether there was a warning that tells why it is always the same; what it is part of is
            not examined as a whole then.
        """
        match expr:
            case Test():
                return self._whole(expr)
            case Not():
                return self.examine(expr.item)
            case And() | Or():
                items = _flat(expr)
                open_ = [item for item in items if not self.examine(item)]
                told = self._pairs(expr, open_) or len(open_) < len(items)
                return told or self._whole(expr)
            case _:
                return False

    def _whole(self, expr: Expr) -> bool:
        """Report a condition that is the same for all events."""
        if isinstance(expr, Test) and (expr.field.kind.is_text or expr.op is Op.EXISTS):
            return False
        if isinstance(expr, Test) and not _may_be_constant(expr):
            return False
        verdict = self.judge.judge(expr)
        if verdict.value is None:
            return False
        self._constant(verdict, expr, _MESSAGES[isinstance(expr, Test), bool(verdict.value)])
        return True

    def _pairs(self, expr: And | Or, items: list[Expr]) -> bool:
        """Report items of which one decides the other; True if the whole is the same for all."""
        strong = isinstance(expr, Or)
        redundant: list[Pair] = []
        fields = {id(item): _fields(item) for item in items[:_ITEMS]}
        for first, second in combinations(items[:_ITEMS], 2):
            if fields[id(first)].isdisjoint(fields[id(second)]):
                continue
            verdict = self.judge.judge(type(expr)((first, second)))
            if verdict.value is strong:
                self._constant(verdict, second, _PAIRS[strong], first)
                return True
            redundant += self._redundant(first, second, strong)
        for superfluous, other in redundant:
            self._report_redundant(superfluous, other)
        return False

    def _add(self, item: Diagnostic) -> None:
        """Add a warning; one in a macro or in a rule that is extended names this rule."""
        if not self.own(item.span):
            item = evolve(item, related=(*item.related, ("this is part of this rule", self.name)))
        self.report.add(item)

    def _redundant(self, first: Expr, second: Expr, strong: bool) -> list[Pair]:
        """The one of two that can be left out, and the other; none if both are needed."""
        if not (self.own(place_of(first)) and self.own(place_of(second))):
            return []
        for superfluous, other in ((second, first), (first, second)):
            weaker = (superfluous, other) if strong else (other, superfluous)
            if self.judge.follows(*weaker):
                return [(superfluous, other)]
        return []

    def _report_redundant(self, superfluous: Expr, other: Expr) -> None:
        """BPFC0524."""
        same = _tests(superfluous) == _tests(other)
        self._add(
            Diagnostic(
                "BPFC0524",
                "warning",
                "the same is tested twice" if same else "this test changes nothing",
                place_of(superfluous),
                remedy="leave it out",
                related=(("this one decides it", place_of(other)),),
            )
        )

    def _constant(
        self, verdict: Verdict, expr: Expr, message: str, other: Expr | None = None
    ) -> None:
        """BPFC0502, or for tests that contradict each other BPFC0523."""
        fields = dict.fromkeys(f"`{test.field.name}`" for test in tests_of(expr))
        known = "" if verdict.whenever else f" where {' and '.join(fields)} can be read"
        single = isinstance(expr, Test) and other is None
        self._add(
            Diagnostic(
                "BPFC0502" if verdict.value or single else "BPFC0523",
                "warning",
                message + known,
                place_of(expr),
                remedy="leave it out" if verdict.value else "correct one of the tests",
                related=() if other is None else (("the other one is here", place_of(other)),),
            )
        )


def _may_be_constant(test: Test) -> bool:
    """Whether a test of a number can be the same for all of them: not one of a few values."""
    if test.field.kind.is_text or test.op is Op.EXISTS:
        return False
    few = test.op is Op.EQ and all(isinstance(value, int) for value in test.values)
    return not few or test.field.kind is Kind.BOOL


def place_of(expr: Expr) -> Span:
    """Where a condition begins: the place of its first test."""
    return next(tests_of(expr)).span


def _flat(expr: And | Or) -> list[Expr]:
    """The items, those of the same kind inside them included; without constants."""
    found: list[Expr] = []
    for item in expr.items:
        if type(item) is type(expr):
            found += _flat(item)
        elif any(True for _ in tests_of(item)):
            found.append(item)
    return found


def _fields(expr: Expr) -> set[str]:
    """Names of the fields that a condition tests."""
    return {test.field.name for test in tests_of(expr)}


def _tests(expr: Expr) -> set[object]:
    """What a condition asks."""
    return {key_of(test) for test in tests_of(expr)}
