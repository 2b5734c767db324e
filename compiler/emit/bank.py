"""Sparse automata in the core: those of equal sizes stand in one map and share their functions.

For bank K of an event E there are:

- `bankK_E(slot, index, view)`: automaton `index` of the bank over a view, then its hits into the
  accumulators.
- `stepK_E(slot)` and `markK_E(slot)`: as `run` and `apply` of a dense automaton.

The state is the last cell read (see `compiler.plan.sparse`): what it says is looked at one step
later, so that reading the entry and the hub's cell need not wait for each other.
"""

from collections.abc import Sequence

from bpfc.artifact.testing import VIEW_SIZE
from compiler.emit import content, scratch
from compiler.emit.automaton import AutomatonEmitter
from compiler.emit.bits import equal, pick
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr, Variable
from compiler.plan import model, sparse
from compiler.plan.model import AutomatonPlan

STEP = 512  # bytes of a text that one call takes


class BankEmitter(AutomatonEmitter):
    """Emits the functions of a bank.

    Args:
        unit: the core's module.
        event: the event's name as part of symbols.
        number: the bank's number within the event.
        plans: its automata.
        layout: the scratch slot.
        place: place to quote.
    """

    names = ("step", "mark", "bank")

    def __init__(
        self,
        unit: Unit,
        event: str,
        number: int,
        plans: Sequence[AutomatonPlan],
        layout: Layout,
        place: int,
    ) -> None:
        super().__init__(unit, event, number, plans[0], layout, place)
        self.step = STEP
        # Windows texts are UTF-16, twice as long; no text is longer than its part of the window.
        self.longest = min(
            max(item.text_max * (2 if item.tables.windows is not None else 1) for item in plans),
            scratch.CMDLINE_MAX,
        )

    def _table(self, fn: Function, slot: Ptr, missing: int = 0) -> Ptr:
        if self.plan.room == 1:
            return content.table(fn, slot, self.plan.map, missing)
        index = slot.at(scratch.word("automaton")).load()
        return content.entry(fn, slot, self.plan.map, index, self.plan.room, missing)

    def _whole(self) -> Function:
        return self.unit.function(self._symbol("bank"), "slot", "index", "view", place=self.place)

    def _view(self, fn: Function, slot: Ptr) -> Ptr:
        slot.at(scratch.word("automaton")).store(fn.argument(1))
        at = fn.argument(2).masked(scratch.VIEW_COUNT - 1) * VIEW_SIZE
        return slot.at(at).at(scratch.VIEWS)

    def _start(self, table: Ptr) -> Int:
        return table.load()

    def _end(self, table: Ptr) -> Int:
        return table.at(model.SPARSE_END).load(4)

    def _advance(self, fn: Function, table: Ptr, state: Variable, symbol: Int) -> None:
        tables, bits = self.tables, self.tables.class_bits
        place = (state.get() >> sparse.PLACE_SHIFT) & (1 << sparse.PLACE_BITS) - 1
        entry = (place + symbol).masked((1 << tables.state_bits) - 1)
        found = table.at(entry << 3).at(model.AUTOMATON_TRANSITIONS).load()
        # The last step has to be the mask: 5.10 sees no bound of an `or`, which is what code
        # generation makes of a sum whose parts share no bits.
        mask = (1 << tables.hub_bits + bits) - 1
        cell_at = (state.get() >> 16 << bits) + symbol
        cell = cell_at.masked(mask) if bits <= 8 else cell_at.bounded(mask)
        hubs = model.AUTOMATON_TRANSITIONS + (8 << tables.state_bits)
        usual = table.at(cell << 3).at(hubs).load()
        own = equal(found >> sparse.OWNER_SHIFT, place)
        state.set(pick(own, found, usual))

    def _quiet(self, fn: Function, table: Ptr) -> Int:
        return fn.const(0)

    def _note(self, slot: Ptr, hits: Variable, quiet: Int, state: Int) -> None:
        self._hit(slot, hits, state & sparse.OUTIDS_MAX - 1)
