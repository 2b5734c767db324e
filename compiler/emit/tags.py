"""Tags in the core. For each kind of thing K that the policy tags:

- `tagged_K(slot, tag)`: 1 if the thing whose key stands in id0 and id1 has the tag, else 0, or
  UNDETERMINED if a tag may have been lost for want of room.
- `give_K(slot, tag, word)`, `take_K(slot, tag)`: give it a tag, with the end of its life and
  whether it is inherited; take it away.

For processes, called by adapters of both halves and the test adapter:

- `fork_tags(slot)`: the process of the words pid and start gets the inherited tags of the one of
  forker_pid and forker_start.
- `exit_tags(slot)`: forget the process of the words pid and start.
"""

from bpfc.artifact.control import SCRATCH_MAP
from bpfc.artifact.sets import TAG_COUNTS, TAG_FOREVER, TAG_INHERITED
from compiler.emit import scratch
from compiler.emit.bits import equal, less
from compiler.emit.function import Function
from compiler.emit.hashing import UNDETERMINED, signed
from compiler.emit.scratch import Layout
from compiler.emit.sets import EXISTS, NOEXIST, key_on_stack
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr

ANY = 0  # BPF_ANY, include/uapi/linux/bpf.h
_END = signed(TAG_FOREVER)  # the bits of a word that say when a tag ends


def tag_word(now: Int, lifetime: Int, inherited: bool) -> Int:
    """A tag from now on: all of the future if the lifetime is 0."""
    forever = equal(lifetime, lifetime.fn.const(0))
    end = ((now + lifetime) | (forever.fn.const(0) - forever)) & _END
    return end | (TAG_INHERITED if inherited else 0)


class TagEmitter:
    """Emits the functions of one kind of thing.

    Args:
        unit: the core's module.
        layout: the scratch slot.
        kind: of thing, see bpfc.artifact.sets.TAG_KINDS.
        room: tags a value has room for, a power of two.
    """

    def __init__(self, unit: Unit, layout: Layout, kind: str, room: int) -> None:
        self.unit, self.layout, self.kind, self.room = unit, layout, kind, room
        self.map, self.head = f"tags_{kind}", f"tags_{kind}_head"

    def emit(self) -> None:
        """Emit all of them."""
        self._tagged()
        self._give()
        self._take()
        if self.kind == "proc":
            self._fork()
            self._exit()

    def _start(self, name: str, *arguments: str) -> tuple[Function, Ptr]:
        fn = self.unit.function(name, "slot", *arguments)
        return fn, fn.lookup(SCRATCH_MAP, fn.argument())

    def _place(self, entry: Ptr, tag: Int) -> Ptr:
        return entry.at((tag & (self.room - 1)) << 3)

    @staticmethod
    def _alive(slot: Ptr, word: Int) -> Int:
        """1 if a tag's word says that it is there now."""
        return less(slot.at(scratch.header("time_ns")).load(), word & _END)

    def _tagged(self) -> None:
        fn, slot = self._start(f"tagged_{self.kind}", "tag")
        entry = fn.find(self.map, key_on_stack(fn, slot, 16))
        with fn.when(entry.is_null()):
            lost = fn.lookup(self.head, 0).at(8 * TAG_COUNTS.index("lost_ns")).load()
            if self.kind == "proc":
                # A process that began after the last loss has lost nothing.
                lost = less(slot.at(scratch.word("id1")).load(), lost)
            fn.ret(lost.ne(0).select(UNDETERMINED, 0))
        fn.ret(self._alive(slot, self._place(entry, fn.argument(1)).load()))

    def _give(self) -> None:
        fn, slot = self._start(f"give_{self.kind}", "tag", "word")
        key, word = key_on_stack(fn, slot, 16), fn.argument(2)
        entry = fn.find(self.map, key)
        with fn.when(~entry.is_null()):
            place = self._place(entry, fn.argument(1))
            before = place.load()
            before = before & (fn.const(0) - self._alive(slot, before))
            shorter = less(before & _END, word & _END)
            end = before ^ ((before ^ word) & (fn.const(0) - shorter))
            place.store((end & _END) | ((before | word) & TAG_INHERITED))
            fn.ret(0)
        value = slot.at(self.layout.staging)
        for number in range(self.room):
            value.at(8 * number).store(0)
        self._place(value, fn.argument(1)).store(word)
        self._enter(fn, slot, key, value, NOEXIST)
        fn.ret(0)

    def _enter(self, fn: Function, slot: Ptr, key: Ptr, value: Ptr, flags: int) -> None:
        """A new entry; if there is no room, that and its time are noted."""
        table = fn.map(self.map)
        failed = fn.helper("map_update_elem", table, key, value, flags) & 0xFFFFFFFF
        with fn.when(failed.ne(0) & failed.ne((1 << 32) - EXISTS)):
            head = fn.lookup(self.head, 0)
            head.at(8 * TAG_COUNTS.index("full")).atomic_add(1)
            now = slot.at(scratch.header("time_ns")).load()
            head.at(8 * TAG_COUNTS.index("lost_ns")).store(now)

    def _take(self) -> None:
        fn, slot = self._start(f"take_{self.kind}", "tag")
        key = key_on_stack(fn, slot, 16)
        entry = fn.find(self.map, key)
        with fn.when(entry.is_null()):
            fn.ret(0)
        self._place(entry, fn.argument(1)).store(0)
        left = fn.const(0)
        for number in range(self.room):
            left = left | entry.at(8 * number).load()
        with fn.when(left.eq(0)):
            fn.helper("map_delete_elem", fn.map(self.map), key)
        fn.ret(0)

    def _process(self, fn: Function, slot: Ptr, prefix: str) -> Ptr:
        key = fn.stack(16)
        key.store(slot.at(scratch.word(f"{prefix}pid")).load())
        key.at(8).store(slot.at(scratch.word(f"{prefix}start")).load())
        return key

    def _fork(self) -> None:
        fn, slot = self._start("fork_tags")
        entry = fn.find(self.map, self._process(fn, slot, "forker_"))
        with fn.when(entry.is_null()):
            fn.ret(0)
        value, some = slot.at(self.layout.staging), fn.const(0)
        for number in range(self.room):
            word = entry.at(8 * number).load()
            inherited = word & (fn.const(0) - (word & TAG_INHERITED))
            value.at(8 * number).store(inherited)
            some = some | inherited
        with fn.when(some.ne(0)):
            self._enter(fn, slot, self._process(fn, slot, ""), value, ANY)
        fn.ret(0)

    def _exit(self) -> None:
        fn, slot = self._start("exit_tags")
        fn.helper("map_delete_elem", fn.map(self.map), self._process(fn, slot, ""))
        fn.ret(0)
