"""What a manifest says of the scratch slot, so that tests can have any record judged."""

from collections.abc import Mapping

from bpfc.artifact.testing import BEFORE, BEHIND, WORDS, Judge, SlotLayout
from compiler.emit import scratch
from compiler.emit.core import layout_of
from compiler.plan.model import PART_VIEWS, EventPlan, Plan


def upkeep(plan: Plan, event: str, functions: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The functions of a plan's core that keep what is remembered of processes.

    Args:
        plan: the matchers.
        event: catalogue name.
        functions: BEFORE or BEHIND.
    """
    there = {"tags": plan.memory.inherits, "ancestry": bool(plan.image), "image": bool(plan.image)}
    return tuple(f for f in functions.get(event, ()) if there[f.rpartition("_")[2]])


def judged_events(plan: Plan) -> tuple[str, ...]:
    """The events at which the core has something to do.

    Args:
        plan: the matchers.

    Returns:
        Catalogue names: those with rules, then those at which something is only remembered.
    """
    judged = tuple(event.layout.event for event in plan.events)
    kept = [e for e in (*BEFORE, *BEHIND) if upkeep(plan, e, BEFORE) or upkeep(plan, e, BEHIND)]
    return (*judged, *(name for name in kept if name not in judged))


def slot_layout(plan: Plan) -> SlotLayout:
    """What a test must know to write a record and to have it judged.

    Args:
        plan: the matchers.

    Returns:
        Places, and longest texts.
    """
    layout = layout_of(plan)
    matchers = {event.layout.event: (event,) for event in plan.events}
    if plan.image is not None:
        # A new process still has the image of the one that forked it.
        matchers["process.fork"] = (*matchers.get("process.fork", ()), plan.image.event)
    return SlotLayout(
        size=layout.size,
        views=scratch.VIEWS,
        view_count=scratch.VIEW_COUNT,
        parts=PART_VIEWS,
        words=tuple(scratch.word(name) for name in WORDS),
        text=layout.text,
        text_size=layout.text_window,
        judges=tuple(Judge(name, _limits(matchers.get(name, ()))) for name in judged_events(plan)),
    )


def _limits(events: tuple[EventPlan, ...]) -> tuple[tuple[int, int], ...]:
    limits: dict[int, int] = {}
    for automaton in (found for event in events for found in event.automata):
        limits[automaton.view] = min(automaton.text_max, limits.get(automaton.view, 1 << 32))
    return tuple(sorted(limits.items()))
