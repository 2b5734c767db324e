"""What a rule does besides its actions: it adds to sets, tags and untags."""

from collections.abc import Sequence

from dsl import sets, syntax, tags
from dsl.conditions import Conditions
from dsl.diagnostics import Collector
from dsl.membership import Effect


def check_effects(
    clauses: Sequence[syntax.Clause], conditions: Conditions, report: Collector
) -> tuple[Effect, ...]:
    """Check the clauses `add`, `tag` and `untag` of one rule.

    Args:
        clauses: all clauses of the rule.
        conditions: of the rule; finds fields and sets.
        report: takes diagnostics.

    Returns:
        The effects in source order, those that could be checked.
    """
    found: list[Effect | None] = []
    for clause in clauses:
        match clause:
            case syntax.Add():
                target = conditions.set_of(clause.set)
                found.append(sets.add_of(clause, target, conditions.field, report))
            case syntax.Tag():
                found.append(tags.tag_of(clause, conditions.events, report))
            case syntax.Untag():
                known = conditions.names.tags
                found.append(tags.untag_of(clause, known, conditions.events, report))
            case _:
                pass
    return tuple(effect for effect in found if effect is not None)
