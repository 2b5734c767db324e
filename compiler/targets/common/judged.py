"""What a manifest says of the scratch slot, so that tests can have any record judged."""

from bpfc.artifact.testing import WORDS, Judge, SlotLayout
from compiler.emit import scratch
from compiler.emit.core import layout_of
from compiler.plan.model import PART_VIEWS, EventPlan, Plan

# Events at which adapters keep the tags of processes, also without a rule on them.
UPKEEP = ("process.fork", "process.exit")


def judged_events(plan: Plan) -> tuple[str, ...]:
    """The events at which the core has something to do.

    Args:
        plan: the matchers.

    Returns:
        Catalogue names: those with rules, then those at which only tags are kept.
    """
    judged = tuple(event.layout.event for event in plan.events)
    kept = UPKEEP if plan.memory.inherits else ()
    return (*judged, *(name for name in kept if name not in judged))


def slot_layout(plan: Plan) -> SlotLayout:
    """What a test must know to write a record and to have it judged.

    Args:
        plan: the matchers.

    Returns:
        Places, and longest texts.
    """
    layout = layout_of(plan)
    matchers = {event.layout.event: event for event in plan.events}
    return SlotLayout(
        size=layout.size,
        views=scratch.VIEWS,
        view_count=scratch.VIEW_COUNT,
        parts=PART_VIEWS,
        words=tuple(scratch.word(name) for name in WORDS),
        text=layout.text,
        text_size=scratch.TEXT_WINDOW,
        judges=tuple(
            Judge(name, _limits(matchers[name]) if name in matchers else ())
            for name in judged_events(plan)
        ),
    )


def _limits(event: EventPlan) -> tuple[tuple[int, int], ...]:
    limits: dict[int, int] = {}
    for automaton in event.automata:
        limits[automaton.view] = min(automaton.text_max, limits.get(automaton.view, 1 << 32))
    return tuple(sorted(limits.items()))
