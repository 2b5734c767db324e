"""Rules that never fire, exceptions that never apply, rules that say what another one says."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from attrs import fields, has

from dsl import syntax
from dsl.ancestry import ancestors_in
from dsl.diagnostics import Collector, Diagnostic, shown
from dsl.lint import interpreters, steps, tags
from dsl.lint.conditions import Linter, place_of
from dsl.lint.search import Judge
from dsl.lint.worlds import key_of
from dsl.span import Span
from dsl.typed import And, Constant, Except, Expr, Not, Or, Rule, Test
from dsl.walk import judged_tests, rule_tests, tests_of

# What a rule does, and to whom it belongs: two rules that differ in nothing else are one.
_APART_FROM_EVENTS = frozenset(
    {"name", "metadata", "deny", "kill", "alert", "output", "silent", "mode", "span", "name_span"}
)


def lint(pairs: Sequence[tuple[syntax.Rule, Rule]], report: Collector) -> None:
    """Warn of rules that cannot mean what they say.

    Args:
        pairs: the rules of a policy without errors, each as parsed and as checked.
        report: takes warnings.
    """
    judge = Judge()
    last: Rule | None = None  # the first rule that was not examined to its end
    for source, rule in pairs:
        linter = Linter(judge, _inside(source.whole), rule.name_span, report)
        steps.warn(source, report)
        for condition in (*_earlier(rule), *_of_ancestors(rule)):
            linter.examine(condition)
        for test in _all_tests(rule):
            interpreters.warn(test, report)
        if rule.confirm is not None:
            linter.examine(rule.confirm.when)
        told = linter.examine(rule.when)
        told = any([linter.examine(item.when) for item in rule.excepts]) or told
        if not told and not (rule.deny and rule.deny.on_unknown):
            _exceptions(rule, judge, report)
        if judge.exhausted and last is None:
            last = rule
    if last is not None:
        _incomplete(last, report)
    rules = [rule for _, rule in pairs]
    tags.warn(rules, [test for rule in rules for test in _all_tests(rule)], report)
    _duplicates(rules, report)


def _incomplete(rule: Rule, report: Collector) -> None:
    """BPFC0532."""
    report.warning(
        "BPFC0532",
        "there are too many conditions to examine all of them: from this rule on, what is always or"
        " never so may go unnoticed",
        rule.name_span,
        remedy="check the policy in parts, or write `allow BPFC0532`",
    )


def _earlier(rule: Rule) -> Iterator[Expr]:
    """Conditions of a sequence besides that of its last step, which is the rule's."""
    if rule.sequence is not None:
        yield from (step.when for step in rule.sequence.steps[:-1])
        if rule.sequence.until is not None:
            yield rule.sequence.until.when


def _of_ancestors(rule: Rule) -> Iterator[Expr]:
    """Conditions that a rule puts to ancestors."""
    tests = (*rule_tests(rule), *(test for when in _earlier(rule) for test in tests_of(when)))
    yield from (item.when for item in ancestors_in(iter(tests)))


def _all_tests(rule: Rule) -> Iterator[Test]:
    """All tests of a rule, in every step."""
    yield from judged_tests(rule)
    for condition in (*_earlier(rule), *_of_ancestors(rule)):
        yield from tests_of(condition)


def _inside(whole: Span) -> Callable[[Span], bool]:
    """Whether a place is within another."""
    return lambda place: place.file == whole.file and whole.start <= place.start <= whole.end


def _exceptions(rule: Rule, judge: Judge, report: Collector) -> None:
    """Compare exceptions with the condition, each and all together."""
    for item in rule.excepts:
        if not _has_tests(item.when):
            continue
        if judge.judge(And((rule.when, item.when))).value is False:
            report.add(_useless(rule, item))
        elif judge.follows(rule.when, item.when):
            report.add(_total(rule, item.span, "this exception covers all that the rule is about"))
            return
    if len(rule.excepts) > 1:
        rest = And((rule.when, *(Not(item.when) for item in rule.excepts)))
        if judge.judge(rest).value is False:
            message = f"the exceptions of rule `{shown(rule.name)}` cover all that it is about"
            report.add(_total(rule, rule.name_span, message))


def _has_tests(expr: Expr) -> bool:
    return any(True for _ in tests_of(expr))


def _useless(rule: Rule, item: Except) -> Diagnostic:
    """BPFC0526."""
    related = (("the condition is here", place_of(rule.when)),) if _has_tests(rule.when) else ()
    return Diagnostic(
        "BPFC0526",
        "warning",
        "this exception never applies: it contradicts the rule's condition",
        item.span,
        remedy="correct it, or remove it",
        related=related,
    )


def _total(rule: Rule, place: Span, message: str) -> Diagnostic:
    """BPFC0525."""
    return Diagnostic(
        "BPFC0525",
        "warning",
        f"{message}: it never fires",
        place,
        remedy=f"narrow the exception, or write `disable {shown(rule.name)}`",
    )


def _duplicates(rules: Iterable[Rule], report: Collector) -> None:
    """Report rules that fire exactly when another one does."""
    first: dict[Hashable, Rule] = {}
    for rule in rules:
        before = first.setdefault(_meaning(rule), rule)
        if before is not rule:
            report.add(
                Diagnostic(
                    "BPFC0527",
                    "warning",
                    f"rule `{shown(rule.name)}` fires whenever `{shown(before.name)}` does",
                    rule.name_span,
                    remedy="join the two, or change one of the conditions",
                    related=(("the other one is here", before.name_span),),
                )
            )


def _meaning(rule: Rule) -> Hashable:
    """When a rule fires: equal for rules that fire together."""
    compared = {"events", "when", "excepts"}
    other = (a.name for a in fields(Rule) if a.name not in _APART_FROM_EVENTS | compared)
    return (
        frozenset(event.name for event in rule.events),
        _shape(rule.when),
        frozenset(_shape(item.when) for item in rule.excepts),
        *(_placeless(getattr(rule, name)) for name in other),
    )


def _placeless(value: Any) -> Hashable:
    """A value without the places in it."""
    if isinstance(value, tuple):
        return tuple(map(_placeless, value))
    if isinstance(value, Span) or not has(type(value)):
        return None if isinstance(value, Span) else value
    parts = (_placeless(getattr(value, a.name)) for a in fields(type(value)))
    return (type(value).__name__, *parts)


def _shape(expr: Expr) -> Hashable:
    """A condition without places; what is joined by `and` and `or` in any order."""
    match expr:
        case Test():
            return key_of(expr)
        case Not():
            return ("not", _shape(expr.item))
        case And() | Or():
            return (type(expr).__name__, frozenset(map(_shape, expr.items)))
        case Constant():
            return expr.value
