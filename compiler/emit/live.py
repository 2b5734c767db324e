"""Rows of many terms: only chunks in which a term can be satisfied are ever looked at.

The scratch word `live` has a bit for each chunk of CHUNK_WORDS words. It begins as what the
summaries of all number rows have in common, which is found without looking at any row; an event
that no rule is about ends there. All loops over rows go over live chunks; in the other ones, the
rows of the scratch slot hold whatever was there before.

For number N of an event E with sparse rows there is `rowN_E(slot, which)`: ANDs its row into the
row of terms that fire (which 0), are definite (1) or possible (2), for the interval in `indices`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from compiler.emit import content, scratch
from compiler.emit.bits import equal, lowest_bit, nonzero, pick, sign_bit
from compiler.emit.function import Function
from compiler.emit.numbers import NumberTables, special_row
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr, Variable
from compiler.plan.model import CHUNK_WORDS, NODE_FAN, EventPlan, NumberPlan, SharedRows

CHUNK_BYTES = 8 * CHUNK_WORDS
WHICH = ("unknown_fire", "unknown_definite", "unknown_possible")  # as rows stand in the slot


def live(slot: Ptr) -> Ptr:
    """The place of the bits of live chunks."""
    return slot.at(scratch.word("live"))


@contextmanager
def live_chunks(fn: Function, slot: Ptr, words: int) -> Iterator[Int]:
    """A loop over live chunks; yields the offset of the chunk's bytes in a row.

    Args:
        fn: the function.
        slot: the scratch slot.
        words: of a row.
    """
    chunks = words // CHUNK_WORDS
    with fn.temporary(live(slot).load()) as bits, fn.loop(chunks) as (_, leave):
        leave(bits.get().eq(0))
        chunk = lowest_bit(bits.get()).masked(chunks - 1)
        bits.set(bits.get() & (bits.get() - 1))
        yield chunk * CHUNK_BYTES


def narrow(fn: Function, slot: Ptr, at: int, words: int) -> Int:
    """Let only those chunks live in which a row is not zero.

    Args:
        fn: the function.
        slot: the scratch slot.
        at: offset of the row in it.
        words: of a row.

    Returns:
        The new bits of live chunks.
    """
    with fn.temporary(0) as kept, live_chunks(fn, slot, words) as offset:
        place = slot.at(offset).at(at)
        found = place.load()
        for word in range(1, CHUNK_WORDS):
            found = found | place.at(8 * word).load()
        bit = sign_bit(nonzero(found)).hidden() >> 1
        kept.set(kept.get() | bit << offset // CHUNK_BYTES)
    live(slot).store(kept.get())
    return kept.get()


def first_word(slot: Ptr, layout: Layout, event: EventPlan) -> None:
    """Where going through possible terms begins: the words `word` and `bits` of the slot.

    If rows are sparse, `live` has the chunks that are still to come from then on.

    Args:
        slot: the scratch slot.
        layout: of the slot.
        event: the event's plan.
    """
    offset = slot.fn.const(0)
    if event.sparse:
        pending = live(slot).load()
        offset = lowest_bit(pending).masked(event.words // CHUNK_WORDS - 1) * CHUNK_BYTES
        live(slot).store(pending & (pending - 1))
    slot.at(scratch.word("word")).store(offset >> 3)
    slot.at(scratch.word("bits")).store(slot.at(offset).at(layout.possible).load())


def next_word(event: EventPlan, word: Variable, pending: Variable, empty: Int) -> None:
    """Go on to the next word; behind the last one it is EventPlan.words or more.

    Args:
        event: the event's plan.
        word: the current one.
        pending: chunks that are still to come.
        empty: 1 if the current word is done, else 0 and nothing happens.
    """
    if not event.sparse:
        word.set(word.get() + empty)
        return
    last = equal(word.get() & (CHUNK_WORDS - 1), empty.fn.const(CHUNK_WORDS - 1))
    # Without a chunk that is still to come, the lowest bit is 64: behind any word.
    jump = lowest_bit(pending.get()) * CHUNK_WORDS
    word.set(pick(empty, pick(last, jump, word.get() + 1), word.get()))
    rest = pending.get() & (pending.get() - 1)
    pending.set(pick(empty & last, rest, pending.get()))


class SparseNumbers:
    """Emits what number tables with sparse rows need.

    Args:
        unit: the core's module.
        name: the event's name as part of symbols.
        event: the event's plan.
        layout: the scratch slot.
    """

    def __init__(self, unit: Unit, name: str, event: EventPlan, layout: Layout) -> None:
        self.unit, self.name, self.event, self.layout = unit, name, event, layout
        self.tables = NumberTables(event)
        self._places = {number.field: n for n, number in enumerate(event.numbers)}

    def _index(self, slot: Ptr, number: NumberPlan) -> Ptr:
        """The place of a number's row index."""
        return slot.at(self.layout.indices + 8 * self._places[number.field])

    def note(self, slot: Ptr, table: Ptr, number: NumberPlan, index: Int) -> Int:
        """Keep a number's row index.

        Args:
            slot: the scratch slot.
            table: of the number.
            number: what was looked up.
            index: of its row; where it is unknown, that of the terms that fire.

        Returns:
            The summary of the row.
        """
        assert number.sparse is not None
        self._index(slot, number).store(index)
        return self.tables.root(table, number, number.sparse, index).load()

    def restrict(self, fn: Function, number: NumberPlan, which: int) -> None:
        """AND a number's row into a row of the slot, by a call.

        Args:
            fn: the function; its first argument is the slot's number.
            number: the number.
            which: index in WHICH.
        """
        fn.call(self._symbol(number), fn.argument(), which)

    def _symbol(self, number: NumberPlan) -> str:
        return f"row{self._places[number.field]}_{self.name}"

    def emit(self, number: NumberPlan, place: int) -> None:
        """Emit `rowN_E`.

        Args:
            number: the number.
            place: place to quote.
        """
        rows = number.sparse
        assert rows is not None
        fn = self.unit.function(self._symbol(number), "slot", "which", place=place)
        slot = fn.lookup("scratch", fn.argument())
        table = content.table(fn, slot, number.map)
        index = self._index(slot, number).load()
        unknown = equal(index, fn.const(special_row(number, WHICH[0])))
        which = fn.argument(1).masked(3)
        root = self.tables.root(table, number, rows, index + unknown * which)
        target = slot.at(which * (8 * self.layout.row_words)).at(self.layout.fire)
        with live_chunks(fn, slot, self.event.words) as offset:
            chunk = self._chunk(table, rows, root, offset // CHUNK_BYTES)
            place_ = target.at(offset)
            for word in range(CHUNK_WORDS):
                result = place_.at(8 * word)
                result.store(result.load() & chunk.at(8 * word).load())
        fn.ret(0)

    @staticmethod
    def _chunk(table: Ptr, rows: SharedRows, root: Ptr, number: Int) -> Ptr:
        """A chunk of a row, by way of its node."""
        node = root.at((number // NODE_FAN << 1).masked(2 * NODE_FAN - 2)).at(8).load(2)
        place = table.at(node.masked(rows.nodes - 1) * (2 * NODE_FAN)).at(rows.nodes_offset)
        chunk = place.at((number << 1).masked(2 * NODE_FAN - 2)).load(2)
        return table.at(chunk.masked(rows.chunks - 1) * CHUNK_BYTES).at(rows.chunks_offset)
