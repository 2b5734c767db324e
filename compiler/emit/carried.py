"""What the earlier steps of a sequence saw: kept beside its runs, shown by the last one.

The map `carried` has an entry for each set of the table of all state (`compiler.emit.state`), and
in it for each way the steps of the run that fires and of the run that is definite, which need not
be the same events. Functions, shared by all events:

- `carried_take(slot, found)`: the steps of the runs at a place, into the slot.
- `carried_keep(slot, found, runs)`: they and this event, at the place of the runs that there are.
- `carried_show(slot, rule, what)`: a block of the record (`bpfc.artifact.steps`).
"""

from collections.abc import Iterator

from attrs import frozen

from bpfc.artifact import control, record, steps
from compiler.emit import scratch
from compiler.emit.bits import less, pick
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan import state as plan
from compiler.plan.model import Carry
from dsl.earlier import CARRIED_MAX

CARRIED_MAP = "carried"
RUNS = 2  # what fires, what is definite
KILL, SURE = 1, 2  # what `carried_show` is told of the rule

# No record has more blocks, so this many bytes of them.
_BLOCKS_MASK = 8 * 1024 - 1


def block_size(carry: Carry) -> int:
    """Bytes of a block."""
    return 8 + carry.run


def entry_size(carry: Carry) -> int:
    """Bytes of an entry of the map."""
    return plan.WAYS * RUNS * carry.run


@frozen
class CarriedEmitter:
    """Emits these functions.

    Args:
        unit: the core's module.
        carry: room for steps.
        sets: entries of the map, a power of two.
        area: offset in a scratch slot of the area of state.
        key: offset in it of the key at hand.
        base: offset in it of the number of steps at hand; the steps of both runs follow.
        count: offset in it of the descriptor's count.
    """

    unit: Unit
    carry: Carry
    sets: int
    area: int
    key: int
    base: int
    count: int

    def emit(self) -> None:
        """Emit all of them."""
        assert plan.PENDING_MAX * block_size(self.carry) <= _BLOCKS_MASK
        self._take()
        self._keep()
        self._show()

    def _start(self, name: str, *arguments: str) -> tuple[Function, Ptr, Ptr]:
        fn = self.unit.function(name, "slot", *arguments)
        slot = fn.lookup(control.SCRATCH_MAP, fn.argument())
        return fn, slot, slot.at(self.area)

    def _place(self, fn: Function, area: Ptr) -> Ptr:
        """The steps of the place that the function's second argument names."""
        entry = fn.lookup(CARRIED_MAP, area.at(self.key).load() & (self.sets - 1))
        return entry.at(fn.argument(1).masked(plan.WAYS - 1) * (RUNS * self.carry.run))

    def _take(self) -> None:
        fn, _, area = self._start("carried_take", "found")
        place = self._place(fn, area)
        for offset in range(0, RUNS * self.carry.run, 8):
            area.at(self.base + 8 + offset).store(place.at(offset).load())
        area.at(self.base).store(area.at(self.count).load(4))
        fn.ret(0)

    def _keep(self) -> None:
        fn, slot, area = self._start("carried_keep", "found", "runs")
        place, carry = self._place(fn, area), self.carry
        count = area.at(self.count).load(4)
        own = fn.const(0)
        if carry.steps > 1:
            own = ((count >> 8) - 1).masked(carry.steps - 1) * carry.step
        there_is = [(fn.argument(2) >> run) & 1 for run in range(RUNS)]
        for run in range(RUNS):
            for offset in range(run * carry.run, (run + 1) * carry.run, 8):
                kept, taken = place.at(offset), area.at(self.base + 8 + offset)
                kept.store(pick(there_is[run], taken.load(), kept.load()))
        # Word by word, as they are read: all at once would take more stack than there is.
        for number, value in self._here(fn, slot, area, count & 0xFF):
            for run in range(RUNS):
                kept = place.at(own).at(run * carry.run + 8 * number)
                kept.store(pick(there_is[run], value, kept.load()))
        fn.ret(0)

    def _here(self, fn: Function, slot: Ptr, area: Ptr, count: Int) -> Iterator[tuple[int, Int]]:
        """What is remembered of the event at hand: the words of a step by their number in it."""
        unknowns = slot.at(scratch.header("unknown")).load()
        absents = slot.at(scratch.header("absent")).load()
        states = fn.const(0)
        for number in range(self.carry.words):
            if number >= CARRIED_MAX:
                yield 2 + number, fn.const(0)
                continue
            # Words behind the last one are 0.
            used = less(fn.const(number), count)
            index = area.at(plan.CARRIED_AT + number).load(1).masked(63)
            unknown, absent = (unknowns >> index) & used, (absents >> index) & used
            states = states | (unknown << number) | (absent << (steps.ABSENT_SHIFT + number))
            value = slot.at(index << 3).at(scratch.number(0)).load()
            yield 2 + number, value & (fn.const(0) - used)
        yield 0, slot.at(scratch.header("time_ns")).load()
        yield 1, states

    def _show(self) -> None:
        fn, slot, area = self._start("carried_show", "rule", "what")
        what, carry = fn.argument(2), self.carry
        size = slot.at(scratch.header("steps"))
        at = size.load(4)
        block = slot.at(at.masked(_BLOCKS_MASK)).at(scratch.RECORD + record.TEXT_OFFSET)
        shape = carry.words << steps.WORDS_SHIFT | carry.steps << steps.ROOM_SHIFT
        number = area.at(self.base).load() << steps.STEPS_SHIFT
        block.store(fn.argument(1) | ((what & KILL) * steps.BLOCK_KILL) | number | shape)
        run = area.at(((what >> 1) & 1) * carry.run).at(self.base + 8)
        for offset in range(0, carry.run, 8):
            block.at(8 + offset).store(run.at(offset).load())
        size.store(at + block_size(carry), 4)
        fn.ret(0)
