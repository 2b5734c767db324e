"""Automata in the core: one over each text field that conditions test.

For automaton N of an event E there are:

- `textN_E(slot)`: the whole automaton over its view, then its hits into the accumulators.
- `runN_E(slot)`: at most a step of bytes; returns 1 at the text's end.
- `applyN_E(slot)`: at most WORK_STEP of the pairs of all hits; returns 1 when done.

The loops are short because the verifier of Linux walks each round, and the calls are few because
PREVAIL analyses each call on its own.
"""

from bpfc.artifact import record
from compiler.emit import content, scratch
from compiler.emit.bits import at_least_zero, equal, less, lowest_bit, pick
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr, Variable
from compiler.plan import model
from compiler.plan.model import AutomatonPlan

STEP = 256  # bytes of a text that one call takes
LONG_STEP = 1024  # the same for texts of more than LONG_TEXT
LONG_TEXT = 4096
WORK_STEP = 64  # pairs that one call takes
UNROLLED = 4  # hit bitmaps of up to that many words are cleared without a loop


class AutomatonEmitter:
    """Emits the functions of one automaton.

    Args:
        unit: the core's module.
        event: the event's name as part of symbols.
        index: the automaton's number within the event.
        plan: its sizes.
        layout: the scratch slot.
        place: place to quote.
    """

    # Prefixes of the functions: a step of bytes, a step of pairs, the whole automaton.
    names = ("run", "apply", "text")

    def __init__(
        self, unit: Unit, event: str, index: int, plan: AutomatonPlan, layout: Layout, place: int
    ) -> None:
        self.unit, self.event, self.index = unit, event, index
        self.plan, self.tables = plan, plan.tables
        self.layout, self.place = layout, place
        self.step = LONG_STEP if plan.text_max > LONG_TEXT else STEP
        # Windows texts are UTF-16, twice as long; no text is longer than its part of the window.
        wide = 2 if plan.tables.windows is not None else 1
        self.longest = min(wide * plan.text_max, scratch.CMDLINE_MAX)

    def emit(self) -> None:
        """Emit them, callees first."""
        self._run()
        self._apply()
        self._text()

    def _symbol(self, prefix: str) -> str:
        return f"{prefix}{self.index}_{self.event}"

    def _function(self, prefix: str) -> Function:
        return self.unit.function(self._symbol(prefix), "slot", place=self.place)

    # ------------------------------------------------------------------ the table's format

    def _table(self, fn: Function, slot: Ptr, missing: int = 0) -> Ptr:
        """The automaton's table."""
        return content.table(fn, slot, self.plan.map, missing)

    def _whole(self) -> Function:
        """The function of the whole automaton, begun."""
        return self._function("text")

    def _view(self, fn: Function, slot: Ptr) -> Ptr:
        """The view that the function of the whole automaton looks at."""
        return slot.at(scratch.view(self.plan.view))

    def _start(self, table: Ptr) -> Int:
        """The state before the first byte."""
        return table.load(4)

    def _end(self, table: Ptr) -> Int:
        """The class of the text's end."""
        return table.at(8).load(4)

    def _advance(self, fn: Function, table: Ptr, state: Variable, symbol: Int) -> None:
        """Take one class."""
        bits = self.tables.class_bits
        size = 1 << (self.tables.state_bits + bits)
        cell = ((state.get() << bits) | symbol).masked(size - 1)
        state.set(table.at(cell << 1).at(model.AUTOMATON_TRANSITIONS).load(2))

    def _quiet(self, fn: Function, table: Ptr) -> Int:
        """What is subtracted from a state's number to get its outid."""
        return table.at(4).load(4) - 1

    def _note(self, slot: Ptr, hits: Variable, quiet: Int, state: Int) -> None:
        """Note what arriving at a state emits; states below the first emitting one fall on outid 0,
        which is never looked at."""
        self._hit(slot, hits, at_least_zero(state - quiet))

    # ------------------------------------------------------------------ functions

    def _run(self) -> None:
        """`run_E_n`: the automaton over at most STEP further bytes; returns 1 at the text's end."""
        fn = self._function(self.names[0])
        slot = fn.lookup("scratch", fn.argument(), 1)
        table = self._table(fn, slot, 1)
        offset = slot.at(scratch.word("text_at")).load()
        length = slot.at(scratch.word("text_length")).load()
        quiet = self._quiet(fn, table)
        position = fn.variable(slot.at(scratch.word("position")).load())
        state = fn.variable(slot.at(scratch.word("state")).load())
        hits = fn.variable(0)
        with fn.loop(self.step) as (_, leave):
            at = position.get()
            leave(at.ge(length))
            byte = slot.at((offset + at).masked(self.layout.text_mask)).at(self.layout.text).load(1)
            symbol_class = table.at(byte).at(model.AUTOMATON_CLASSES).load(1)
            self._advance(fn, table, state, symbol_class)
            self._note(slot, hits, quiet, state.get())
            position.set(at + 1)
        if self.tables.hit_words == 1:
            place = slot.at(scratch.HITS)
            place.store(place.load() | hits.get())
        slot.at(scratch.word("position")).store(position.get())
        slot.at(scratch.word("state")).store(state.get())
        fn.ret(position.get().ge(length).to_int())

    def _hit(self, slot: Ptr, hits: Variable, outid: Int) -> None:
        """Note an emission."""
        bit = outid.fn.const(1) << (outid & 63)
        if self.tables.hit_words == 1:
            hits.set(hits.get() | bit)
            return
        place = slot.at((outid >> 6 << 3).masked(8 * self.tables.hit_words - 8)).at(scratch.HITS)
        place.store(place.load() | bit)

    def _apply(self) -> None:
        """`apply_E_n`: OR the pairs of all hits into the accumulators; returns 1 when done."""
        fn = self._function(self.names[1])
        slot = fn.lookup("scratch", fn.argument(), 1)
        table = self._table(fn, slot, 1)
        names = ("bits", "word", "pair", "pair_end")
        bits, word, pair, end = (fn.variable(slot.at(scratch.word(n)).load()) for n in names)
        # One step does one thing: apply a pair, take the next hit, or go on to the next word. All
        # of it is arithmetic, since branches in this loop would multiply the verifier's paths.
        with fn.loop(WORK_STEP) as (_, leave):
            applying = less(pair.get(), end.get())
            self._apply_pair(slot, table, pair.get(), applying)
            pair.set(pair.get() + applying)
            empty = equal(bits.get(), fn.const(0))
            advancing = empty & (applying ^ 1)
            word.set(word.get() + advancing)
            leave(word.get().ge(self.tables.hit_words))
            at = (word.get() << 3).masked(8 * self.tables.hit_words - 8)
            loaded = slot.at(at).at(scratch.HITS).load()
            taking = (empty ^ 1) & (applying ^ 1)
            outid = ((word.get() << 6) + lowest_bit(bits.get())).masked(
                64 * self.tables.hit_words - 1
            )
            place = table.at(outid << 2).at(self.tables.outs_offset)
            pair.set(pick(taking, place.load(4), pair.get()))
            end.set(pick(taking, place.at(4).load(4), end.get()))
            rest = pick(taking, bits.get() & (bits.get() - 1), bits.get())
            bits.set(pick(advancing, loaded, rest))
        for name, variable in zip(names, (bits, word, pair, end), strict=True):
            slot.at(scratch.word(name)).store(variable.get())
        fn.ret(word.get().ge(self.tables.hit_words).to_int())

    def _apply_pair(self, slot: Ptr, table: Ptr, pair: Int, applying: Int) -> None:
        at = pair.masked(self.tables.pairs - 1) * model.PAIR_SIZE
        entry = table.at(at).at(self.tables.pairs_offset)
        target = entry.load(4).masked(self.layout.accumulator_words - 1) << 3
        place = slot.at(target).at(self.layout.accumulators)
        place.store(place.load() | pick(applying, entry.at(8).load(), applying.fn.const(0)))

    def _text(self) -> None:
        """`text_E_n`: the whole automaton over its view, then its hits into the accumulators."""
        # A call of its own: inlined, its ways would multiply with those of the other automata.
        fn = self._whole()
        slot = fn.lookup("scratch", fn.argument())
        view = self._view(fn, slot)
        flags = view.at(8).load(4)
        unreadable = flags & (record.VIEW_ABSENT | record.VIEW_UNKNOWN)
        with fn.when(unreadable.ne(0)):
            fn.ret(0)
        slot.at(scratch.word("text_at")).store(view.load(4))
        slot.at(scratch.word("text_length")).store(view.at(4).load(4))
        table = self._table(fn, slot)
        for word in range(self.tables.hit_words if self.tables.hit_words <= UNROLLED else 0):
            slot.at(scratch.HITS + 8 * word).store(0)
        if self.tables.hit_words > UNROLLED:
            with fn.loop(self.tables.hit_words) as (number, _):
                at = (number << 3).masked(8 * self.tables.hit_words - 8)
                slot.at(at).at(scratch.HITS).store(0)
        slot.at(scratch.word("position")).store(0)
        slot.at(scratch.word("state")).store(self._start(table))
        calls = -(-self.longest // self.step)
        fn.straight_calls(self._symbol(self.names[0]), fn.argument(), calls)
        with fn.when((flags & record.VIEW_TRUNCATED).eq(0)):
            state = fn.variable(slot.at(scratch.word("state")).load())
            hits = fn.variable(slot.at(scratch.HITS).load())
            self._advance(fn, table, state, self._end(table))
            self._note(slot, hits, self._quiet(fn, table), state.get())
            if self.tables.hit_words == 1:
                slot.at(scratch.HITS).store(hits.get())
        # Outid 0 collects everything that is no emission.
        first = slot.at(scratch.HITS).load() & ~1
        if self.tables.hit_words == 1:
            with fn.when(first.eq(0)):
                fn.ret(0)
        slot.at(scratch.word("bits")).store(first)
        slot.at(scratch.word("word")).store(0)
        slot.at(scratch.word("pair")).store(0)
        slot.at(scratch.word("pair_end")).store(0)
        work = self.tables.pairs + 65 * self.tables.hit_words
        fn.straight_calls(self._symbol(self.names[1]), fn.argument(), -(-work // WORK_STEP))
        fn.ret(0)
