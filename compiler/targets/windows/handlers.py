"""What happens at each hook of the Windows half, in a scratch slot."""

from bpfc.artifact import record
from bpfc.artifact.control import PROCESS
from bpfc.artifact.manifest import EventLayout
from compiler.emit import scratch
from compiler.emit.bits import equal, pick
from compiler.emit.core import Origins
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import PART_VIEWS, EventPlan
from compiler.targets.common.groups import (
    Group,
    Subject,
    in_use,
    judge,
    lacking,
    prepare,
)
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count
from compiler.targets.common.stored import STORED_TEXTS

NAME_STEP = 64  # UTF-16 units of a path that one call searches
PATH_BYTES = 8192  # room for an image path in the text window
BACKSLASH = ord("\\")


class Handlers:
    """Emits `on_process(slot)`, `on_process_end(slot)` and `on_connect(slot)`.

    Args:
        unit: the half's module.
        platform: the system.
        events: plans of the events that Windows carries, by name.
        context: layout of the process context.
        known: catalogue names of the fields that Windows knows.
        origins: lines to quote.
    """

    def __init__(
        self,
        unit: Unit,
        platform: Platform,
        events: dict[str, EventPlan],
        context: EventLayout,
        known: set[str],
        origins: Origins,
    ) -> None:
        self.unit, self.layout, self.events = unit, platform.layout, events
        self.context, self.known, self.origins = context, known, origins
        self.views = {t.name: t.view for t in context.texts if not t.part}
        self.numbers = {n.name: n.index for n in context.numbers}
        stored = tuple(t.group for t in STORED_TEXTS if t.group.fields[0] in known)
        groups = (
            Group("ctx_ids", ("proc.pid", "proc.ppid")),
            Group("find_process", (), ("ctx_ids",)),
            Group("find_parent", (), ("ctx_ids",)),
            *stored,
        )
        self.groups = in_use(groups, context)

    def emit(self) -> None:
        """Emit all of them."""
        self._ids()
        self._name_step()
        self._image_name()
        self._process()
        self._process_end()
        if "net.connect" in self.events:
            self._connect()

    def _start(self, name: str, event: str) -> tuple[Function, Ptr]:
        fn = self.unit.function(name, "slot", place=self.origins.event(event))
        slot = fn.lookup("scratch", fn.argument())
        count(fn, "events")
        layout = self.events[event].layout if event in self.events else self.context
        prepare(fn, slot, lacking(layout, "windows"))
        return fn, slot

    def _judge(self, fn: Function, slot: Ptr, event: str, loaded: tuple[str, ...]) -> Int:
        if event not in self.events:
            return fn.const(0)
        subject = Subject(self.events[event], record.STAGE_BEFORE, self.groups, loaded)
        return judge(fn, slot, subject, self.origins)

    def _number(self, slot: Ptr, field: str, value: Int) -> None:
        slot.at(scratch.number(self.numbers[field])).store(value)

    # ------------------------------------------------------------------ context

    def _ids(self) -> None:
        """`ctx_ids(slot)`: the process of the word `pid`; its parent is known from its start."""
        fn = self.unit.function("ctx_ids", "slot")
        slot = fn.lookup("scratch", fn.argument())
        fn.call("find_process", fn.argument())
        parent = slot.at(self.layout.process + PROCESS["ppid"].offset).load(4)
        slot.at(scratch.word("parent_pid")).store(parent)
        self._number(slot, "proc.pid", slot.at(scratch.word("pid")).load())
        self._number(slot, "proc.ppid", parent)
        fn.ret(0)

    def _name_step(self) -> None:
        """`name_step(slot)`: look for the last backslash in NAME_STEP further units of the image
        path."""
        fn = self.unit.function("name_step", "slot")
        slot = fn.lookup("scratch", fn.argument(), 1)
        position = fn.variable(slot.at(scratch.word("position")).load())
        behind = fn.variable(slot.at(scratch.word("state")).load())
        length = slot.at(scratch.word("length")).load()
        with fn.loop(NAME_STEP) as (_, leave):
            leave(position.get().ge(length))
            at = position.get().masked(PATH_BYTES - 2)
            unit = slot.at(at).at(self.layout.text + scratch.EXE_AT).load(2)
            position.set(position.get() + 2)
            found = equal(unit, fn.const(BACKSLASH))
            behind.set(pick(found, position.get(), behind.get()))
        slot.at(scratch.word("position")).store(position.get())
        slot.at(scratch.word("state")).store(behind.get())
        with fn.when(position.get().ge(length)):
            fn.ret(1)
        fn.ret(0)

    def _image_name(self) -> None:
        """`image_name(slot)`: the last component of the image path."""
        fn = self.unit.function("image_name", "slot")
        slot = fn.lookup("scratch", fn.argument())
        path = slot.at(scratch.view(self.views["proc.exe.path"]))
        name = slot.at(scratch.view(self.views["proc.exe.path"] + PART_VIEWS))
        length = path.at(4).load(4)
        slot.at(scratch.word("position")).store(0)
        slot.at(scratch.word("state")).store(0)
        slot.at(scratch.word("length")).store(length)
        fn.straight_calls("name_step", fn.argument(), PATH_BYTES // 2 // NAME_STEP)
        behind = slot.at(scratch.word("state")).load()
        name.store(behind + scratch.EXE_AT, 4)
        name.at(4).store(length - behind, 4)
        name.at(8).store(path.at(8).load(4), 4)
        slot.at(scratch.word("walk_name")).store(length - behind)
        fn.ret(0)

    # ------------------------------------------------------------------ events

    def _process(self) -> None:
        """A process is about to start: program and command line are known, and it can be
        refused."""
        fn, slot = self._start("on_process", "process.exec")
        fn.call("image_name", fn.argument())
        for word in ("start", "parent_start", "flags", "device", "inode"):
            slot.at(scratch.word(word)).store(0)
        for field in ("pid", "ppid"):
            word = "pid" if field == "pid" else "parent_pid"
            self._number(slot, f"proc.{field}", slot.at(scratch.word(word)).load())
        place = slot.at(self.layout.process)
        for prefix in ("invoked", "script"):
            place.at(PROCESS[f"{prefix}_flags"].offset).store(record.VIEW_ABSENT, 4)
        fn.call("enter_process", fn.argument())
        loaded = ("ctx_ids", "find_process", "ctx_exe", "ctx_cmdline")
        verdict = self._judge(fn, slot, "process.exec", loaded)
        with fn.when((verdict & record.ACT_DENY).ne(0)):
            # It never runs, so its end is never reported.
            fn.call("leave_process", fn.argument())
            fn.call("release_texts", fn.argument())
        fn.ret(verdict)

    def _process_end(self) -> None:
        """A process has ended."""
        fn, _ = self._start("on_process_end", "process.exec")
        found = fn.call("find_process", fn.argument())
        with fn.when(found.ne(0)):
            fn.call("leave_process", fn.argument())
            fn.call("release_texts", fn.argument())
        fn.ret(0)

    def _connect(self) -> None:
        """A connection is about to be made: address and port stand in the record already."""
        fn, slot = self._start("on_connect", "net.connect")
        fn.ret(self._judge(fn, slot, "net.connect", ()))
