"""Matches in the core: `collect_E(slot)` walks the terms that are possible, rule by rule."""

from compiler.emit import content, scratch
from compiler.emit.bits import equal, lowest_bit, pick
from compiler.emit.function import Function
from compiler.emit.live import live, next_word
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Ptr, Variable
from compiler.plan.model import EventPlan

WORK_STEP = 64  # terms that one call takes


class CollectEmitter:
    """Emits the function that collects the matches of one event.

    Args:
        unit: the core's module.
        name: the event's name as part of symbols.
        event: the event's plan.
        layout: the scratch slot.
        place: place to quote.
    """

    def __init__(self, unit: Unit, name: str, event: EventPlan, layout: Layout, place: int) -> None:
        self.unit, self.name, self.event = unit, name, event
        self.layout, self.place = layout, place

    def emit(self) -> None:
        """Emit `collect_E`: the matched terms rule by rule; returns 1 when all are done."""
        fn = self.unit.function(f"collect_{self.name}", "slot", place=self.place)
        slot = fn.lookup("scratch", fn.argument(), 1)
        table = content.table(fn, slot, self.event.map, 1)
        words, layout = self.event.words, self.layout
        bits = fn.variable(slot.at(scratch.word("bits")).load())
        word = fn.variable(slot.at(scratch.word("word")).load())
        pending = fn.variable(live(slot).load() if self.event.sparse else 0)
        with fn.loop(WORK_STEP) as (_, leave):
            self._term(fn, slot, table, bits, word)
            empty = equal(bits.get(), fn.const(0))
            next_word(self.event, word, pending, empty)
            leave(word.get().ge(words))
            at = (word.get() << 3).masked(8 * words - 8)
            bits.set(pick(empty, slot.at(at).at(layout.possible).load(), bits.get()))
        slot.at(scratch.word("bits")).store(bits.get())
        slot.at(scratch.word("word")).store(word.get())
        if self.event.sparse:
            live(slot).store(pending.get())
        with fn.when(word.get().ge(words)):
            self._flush(fn)
            fn.ret(1)
        fn.ret(0)

    def _term(self, fn: Function, slot: Ptr, table: Ptr, bits: Variable, word: Variable) -> None:
        """Take the next term of the current word, if there is one, and add it to its rule."""
        words, layout = self.event.words, self.layout
        valid = equal(bits.get(), fn.const(0)) ^ 1
        bit = lowest_bit(bits.get()) & 63
        bits.set(bits.get() & (bits.get() - valid))
        term = ((word.get() << 6) + bit).masked(64 * words - 1)
        current = slot.at(scratch.word("rule"))
        found = table.at(term << 2).at(self.event.rule_of_term_offset).load(4)
        rule = pick(valid, found, current.load())
        with fn.when(rule.ne(current.load())):
            self._flush(fn)
            current.store(rule)
            slot.at(scratch.word("rule_bits")).store(0)
        at = (word.get() << 3).masked(8 * words - 8)
        fired = (slot.at(at).at(layout.fire).load() >> bit) & valid
        definite = (slot.at(at).at(layout.definite).load() >> bit) & valid
        enforced = (slot.at(at).at(layout.enforced).load() >> bit) & valid
        place = slot.at(scratch.word("rule_bits"))
        place.store(place.load() | fired | (definite << 1) | (enforced << 2))

    def _flush(self, fn: Function) -> None:
        """Carry out the rule collected so far: a call, so that the verifier sees its code once."""
        fn.call(f"rule_{self.name}", fn.argument())
