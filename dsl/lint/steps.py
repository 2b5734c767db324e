"""Names of a sequence's steps that nothing uses."""

from collections.abc import Iterator
from typing import Any

from attrs import fields, has

from dsl.diagnostics import Collector, shown
from dsl.syntax import Name, OnSequence, Rule, Text
from dsl.templates import PIECE


def warn(rule: Rule, report: Collector) -> None:
    """Warn of names of steps that the rule does not mention.

    Args:
        rule: as parsed.
        report: takes the warnings.
    """
    for clause in rule.clauses:
        if not isinstance(clause, OnSequence):
            continue
        aliases = [step.alias for step in clause.steps if step.alias]
        names = list(_names(rule.clauses)) if aliases else []
        for alias in aliases:
            # Once is where it is given.
            mentions = [n for n in names if n == alias.text or n.startswith(f"{alias.text}.")]
            if len(mentions) < 2:
                report.warning(
                    "BPFC0531",
                    f"nothing uses the name `{shown(alias.text)}` of this step",
                    alias.span,
                    remedy=f"leave out `as {shown(alias.text)}`",
                )


def _names(node: Any) -> Iterator[str]:
    """All names in some clauses, those of fields that texts show included."""
    if isinstance(node, tuple):
        for item in node:
            yield from _names(item)
    elif isinstance(node, Name):
        yield node.text
    elif isinstance(node, Text):
        yield from (match["field"] for match in PIECE.finditer(node.value) if match["field"])
    elif has(type(node)):
        for attribute in fields(type(node)):
            yield from _names(getattr(node, attribute.name))
