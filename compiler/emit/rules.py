"""What one matched rule does: counters, actions, its place in the record."""

from bpfc.artifact import control, record
from compiler.emit import carried, content, scratch, state
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Bit, Int, Ptr
from compiler.plan.model import EventPlan

RULE_STATS = "rule_stats"


class RuleEmitter:
    """Emits `rule_E(slot)` for the rule in the word `rule`.

    Args:
        unit: the core's module.
        name: the event as part of a symbol.
        event: its plan.
        layout: the scratch slot.
        place: see `compiler.emit.unit`.
    """

    def __init__(
        self, unit: Unit, name: str, event: EventPlan, layout: scratch.Layout, place: int
    ) -> None:
        self.unit, self.name, self.event = unit, name, event
        self.layout, self.place = layout, place

    def emit(self) -> None:
        """Emit `rule_E`."""
        fn = self.unit.function(f"rule_{self.name}", "slot", place=self.place)
        slot = fn.lookup(control.SCRATCH_MAP, fn.argument())
        rule = slot.at(scratch.word("rule")).load()
        with fn.when(rule.ge(self.event.rule_room)):
            fn.ret(0)
        entry = content.entry(fn, slot, self.event.rules_map, rule, self.event.rule_room)
        stage = slot.at(scratch.word("stage")).load()
        actions = (stage.eq(0)).select(entry.load(1), entry.at(1).load(1))
        with fn.when((actions & record.ACT_JUDGE).eq(0)):
            fn.ret(0)
        stats = fn.lookup(RULE_STATS, entry.at(4).load(4))
        bits = slot.at(scratch.word("rule_bits")).load()
        if self.event.state is not None:
            self._remember(fn, slot, stats, rule, bits)
        with fn.when((bits & state.FIRED).eq(0)):
            self._unknown(fn, stats, bits)
            fn.ret(0)
        if self.event.memory.effects:
            self._note_effects(fn, slot, rule, (bits & state.ENFORCED).ne(0))
        definite = (bits & state.DEFINITE).ne(0)
        if self.event.state is None:
            self._count_fired(fn, stats, definite)
        else:
            with fn.when((bits & state.QUIET).eq(0)):
                self._count_fired(fn, stats, definite)
        taken = actions & (bits & state.ENFORCED).ne(0).select(0x7F, record.ACT_ALERT)
        if self.event.state is not None:
            taken = taken & (bits & state.QUIET).ne(0).select(0x7F ^ record.ACT_ALERT, 0x7F)
        self._errno(fn, slot, stats, entry, taken, rule)
        place = slot.at(scratch.word("actions"))
        place.store(place.load() | taken | self._steps(fn, slot, entry, bits, taken, rule))
        with fn.when((taken & record.ACT_ALERT).ne(0)):
            self._list_rule(fn, slot, rule | definite.select(0, record.RULE_PARTIAL))
        fn.ret(0)

    def _steps(self, fn: Function, slot: Ptr, entry: Ptr, bits: Int, taken: Int, rule: Int) -> Int:
        """A sequence that fires shows its earlier steps, and may end their processes; returns
        ACT_KILL_STEP if it does."""
        if not self.layout.carry.steps or self.event.state is None:
            return fn.const(0)
        sure, enforced = (bits >> 1) & 1, (bits >> 2) & 1
        kill = (entry.at(2).load(2) >> 15) & enforced
        known = slot.at(self.layout.state + state.CARRIED).load().ne(0)
        with fn.when(known & ((taken & record.ACT_ALERT) | kill).ne(0)):
            fn.call("carried_show", fn.argument(), rule, kill * carried.KILL | sure * carried.SURE)
        return kill * record.ACT_KILL_STEP

    def _count_fired(self, fn: Function, stats: Ptr, definite: Bit) -> None:
        stats.at(_stat("fired")).atomic_add(1)
        with fn.when(~definite):
            stats.at(_stat("partial")).atomic_add(1)

    def _unknown(self, fn: Function, stats: Ptr, bits: Int) -> None:
        """A rule that did not fire: it is undecided, or waits for more events."""
        if self.event.state is None:
            stats.at(_stat("unknown")).atomic_add(1)
            return
        with fn.when((bits & state.NOTHING).eq(0)):
            stats.at(_stat("unknown")).atomic_add(1)

    def _remember(self, fn: Function, slot: Ptr, stats: Ptr, rule: Int, bits: Int) -> None:
        """A rule with state waits until all others have been carried out; then its state has
        decided."""
        assert self.event.state is not None
        area = slot.at(self.layout.state)
        with fn.when((bits & state.DECIDED).eq(0)) as otherwise:
            table = content.table(fn, slot, self.event.map)
            number = state.number_of(self.event, table, rule)
            with fn.when(number.ne(0)):
                item = state.item_of(rule, bits, number)
                full = state.push(fn, area, self.event.state.pending, item)
                stats.at(_stat("skipped")).atomic_add(full)
                fn.ret(0)
            otherwise()
            stats.at(_stat("evicted")).atomic_add((bits >> 6) & 1)
            stats.at(_stat("suppressed")).atomic_add((bits >> 7) & 1)

    def _errno(
        self, fn: Function, slot: Ptr, stats: Ptr, entry: Ptr, taken: Int, rule: Int
    ) -> None:
        """The first denial's number counts; that of an audited one only where nothing is denied."""
        denied = (slot.at(scratch.word("actions")).load() & record.ACT_DENY).ne(0)
        errno = slot.at(scratch.word("errno"))
        deny, would = (~denied), errno.load().eq(0)
        first = slot.at(self.layout.state + state.ERRNO_RULE)
        if self.event.state is not None:
            # Rules with state come behind the others, wherever they stand in the source.
            earlier = rule.lt(first.load())
            deny, would = deny | earlier, would | (~denied & earlier)
        with fn.when((taken & record.ACT_DENY).ne(0)):
            stats.at(_stat("denied")).atomic_add(1)
            with fn.when(deny):
                errno.store(entry.at(2).load(2) & record.ENTRY_ERRNO)
                if self.event.state is not None:
                    first.store(rule)
        with fn.when((taken & record.ACT_WOULD_DENY).ne(0) & would):
            errno.store(entry.at(2).load(2) & record.ENTRY_ERRNO)
            if self.event.state is not None:
                first.store(rule)

    def _note_effects(self, fn: Function, slot: Ptr, rule: Int, acts: Bit) -> None:
        """The rule's effects are due if it may act."""
        table = content.table(fn, slot, self.event.map)
        at = rule.masked(self.event.rule_room - 1) << 3
        mask = table.at(at).at(self.event.memory.effects_offset).load()
        place = slot.at(scratch.word("effects"))
        place.store(place.load() | acts.select(mask, 0))

    def _list_rule(self, fn: Function, slot: Ptr, entry: Int) -> None:
        count = slot.at(scratch.header("rule_count"))
        number = count.load(2)
        with fn.when(number.lt(record.RULES_MAX)) as otherwise:
            at = number.masked(record.RULES_MAX - 1) << 2
            slot.at(at).at(scratch.RECORD + record.RULES_OFFSET).store(entry, 4)
            count.store(number + 1, 2)
            otherwise()
            more = slot.at(scratch.header("rules_more"))
            more.store(more.load(4) + 1, 4)


def _stat(name: str) -> int:
    """Offset of a rule's counter."""
    return 8 * record.RULE_STATS.index(name)
