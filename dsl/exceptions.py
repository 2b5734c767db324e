"""Exceptions of rules: names, owners, last days."""

from collections.abc import Sequence
from datetime import date

from dsl import typed
from dsl.conditions import Conditions
from dsl.diagnostics import Collector, Diagnostic, shown
from dsl.syntax import Broken, Exception_, Owner, Text, Until


def check_exceptions(
    clauses: Sequence[Exception_], conditions: Conditions, today: date | None, report: Collector
) -> tuple[typed.Except, ...]:
    """Check the exceptions of one rule.

    Args:
        clauses: in source order.
        conditions: of the rule.
        today: for warnings of what has expired; None for none.
        report: takes diagnostics.

    Returns:
        The exceptions whose conditions could be checked.
    """
    found = []
    _names(clauses, report)
    for clause in clauses:
        # An exception that is always true switches the rule off: never deliberate.
        when = conditions.whole(clause.condition, top=False)
        owner, until = _details(clause, report)
        if until and today and until.value < today:
            report.warning(
                "BPFC0511",
                f"the exception was meant to be there until {until.value}",
                until.span,
                remedy="remove the exception, or give it a later day; it still applies",
            )
        if when is not None:
            found.append(
                typed.Except(
                    name=clause.name.value if clause.name else None,
                    when=when,
                    span=clause.span,
                    owner=owner.value.value if owner else None,
                    until=until.value if until else None,
                )
            )
    return tuple(found)


def _details(clause: Exception_, report: Collector) -> tuple[Owner | None, Until | None]:
    """Owner and last day, each at most once."""
    first: dict[type, Owner | Until] = {}
    for detail in clause.details:
        if isinstance(detail, Broken):
            continue
        before = first.setdefault(type(detail), detail)
        if before is not detail:
            report.error(
                "BPFC0407",
                f"`{type(detail).__name__.lower()}` is given twice",
                detail.span,
                related=(("the first one is here", before.span),),
            )
    owner, until = first.get(Owner), first.get(Until)
    return (
        owner if isinstance(owner, Owner) else None,
        until if isinstance(until, Until) else None,
    )


def _names(clauses: Sequence[Exception_], report: Collector) -> None:
    """Warn of names that do not tell exceptions apart."""
    first: dict[str, Text] = {}
    for clause in clauses:
        name = clause.name
        if name is None:
            continue
        before = first.setdefault(name.value, name)
        if before is not name:
            report.add(
                Diagnostic(
                    "BPFC0512",
                    "warning",
                    f"another exception of this rule is called `{shown(name.value)}`",
                    name.span,
                    remedy="give each its own name, or join them with `or`",
                    related=(("it is here", before.span),),
                )
            )
