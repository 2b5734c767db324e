"""The Linux half: dispatchers, adapters and maps around the core."""

from bpfc.abi.linux import HELPERS, MapType
from bpfc.artifact import control
from compiler.emit.core import Origins, layout_of
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import Plan
from compiler.targets.common.groups import in_use
from compiler.targets.common.half import HalfModule
from compiler.targets.common.maps import define_maps, maps_of
from compiler.targets.common.output import emit_output
from compiler.targets.common.processes import Processes
from compiler.targets.common.slots import COMPANIONS, emit_slots
from compiler.targets.common.stored import PREVIOUS_TEXTS, STORED_TEXTS, emit_stored
from compiler.targets.common.texts import Texts
from compiler.targets.linux.ancestry import Ancestry
from compiler.targets.linux.context import GROUPS, Context
from compiler.targets.linux.details import DETAILS, Details
from compiler.targets.linux.handlers import Handlers
from compiler.targets.linux.hooks import HOOKS, Hook
from compiler.targets.linux.path import emit_path
from compiler.targets.linux.positions import ANCESTORS, Positions
from compiler.targets.linux.programs import Programs

LICENSE = "Dual MIT/GPL"  # the adapters' helpers are GPL-only (include/linux/license.h)
HELPER_NUMBERS = {name: helper.number for name, helper in HELPERS.items()}
MAP_TYPES = {t.name.lower(): int(t) for t in MapType}


class LinuxPlatform:
    """Linux, as the shared adapter code sees it."""

    helpers = HELPER_NUMBERS
    map_types = MAP_TYPES
    # Read on the way of every event.
    direct = frozenset({control.CONTROL_MAP, control.POLICY_MAP})

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def copy(self, fn: Function, target: Ptr, size: Int | int, source: Ptr) -> Int:
        """Map values are kernel memory; the helper copies what a program could only loop over."""
        return fn.helper("probe_read_kernel", target, size, source)

    def ring_length(self, length: Int) -> Int:
        """As it is."""
        return length


def hooks_of(plan: Plan, checked: bool) -> tuple[Hook, ...]:
    """The hooks that a policy needs: those that keep the process table, and those of its events.

    Args:
        plan: the matchers.
        checked: whether a rule wants to deny an exec by an error.
    """
    events = {e.layout.event for e in plan.events}
    return tuple(
        h
        for h in HOOKS
        if h.always or (events & set(h.events) and (h.name != "exec_check" or checked))
    )


def build(
    plan: Plan,
    producer: str,
    origins: Origins,
    rules: int,
    errnos: tuple[int, ...],
    journal: int = 0,
) -> HalfModule:
    """Build the module of the Linux half.

    Args:
        plan: the matchers.
        producer: name and version of the compiler.
        origins: lines to quote.
        rules: number of rules of the policy.
        errnos: error numbers that rules deny an exec with, none if no rule does.
        journal: entries of the journal, 0 for none (see the driver).

    Returns:
        The module with its programs and maps.
    """
    layout = layout_of(plan)
    platform = LinuxPlatform(layout)
    unit = Unit(producer, platform.helpers)
    unit.license(LICENSE)
    hooks = hooks_of(plan, bool(errnos))
    slots = (COMPANIONS if plan.image else 1) * control.SCRATCH_PER_CPU
    progs = tuple(h.progs for h in hooks)
    maps = maps_of(plan, layout, rules, progs, journal, slots)
    define_maps(unit, platform, maps)
    views = {t.name: t.view for t in plan.context.texts if not t.part}
    numbers = {n.name: n.index for n in plan.context.numbers}
    emit_slots(unit, slots)
    _functions(unit, platform, plan, views, numbers, origins, hooks, journal)
    connect = next((e for e in plan.events if e.layout.event == "net.connect"), None)
    programs = Programs(unit, connect, errnos, origins, journal)
    latched = any(h.name == "exec_check" for h in hooks)
    infos = [i for h in hooks for i in programs.emit(h, latched and h.name == "exec")]
    return HalfModule(unit.text(), tuple(infos), maps)


def _functions(
    unit: Unit,
    platform: LinuxPlatform,
    plan: Plan,
    views: dict[str, int],
    numbers: dict[str, int],
    origins: Origins,
    hooks: tuple[Hook, ...],
    journal: int,
) -> None:
    Texts(unit, platform).emit()
    Processes(unit, platform, views, starts=True).emit()
    groups = in_use((*GROUPS, *DETAILS, ANCESTORS), plan.context)
    functions = {group.function for group in groups}
    stored = tuple(text for text in STORED_TEXTS if text.group.function in functions)
    emit_stored(unit, platform.layout, views, stored)
    events = {e.layout.event: e for e in plan.events}
    execs = [e.layout for e in plan.events if e.layout.event == "process.exec"]
    own = {text.name: text.view for layout in execs for text in layout.texts}
    previous = tuple(text for text in PREVIOUS_TEXTS if text.group.fields[0] in own)
    emit_stored(unit, platform.layout, own, previous)
    Context(unit, platform, views, numbers).emit(groups)
    Details(unit, platform, views, numbers).emit(groups)
    if ANCESTORS in groups:
        Positions(unit, platform.layout, views, numbers).emit()
    if plan.image is not None:
        number = numbers["proc.pid"]
        Ancestry(unit, platform.layout, plan.image, groups, number).emit()
    emit_path(unit, platform, views["proc.exe.path"], numbers["proc.exe.in_memory"])
    emit_output(unit, platform, plan.events)
    before = tuple(text.group.function for text in previous)
    handlers = Handlers(
        unit,
        events,
        views,
        numbers,
        groups,
        before,
        origins,
        journal,
        plan.memory.inherits,
        plan.image is not None,
    )
    for handler in dict.fromkeys(h.handler for h in hooks):
        getattr(handlers, handler.removeprefix("on_"))()
