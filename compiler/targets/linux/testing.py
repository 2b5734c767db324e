"""The half for tests: programs that let the core judge a record which user space has written.

BPF_PROG_TEST_RUN accepts raw tracepoint programs from 5.10 on and hands them two numbers as their
context. The record, its views and up to 64 KiB of text are written into the scratch slot through
its map entry, so a program has nothing to copy, and a text can be longer than a test packet.
"""

from bpfc.artifact.control import SCRATCH_MAP
from bpfc.artifact.record import STAGE_AFTER
from bpfc.artifact.testing import (
    BEFORE,
    BEHIND,
    CONTEXT_SLOT,
    CONTEXT_STAGE,
    CONTEXT_WORDS,
    NO_SLOT,
    NOT_KNOWN,
    Judge,
)
from compiler.emit import scratch
from compiler.emit.core import Origins, layout_of
from compiler.emit.unit import Unit
from compiler.plan.model import Plan
from compiler.targets.common.ancestry import verdict_of
from compiler.targets.common.half import HalfModule
from compiler.targets.common.judged import judged_events, upkeep
from compiler.targets.common.maps import define_maps, own_maps
from compiler.targets.linux.half import LICENSE, LinuxPlatform

# Never attached; libbpf's mark keeps other loaders from loading it.
SECTION = "?raw_tp/bpfc_judge"


def build(plan: Plan, producer: str, origins: Origins, rules: int) -> HalfModule:
    """Build a module that has the judging programs and the policy's own maps, nothing else.

    Args:
        plan: the matchers.
        producer: name and version of the compiler.
        origins: lines to quote.
        rules: number of rules of the policy.

    Returns:
        The module. Its list of programs is empty: no sensor has a use for them.
    """
    platform = LinuxPlatform(layout_of(plan))
    unit = Unit(producer, platform.helpers)
    unit.license(LICENSE)
    maps = own_maps(plan, platform.layout, rules)
    define_maps(unit, platform, maps)
    _emit_judges(unit, plan, origins)
    return HalfModule(unit.text(), (), maps)


def _emit_judges(unit: Unit, plan: Plan, origins: Origins) -> None:
    """Emit `judge_E(context)` for each event: the core's verdict on the record in a slot."""
    judged = {event.layout.event: event for event in plan.events}
    for name in judged_events(plan):
        place = origins.event(name)
        fn = unit.function(
            Judge(name, ()).program, "ctx", section=SECTION, context=True, place=place
        )
        context = fn.context_pointer()
        index, stage = context.at(CONTEXT_SLOT).load(), context.at(CONTEXT_STAGE).load()
        slot = fn.lookup(SCRATCH_MAP, index, NO_SLOT)
        slot.at(scratch.word("stage")).store(stage)
        for word, at in CONTEXT_WORDS.items():
            slot.at(scratch.word(word)).store(context.at(at).load())
        for function in upkeep(plan, name, BEFORE):
            fn.call(function, index)
        verdict = fn.const(0)
        if name in judged:
            verdict = verdict_of(fn, slot, index, judged[name], NOT_KNOWN)
        with fn.when(stage.eq(STAGE_AFTER)):
            for function in upkeep(plan, name, BEHIND):
                fn.call(function, index)
        fn.ret(verdict)
