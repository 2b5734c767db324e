"""Changes to rules from other places: overrides, and rules that are switched off."""

from collections.abc import Sequence

from attrs import evolve

from dsl.diagnostics import Collector, nearest, shown
from dsl.macros import mentioned
from dsl.syntax import (
    Alert,
    Clause,
    Disable,
    Exception_,
    Item,
    Metadata,
    On,
    OnSequence,
    Override,
    Rule,
    Silent,
    When,
)


def tune(
    items: Sequence[Item], rules: Sequence[Rule], report: Collector
) -> tuple[tuple[Rule, ...], frozenset[str]]:
    """Apply overrides and leave disabled rules out.

    Args:
        items: of all files.
        rules: of all files.
        report: takes diagnostics: changes of nothing, or of one rule twice.

    Returns:
        The rules; names of lists and macros that only rules mention which are left out.
    """
    changes = [item for item in items if isinstance(item, Override | Disable)]
    by_rule = _by_rule(changes, [rule.name.text for rule in rules if rule.name], report)
    tuned: list[Rule] = []
    mentions: set[str] = set()
    for rule in rules:
        change = by_rule.get(rule.name.text) if rule.name else None
        if isinstance(change, Disable):
            conditions = [c.condition for c in rule.clauses if isinstance(c, When | Exception_)]
            mentions |= {name.text for item in conditions for name in mentioned(item)}
        elif change is not None:
            tuned.append(evolve(rule, clauses=_merged(rule.clauses, change.clauses)))
        else:
            tuned.append(rule)
    return tuple(tuned), frozenset(mentions)


def _by_rule(
    changes: Sequence[Override | Disable], rules: Sequence[str], report: Collector
) -> dict[str, Override | Disable]:
    """The change of each rule that has one."""
    found: dict[str, Override | Disable] = {}
    known = frozenset(rules)
    for change in changes:
        name = change.name
        if name is None:
            continue
        if name.text not in known:
            report.error(
                "BPFC0227",
                f"there is no rule `{shown(name.text)}` to change",
                name.span,
                suggestion=nearest(name.text, rules),
            )
            continue
        before = found.setdefault(name.text, change)
        if before is not change:
            report.error(
                "BPFC0228",
                f"rule `{shown(name.text)}` is overridden or disabled already",
                change.span,
                remedy="change a rule in one place",
                related=(("it is here", before.span),),
            )
    return found


def _merged(old: Sequence[Clause], new: Sequence[Clause]) -> tuple[Clause, ...]:
    """Clauses with others in their place: what is given anew goes, exceptions are added."""
    replaced = {_slot(clause) for clause in new} - {None}
    return (*(clause for clause in old if _slot(clause) not in replaced), *new)


def _slot(clause: Clause) -> object:
    """What two clauses have in common of which one replaces the other; None if none does."""
    match clause:
        case Metadata():
            return clause.key.text
        case Exception_():
            return ("except", clause.name.value) if clause.name else None
        case Alert() | Silent():
            return Alert
        case On() | OnSequence():
            return On
        case _:
            return type(clause)
