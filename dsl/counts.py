"""`FIELD count`: how many elements a list has."""

from collections.abc import Sequence

from dsl.catalogue import Field
from dsl.diagnostics import Collector
from dsl.semantics import satisfies
from dsl.syntax import Comparison
from dsl.typed import Constant, Expr, Not, Op, Range, Test, Value
from dsl.values import MAX_POSITION


def count_test(
    item: Comparison, field: Field, op: Op, values: Sequence[Value], report: Collector
) -> Expr | None:
    """A comparison of a list's number of elements with constants.

    Args:
        item: the comparison.
        field: the list.
        op: EQ, LT, LE, GT or GE.
        values: what it is compared with.
        report: takes diagnostics.

    Returns:
        The condition, or None after a diagnostic.
    """
    ends = (value.high if isinstance(value, Range) else value for value in values)
    most = max(end for end in ends if isinstance(end, int))
    if most > MAX_POSITION:
        report.error(
            "BPFC0434",
            f"{most} elements are more than can be counted",
            item.operand.span,
            remedy=f"compare with {MAX_POSITION} at most",
        )
        return None
    test = Test(field, op, tuple(values), item.span, element="count")
    truths = {satisfies(test, number) for number in range(1, most + 2)}
    if len(truths) == 1:
        truth = truths.pop() != item.negated
        report.warning(
            "BPFC0502",
            f"this is always {str(truth).lower()}",
            item.span,
            remedy="leave it out; a list has at least one element",
        )
        return Constant(truth)
    return Not(test) if item.negated else test
