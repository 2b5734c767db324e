"""Texts: interned in two bounded tables, loaded back into views, packed into alert records.

Functions (all take a scratch slot first):

- `intern(slot, view)`: enter the view's text; leaves key and length in the words id0, id1, length
  and returns VIEW_* flags.
- `keep_text(length, id0, id1)`, `drop_text(length, id0, id1)`: take or give up one reference.
- `load_text(slot, from, view, to)`: fill a view from the table; `from` is where in the slot flags,
  length and key of a text stand (see TextPlace).
- `pack_text(slot, view)`: append the view's text to the record.
"""

from bpfc.artifact import control, record
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count

HASH_STEP = 128  # 8-byte words that one call of the hash or the comparison takes
CALLS = (control.LONG_TEXT + 1) // (8 * HASH_STEP)
NOEXIST = 1  # BPF_NOEXIST
ABSENT_OR_UNKNOWN = record.VIEW_ABSENT | record.VIEW_UNKNOWN
# Masks that bound what the verifier must believe; the program logic keeps values below anyway.
LENGTH_MASK = control.LONG_TEXT
RECORD_TEXT_MASK = 32 * 1024 - 1


class Texts:
    """Emits the text functions of a half."""

    def __init__(self, unit: Unit, platform: Platform) -> None:
        self.unit, self.platform, self.layout = unit, platform, platform.layout

    def emit(self) -> None:
        """Emit all of them."""
        self._hash_step()
        self._same_step()
        self._intern()
        self._keep()
        self._drop()
        self._load()
        self._pack()

    def _slot(self, fn: Function) -> Ptr:
        return fn.lookup("scratch", fn.argument())

    def _table(self, fn: Function, length: Int, key: Ptr) -> Ptr:
        """Look a key up in the table for texts of that length."""
        found = fn.stack(8)
        with fn.when(length.le(control.SHORT_TEXT)) as otherwise:
            found.store_pointer(fn.find(control.STRINGS_SHORT_MAP, key))
            otherwise()
            found.store_pointer(fn.find(control.STRINGS_LONG_MAP, key))
        return found.load_pointer()

    @staticmethod
    def _key(fn: Function, id0: Int, id1: Int) -> Ptr:
        key = fn.stack(16)
        key.store(id0)
        key.at(8).store(id1)
        return key

    def _staged(self, slot: Ptr, position: Int) -> Ptr:
        at = position.masked(control.LONG_TEXT - 7)
        return slot.at(at).at(self.layout.staging + control.STRING_HEADER)

    # ------------------------------------------------------------------ hash

    def _hash_step(self) -> None:
        """At most HASH_STEP words of `control.string_hash`; returns 1 at the end of the text."""
        fn = self.unit.function("hash_step", "slot")
        slot = fn.lookup("scratch", fn.argument(), 1)
        h0 = fn.variable(slot.at(scratch.word("id0")).load())
        h1 = fn.variable(slot.at(scratch.word("id1")).load())
        position = fn.variable(slot.at(scratch.word("position")).load())
        length = slot.at(scratch.word("length")).load()
        with fn.loop(HASH_STEP) as (_, leave):
            leave(position.get().ge(length))
            word = self._staged(slot, position.get()).load()
            mixed = (h0.get() ^ word) * _signed(control.HASH_P0)
            h0.set(mixed ^ (mixed >> 29))
            mixed = (h1.get() + word) * _signed(control.HASH_P1)
            h1.set(mixed ^ (mixed >> 32))
            position.set(position.get() + 8)
        slot.at(scratch.word("id0")).store(h0.get())
        slot.at(scratch.word("id1")).store(h1.get())
        slot.at(scratch.word("position")).store(position.get())
        with fn.when(position.get().ge(length)):
            fn.ret(1)
        fn.ret(0)

    def _hash(self, fn: Function, slot: Ptr, length: Int) -> None:
        secret = fn.lookup(control.SECRET_MAP, 0, record.VIEW_UNKNOWN)
        slot.at(scratch.word("id0")).store(secret.load() ^ length)
        slot.at(scratch.word("id1")).store(secret.at(8).load())
        slot.at(scratch.word("length")).store(length)
        slot.at(scratch.word("position")).store(0)
        fn.straight_calls("hash_step", fn.argument(), CALLS)
        h1 = slot.at(scratch.word("id1")).load()
        mixed = (slot.at(scratch.word("id0")).load() ^ h1) * _signed(control.HASH_P1)
        slot.at(scratch.word("id0")).store(mixed ^ (mixed >> 32))

    def _same_step(self) -> None:
        """Compare staging and table entry, HASH_STEP words a call; returns 1 when done. A
        difference leaves all ones in the word position."""
        fn = self.unit.function("same_step", "slot")
        slot = fn.lookup("scratch", fn.argument(), 1)
        length = slot.at(scratch.word("length")).load()
        key = self._key(
            fn, slot.at(scratch.word("id0")).load(), slot.at(scratch.word("id1")).load()
        )
        start = slot.at(scratch.word("position"))
        with fn.when(length.le(control.SHORT_TEXT)) as otherwise:
            self._compare(fn, slot, control.STRINGS_SHORT_MAP, key, control.SHORT_TEXT + 1)
            otherwise()
            self._compare(fn, slot, control.STRINGS_LONG_MAP, key, control.LONG_TEXT + 1)
        with fn.when(start.load().ge(length)):
            fn.ret(1)
        fn.ret(0)

    def _compare(self, fn: Function, slot: Ptr, table: str, key: Ptr, room: int) -> None:
        """Words of one table's entry from `position` on; the room is a power of two."""
        start, length = slot.at(scratch.word("position")), slot.at(scratch.word("length")).load()
        entry = fn.find(table, key)
        with fn.when(entry.is_null()):
            start.store(-1)
            fn.ret(1)
        position, differing = fn.variable(start.load()), fn.variable(0)
        with fn.loop(HASH_STEP) as (_, leave):
            leave(position.get().ge(length))
            theirs = entry.at(position.get().masked(room - 8)).at(control.STRING_HEADER).load()
            differing.set(differing.get() | (theirs ^ self._staged(slot, position.get()).load()))
            position.set(position.get() + 8)
        start.store(position.get())
        with fn.when(differing.get().ne(0) | entry.at(4).load(4).ne(length)):
            start.store(-1)

    # ------------------------------------------------------------------ intern and drop

    def _intern(self) -> None:
        fn = self.unit.function("intern", "slot", "view")
        slot = self._slot(fn)
        view = slot.at((fn.argument(1) & (scratch.VIEW_COUNT - 1)) << 4).at(scratch.VIEWS)
        for name in ("id0", "id1", "length"):
            slot.at(scratch.word(name)).store(0)
        flags = view.at(8).load(4)
        with fn.when((flags & ABSENT_OR_UNKNOWN).ne(0)):
            fn.ret(flags)
        length, flags = self._stage(fn, slot, view, flags)
        self._hash(fn, slot, length)
        key = self._key(
            fn, slot.at(scratch.word("id0")).load(), slot.at(scratch.word("id1")).load()
        )
        entry = self._table(fn, length, key)
        with fn.when(entry.is_null()):
            failed = self._insert(fn, slot, length, key)
            with fn.when(failed.eq(0)):
                fn.ret(flags)
        # Either it was there, or another CPU was faster, or the table is full.
        entry = self._table(fn, length, key)
        with fn.when(entry.is_null()):
            count(fn, "string_table_full")
            fn.ret(record.VIEW_UNKNOWN)
        slot.at(scratch.word("position")).store(0)
        fn.straight_calls("same_step", fn.argument(), CALLS)
        with fn.when(slot.at(scratch.word("position")).load().eq(-1)):
            # Two texts under one key: this one stays unknown rather than being taken for the other.
            count(fn, "string_table_full")
            fn.ret(record.VIEW_UNKNOWN)
        entry.atomic_add_narrow(1)
        fn.ret(flags)

    def _stage(self, fn: Function, slot: Ptr, view: Ptr, flags: Int) -> tuple[Int, Int]:
        """Copy the text into the staging entry, zero-padded; returns its length and flags."""
        whole = view.at(4).load(4)
        longer = whole.ge(control.LONG_TEXT + 1)
        length = longer.select(control.LONG_TEXT, whole)
        flags = flags | longer.select(record.VIEW_TRUNCATED, 0)
        staging = slot.at(self.layout.staging)
        staging.store(1, 4)
        staging.at(4).store(length, 4)
        # The tail of the last word, before the text is copied over its beginning.
        tail = ((length & ~7).masked(LENGTH_MASK - 7)) + control.STRING_HEADER
        slot.at(tail).at(self.layout.staging).store(0)
        text = slot.at(view.load(4).masked(self.layout.text_mask)).at(self.layout.text)
        target = staging.at(control.STRING_HEADER)
        self.platform.copy(fn, target, length.bounded(LENGTH_MASK), text)
        return length, flags

    def _insert(self, fn: Function, slot: Ptr, length: Int, key: Ptr) -> Int:
        staging, result = slot.at(self.layout.staging), fn.variable(0)
        with fn.when(length.le(control.SHORT_TEXT)) as otherwise:
            table = fn.map(control.STRINGS_SHORT_MAP)
            result.set(fn.helper("map_update_elem", table, key, staging, NOEXIST))
            otherwise()
            table = fn.map(control.STRINGS_LONG_MAP)
            result.set(fn.helper("map_update_elem", table, key, staging, NOEXIST))
        return result.get() & 0xFFFFFFFF

    def _keep(self) -> None:
        fn = self.unit.function("keep_text", "length", "id0", "id1")
        entry = self._table(fn, fn.argument(0), self._key(fn, fn.argument(1), fn.argument(2)))
        with fn.when(~entry.is_null()):
            entry.atomic_add_narrow(1)
        fn.ret(0)

    def _drop(self) -> None:
        fn = self.unit.function("drop_text", "length", "id0", "id1")
        length, id0, id1 = (fn.argument(i) for i in range(3))
        with fn.when((id0 | id1).eq(0)):
            fn.ret(0)
        key = self._key(fn, id0, id1)
        entry = self._table(fn, length, key)
        with fn.when(entry.is_null()):
            fn.ret(0)
        entry.atomic_add_narrow(-1)
        # A key is the text's own hash: should another CPU take a reference just now, its text
        # becomes unknown, never a different one.
        with fn.when(~entry.load_signed(4).le_signed(0)):
            fn.ret(0)
        with fn.when(length.le(control.SHORT_TEXT)) as otherwise:
            fn.helper("map_delete_elem", fn.map(control.STRINGS_SHORT_MAP), key)
            otherwise()
            fn.helper("map_delete_elem", fn.map(control.STRINGS_LONG_MAP), key)
        fn.ret(0)

    # ------------------------------------------------------------------ load and pack

    def _load(self) -> None:
        fn = self.unit.function("load_text", "slot", "place", "identity", "view", "window")
        slot = self._slot(fn)
        # Offsets into the copies of the two process table entries, which lie side by side.
        place = slot.at(fn.argument(1).masked(512 - 4)).at(self.layout.process)
        identity = slot.at(fn.argument(2).masked(512 - 8)).at(self.layout.process)
        view = slot.at((fn.argument(3) & (scratch.VIEW_COUNT - 1)) << 4).at(scratch.VIEWS)
        flags, length = place.load(4), place.at(4).load(4)
        view.store(fn.argument(4), 4)
        view.at(4).store(0, 4)
        view.at(8).store(flags, 4)
        with fn.when((flags & ABSENT_OR_UNKNOWN).ne(0)):
            fn.ret(0)
        key = self._key(fn, identity.load(), identity.at(8).load())
        target = slot.at(fn.argument(4).masked(self.layout.text_mask)).at(self.layout.text)
        with fn.when(length.le(control.SHORT_TEXT)) as otherwise:
            self._copy_entry(fn, view, target, length, control.STRINGS_SHORT_MAP, key)
            otherwise()
            self._copy_entry(fn, view, target, length, control.STRINGS_LONG_MAP, key)
        view.at(4).store(length, 4)
        fn.ret(0)

    def _copy_entry(
        self, fn: Function, view: Ptr, target: Ptr, length: Int, table: str, key: Ptr
    ) -> None:
        """Copy a text out of one table; each table has its own bound."""
        entry = fn.find(table, key)
        with fn.when(entry.is_null()):
            view.at(8).store(record.VIEW_UNKNOWN, 4)
            fn.ret(0)
        longest = control.SHORT_TEXT if table == control.STRINGS_SHORT_MAP else control.LONG_TEXT
        source = entry.at(control.STRING_HEADER)
        self.platform.copy(fn, target, length.bounded(longest), source)

    def _pack(self) -> None:
        fn = self.unit.function("pack_text", "slot", "view")
        slot = self._slot(fn)
        index = fn.argument(1) & (record.VIEWS_MAX - 1)
        view = slot.at(index << 4).at(scratch.VIEWS)
        out = slot.at(scratch.word("out"))
        whole, flags = view.at(4).load(4), view.at(8).load(4)
        longer = whole.ge(control.LONG_TEXT + 1)
        length = longer.select(control.LONG_TEXT, whole)
        # Steps of sequences may have taken room: a text that has none left is truncated to nothing.
        room = (out.load() + length).le(record.TEXT_MAX)
        length = room.select(length, 0)
        flags = flags | (longer | ~room).select(record.VIEW_TRUNCATED, 0)
        length_flags = fn.variable(flags << 24)
        with fn.when((flags & ABSENT_OR_UNKNOWN).eq(0) & length.ne(0)):
            length_flags.set(length | (flags << 24))
            text = slot.at(view.load(4).masked(self.layout.text_mask)).at(self.layout.text)
            at = (out.load().masked(RECORD_TEXT_MASK)) + (scratch.RECORD + record.TEXT_OFFSET)
            self.platform.copy(fn, slot.at(at), length.bounded(LENGTH_MASK), text)
        target = slot.at(index << 3).at(scratch.RECORD + record.VIEWS_OFFSET)
        target.store(out.load() + record.TEXT_OFFSET, 4)
        target.at(4).store(length_flags.get(), 4)
        out.store(out.load() + (length_flags.get() & record.VIEW_LENGTH_MASK))
        fn.ret(0)


def _signed(value: int) -> int:
    """A 64-bit constant as LLVM prints it."""
    return value - (1 << 64) if value >> 63 else value
