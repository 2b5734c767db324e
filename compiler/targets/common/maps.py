"""The maps of a half, from what the plan and the shared layouts ask for."""

from bpfc.artifact import control, record
from bpfc.artifact.manifest import MapInfo
from compiler.emit.carried import CARRIED_MAP, entry_size
from compiler.emit.core import table_room
from compiler.emit.scratch import Layout
from compiler.emit.state import SET_SIZE, STATE_MAP
from compiler.emit.unit import MapDefinition, Unit
from compiler.plan.classes import room_for
from compiler.plan.memory import memory_maps
from compiler.plan.model import Plan
from compiler.targets.common.platform import Platform

KEY = 4
# Only in policies compiled with a journal (the driver's option): how often an event was judged,
# u64 each.
JOURNAL_MAP = "journal"
JOURNAL_VALUE = 8
STATS_MIN = 64  # rules that rule_stats has room for at least, so that a few more keep its size


def _shared(name: str, kind: str, key: int, value: int, entries: int) -> MapInfo:
    return MapInfo(name, kind, key, value, entries, "shared", 0)


def _policy(name: str, kind: str, value: int, entries: int, per_cpu: int = 0) -> MapInfo:
    return MapInfo(name, kind, KEY, value, entries, "policy", per_cpu)


def _content(name: str, value: int, entries: int) -> MapInfo:
    """A map of content: `entries` in each buffer."""
    scope = control.CONTENT_SCOPE
    return MapInfo(name, "array", KEY, value, control.BUFFERS * entries, scope, 0)


def maps_of(
    plan: Plan,
    layout: Layout,
    rules: int,
    progs: tuple[str, ...],
    journal: int = 0,
    slots: int = control.SCRATCH_PER_CPU,
) -> tuple[MapInfo, ...]:
    """All maps of a half.

    Args:
        plan: the matchers.
        layout: the scratch slot.
        rules: number of rules of the policy.
        progs: names of the PROG_ARRAYs, one a hook.
        journal: entries of the journal, 0 for none; it is shared, so that all generations write
            one.
        slots: scratch slots of a processor, companions included.

    Returns:
        The maps, shared ones first, those of sets and tags last.
    """
    shared = [
        _shared(control.CONTROL_MAP, "array", KEY, control.CONTROL_SIZE, 1),
        _shared(control.SECRET_MAP, "array", KEY, control.SECRET_SIZE, 1),
        _shared(control.EVENTS_MAP, "ringbuf", 0, 0, control.RING_BYTES),
        _shared(control.COUNTERS_MAP, "percpu_array", KEY, 8, len(control.COUNTERS)),
        _shared(control.PROCESSES_MAP, "hash", KEY, control.PROCESS_SIZE, control.PROCESSES_MAX),
        _shared(
            control.STRINGS_SHORT_MAP, "hash", 16, control.SHORT_SIZE, control.STRINGS_SHORT_MAX
        ),
        _shared(control.STRINGS_LONG_MAP, "hash", 16, control.LONG_SIZE, control.STRINGS_LONG_MAX),
        _shared(control.LATCH_MAP, "hash", KEY, 8, control.LATCH_MAX),
        *(_shared(name, "prog_array", KEY, 4, control.SLOTS) for name in progs),
    ]
    if journal:
        shared.append(_shared(JOURNAL_MAP, "array", KEY, JOURNAL_VALUE, journal))
    own = [
        _policy(control.POLICY_MAP, "array", control.POLICY_SIZE, 1),
        _policy(control.SCRATCH_MAP, "array", layout.size, slots, slots),
        _policy(control.SCRATCH_BITS_MAP, "array", 8, 1, 1),
        _content("rule_stats", record.RULE_STATS_SIZE, max(STATS_MIN, room_for(rules))),
    ]
    if plan.state_sets:
        own.append(_policy(STATE_MAP, "array", SET_SIZE, plan.state_sets))
    if plan.carry.steps:
        own.append(_policy(CARRIED_MAP, "array", entry_size(plan.carry), plan.state_sets))
    rules_maps = {event.rules_map: event.rule_room for event in plan.events}
    own += [_content(name, record.RULE_ENTRY_SIZE, room) for name, room in rules_maps.items()]
    for event in plan.matchers:
        own.append(_content(event.map, table_room(event), 1))
        own += [_content(n.name, len(n.content), 1) for n in event.number_maps]
        own += dict.fromkeys(_content(a.map, a.tables.size, a.room) for a in event.automata)
    return (*shared, *own, *memory_maps(plan.memory))


def own_maps(plan: Plan, layout: Layout, rules: int) -> tuple[MapInfo, ...]:
    """The maps of a half for tests: the policy's own, and the one that has the key of hashes.

    Args:
        plan: the matchers.
        layout: the scratch slot.
        rules: number of rules of the policy.
    """
    maps = maps_of(plan, layout, rules, ())
    return tuple(m for m in maps if m.scope != "shared" or m.name == control.SECRET_MAP)


def define_maps(unit: Unit, platform: Platform, maps: tuple[MapInfo, ...]) -> None:
    """Declare the maps in the half's module with the platform's type numbers."""
    for info in maps:
        sizes = info.key_size, info.value_size, info.max_entries
        kind, direct = int(platform.map_types[info.type]), info.name in platform.direct
        unit.define_map(MapDefinition(info.name, kind, *sizes, direct))
