"""Conditions as terms."""

import pytest

from compiler.plan.normal_form import TERMS_MAX, TooManyTerms, condition_of, terms_of
from dsl.typed import And, Constant, Expr, Not, Op, Or
from tests.compiler.plan.policies import check, rule

A = check("remote.port", Op.EQ, 1)
B = check("proc.exe.path", Op.EQ, b"/b")
C = check("proc.pid", Op.LT, 3)
YES, NO = Constant(True), Constant(False)


def shown(condition: Expr) -> str:
    """Terms as text: the first letter of each value, `!` for a negated test."""
    letters = {"remote.port": "a", "proc.exe.path": "b", "proc.pid": "c", "proc.cmdline": "d"}
    return " | ".join(
        "&".join(
            ("!" if lit.negated else "")
            + letters[lit.test.field.name]
            + (str(len(lit.test.values)) if len(lit.test.values) > 1 else "")
            for lit in term
        )
        or "true"
        for term in terms_of(condition)
    )


@pytest.mark.parametrize(
    ("condition", "terms"),
    [
        (A, "a"),
        (Not(A), "!a"),
        (YES, "true"),
        (NO, ""),
        (And((A, NO)), ""),
        (Or((A, YES)), "true"),
        (And(()), "true"),
        (Or(()), ""),
        (And((A, Or((B, C)))), "a&b | a&c"),
        (Not(Or((A, B))), "!a&!b"),
        (Not(And((A, Not(B)))), "!a | b"),
        (And((A, A)), "a"),
        (Or((And((A, B)), A)), "a"),
        (Or((A, And((A, B)), And((B, C)))), "a | b&c"),
        # Unknown where `a` is, so it stays.
        (And((A, Not(A))), "a&!a"),
        # One test against a list, however it is written.
        (check("remote.port", Op.EQ, 1, 2, 3), "a3"),
        (Or((A, check("remote.port", Op.EQ, 2), B)), "a2 | b"),
        (check("proc.cmdline", Op.CONTAINS, b"x", b"y", every=True), "d&d"),
        (Not(check("proc.cmdline", Op.CONTAINS, b"x", b"y", every=True)), "!d | !d"),
    ],
)
def test_terms(condition: Expr, terms: str) -> None:
    assert shown(condition) == terms


def test_exceptions_are_negated() -> None:
    assert shown(condition_of(rule(A, excepts=(B, And((B, C)))))) == "a&!b"


def product(parts: int) -> Expr:
    """(a0 or b0) and (a1 or b1) and ...: 2 ** parts terms."""
    pairs = [
        Or((check("remote.port", Op.EQ, n), check("proc.pid", Op.EQ, n))) for n in range(parts)
    ]
    return And(tuple(pairs))


def test_up_to_the_cap() -> None:
    assert len(terms_of(product(6))) == TERMS_MAX
    with pytest.raises(TooManyTerms):
        terms_of(product(7))


@pytest.mark.parametrize("negate", [False, True])
def test_a_huge_condition_is_refused_before_it_is_multiplied_out(negate: bool) -> None:
    condition = product(5000)
    # Its negation is a sum of 5000 pairs.
    with pytest.raises(TooManyTerms):
        terms_of(Not(condition) if negate else condition)


def test_what_absorption_takes_away_does_not_count() -> None:
    # 2 ** 8 combinations while multiplying, one term in the end.
    condition = And((product(8), Or((A, NO)), And((C, NO))))
    assert terms_of(condition) == ()


@pytest.mark.parametrize(
    ("op", "name", "expected"),
    [
        (Op.CONTAINS, "proc.tty", Op.EXISTS),
        (Op.STARTSWITH, "proc.tty", Op.EXISTS),
        (Op.ENDSWITH, "proc.tty", Op.ENDSWITH),
        (Op.EQ, "proc.tty", Op.EQ),
        (Op.CONTAINS, "proc.exe.name", Op.ENDSWITH),
    ],
)
def test_an_empty_text_is_in_every_text(op: Op, name: str, expected: Op) -> None:
    ((literal,),) = terms_of(check(name, op, b"", b"x"))
    assert literal.test.op is expected
