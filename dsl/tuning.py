"""Changes to rules from other places: overrides, and rules that are switched off."""

from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from dsl.condition_syntax import Condition
from dsl.diagnostics import Collector, nearest, shown
from dsl.macros import mentioned
from dsl.syntax import (
    Add,
    Alert,
    Clause,
    Confirm,
    Disable,
    Exception_,
    Item,
    Metadata,
    On,
    OnSequence,
    Output,
    Override,
    Rule,
    Silent,
    Tag,
    Untag,
    When,
)

Inherit = Callable[[Sequence[Rule], Collector], tuple[Rule, ...]]


def tune(
    items: Sequence[Item], rules: Sequence[Rule], inherit: Inherit, report: Collector
) -> tuple[tuple[Rule, ...], frozenset[str]]:
    """Apply overrides, then inheritance; then leave disabled rules out.

    Args:
        items: of all files.
        rules: of all files.
        inherit: gives rules what they inherit.
        report: takes diagnostics: changes of nothing, or of one rule twice.

    Returns:
        The rules; names of lists and macros that only rules mention which are left out.
    """
    changes = [item for item in items if isinstance(item, Override | Disable)]
    by_rule = _by_rule(changes, [rule.name.text for rule in rules if rule.name], report)
    changed = [_overridden(rule, by_rule) for rule in rules]
    tuned: list[Rule] = []
    mentions: set[str] = set()
    for rule in inherit(changed, report):
        if rule.name and isinstance(by_rule.get(rule.name.text), Disable):
            conditions = [item for clause in rule.clauses for item in _conditions(clause)]
            mentions |= {name.text for item in conditions for name in mentioned(item)}
            mentions |= {c.set.text for c in rule.clauses if isinstance(c, Add)}
        else:
            tuned.append(rule)
    return tuple(tuned), frozenset(mentions)


def _conditions(clause: Clause) -> tuple[Condition, ...]:
    """The conditions in a clause."""
    match clause:
        case When() | Confirm() | Exception_():
            return (clause.condition,)
        case OnSequence():
            steps = (*clause.steps, *([clause.until] if clause.until else []))
            return tuple(step.condition for step in steps if step.condition is not None)
        case _:
            return ()


def _overridden(rule: Rule, by_rule: Mapping[str, Override | Disable]) -> Rule:
    """The rule with its override, if it has one."""
    change = by_rule.get(rule.name.text) if rule.name else None
    if not isinstance(change, Override):
        return rule
    return evolve(rule, clauses=merged(rule.clauses, change.clauses))


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


def merged(old: Sequence[Clause], new: Sequence[Clause]) -> tuple[Clause, ...]:
    """Clauses with others in their place: what is given anew goes, exceptions are added.

    Args:
        old: clauses of a rule.
        new: clauses that change it.
    """
    replaced = {_slot(clause) for clause in new} - {None}
    if any(isinstance(clause, Silent) for clause in new):
        replaced.add(Output)  # of alerts that there are no more
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
        case Add() | Tag() | Untag():
            return None
        case _:
            return type(clause)
