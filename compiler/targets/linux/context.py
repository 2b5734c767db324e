"""What Linux adapters read about the subject of an event: one function for each group of fields.

All take a scratch slot; the address of the subject's task_struct stands in the word `task`.
"""

from attrs import frozen

from bpfc.artifact import record
from bpfc.artifact.control import PROCESS, PROCESS_IN_MEMORY
from compiler.emit import scratch
from compiler.emit.bits import equal, pick
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.targets.common.groups import Group, set_view
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count
from compiler.targets.common.stored import STORED_TEXTS
from compiler.targets.linux.kernel import address, read, read_chain

COMM_SIZE = 16  # TASK_COMM_LEN, include/linux/sched.h
TTY_SIZE = 64  # struct tty_struct, name
CHUNK = 4096  # of a command line, read at a time
NAME_STEP = 256  # bytes of a file name that one call searches

GROUPS = (
    Group("ctx_ids", ("proc.pid", "proc.ppid", "proc.start_time", "proc.parent.start_time")),
    Group("ctx_cred", ("proc.uid", "proc.gid", "proc.euid")),
    Group("ctx_cgroup", ("proc.cgroup_id",)),
    Group("ctx_comm", ("proc.comm",)),
    Group("ctx_tty", ("proc.tty",)),
    Group("find_process", (), ("ctx_ids",)),
    Group("find_parent", (), ("ctx_ids",)),
    Group("ctx_memory", ("proc.exe.in_memory",), ("find_process",)),
    *(text.group for text in STORED_TEXTS),
)


@frozen
class Place:
    """Where a text goes: its view, its place in the text window, and how long it can be there."""

    view: int
    window: int
    size: int


def kernel_text(fn: Function, slot: Ptr, layout: Layout, place: Place, at: Int) -> None:
    """Read a NUL-terminated text of the kernel into its view.

    Args:
        fn: the function.
        slot: the scratch slot.
        layout: of the slot.
        place: where it goes.
        at: its address.
    """
    target = slot.at(layout.text + place.window)
    length = fn.helper("probe_read_kernel_str", target, place.size, at)
    with fn.when(length.le_signed(0)) as otherwise:
        count(fn, "unreadable")
        set_view(slot, place.view, place.window, 0, record.VIEW_UNKNOWN)
        otherwise()
        set_view(slot, place.view, place.window, length - 1, 0)


class Context:
    """Emits the reading functions of the Linux half.

    Args:
        unit: the half's module.
        platform: the system.
        views: text view by catalogue name.
        numbers: number index by catalogue name.
    """

    def __init__(
        self, unit: Unit, platform: Platform, views: dict[str, int], numbers: dict[str, int]
    ) -> None:
        self.unit, self.platform, self.layout = unit, platform, platform.layout
        self.views, self.numbers = views, numbers

    def emit(self, groups: tuple[Group, ...]) -> None:
        """Emit what reads a new image, and the functions of groups.

        Args:
            groups: the groups in use; those of stored texts are emitted elsewhere.
        """
        emitters = {
            "ctx_ids": self._ids,
            "ctx_cred": self._cred,
            "ctx_cgroup": self._cgroup,
            "ctx_comm": self._comm,
            "ctx_tty": self._tty,
            "ctx_memory": self._memory,
        }
        for group in groups:
            if group.function in emitters:
                emitters[group.function]()
        self._chunk()
        self._read_cmdline()
        self._read_names()

    def _start(self, name: str) -> tuple[Function, Ptr, Int]:
        fn = self.unit.function(name, "slot")
        slot = fn.lookup("scratch", fn.argument())
        return fn, slot, slot.at(scratch.word("task")).load()

    def _number(self, slot: Ptr, field: str, value: Int) -> None:
        slot.at(scratch.number(self.numbers[field])).store(value)

    # ------------------------------------------------------------------ numbers

    def _ids(self) -> None:
        fn, slot, task = self._start("ctx_ids")
        leader = read(fn, task, "task_struct.group_leader")
        pid = read(fn, leader, "task_struct.tgid")
        start = read(fn, leader, "task_struct.start_boottime")
        parent = read_chain(fn, leader, "task_struct.real_parent", "task_struct.group_leader")
        parent_pid = read(fn, parent, "task_struct.tgid")
        slot.at(scratch.word("pid")).store(pid)
        slot.at(scratch.word("start")).store(start)
        slot.at(scratch.word("parent_pid")).store(parent_pid)
        parent_start = read(fn, parent, "task_struct.start_boottime")
        slot.at(scratch.word("parent_start")).store(parent_start)
        self._number(slot, "proc.pid", pid)
        self._number(slot, "proc.ppid", parent_pid)
        self._number(slot, "proc.start_time", start)
        if "proc.parent.start_time" in self.numbers:
            self._number(slot, "proc.parent.start_time", parent_start)
        fn.ret(0)

    def _cred(self) -> None:
        fn, slot, task = self._start("ctx_cred")
        cred = read(fn, task, "task_struct.cred")
        self._number(slot, "proc.uid", read(fn, cred, "cred.uid.val"))
        self._number(slot, "proc.gid", read(fn, cred, "cred.gid.val"))
        self._number(slot, "proc.euid", read(fn, cred, "cred.euid.val"))
        fn.ret(0)

    def _cgroup(self) -> None:
        fn, slot, task = self._start("ctx_cgroup")
        node = read_chain(
            fn, task, "task_struct.cgroups", "css_set.dfl_cgrp", "cgroup.kn", "kernfs_node.id"
        )
        self._number(slot, "proc.cgroup_id", node)
        fn.ret(0)

    def _memory(self) -> None:
        fn, slot, _ = self._start("ctx_memory")
        flags = slot.at(self.layout.process + PROCESS["flags"].offset).load(4)
        self._number(slot, "proc.exe.in_memory", ((flags & PROCESS_IN_MEMORY).ne(0)).to_int())
        unread = slot.at(self.layout.process + PROCESS["exe_flags"].offset).load(4)
        unknown = (unread & record.VIEW_UNKNOWN).ne(0)
        place = slot.at(scratch.header("unknown"))
        bit = 1 << self.numbers["proc.exe.in_memory"]
        place.store(place.load() | unknown.select(bit, 0))
        fn.ret(0)

    # ------------------------------------------------------------------ short texts

    def _kernel_text(
        self, fn: Function, slot: Ptr, field: str, window: int, size: int, at: Int
    ) -> None:
        kernel_text(fn, slot, self.layout, Place(self.views[field], window, size), at)

    def _comm(self) -> None:
        fn, slot, task = self._start("ctx_comm")
        leader = read(fn, task, "task_struct.group_leader")
        at = address(fn, leader, "task_struct.comm")
        self._kernel_text(fn, slot, "proc.comm", scratch.COMM_AT, COMM_SIZE, at)
        fn.ret(0)

    def _tty(self) -> None:
        fn, slot, task = self._start("ctx_tty")
        tty = read_chain(fn, task, "task_struct.signal", "signal_struct.tty")
        with fn.when(tty.eq(0)):
            set_view(slot, self.views["proc.tty"], scratch.TTY_AT, 0, record.VIEW_ABSENT)
            fn.ret(0)
        at = address(fn, tty, "tty_struct.name")
        self._kernel_text(fn, slot, "proc.tty", scratch.TTY_AT, TTY_SIZE, at)
        fn.ret(0)

    # ------------------------------------------------------------------ the new image of an exec

    def _chunk(self) -> None:
        """`cmdline_chunk(slot)`: read up to CHUNK further bytes of the arguments; 1 at the end, 2
        if unreadable."""
        fn = self.unit.function("cmdline_chunk", "slot")
        slot = fn.lookup("scratch", fn.argument(), 1)
        position = slot.at(scratch.word("position")).load()
        left = slot.at(scratch.word("length")).load() - position
        size = left.le(CHUNK).select(left, CHUNK)
        source = slot.at(scratch.word("state")).load() + position
        target = slot.at(position.masked(scratch.CMDLINE_MAX - 1)).at(self.layout.text)
        failed = fn.helper("probe_read_user", target, size.bounded(2 * CHUNK - 1), source)
        with fn.when(failed.negative()):
            fn.ret(2)
        slot.at(scratch.word("position")).store(position + size)
        fn.ret((position + size).ge(slot.at(scratch.word("length")).load()).to_int())

    def _read_cmdline(self) -> None:
        """`read_cmdline(slot)`: the arguments of the new image, straight from its memory."""
        fn, slot, task = self._start("read_cmdline")
        view = self.views["proc.cmdline"]
        memory = read(fn, task, "task_struct.mm")
        start = read(fn, memory, "mm_struct.arg_start")
        whole = read(fn, memory, "mm_struct.arg_end") - start
        longer = whole.ge(scratch.CMDLINE_MAX + 1)
        length = longer.select(scratch.CMDLINE_MAX, whole)
        slot.at(scratch.word("state")).store(start)
        slot.at(scratch.word("length")).store(length)
        slot.at(scratch.word("position")).store(0)
        flags = longer.select(record.VIEW_TRUNCATED, 0)
        with fn.when(length.eq(0)):
            set_view(slot, view, scratch.CMDLINE_AT, 0, 0)
            fn.ret(0)
        result = fn.straight_calls("cmdline_chunk", fn.argument(), scratch.CMDLINE_MAX // CHUNK)
        done = slot.at(scratch.word("position")).load()
        with fn.when(result.ne(1)):
            count(fn, "unreadable")
            nothing = done.eq(0).select(record.VIEW_UNKNOWN, record.VIEW_TRUNCATED)
            set_view(slot, view, scratch.CMDLINE_AT, done, nothing)
            fn.ret(0)
        # The NUL behind the last argument is no part of the text.
        last = slot.at((done - 1).masked(scratch.CMDLINE_MAX - 1)).at(self.layout.text).load(1)
        ending = last.eq(0) & flags.eq(0)
        set_view(slot, view, scratch.CMDLINE_AT, done - ending.to_int(), flags)
        fn.ret(0)

    def _read_names(self) -> None:
        """`read_names(slot)`: what the caller of exec named: proc.invoked_as and, for a script,
        its path."""
        self._name_step()
        fn = self.unit.function("read_names", "slot")
        slot = fn.lookup("scratch", fn.argument())
        program = slot.at(scratch.word("binprm")).load()
        name = read(fn, program, "linux_binprm.filename")
        interpreter = read(fn, program, "linux_binprm.interp")
        self._kernel_text(fn, slot, "proc.script.path", scratch.SCRIPT_AT, CHUNK, name)
        self._base_name(fn, slot)
        with fn.when(name.eq(interpreter)):
            absent = record.VIEW_ABSENT
            set_view(slot, self.views["proc.script.path"], scratch.SCRIPT_AT, 0, absent)
        fn.ret(0)

    def _base_name(self, fn: Function, slot: Ptr) -> None:
        """The part behind the last slash of the text at SCRIPT_AT, as proc.invoked_as."""
        named = slot.at(scratch.view(self.views["proc.script.path"]))
        length, flags = named.at(4).load(4), named.at(8).load(4)
        slot.at(scratch.word("position")).store(0)
        slot.at(scratch.word("state")).store(0)
        slot.at(scratch.word("length")).store(length)
        fn.straight_calls("name_step", fn.argument(), CHUNK // NAME_STEP)
        behind = slot.at(scratch.word("state")).load()
        size = length - behind
        shown = size.le(255).select(size, 255)
        flags = flags | size.le(255).select(0, record.VIEW_TRUNCATED)
        target = slot.at(self.layout.text + scratch.INVOKED_AT)
        source = slot.at((behind + scratch.SCRIPT_AT).masked(self.layout.text_mask)).at(
            self.layout.text
        )
        self.platform.copy(fn, target, shown.bounded(255), source)
        set_view(slot, self.views["proc.invoked_as"], scratch.INVOKED_AT, shown, flags)

    def _name_step(self) -> None:
        """`name_step(slot)`: look for the last slash in NAME_STEP further bytes of the text at
        SCRIPT_AT."""
        fn = self.unit.function("name_step", "slot")
        slot = fn.lookup("scratch", fn.argument(), 1)
        position = fn.variable(slot.at(scratch.word("position")).load())
        behind = fn.variable(slot.at(scratch.word("state")).load())
        length = slot.at(scratch.word("length")).load()
        with fn.loop(NAME_STEP) as (_, leave):
            leave(position.get().ge(length))
            at = (position.get() + scratch.SCRIPT_AT).masked(self.layout.text_mask)
            byte = slot.at(at).at(self.layout.text).load(1)
            position.set(position.get() + 1)
            slash = equal(byte, fn.const(ord("/")))
            behind.set(pick(slash, position.get(), behind.get()))
        slot.at(scratch.word("position")).store(position.get())
        slot.at(scratch.word("state")).store(behind.get())
        with fn.when(position.get().ge(length)):
            fn.ret(1)
        fn.ret(0)
