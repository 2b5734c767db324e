"""The core of a policy: what all its events share, and each event's own functions."""

from compiler.emit import state
from compiler.emit.ancestry import AncestryEmitter
from compiler.emit.core import EventCore, Origins, layout_of
from compiler.emit.image import ImageCore
from compiler.emit.memory import emit_memory
from compiler.emit.unit import Unit
from compiler.plan.model import Plan


def emit_core(unit: Unit, plan: Plan, origins: Origins) -> None:
    """Emit the core of all events into a module of its own.

    Args:
        unit: an empty module.
        plan: the matchers.
        origins: source lines to quote.
    """
    layout = layout_of(plan)
    remembered = [e.state for e in plan.events if e.state]
    if remembered:
        kinds = sorted({kind for item in remembered for kind in item.kinds})
        words = max(item.words for item in remembered)
        state.StateEmitter(unit, plan.state_sets, layout.state, kinds, words, plan.carry).emit()
    emit_memory(unit, layout, plan.memory, tuple(event.memory for event in plan.events))
    if plan.image is not None:
        ImageCore(unit, plan.image.event, layout, origins).emit()
        AncestryEmitter(unit, plan.image, layout).emit()
    for event in plan.events:
        EventCore(unit, event, layout, origins).emit()
