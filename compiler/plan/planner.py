"""The driver of the phase: a policy in, a plan or diagnostics out."""

from compiler.plan.matcher import event_plan
from compiler.plan.model import Plan
from dsl.diagnostics import Collector, Diagnostic
from dsl.typed import Policy


def plan(policy: Policy) -> tuple[Plan | None, tuple[Diagnostic, ...]]:
    """Plan the matchers of a policy.

    Args:
        policy: a checked policy.

    Returns:
        The plan, or None if a diagnostic is an error; and the diagnostics, in source order.
    """
    problems = Collector()
    events = {event.name: event for rule in policy.rules for event in rule.events}
    found = [
        event_plan(policy, event, problems)
        for event in sorted(events.values(), key=lambda event: event.number)
    ]
    diagnostics = problems.result([name for name, _ in policy.sources])
    plans = tuple(item for item in found if item is not None)
    complete = len(plans) == len(found) and not problems.has_errors
    return (Plan(plans) if complete else None), diagnostics
