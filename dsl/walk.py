"""Ways through a typed condition."""

from collections.abc import Iterator

from dsl.catalogue import Field
from dsl.derived import fields_of
from dsl.typed import And, Expr, Not, Or, Rule, Test


def tests_of(expr: Expr) -> Iterator[Test]:
    """All tests of a condition, in source order."""
    match expr:
        case Test():
            yield expr
        case Not():
            yield from tests_of(expr.item)
        case And() | Or():
            for item in expr.items:
                yield from tests_of(item)


def rule_tests(rule: Rule) -> Iterator[Test]:
    """All tests of a rule, those of its exceptions included."""
    yield from tests_of(rule.when)
    for clause in rule.excepts:
        yield from tests_of(clause.when)


def rule_reads(rule: Rule) -> Iterator[Field]:
    """All fields of the catalogue that a rule's conditions read, in source order; of a computed
    value those that it is computed from."""
    for test in rule_tests(rule):
        yield from fields_of(test.field)
