"""The driver of the phase: a policy in, a plan or diagnostics out."""

from collections.abc import Collection

from bpfc.artifact.manifest import EventLayout
from compiler.coverage import PLATFORMS
from compiler.plan.ancestry import image_fields, image_plan
from compiler.plan.confirming import confirm_info
from compiler.plan.layout import RecordFull, context_layout, layout_of
from compiler.plan.matcher import event_plan
from compiler.plan.memory import memory_of
from compiler.plan.memory_shapes import Memory
from compiler.plan.model import EventPlan, Plan
from compiler.plan.state import sets_of
from compiler.plan.used import used_fields
from dsl import catalogue
from dsl.catalogue import Event
from dsl.diagnostics import Collector, Diagnostic
from dsl.typed import Policy


def plan(policy: Policy, testing: bool = False) -> tuple[Plan | None, tuple[Diagnostic, ...]]:
    """Plan the matchers of a policy.

    Args:
        policy: a checked policy.
        testing: whether the test adapter judges events that nothing else reads.

    Returns:
        The plan, or None if a diagnostic is an error; and the diagnostics, in source order.
    """
    problems = Collector()
    used = used_fields(policy)
    events = {
        event.name: event
        for _, rule in policy.parts
        for event in rule.events
        if testing or any(platform in event.readers for platform in PLATFORMS)
    }
    memory = memory_of(policy)
    found = [
        _event_plan(policy, memory, event, used[event.name], problems, testing)
        for event in sorted(events.values(), key=lambda event: event.number)
    ]
    subject = next(e for e in (*events.values(), *catalogue.load().events) if e.has_process)
    everywhere = frozenset(name for names in used.values() for name in names)
    image = None
    if memory.ancestors:
        places = context_layout(subject, everywhere | image_fields(policy))
        image = image_plan(policy, places, memory, problems)
    confirms = tuple(confirm_info(rule, problems) for rule in policy.rules)
    diagnostics = problems.result([name for name, _ in policy.sources])
    plans = tuple(item for item in found if item is not None)
    if len(plans) < len(found) or problems.has_errors:
        return None, diagnostics
    context = context_layout(subject, everywhere)
    return Plan(plans, context, sets_of(policy), memory, image, confirms), diagnostics


def _event_plan(
    policy: Policy,
    memory: Memory,
    event: Event,
    used: Collection[str],
    problems: Collector,
    testing: bool,
) -> EventPlan | None:
    layout = _layout(policy, event, used, problems)
    if layout is None:
        return None
    return event_plan(policy, event, layout, problems, testing, memory)


def _layout(
    policy: Policy, event: Event, used: Collection[str], problems: Collector
) -> EventLayout | None:
    """The layout of an event's records, or None after a diagnostic."""
    try:
        return layout_of(event, used)
    except RecordFull as full:
        last = [rule for _, rule in policy.parts if event in rule.events][-1]
        problems.error(
            "BPFC0696",
            str(full),
            last.name_span,
            remedy="use fewer fields on this event, or compile two policies",
        )
        return None
