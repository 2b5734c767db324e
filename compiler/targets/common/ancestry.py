"""The core's verdict on events that ask about ancestors: where it has to know more, it is told, and
asked again."""

from bpfc.artifact.testing import AGAIN
from compiler.emit import scratch
from compiler.emit.core import symbol
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan


def verdict_of(fn: Function, slot: Ptr, index: Int, event: EventPlan, recall: str) -> Int:
    """Call the core.

    Args:
        fn: the function.
        slot: the scratch slot.
        index: its number.
        event: the event's plan.
        recall: function that finds out what is known of the process's ancestors; takes the slot.
    """
    core = f"core_{symbol(event.layout.event)}"
    if not event.asks_ancestors:
        return fn.call(core, index)
    slot.at(scratch.word("ancestry")).store(0)
    verdict = fn.variable(fn.call(core, index))
    with fn.when(verdict.get().eq(AGAIN)):
        fn.call(recall, index)
        verdict.set(fn.call(core, index))
    return verdict.get()
