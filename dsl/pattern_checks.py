"""Globs and regular expressions in conditions: what is wrong with one, and where inside it."""

from attrs import evolve

from dsl.catalogue import Field, Kind
from dsl.diagnostics import Collector, shown
from dsl.patterns import glob, regex
from dsl.patterns.search import found
from dsl.patterns.tree import Node, PatternError
from dsl.span import Span
from dsl.syntax import Text
from dsl.typed import Op

_WHAT = {Op.GLOB: "glob", Op.REGEX: "regular expression"}


def check_pattern(literal: Text, op: Op, field: Field, report: Collector) -> bool:
    """Whether a literal is a glob or a regular expression that a field can be tested with.

    Args:
        literal: the pattern.
        op: GLOB or REGEX.
        field: what it is compared with.
        report: takes diagnostics.
    """
    try:
        node = _parse(literal.value, op, field)
    except PatternError as error:
        _report(error, literal, op, report)
        return False
    if not found(node, b"", cut=True):
        return True
    report.error(
        "BPFC0306",
        f'every value satisfies `{op.value} "{shown(literal.value)}"`',
        literal.span,
        remedy="leave the test out, or name what to look for",
    )
    return False


def _parse(value: str, op: Op, field: Field) -> Node:
    if op is Op.REGEX:
        return regex.parse(value)
    return glob.parse(value, path=field.kind is Kind.PATH)


def _report(error: PatternError, literal: Text, op: Op, report: Collector) -> None:
    span = _inside(literal, error)
    where = "" if span != literal.span else f" (character {error.start + 1} of the pattern)"
    if error.oversized:
        code, what = "BPFC0433", f"the {_WHAT[op]} is too large"
    elif error.unsupported:
        code, what = "BPFC0431", "the regular expression has what is not supported"
    else:
        code = "BPFC0430" if op is Op.REGEX else "BPFC0432"
        what = f"this is no {_WHAT[op]}"
    report.error(code, f"{what}: {error}{where}", span, remedy=error.remedy)


def _inside(literal: Text, error: PatternError) -> Span:
    """The place of an error inside a pattern; the whole literal if it has escapes."""
    if not literal.offset:
        return literal.span
    start = literal.offset + error.start
    end = literal.offset + max(error.end, error.start + 1)
    span = literal.span
    return evolve(
        span,
        start=span.start + start,
        end=min(span.start + end, span.end),
        column=span.column + start,
    )
