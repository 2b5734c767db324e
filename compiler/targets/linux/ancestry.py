"""What is known of ancestors on Linux, beyond what is handed on at fork: found out from the process
table, up the chain of those that forked.

Of a process whose entry is of other conditions, or that ran before there were any, the chain is
walked once. A companion of the event's scratch slot (the number behind those that programs claim)
holds the images on the way, so the event's own record stays as it is.

- `recall_ancestry(slot)`: of the event's process, for the core.
- `forker_ancestry(slot)`: of the process of the words pid and start, which forks: its ancestors and
  its own image.
- `walk_ancestors(slot)`, `ancestor_step(slot)`: in a companion, whose copy of a process table entry
  is that of the process whose ancestors are wanted; into the words `walked` and `walked_unknown`.
"""

from bpfc.artifact.control import (
    PRIMED_TICK_NS,
    PROCESS,
    PROCESSES_MAP,
    SCRATCH_MAP,
    SCRATCH_PER_CPU,
)
from compiler.emit import scratch
from compiler.emit.ancestry import NO_ANCESTORS, NO_OWN, PAIRS, nothing_known
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import ImagePlan
from compiler.targets.common.groups import Group
from compiler.targets.common.slots import count
from dsl.ancestry import of_process

LEVELS = 32  # ancestors that a walk looks at
WALKED = ("walked", "walked_unknown")
_ELSEWHERE = ("ctx_ids",)  # reads a task_struct, which an ancestor need not have any more


class Ancestry:
    """Emits these functions.

    Args:
        unit: the half's module.
        layout: the scratch slot.
        plan: of images.
        groups: the context groups in use.
        number: number word of the process id in a record.
    """

    def __init__(
        self, unit: Unit, layout: Layout, plan: ImagePlan, groups: tuple[Group, ...], number: int
    ) -> None:
        self.unit, self.layout, self.number = unit, layout, number
        fields = {of_process(name) for name in plan.event.fields}
        self.loads = tuple(
            group.function
            for group in groups
            if fields.intersection(group.fields) and group.function not in _ELSEWHERE
        )

    def emit(self) -> None:
        """Emit all of them."""
        self._image()
        self._step()
        self._walk()
        self._recall()
        self._forker()

    def _start(self, name: str) -> tuple[Function, Ptr]:
        fn = self.unit.function(name, "slot")
        return fn, fn.lookup(SCRATCH_MAP, fn.argument())

    def _image(self) -> None:
        """`ancestor_image(slot)`: what holds of the process whose entry the companion has."""
        fn, slot = self._start("ancestor_image")
        for name in ("unknown", "absent"):
            slot.at(scratch.header(name)).store(0)
        slot.at(scratch.number(self.number)).store(slot.at(scratch.word("pid")).load())
        for function in self.loads:
            fn.call(function, fn.argument())
        fn.call("core_process_image", fn.argument())
        fn.ret(0)

    # ------------------------------------------------------------------ up the chain

    def _step(self) -> None:
        """`ancestor_step`: one ancestor further; 1 if nothing is to be found out above it."""
        fn, slot = self._start("ancestor_step")
        place = slot.at(self.layout.process)
        pid = place.at(PROCESS["forker_pid"].offset).load(4)
        begun = place.at(PROCESS["forker_start"].offset).load()
        with fn.when(pid.eq(0)):
            fn.ret(1)
        slot.at(scratch.word("pid")).store(pid)
        slot.at(scratch.word("start")).store(self._begin(fn, slot, pid, begun))
        with fn.when(fn.call("find_process", fn.argument()).eq(0)):
            self._lost(slot)
            fn.ret(1)
        lacking = fn.call("find_ancestry", fn.argument())
        with fn.when((lacking & NO_OWN).ne(0)):
            fn.call("ancestor_image", fn.argument())
        self._gather(slot, PAIRS[2:])
        with fn.when((lacking & NO_ANCESTORS).ne(0)):
            fn.ret(0)
        self._gather(slot, PAIRS[:2])
        fn.ret(1)

    def _begin(self, fn: Function, slot: Ptr, pid: Int, begun: Int) -> Int:
        """The start of the process that has the id now; returns from the function where that is
        another one than forked. Starts from /proc are in ticks."""
        entry = fn.find(PROCESSES_MAP, fn.key(pid))
        with fn.when(entry.is_null()):
            self._lost(slot)
            fn.ret(1)
        start = entry.at(PROCESS["start"].offset).load()
        with fn.when((start // PRIMED_TICK_NS).ne(begun // PRIMED_TICK_NS)):
            self._lost(slot)
            fn.ret(1)
        return start

    @staticmethod
    def _lost(slot: Ptr) -> None:
        """Of this ancestor and those above it nothing can be said."""
        slot.at(scratch.word(WALKED[1])).store(-1)

    @staticmethod
    def _gather(slot: Ptr, pair: tuple[str, ...]) -> None:
        for walked, found in zip(WALKED, pair, strict=True):
            place = slot.at(scratch.word(walked))
            place.store(place.load() | slot.at(scratch.word(found)).load())

    def _walk(self) -> None:
        fn, slot = self._start("walk_ancestors")
        known, unknown = (slot.at(scratch.word(name)) for name in WALKED)
        known.store(0)
        unknown.store(0)
        with fn.when(fn.straight_calls("ancestor_step", fn.argument(), LEVELS).eq(0)):
            self._lost(slot)
        unknown.store(unknown.load() & ~known.load())
        fn.ret(0)

    # ------------------------------------------------------------------ for an event

    def _companion(self, fn: Function, slot: Ptr) -> tuple[Int, Ptr, Int]:
        """The companion with the entry of the slot's process: its number, itself, and whether there
        is an entry."""
        index = fn.argument() | SCRATCH_PER_CPU
        other = fn.lookup(SCRATCH_MAP, index)
        for name in ("pid", "start", "buffer"):
            other.at(scratch.word(name)).store(slot.at(scratch.word(name)).load())
        return index, other, fn.call("find_process", index)

    @staticmethod
    def _take(slot: Ptr, other: Ptr, source: tuple[str, ...], target: tuple[str, ...]) -> None:
        for found, name in zip(source, target, strict=True):
            slot.at(scratch.word(name)).store(other.at(scratch.word(found)).load())

    @staticmethod
    def put(fn: Function, examined: int) -> None:
        """Enter what the slot's words say of its process; counted if there is no room."""
        with fn.when(fn.call("put_ancestry", fn.argument(), examined).ne(0)):
            count(fn, "ancestry_full")

    def _recall(self) -> None:
        fn, slot = self._start("recall_ancestry")
        slot.at(scratch.word("ancestry")).store(scratch.KNOWN)
        nothing_known(slot)
        index, other, found = self._companion(fn, slot)
        with fn.when(found.eq(0)):
            fn.ret(0)
        fn.call("walk_ancestors", index)
        self._take(slot, other, WALKED, PAIRS[:2])
        for name in PAIRS[2:]:
            slot.at(scratch.word(name)).store(0)
        self.put(fn, 0)
        fn.ret(0)

    def _forker(self) -> None:
        fn, slot = self._start("forker_ancestry")
        lacking = fn.call("find_ancestry", fn.argument())
        with fn.when(lacking.eq(0)):
            fn.ret(0)
        index, other, found = self._companion(fn, slot)
        with fn.when((lacking & NO_ANCESTORS).ne(0)):
            nothing_known(slot)
        slot.at(scratch.word(PAIRS[2])).store(0)
        slot.at(scratch.word(PAIRS[3])).store(-1)
        with fn.when(found.eq(0)):
            fn.ret(0)
        fn.call("ancestor_image", index)
        self._take(slot, other, PAIRS[2:], PAIRS[2:])
        with fn.when((lacking & NO_ANCESTORS).ne(0)):
            fn.call("walk_ancestors", index)
            self._take(slot, other, WALKED, PAIRS[:2])
        self.put(fn, 1)
        fn.ret(0)
