"""Run-time sets in the core.

For each set N of the policy: `has_N(slot)` returns 1 if the element whose key stands in id0 and id1
is in the set; `put_N(slot, end)` adds the element that `keyK_E` has put together.

For each key K of an event E: `keyK_E(slot)` makes the key of its fields, and the parts of a new
element in the staging area. It returns what `compiler.emit.hashing` says.
"""

from bpfc.artifact import sets
from bpfc.artifact.control import SCRATCH_MAP
from bpfc.artifact.sets import SetInfo
from compiler.emit import content, scratch
from compiler.emit.bits import equal, less
from compiler.emit.function import Function
from compiler.emit.hashing import IN_SETS, OUT_OF_SETS, PATH, UNDETERMINED, hash_words
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.memory_shapes import KeyShape, MemoryPlan, NumberPart, TextPart

NOEXIST = 1  # BPF_NOEXIST, include/uapi/linux/bpf.h
EXISTS = 17  # EEXIST
_FOUND, _ENDED = 1, 2  # what a look for networks comes to
WORDS_AT = 3072  # in the staging area, behind texts: the words of a tuple's key


def key_on_stack(fn: Function, slot: Ptr, size: int) -> Ptr:
    """The key in id0 and id1 as a map's key."""
    key = fn.stack(size)
    key.store(slot.at(scratch.word("id0")).load())
    key.at(8).store(slot.at(scratch.word("id1")).load())
    return key


def count_in(fn: Function, head: str, entry: int, offset: int) -> None:
    """Add one to a count of a head."""
    fn.lookup(head, entry).at(offset).atomic_add(1)


class SetEmitter:
    """Emits the functions of one set.

    Args:
        unit: the core's module.
        layout: the scratch slot.
        number: the set's.
        info: what it is.
    """

    def __init__(self, unit: Unit, layout: Layout, number: int, info: SetInfo) -> None:
        self.unit, self.layout, self.number, self.info = unit, layout, number, info

    def emit(self, added: bool) -> None:
        """Emit `has_N`, and `put_N` if rules add to the set."""
        if sets.is_networks(self.info.members):
            self._has_network()
        else:
            self._has()
        if added:
            self._put()

    def _has(self) -> None:
        fn = self.unit.function(f"has_{self.number}", "slot")
        slot = fn.lookup(SCRATCH_MAP, fn.argument())
        entry = fn.find(self.info.map, key_on_stack(fn, slot, 16))
        with fn.when(entry.is_null()):
            fn.ret(0)
        head = fn.lookup(self.info.head, sets.HEAD_AGENT)
        fn.ret(self._counts(slot, entry, head.load()))

    @staticmethod
    def _counts(slot: Ptr, entry: Ptr, epoch: Int) -> Int:
        """1 if an entry is an element now."""
        end = entry.load()
        now = slot.at(scratch.header("time_ns")).load()
        alive = equal(end, end.fn.const(0)) | less(now, end)
        since, until = entry.at(sets.SINCE).load(4), entry.at(sets.UNTIL).load(4)
        return alive & (less(epoch, since) ^ 1) & less(epoch, until)

    def _has_network(self) -> None:
        """Networks are found by their address and length: one look for each length in use, and one
        for the address itself, since rules add single ones.

        Calls in a straight line, no loop: a loop with a branch in it can be laid out so that it
        runs into its own beginning, which 5.10 refuses.
        """
        self._networks()
        fn = self.unit.function(f"has_{self.number}", "slot")
        slot = fn.lookup(SCRATCH_MAP, fn.argument())
        key = key_on_stack(fn, slot, 24)
        key.at(16).store(128)
        head = fn.lookup(self.info.head, sets.HEAD_AGENT)
        self._found(fn, slot, fn.find(self.info.map, key), head.load())
        slot.at(scratch.word("position")).store(0)
        calls = sets.PREFIXES_MAX // sets.PREFIX_STEP
        found = fn.straight_calls(f"networks_{self.number}", fn.argument(), calls)
        fn.ret(found & _FOUND)

    def _networks(self) -> None:
        """`networks_N(slot)`: look for PREFIX_STEP further lengths from `position` on; returns
        _FOUND, _ENDED or 0."""
        fn = self.unit.function(f"networks_{self.number}", "slot")
        slot = fn.lookup(SCRATCH_MAP, fn.argument(), _ENDED)
        high = slot.at(scratch.word("id0")).load()
        low = slot.at(scratch.word("id1")).load()
        position = slot.at(scratch.word("position")).load()
        head = fn.lookup(self.info.head, sets.HEAD_AGENT, _ENDED)
        epoch, used = head.load(), head.at(8).load()
        place = head.at((position * sets.HEAD_PREFIX).bounded(sets.PREFIX_MASK))
        key = fn.stack(24)
        for step in range(sets.PREFIX_STEP):
            with fn.when((position + step).ge(used)):
                fn.ret(_ENDED)
            prefix = place.at(sets.HEAD_PREFIXES + sets.HEAD_PREFIX * step)
            key.store(high & prefix.load())
            key.at(8).store(low & prefix.at(8).load())
            key.at(16).store(prefix.at(16).load())
            self._found(fn, slot, fn.find(self.info.map, key), epoch)
        slot.at(scratch.word("position")).store(position + sets.PREFIX_STEP)
        fn.ret(0)

    def _found(self, fn: Function, slot: Ptr, entry: Ptr, epoch: Int) -> None:
        """Return _FOUND if there is an entry and it is an element now."""
        with fn.when(~entry.is_null()):
            counts = self._counts(slot, entry, epoch)
            with fn.when(counts.ne(0)):
                fn.ret(_FOUND)

    def _put(self) -> None:
        fn = self.unit.function(f"put_{self.number}", "slot", "end")
        slot = fn.lookup(SCRATCH_MAP, fn.argument())
        networks = sets.is_networks(self.info.members)
        key = key_on_stack(fn, slot, 24 if networks else 16)
        if networks:
            key.at(16).store(128)
        end = fn.argument(1)
        known = fn.find(self.info.map, key)
        with fn.when(~known.is_null()):
            # It lives as long as either says, and stays though the agent was replacing it.
            before = known.load()
            forever = equal(before, fn.const(0)) | equal(end, fn.const(0))
            longer = before ^ ((before ^ end) & (fn.const(0) - less(before, end)))
            known.store(longer & (forever - 1))
            known.at(sets.SINCE).store(0, 4)
            known.at(sets.UNTIL).store(sets.ALWAYS - (1 << 32), 4)
            fn.ret(0)
        value = slot.at(self.layout.staging)
        value.store(end)
        value.at(sets.SINCE).store(0, 4)
        value.at(sets.UNTIL).store(sets.ALWAYS - (1 << 32), 4)
        table = fn.map(self.info.map)
        failed = fn.helper("map_update_elem", table, key, value, NOEXIST) & 0xFFFFFFFF
        added, full = (8 * sets.HEAD_COUNTS.index(name) for name in ("added", "full"))
        with fn.when(failed.eq(0)):
            count_in(fn, self.info.head, sets.HEAD_KERNEL, added)
            fn.ret(0)
        # Another CPU may just have added it.
        with fn.when(failed.ne((1 << 32) - EXISTS)):
            count_in(fn, self.info.head, sets.HEAD_KERNEL, full)
        fn.ret(0)


class KeyEmitter:
    """Emits the keys of one event.

    Args:
        unit: the core's module.
        name: the event's name as part of symbols.
        map_: the event's matcher map.
        memory: the event's sets and tags.
        layout: the scratch slot.
        place: place to quote.
    """

    def __init__(
        self, unit: Unit, name: str, map_: str, memory: MemoryPlan, layout: Layout, place: int
    ) -> None:
        self.unit, self.name, self.map, self.memory = unit, name, map_, memory
        self.layout, self.place = layout, place

    def emit(self) -> None:
        """Emit `keyK_E` for each key."""
        for number, shape in enumerate(self.memory.keys):
            fn = self.unit.function(f"key{number}_{self.name}", "slot", place=self.place)
            slot = fn.lookup(SCRATCH_MAP, fn.argument(), UNDETERMINED)
            if len(shape) == 1:
                self._single(fn, slot, shape[0])
            else:
                self._tuple(fn, slot, shape)

    def _single(self, fn: Function, slot: Ptr, part: TextPart | NumberPart) -> None:
        if isinstance(part, TextPart):
            state = self._hash(fn, slot, part, sets.PARTS)
            length = slot.at(scratch.word("length")).load()
            slot.at(self.layout.staging + sets.PARTS).store(length)
            fn.ret(state)
            return
        words = _words(slot, part)
        slot.at(scratch.word("id0")).store(words[0])
        slot.at(scratch.word("id1")).store(words[1] if len(words) > 1 else 0)
        fn.ret(_state(slot, part))

    def _hash(self, fn: Function, slot: Ptr, part: TextPart, at: int) -> Int:
        """Hash a text, and put it behind the place of its length in a value."""
        table = content.table(fn, slot, self.map, UNDETERMINED)
        constants = table.at(self.memory.constants_offset + 8 * part.constants)
        place = at + 8 + (PATH if part.path else 0)
        zeros, fold = constants.load(), constants.at(8).load()
        return fn.call("hash_text", fn.argument(), part.view, zeros, fold, place)

    def _tuple(self, fn: Function, slot: Ptr, shape: KeyShape) -> None:
        """The parts one behind the other; a text may spill over the parts behind it, which come
        later."""
        at, count, states = sets.PARTS, 0, fn.const(IN_SETS)
        kept = slot.at(self.layout.staging + WORDS_AT)
        for part in shape:
            place = slot.at(self.layout.staging + at)
            if isinstance(part, TextPart):
                states = states | self._hash(fn, slot, part, at)
                place.store(slot.at(scratch.word("length")).load())
                words = [slot.at(scratch.word(name)).load() for name in ("id0", "id1")]
                at += 8 + sets.SHOWN
            else:
                states = states | _state(slot, part)
                words = _words(slot, part)
                for number, word in enumerate(words):
                    place.at(8 * number).store(word)
                at += 8 * len(words)
            for word in words:
                kept.at(8 * count).store(word)
                count += 1
        hash_words(fn, slot, [kept.at(8 * number).load() for number in range(count)])
        # A part that is unknown counts before one that no set holds.
        unknown = states & UNDETERMINED
        fn.ret(unknown | (states & OUT_OF_SETS & ((unknown >> 1) ^ 1)))


def _words(slot: Ptr, part: NumberPart) -> list[Int]:
    return [slot.at(scratch.number(part.index + n)).load() for n in range(part.words)]


def _state(slot: Ptr, part: NumberPart) -> Int:
    """Whether a number is known."""
    return number_state(slot, part.index)


def number_state(slot: Ptr, index: int) -> Int:
    """UNDETERMINED, OUT_OF_SETS or IN_SETS of a number word."""
    unknown = (slot.at(scratch.header("unknown")).load() >> index) & 1
    absent = (slot.at(scratch.header("absent")).load() >> index) & 1
    return (unknown << 1) | (absent & (unknown ^ 1))
