"""The programs of the Windows half: a dispatcher and an adapter for each hook.

Contexts are those of ntosebpfext's process_md_t and netebpfext's bpf_sock_addr_t
(bpfc.abi.windows). Windows kernels have value-returning atomics, so there is one variant only.
"""

from attrs import frozen

from bpfc.abi.windows import (
    PROCESS,
    PROCESS_ALLOW,
    PROCESS_CREATE,
    SOCK_ADDR,
    SOCK_ADDR_ALLOW,
    SOCK_ADDR_DENY,
    STATUS_ACCESS_DENIED,
)
from bpfc.artifact import control, record
from bpfc.artifact.manifest import ProgramInfo
from compiler.emit import scratch
from compiler.emit.core import Origins
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan
from compiler.targets.common.address import read_address, store_address
from compiler.targets.common.buffer import read_buffer
from compiler.targets.common.groups import set_view
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count
from compiler.targets.windows.handlers import PATH_BYTES

DENIED_STATUS = STATUS_ACCESS_DENIED - (1 << 32)  # as the signed 32-bit result of a program


@frozen
class Hook:
    """A hook.

    Args:
        name: short name, part of symbols; its PROG_ARRAY is progs_<name>.
        section: section prefix that Windows knows it by.
        events: events whose rules are judged here.
        always: whether it is there without rules, to keep the process table.
        neutral: return value that changes nothing.
    """

    name: str
    section: str
    events: tuple[str, ...]
    always: bool
    neutral: int

    @property
    def progs(self) -> str:
        """Name of its PROG_ARRAY."""
        return f"progs_{self.name}"


HOOKS = (
    Hook("process", "process", ("process.exec",), True, PROCESS_ALLOW),
    Hook("connect4", "cgroup/connect4", ("net.connect",), False, SOCK_ADDR_ALLOW),
    Hook("connect6", "cgroup/connect6", ("net.connect",), False, SOCK_ADDR_ALLOW),
)


class Programs:
    """Emits the programs of the half.

    Args:
        unit: the half's module.
        platform: the system.
        events: plans of the events that Windows carries, by name.
        views: text view by catalogue name.
        origins: lines to quote.
    """

    def __init__(
        self,
        unit: Unit,
        platform: Platform,
        events: dict[str, EventPlan],
        views: dict[str, int],
        origins: Origins,
    ) -> None:
        self.unit, self.layout, self.events = unit, platform.layout, events
        self.views, self.origins = views, origins

    def emit(self, hook: Hook) -> tuple[ProgramInfo, ...]:
        """Emit the dispatcher and the adapter of a hook; returns what the manifest says of them."""
        return self._dispatcher(hook), self._adapter(hook)

    def _program(self, hook: Hook, role: str) -> Function:
        # Windows goes by the longest registered prefix, so the role can follow it.
        place = self.origins.event(hook.events[0])
        section = f"{hook.section}/{role}"
        name = f"{role}_{hook.name}"
        return self.unit.function(name, "ctx", section=section, context=True, place=place)

    def _info(self, hook: Hook, fn: Function, role: str) -> ProgramInfo:
        events = tuple(e for e in hook.events if e in self.events)
        section = str(fn.section)
        return ProgramInfo(fn.name, section, role, hook.name, "any", hook.progs, (), events)

    def _dispatcher(self, hook: Hook) -> ProgramInfo:
        fn = self._program(hook, "dispatch")
        word = fn.lookup(control.CONTROL_MAP, 0, hook.neutral).load_once()
        table, slot = fn.map(hook.progs), word & control.SLOT_MASK
        fn.helper("tail_call", fn.context_pointer(), table, slot)
        with fn.when(word.eq(0)) as otherwise:
            count(fn, "no_policy")
            otherwise()
            count(fn, "empty_slot")
        fn.ret(hook.neutral)
        return self._info(hook, fn, "dispatcher")

    def _adapter(self, hook: Hook) -> ProgramInfo:
        fn = self._program(hook, "adapter")
        _, buffer = read_buffer(fn, hook.neutral)
        claimed = fn.call("claim_atomic")
        with fn.when(claimed.eq(0)):
            fn.ret(hook.neutral)
        index = claimed - 1
        slot = fn.lookup(control.SCRATCH_MAP, index, hook.neutral)
        slot.at(scratch.word("buffer")).store(buffer)
        if hook.name == "process":
            self._process(fn, slot, index)
        else:
            self._connect(fn, hook, slot, index)
        return self._info(hook, fn, "adapter")

    # ------------------------------------------------------------------ process

    def _process(self, fn: Function, slot: Ptr, index: Int) -> None:
        context = fn.context_pointer()
        slot.at(scratch.word("pid")).store(context.at(PROCESS["process_id"].offset).load())
        parent = context.at(PROCESS["parent_process_id"].offset).load()
        slot.at(scratch.word("parent_pid")).store(parent)
        operation = context.at(PROCESS["operation"].offset).load(1)
        with fn.when(operation.ne(PROCESS_CREATE)):
            fn.call("on_process_end", index)
            fn.call("release_atomic", index)
            fn.ret(PROCESS_ALLOW)
        self._image_path(fn, slot)
        self._command_line(fn, slot)
        verdict = fn.call("on_process", index)
        fn.call("release_atomic", index)
        with fn.when((verdict & record.ACT_DENY).ne(0)):
            fn.ret(DENIED_STATUS)
        fn.ret(PROCESS_ALLOW)

    def _image_path(self, fn: Function, slot: Ptr) -> None:
        view = self.views["proc.exe.path"]
        target = slot.at(self.layout.text + scratch.EXE_AT)
        length = fn.helper("get_image_path", fn.context_pointer(), target, PATH_BYTES)
        with fn.when(length.as_signed_32().le_signed(0)) as otherwise:
            count(fn, "unreadable")
            set_view(slot, view, scratch.EXE_AT, 0, record.VIEW_UNKNOWN)
            otherwise()
            set_view(slot, view, scratch.EXE_AT, length & (2 * PATH_BYTES - 1), 0)

    def _command_line(self, fn: Function, slot: Ptr) -> None:
        """The command line lies between two pointers of the context; PREVAIL wants to see the
        test."""
        view, context = self.views["proc.cmdline"], fn.context_pointer()
        start = context.at(PROCESS["command_start"].offset).load_pointer()
        end = context.at(PROCESS["command_end"].offset).load_pointer()
        whole = end.to_int() - start.to_int()
        longer = whole.ge(scratch.CMDLINE_MAX + 1)
        length = longer.select(scratch.CMDLINE_MAX, whole)
        flags = longer.select(record.VIEW_TRUNCATED, 0)
        set_view(slot, view, scratch.CMDLINE_AT, 0, record.VIEW_UNKNOWN)
        with fn.when(start.at(length).le(end)):
            target = slot.at(self.layout.text + scratch.CMDLINE_AT)
            fn.helper("memcpy_s", target, scratch.CMDLINE_MAX, start, length)
            set_view(slot, view, scratch.CMDLINE_AT, length, flags)

    # ------------------------------------------------------------------ connect

    def _connect(self, fn: Function, hook: Hook, slot: Ptr, index: Int) -> None:
        context = fn.context_pointer()
        pid = fn.helper("get_current_pid_tgid") >> 32
        slot.at(scratch.word("pid")).store(pid)
        words = 1 if hook.name.endswith("4") else 4
        member = SOCK_ADDR[f"user_ip{hook.name[-1]}"].offset
        parts = [context.at(member + 4 * i).load(4) for i in range(words)]
        port = context.at(SOCK_ADDR["user_port"].offset).load(2)
        protocol = context.at(SOCK_ADDR["protocol"].offset).load(4)
        address = read_address(fn, parts, port, protocol)
        store_address(slot, self.events["net.connect"].layout, address)
        verdict = fn.call("on_connect", index)
        fn.call("release_atomic", index)
        denied = (verdict & record.ACT_DENY).ne(0)
        fn.ret(denied.select(SOCK_ADDR_DENY, SOCK_ADDR_ALLOW))
