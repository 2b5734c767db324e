"""Ancestors by position, `proc.ancestors[n]`: up the chain of parents as the kernel has it now.

`ctx_ancestors(slot)` climbs from parent to parent with `climb(slot)`, as far as a policy asks, and
takes what it asks for there: ids from the kernel, texts from the process table.
"""

from collections.abc import Mapping

from bpfc.artifact import record
from bpfc.artifact.control import PROCESS_SIZE
from compiler.emit import scratch
from compiler.emit.core import POSITIONS
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import PART_VIEWS
from compiler.targets.common.groups import Group, set_view
from compiler.targets.common.stored import StoredText, load_stored
from compiler.targets.linux.kernel import read, read_chain

HIGHEST = 16  # position that the catalogue has
_PREFIXES = {"exe.path": "exe", "cmdline": "cmdline"}
_ENTRY = 2  # the staging area, behind the copies of process and parent
_NAMES = ("pid", "exe.path", "exe.name", "cmdline")


def _field(position: int, name: str) -> str:
    return f"{POSITIONS}{position}].{name}"


ANCESTORS = Group(
    "ctx_ancestors",
    tuple(_field(position, name) for position in range(1, HIGHEST + 1) for name in _NAMES),
)


class Positions:
    """Emits these functions.

    Args:
        unit: the half's module.
        layout: the scratch slot.
        views: text view by catalogue name.
        numbers: number index by catalogue name.
    """

    def __init__(
        self, unit: Unit, layout: Layout, views: Mapping[str, int], numbers: Mapping[str, int]
    ) -> None:
        self.unit, self.layout = unit, layout
        self.views, self.numbers = views, numbers
        self._windows = iter(range(scratch.ANCESTORS_AT, layout.text_window, scratch.ANCESTOR_TEXT))

    def emit(self) -> None:
        """Emit them."""
        assert self.layout.staging == self.layout.process + _ENTRY * PROCESS_SIZE
        self._climb()
        fn = self.unit.function(ANCESTORS.function, "slot")
        slot = fn.lookup("scratch", fn.argument())
        task = slot.at(scratch.word("task")).load()
        slot.at(scratch.word("climbed")).store(task)
        used = {name for name in (*self.views, *self.numbers) if name in ANCESTORS.fields}
        highest = max(int(name[len(POSITIONS) :].partition("]")[0]) for name in used)
        for position in range(1, highest + 1):
            pid = fn.call("climb", fn.argument())
            if any(_field(position, name) in used for name in _NAMES):
                fn.call(self._position(position), fn.argument(), pid)
        fn.ret(0)

    def _climb(self) -> None:
        """`climb(slot)`: one parent further; its id, 0 behind the first process."""
        fn = self.unit.function("climb", "slot")
        slot = fn.lookup("scratch", fn.argument())
        place = slot.at(scratch.word("climbed"))
        parent = read_chain(
            fn,
            place.load(),
            "task_struct.group_leader",
            "task_struct.real_parent",
            "task_struct.group_leader",
        )
        place.store(parent)
        pid = read(fn, parent, "task_struct.tgid")
        slot.at(scratch.word("climbed_pid")).store(pid)
        begun = read(fn, parent, "task_struct.start_boottime")
        slot.at(scratch.word("climbed_start")).store(begun)
        fn.ret(pid)

    def _position(self, position: int) -> str:
        """The function that takes what is asked for at a position: `ancestorN(slot, pid)`."""
        name = f"ancestor{position}"
        fn = self.unit.function(name, "slot", "pid")
        slot = fn.lookup("scratch", fn.argument())
        pid = fn.argument(1)
        self._number(slot, position, pid)
        texts = {
            text: self.views[_field(position, text)]
            for text in _PREFIXES
            if _field(position, text) in self.views
        }
        if texts:
            with fn.when(pid.eq(0)):
                for text, view in texts.items():
                    set_view(slot, view, 0, 0, record.VIEW_ABSENT)
                    if text == "exe.path":
                        set_view(slot, view + PART_VIEWS, 0, 0, record.VIEW_ABSENT)
                fn.ret(0)
            fn.call("find_ancestor", fn.argument())
            self._texts(fn, slot, texts)
        fn.ret(0)
        return name

    def _number(self, slot: Ptr, position: int, pid: Int) -> None:
        index = self.numbers.get(_field(position, "pid"))
        if index is None:
            return
        slot.at(scratch.number(index)).store(pid)
        place = slot.at(scratch.header("absent"))
        place.store(place.load() | pid.eq(0).select(1 << index, 0))

    def _texts(self, fn: Function, slot: Ptr, texts: Mapping[str, int]) -> None:
        for text, view in texts.items():
            group = Group(ANCESTORS.function, ())
            stored = StoredText(group, _ENTRY, _PREFIXES[text], next(self._windows))
            load_stored(fn, slot, self.layout, stored, view)
