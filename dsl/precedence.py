"""Calculations: parts and operators in source order to a tree.

Operators bind as in Python and Go's tighter half, not as in C: `a & 1 == b` compares `a & 1` with
`b`, since arithmetic always binds tighter than comparison.
"""

from collections.abc import Sequence

from dsl.diagnostics import Collector
from dsl.span import Span
from dsl.syntax import (
    Alone,
    Broken,
    Calculation,
    Conjunction,
    Disjunction,
    Literal,
    Literals,
    Name,
    Negation,
    Part,
    Signed,
)

# Tightest last.
_LEVELS = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))
_LEVEL = {operator: level for level, row in enumerate(_LEVELS) for operator in row}

# Operators of one calculation; bounds the depth of its tree, and the code that it becomes.
MAX_OPERATORS = 32


def tree(items: Sequence[Part | Name], report: Collector) -> Part:
    """Parts with an operator between each two.

    Args:
        items: part, operator, part and so on.
        report: takes a diagnostic.

    Returns:
        The part itself if it is alone; Broken after a diagnostic.
    """
    values: list[Part] = []
    operators: list[Name] = []
    for item in items:
        if not isinstance(item, Name):
            values.append(item)
            continue
        while operators and _LEVEL[operators[-1].text] >= _LEVEL[item.text]:
            _join(values, operators, report)
        operators.append(item)
    while operators:
        _join(values, operators, report)
    return _bare(values[0])


def signed(operator: Name, item: Part, report: Collector) -> Part:
    """`-item` or `~item`.

    Args:
        operator: the sign.
        item: what it stands in front of.
        report: takes a diagnostic.
    """
    inner, span = _bare(item), _over(operator.span, span_of(item))
    if isinstance(inner, Broken):
        return Broken(span)
    size = 1 + _size(inner)
    return _limited(Signed(operator, inner, span, size), size, report)


def span_of(part: Part | Literal | Literals) -> Span:
    """Where a part stands; of a composed condition from its first to its last test."""
    match part:
        case Negation():
            return span_of(part.item)
        case Conjunction() | Disjunction():
            return _over(span_of(part.items[0]), span_of(part.items[-1]))
        case _:
            return part.span


def _join(values: list[Part], operators: list[Name], report: Collector) -> None:
    """The last two parts and the last operator become one part."""
    right, left, operator = _bare(values.pop()), _bare(values.pop()), operators.pop()
    span = _over(span_of(left), span_of(right))
    if isinstance(left, Broken) or isinstance(right, Broken):
        values.append(Broken(span))
        return
    size = 1 + _size(left) + _size(right)
    values.append(_limited(Calculation(operator, left, right, span, size), size, report))


def _bare(part: Part) -> Part:
    """What stands in brackets, if it is a calculation."""
    return part.item if isinstance(part, Alone) else part


def _size(part: Part) -> int:
    return part.size if isinstance(part, Signed | Calculation) else 0


def _limited(part: Part, size: int, report: Collector) -> Part:
    """The part, if it is not too large."""
    if size <= MAX_OPERATORS:
        return part
    span = span_of(part)
    report.error(
        "BPFC0451",
        f"a calculation of more than {MAX_OPERATORS} operators",
        span,
        remedy="calculate constants beforehand, or split the condition",
    )
    return Broken(span)


def _over(first: Span, last: Span) -> Span:
    """From the beginning of one place to the end of another."""
    return Span(first.file, first.start, last.end, first.line, first.column)
