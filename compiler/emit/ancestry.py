"""What is asked of ancestors, in the core.

What holds of a process's ancestors stands in the map `ancestry`, a bit for each condition, and is
handed on at fork: a new process has its forker's bits and what holds of the forker's own image.

- `find_ancestry(slot)`: the entry of the process of the words pid and start, into the words
  `ancestors`, `ancestors_unknown`, `own` and `own_unknown`; returns which of the two pairs there is
  nothing of, NO_ANCESTORS and NO_OWN.
- `put_ancestry(slot, examined)`: enter that of this process; 1 if there is no room.
- `join_ancestry(slot)`: the words of a process become those of one that it forks.
- `fork_ancestry(slot)`: all of that for a process that was forked by the one of forker_pid and
  forker_start, whose image it still has: that in the record. For tests; adapters read the image
  only where it has to be examined.
- `ancestry_not_known(slot)`: nothing is known of the process, for the second call of `core_E`.
- `forget_image(slot)`, `forget_ancestry(slot)`: the process has another image; it has ended.
- `askN_E(slot)`: the answer for derived value N. Where nothing is known of the process `core_E`
  returns AGAIN before it has done anything: the adapter finds out, puts it into the words, KNOWN
  into the word `ancestry`, and calls it again.
"""

from bpfc.artifact.control import ANCESTRY, ANCESTRY_MAP, PRIMED_TICK_NS, SCRATCH_MAP
from bpfc.artifact.testing import NOT_KNOWN
from compiler.emit import content, scratch
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import ImagePlan

NO_ANCESTORS, NO_OWN = 1, 2
ANY = 0  # BPF_ANY, include/uapi/linux/bpf.h
PAIRS = ("ancestors", "ancestors_unknown", "own", "own_unknown")


def nothing_known(slot: Ptr) -> None:
    """Of no condition it can be said whether an ancestor satisfies it."""
    slot.at(scratch.word("ancestors")).store(0)
    slot.at(scratch.word("ancestors_unknown")).store(-1)


class AncestryEmitter:
    """Emits what all events share.

    Args:
        unit: the core's module.
        plan: of images.
        layout: the scratch slot.
    """

    def __init__(self, unit: Unit, plan: ImagePlan, layout: Layout) -> None:
        self.unit, self.plan, self.layout = unit, plan, layout

    def emit(self) -> None:
        """Emit all of it."""
        self._find()
        self._put()
        self._join()
        self._forget_image()
        self._forget()
        self._not_known()
        self._fork()

    def _start(self, name: str, *arguments: str) -> tuple[Function, Ptr]:
        fn = self.unit.function(name, "slot", *arguments)
        return fn, fn.lookup(SCRATCH_MAP, fn.argument())

    @staticmethod
    def _key(fn: Function, slot: Ptr) -> Ptr:
        ticks = slot.at(scratch.word("start")).load() // PRIMED_TICK_NS
        pid = slot.at(scratch.word("pid")).load()
        key = fn.stack(8)
        key.store((pid << 32) | (ticks & 0xFFFFFFFF))
        return key

    def _digest(self, fn: Function, slot: Ptr) -> Int:
        table = content.table(fn, slot, self.plan.event.map)
        return table.at(self.plan.digest_offset).load()

    def _find(self) -> None:
        fn, slot = self._start("find_ancestry")
        entry = fn.find(ANCESTRY_MAP, self._key(fn, slot))
        with fn.when(entry.is_null()):
            fn.ret(NO_ANCESTORS | NO_OWN)
        with fn.when(entry.at(ANCESTRY["digest"].offset).load().ne(self._digest(fn, slot))):
            fn.ret(NO_ANCESTORS | NO_OWN)
        for name in PAIRS:
            slot.at(scratch.word(name)).store(entry.at(ANCESTRY[name].offset).load())
        fn.ret(entry.at(ANCESTRY["examined"].offset).load().ne(0).select(0, NO_OWN))

    def _put(self) -> None:
        fn, slot = self._start("put_ancestry", "examined")
        value = slot.at(self.layout.staging)
        value.at(ANCESTRY["digest"].offset).store(self._digest(fn, slot))
        for name in PAIRS:
            value.at(ANCESTRY[name].offset).store(slot.at(scratch.word(name)).load())
        value.at(ANCESTRY["examined"].offset).store(fn.argument(1))
        table, key = fn.map(ANCESTRY_MAP), self._key(fn, slot)
        failed = fn.helper("map_update_elem", table, key, value, ANY) & 0xFFFFFFFF
        fn.ret(failed.ne(0).to_int())

    def _join(self) -> None:
        fn, slot = self._start("join_ancestry")
        place, doubt = (slot.at(scratch.word(name)) for name in PAIRS[:2])
        own, own_doubt = (slot.at(scratch.word(name)).load() for name in PAIRS[2:])
        known = place.load() | own
        place.store(known)
        doubt.store((doubt.load() | own_doubt) & ~known)
        for name in PAIRS[2:]:
            slot.at(scratch.word(name)).store(0)
        fn.ret(0)

    def _forget_image(self) -> None:
        fn, slot = self._start("forget_image")
        entry = fn.find(ANCESTRY_MAP, self._key(fn, slot))
        with fn.when(~entry.is_null()):
            entry.at(ANCESTRY["examined"].offset).store(0)
        fn.ret(0)

    def _forget(self) -> None:
        fn, slot = self._start("forget_ancestry")
        fn.helper("map_delete_elem", fn.map(ANCESTRY_MAP), self._key(fn, slot))
        fn.ret(0)

    def _not_known(self) -> None:
        fn, slot = self._start(NOT_KNOWN)
        nothing_known(slot)
        slot.at(scratch.word("ancestry")).store(scratch.KNOWN)
        fn.ret(0)

    def _fork(self) -> None:
        fn, slot = self._start("fork_ancestry")
        index = fn.argument()
        numbers = {n.name: n.index for n in self.plan.event.layout.numbers}
        place = slot.at(scratch.number(numbers["ancestor.pid"]))
        child, forker = (
            [slot.at(scratch.word(f"{who}{name}")).load() for name in ("pid", "start")]
            for who in ("", "forker_")
        )
        shown = place.load()
        self._be(slot, forker)
        lacking = fn.call("find_ancestry", index)
        with fn.when((lacking & NO_ANCESTORS).ne(0)):
            nothing_known(slot)
        with fn.when((lacking & NO_OWN).ne(0)):
            place.store(forker[0])
            fn.call("core_process_image", index)
            place.store(shown)
        with fn.when(forker[0].eq(0)) as otherwise:
            for name in PAIRS:
                slot.at(scratch.word(name)).store(0)
            otherwise()
            with fn.when(lacking.ne(0)):
                fn.call("put_ancestry", index, 1)
        self._be(slot, child)
        fn.call("join_ancestry", index)
        fn.call("put_ancestry", index, 0)
        fn.ret(0)

    @staticmethod
    def _be(slot: Ptr, process: list[Int]) -> None:
        """Another process in the words pid and start."""
        for name, value in zip(("pid", "start"), process, strict=True):
            slot.at(scratch.word(name)).store(value)
