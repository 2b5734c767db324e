"""The second stage of a rule: what the agent has to find before there is an alert."""

from collections.abc import Sequence

from attrs import evolve

from dsl import syntax, typed
from dsl.conditions import Conditions
from dsl.derived import Derived
from dsl.diagnostics import Collector
from dsl.walk import tests_of

# What the kernel does, or counts, when it knows nothing of the second stage yet.
_DOES = "happens in the kernel, before the agent has looked"
_COUNTS = "counts in the kernel what the agent has not confirmed"
_FIRST: dict[type, tuple[str, str]] = {
    syntax.Deny: ("deny", _DOES),
    syntax.Kill: ("kill", _DOES),
    syntax.Add: ("add", _DOES),
    syntax.Tag: ("tag", _DOES),
    syntax.Untag: ("untag", _DOES),
    syntax.Threshold: ("threshold", _COUNTS),
    syntax.Limit: ("limit", _COUNTS),
    syntax.OnSequence: ("on sequence", _COUNTS),
    syntax.Silent: ("silent", "leaves no alert to confirm"),
}


def with_agent(conditions: Conditions) -> Conditions:
    """Conditions in which the events have what the agent knows as fields.

    Args:
        conditions: of a rule.
    """
    events = tuple(event.as_confirmed for event in conditions.events)
    return evolve(conditions, catalogue=conditions.catalogue.as_confirmed, events=events)


def check_confirm(
    clause: syntax.Confirm | None,
    clauses: Sequence[syntax.Clause],
    conditions: Conditions,
    report: Collector,
) -> typed.Confirm | None:
    """Check `confirm [on unknown] when CONDITION`.

    Args:
        clause: as parsed, if there is one.
        clauses: all of the rule.
        conditions: of the rule.
        report: takes diagnostics.

    Returns:
        The second stage, or None without one and after a diagnostic.
    """
    if clause is None:
        return None
    _alerts_only(clauses, clause, report)
    when = with_agent(conditions).whole(clause.condition)
    if when is None:
        return None
    good = True
    for test in tests_of(when):
        if isinstance(test.field, Derived):
            good = False
            report.error(
                "BPFC0325",
                f"`{test.field.name}` is worked out in the kernel, not by the agent",
                test.span,
                remedy="put this test into `when`",
            )
    if good and not any(test.field.known_by for test in tests_of(when)):
        report.warning(
            "BPFC0533",
            "nothing in this second stage needs the agent",
            clause.span,
            remedy="put the condition into `when`: the kernel decides it, and no candidate is made",
        )
    return typed.Confirm(when, clause.on_unknown, clause.span) if good else None


def _alerts_only(
    clauses: Sequence[syntax.Clause], confirm: syntax.Confirm, report: Collector
) -> None:
    """Report what a rule with a second stage cannot have."""
    limits = [c.limit for c in clauses if isinstance(c, syntax.Alert) and c.limit]
    for item in (*clauses, *limits):
        if type(item) in _FIRST:
            word, why = _FIRST[type(item)]
            report.error(
                "BPFC0324",
                f"a rule with `confirm` only alerts: `{word}` {why}",
                item.span,
                remedy="leave it out, or make it a rule of its own without `confirm`",
                related=(("the second stage is here", confirm.span),),
            )
