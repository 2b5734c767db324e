"""Rules that extend others: what a rule says, put together with what its base says."""

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from dsl.cycles import report_cycles
from dsl.diagnostics import Collector, Diagnostic, nearest, shown
from dsl.syntax import (
    Broken,
    Clause,
    Condition,
    Confirm,
    Conjunction,
    Metadata,
    Name,
    Rule,
    When,
)
from dsl.tuning import merged

MAX_BASES = 16  # rules that one rule extends, one by way of the other
# What names one rule is not passed on to another.
_OWN_KEYS = frozenset({"id", "revision"})


def inherit(rules: Sequence[Rule], report: Collector) -> tuple[Rule, ...]:
    """Give every rule that extends another what that one says.

    Args:
        rules: of all files, overrides applied.
        report: takes diagnostics: bases that do not exist, circles, too many of them.

    Returns:
        The rules in their order. A rule whose base is wrong has a `Broken` clause, so that nothing
        is said of what it lacks.
    """
    by_name = {rule.name.text: rule for rule in reversed(rules) if rule.name}
    bases = {
        name: rule.base for name, rule in by_name.items() if rule.base and rule.base.text in by_name
    }
    circular = _circles(by_name, bases, report)
    for rule in rules:
        if rule.base and rule.base.text not in by_name:
            report.error(
                "BPFC0316",
                f"there is no rule `{shown(rule.base.text)}` to extend",
                rule.base.span,
                suggestion=nearest(rule.base.text, by_name),
            )
    return tuple(_whole(rule, by_name, circular, report) for rule in rules)


def _circles(
    by_name: Mapping[str, Rule], bases: Mapping[str, Name], report: Collector
) -> frozenset[str]:
    """Report rules that extend themselves; at least one name of each circle."""
    uses = {name: {base.text: base.span} for name, base in bases.items()}
    declared = {name: rule.name for name, rule in by_name.items() if rule.name}
    return report_cycles("rule", "BPFC0317", declared, uses, report, verb="extends")


def _whole(
    rule: Rule, by_name: Mapping[str, Rule], circular: frozenset[str], report: Collector
) -> Rule:
    """The rule with all that it inherits, or with a `Broken` clause."""
    chain = [rule]
    while (base := chain[-1].base) is not None:
        following = by_name.get(base.text)
        if len(chain) > MAX_BASES and following and not following.base and rule.base:
            # Of all rules that are too far down, the uppermost is reported.
            report.error(
                "BPFC0318",
                f"the rule extends more than {MAX_BASES} rules, one by way of the other",
                rule.base.span,
                remedy="let it extend a rule further up",
            )
        if following is None or base.text in circular or len(chain) > MAX_BASES:
            return evolve(rule, clauses=(*rule.clauses, Broken(base.span)))
        chain.append(following)
    clauses = chain[-1].clauses
    for heir in reversed(chain[:-1]):
        clauses = _joined(clauses, heir.clauses)
    return evolve(rule, clauses=clauses)


def _joined(base: Sequence[Clause], own: Sequence[Clause]) -> tuple[Clause, ...]:
    """Clauses of a base and of a rule that extends it."""
    passed = [c for c in base if not (isinstance(c, Metadata) and c.key.text in _OWN_KEYS)]
    return merged(passed, [_narrowed(clause, passed) for clause in own])


def _narrowed(clause: Clause, above: Sequence[Clause]) -> Clause:
    """A clause of a rule, a condition together with that of its base."""
    if not isinstance(clause, When | Confirm):
        return clause
    before = next((c for c in above if isinstance(c, type(clause))), None)
    if before is None:
        return clause
    items = (*_items(before.condition), *_items(clause.condition))
    return evolve(clause, condition=Conjunction(items))


def _items(condition: Condition) -> tuple[Condition, ...]:
    """The parts of a conjunction; any other condition alone. So long chains stay flat."""
    return condition.items if isinstance(condition, Conjunction) else (condition,)


@frozen
class Inherited(Collector):
    """A collector for a rule that extends another: what is wrong there names the rule."""

    rule: Rule | None = None

    @classmethod
    def of(cls, report: Collector, rule: Rule) -> Collector:
        """The collector for a rule.

        Args:
            report: for all rules.
            rule: put together with its base.
        """
        return report if rule.base is None else cls(report.items, report._seen, rule)

    def add(self, item: Diagnostic) -> None:
        """Add a diagnostic; one of an inherited clause with a note who extends it."""
        rule = self.rule
        assert rule is not None and rule.base is not None
        if not _within(item, rule):
            name = rule.name.text if rule.name else "?"
            note = f"rule `{shown(name)}` extends `{shown(rule.base.text)}` here"
            item = evolve(item, related=(*item.related, (note, rule.base.span)))
        super().add(item)


def _within(item: Diagnostic, rule: Rule) -> bool:
    """Whether a diagnostic is about what the rule itself says."""
    span, whole = item.span, rule.whole
    return span.file == whole.file and whole.start <= span.start <= whole.end
