"""The Windows half: the same core on eBPF for Windows' `process` hook (ntosebpfext) and
cgroup/connect4|6."""

from attrs import evolve, frozen

from bpfc.abi.windows import HELPERS, SPECIAL_HELPERS, MapType, ProgramType
from bpfc.artifact import control
from bpfc.artifact.manifest import MapInfo, ProgramInfo
from compiler.emit.core import Origins, layout_of
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import Plan
from compiler.targets.common.half import HalfModule
from compiler.targets.common.maps import define_maps, maps_of
from compiler.targets.common.output import emit_output
from compiler.targets.common.processes import Processes
from compiler.targets.common.slots import emit_slots
from compiler.targets.common.stored import STORED_TEXTS, emit_stored
from compiler.targets.common.texts import Texts
from compiler.targets.windows.handlers import Handlers
from compiler.targets.windows.programs import HOOKS, Programs
from dsl import catalogue

# An id of a helper of one program type means something only there; no two types we use collide.
HELPER_NUMBERS = {**HELPERS, **SPECIAL_HELPERS[ProgramType.PROCESS]}
MAP_TYPES = {t.name.lower(): int(t) for t in MapType}
# ebpfapi has no bpf_map__set_max_entries, so maps scaled by CPUs have room for a fixed number of
# them.
PROCESSORS = 32


@frozen
class WindowsPlatform:
    """eBPF for Windows, as the shared adapter code sees it."""

    layout: Layout
    helpers = HELPER_NUMBERS
    map_types = MAP_TYPES
    direct = frozenset[str]()

    def copy(self, fn: Function, target: Ptr, size: Int | int, source: Ptr) -> Int:
        """memcpy_s; both regions are given the same size."""
        return fn.helper("memcpy_s", target, size, source, size)

    def ring_length(self, length: Int) -> Int:
        """Odd, so that PREVAIL sees that it is not zero; the header has the true length."""
        return length.hidden() | 1


def build(
    plan: Plan,
    producer: str,
    origins: Origins,
    rules: int,
) -> HalfModule:
    """Build the module of the Windows half.

    Args:
        plan: the matchers.
        producer: name and version of the compiler.
        origins: lines to quote.
        rules: number of rules of the policy.

    Returns:
        The module with its programs and maps.
    """
    platform = WindowsPlatform(layout_of(plan))
    unit = Unit(producer, platform.helpers)
    events = {e.layout.event: e for e in plan.events if e.windows is not None}
    hooks = tuple(h for h in HOOKS if h.always or events.keys() & set(h.events))
    maps = _fixed(maps_of(plan, platform.layout, rules, tuple(h.progs for h in hooks)))
    define_maps(unit, platform, maps)
    known = {f.name for e in catalogue.load().events for f in e.fields if "windows" in f.platforms}
    views = {t.name: t.view for t in plan.context.texts if not t.part and t.name in known}
    emit_slots(unit)
    Texts(unit, platform).emit()
    Processes(unit, platform, views, starts=False).emit()
    emit_stored(
        unit,
        platform.layout,
        views,
        tuple(t for t in STORED_TEXTS if t.group.fields[0] in views),
    )
    emit_output(unit, platform, tuple(events.values()))
    Handlers(unit, platform, events, plan.context, known, origins).emit()
    programs = Programs(unit, platform, events, views, origins)
    infos: list[ProgramInfo] = [i for h in hooks for i in programs.emit(h)]
    return HalfModule(unit.text(), tuple(infos), maps)


def _fixed(maps: tuple[MapInfo, ...]) -> tuple[MapInfo, ...]:
    """Maps scaled by processors get room for a fixed number of them."""
    return tuple(
        evolve(
            m,
            max_entries=m.per_cpu * PROCESSORS if m.per_cpu else m.max_entries,
            per_cpu=0,
        )
        for m in maps
        if m.name != control.LATCH_MAP
    )
