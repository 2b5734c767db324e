"""The programs of the Linux half: a dispatcher and adapters for each hook.

A dispatcher reads the control word once and tail-calls the policy's adapter; an adapter claims a
scratch slot, notes what the context says, calls the handler and turns its verdict into the hook's
return value.
"""

from collections.abc import Callable
from functools import partial

from bpfc.abi.linux import CGROUP_ALLOW, CGROUP_DENY, SOCK_ADDR
from bpfc.artifact import control, record
from bpfc.artifact.manifest import ProgramInfo
from compiler.emit import scratch
from compiler.emit.core import Origins
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan, NumberPlan
from compiler.targets.common.address import AT_HAND, Address, read_address, store_address
from compiler.targets.common.buffer import read_buffer
from compiler.targets.common.gate import emit_bits, emit_gate, gate_of
from compiler.targets.common.slots import VARIANTS, count
from compiler.targets.linux.hooks import Hook
from compiler.targets.linux.journal import note_address
from compiler.targets.linux.kernel import read

NEEDS = {"atomic": ("atomics",), "plain": ("no_atomics",)}


class Programs:
    """Emits the programs of a half.

    Args:
        unit: the half's module.
        connect: plan of net.connect, None if no rule uses it.
        errnos: error numbers that rules deny an exec with.
        origins: lines to quote.
        journal: entries of the journal, 0 for none.
    """

    def __init__(
        self,
        unit: Unit,
        connect: EventPlan | None,
        errnos: tuple[int, ...],
        origins: Origins,
        journal: int,
    ) -> None:
        self.unit, self.connect, self.errnos, self.origins = unit, connect, errnos, origins
        self.journal = journal

    def emit(self, hook: Hook, latched: bool) -> tuple[ProgramInfo, ...]:
        """Emit the dispatcher and both adapters of a hook.

        Args:
            hook: the hook.
            latched: whether an earlier hook of the same policy latches what judges.

        Returns:
            What the manifest says of them.
        """
        return (
            self._dispatcher(hook),
            *(self._adapter(hook, variant, latched) for variant in VARIANTS),
        )

    def _events(self, hook: Hook) -> tuple[str, ...]:
        """The events whose rules are judged here."""
        return tuple(e for e in hook.events if e in self.origins.events)

    def _program(self, hook: Hook, name: str, optional: bool) -> Function:
        mark = "?" if optional else ""
        place = self.origins.event(hook.events[0])
        section = mark + hook.section
        return self.unit.function(name, "ctx", section=section, context=True, place=place)

    # ------------------------------------------------------------------ dispatcher

    def _dispatcher(self, hook: Hook) -> ProgramInfo:
        name = f"dispatch_{hook.name}"
        fn = self._program(hook, name, hook.optional)
        place = fn.lookup(control.CONTROL_MAP, 0, hook.neutral)
        word = place.load_once()
        if hook.name == "exec_check":
            self._latch(fn, word)
        if hook.name == "exec":
            with fn.when(place.at(control.CONTROL_LATCHING).load_once().ne(0)):
                self._follow_latch(fn, hook)
        self._tail_call(fn, hook, word)
        with fn.when(word.eq(0)) as otherwise:
            count(fn, "no_policy")
            otherwise()
            count(fn, "empty_slot")
        fn.ret(hook.neutral)
        return ProgramInfo(
            name,
            hook.section,
            "dispatcher",
            hook.name,
            "any",
            hook.progs,
            hook.needs,
            self._events(hook),
        )

    @staticmethod
    def _tail_call(fn: Function, hook: Hook, word: Int) -> None:
        slot = word & control.SLOT_MASK
        fn.helper("tail_call", fn.context_pointer(), fn.map(hook.progs), slot)

    @staticmethod
    def _thread(fn: Function) -> Int:
        return fn.helper("get_current_pid_tgid") & 0xFFFFFFFF

    def _latch(self, fn: Function, word: Int) -> None:
        value = fn.stack(8)
        value.store(word)
        latch, key = fn.map(control.LATCH_MAP), fn.key(self._thread(fn))
        failed = fn.helper("map_update_elem", latch, key, value, 0)
        with fn.when((failed & 0xFFFFFFFF).ne(0)):
            count(fn, "latch_full")

    def _follow_latch(self, fn: Function, hook: Hook) -> None:
        """Go on with the generation that judged the file, if its adapter is still there; that one
        takes the latch away."""
        key = self._latch_key(fn)
        found = fn.find(control.LATCH_MAP, key)
        with fn.when(~found.is_null()):
            self._tail_call(fn, hook, found.load())
            fn.helper("map_delete_elem", fn.map(control.LATCH_MAP), key)

    @staticmethod
    def _latch_key(fn: Function) -> Ptr:
        """At sched_process_exec: the thread that the first hook ran in (it has the leader's id
        now)."""
        return fn.key(fn.context_pointer().at(8).load() & 0xFFFFFFFF)

    # ------------------------------------------------------------------ adapter

    def _adapter(self, hook: Hook, variant: str, latched: bool) -> ProgramInfo:
        name = f"{hook.name}_{variant}"
        fn = self._program(hook, name, hook.optional or variant == "plain")
        if hook.name == "fork":
            # Threads are no processes; most forks of a busy service are threads.
            self._skip_threads(fn)
        policy, buffer = read_buffer(fn, hook.neutral)
        if hook.name == "exec_check":
            self._latch_buffer(fn, buffer)
        if latched:
            buffer = self._latched_buffer(fn, buffer)
        connects = hook.handler == "on_connect"
        address = self._address(fn, hook, policy, buffer) if connects else None
        claimed = fn.call(f"claim_{variant}")
        with fn.when(claimed.eq(0)):
            fn.ret(hook.neutral)
        index = claimed - 1
        slot = fn.lookup(control.SCRATCH_MAP, index, hook.neutral)
        slot.at(scratch.word("buffer")).store(buffer)
        if address is not None and self.connect is not None:
            slot.at(scratch.word("task")).store(fn.helper("get_current_task"))
            store_address(slot, self.connect.layout, address)
        else:
            self._arguments(fn, hook, slot)
        verdict = fn.call(hook.handler, index)
        fn.call(f"release_{variant}", index)
        self._return(fn, hook, verdict)
        needs = tuple(sorted({*hook.needs, *NEEDS[variant]}))
        return ProgramInfo(
            name, hook.section, "adapter", hook.name, variant, hook.progs, needs, self._events(hook)
        )

    def _latch_buffer(self, fn: Function, buffer: Int) -> None:
        """What judged the file judges the image as well."""
        found = fn.find(control.LATCH_MAP, fn.key(self._thread(fn)))
        with fn.when(~found.is_null()):
            found.at(control.LATCH_BUFFER).store(buffer + 1, 1)

    def _latched_buffer(self, fn: Function, buffer: Int) -> Int:
        """The buffer that judged the file, if an earlier hook did."""
        key, chosen = self._latch_key(fn), fn.variable(buffer)
        found = fn.find(control.LATCH_MAP, key)
        with fn.when(~found.is_null()):
            latched = found.at(control.LATCH_BUFFER).load(1)
            with fn.when(latched.ne(0)):
                chosen.set((latched - 1) & (control.BUFFERS - 1))
            fn.helper("map_delete_elem", fn.map(control.LATCH_MAP), key)
        return chosen.get()

    def _skip_threads(self, fn: Function) -> None:
        child = fn.context_pointer().at(8).load()
        thread, process = read(fn, child, "task_struct.pid"), read(fn, child, "task_struct.tgid")
        with fn.when(thread.ne(process)):
            fn.ret(0)

    def _arguments(self, fn: Function, hook: Hook, slot: Ptr) -> None:
        """The context's arguments into the slot. A tracing argument is a pointer whose type the
        verifier knows; stored and read back it is a plain address, as the functions want it."""
        context = fn.context_pointer()
        if hook.name == "exec_check":
            slot.at(scratch.word("task")).store(fn.helper("get_current_task"))
            slot.at(scratch.word("binprm")).store(context.load())
        elif hook.name == "exec":
            slot.at(scratch.word("task")).store(context.load())
            slot.at(scratch.word("binprm")).store(context.at(16).load())
        elif hook.name == "fork":
            slot.at(scratch.word("task")).store(context.at(8).load())
            slot.at(scratch.word("binprm")).store(context.load())
        else:
            slot.at(scratch.word("task")).store(context.load())

    def _address(self, fn: Function, hook: Hook, policy: Ptr, buffer: Int) -> Address:
        """Where a connection goes; returns from the program where no rule cares."""
        family, context = hook.name[-1], fn.context_pointer()
        port = context.at(SOCK_ADDR["user_port"].offset)
        assert self.connect is not None
        gate = gate_of(self.connect, AT_HAND)
        early = gate is not None and gate.field == "remote.port" and not self.journal
        if gate is not None and early:
            # Before anything else is read.
            values = [fn.byte_swap(port.load(4), 2)]
            self._gate(fn, hook, gate, values, policy, buffer, lambda: None)
        words = 1 if family == "4" else 4
        member = SOCK_ADDR[f"user_ip{family}"].offset
        parts = [context.at(member + 4 * i).load(4) for i in range(words)]
        protocol = context.at(SOCK_ADDR["protocol"].offset).load(4)
        address = read_address(fn, parts, port.load(4), protocol)
        if gate is not None and not early:
            noted = partial(note_address, fn, self.journal, address.low)
            self._gate(fn, hook, gate, address.words(gate.field), policy, buffer, noted)
        return address

    def _gate(
        self,
        fn: Function,
        hook: Hook,
        gate: NumberPlan,
        values: list[Int],
        policy: Ptr,
        buffer: Int,
        ruled_out: Callable[[], None],
    ) -> None:
        assert self.connect is not None
        fn.at_place(self.origins.field("net.connect", gate.field))
        emit_bits(fn, values, policy, buffer, hook.neutral, ruled_out)
        emit_gate(fn, self.connect, gate, values, buffer, hook.neutral, ruled_out)
        fn.at_place(self.origins.event("net.connect"))

    def _return(self, fn: Function, hook: Hook, verdict: Int) -> None:
        denied = (verdict & record.ACT_DENY).ne(0)
        if hook.handler == "on_connect":
            fn.ret(denied.select(CGROUP_DENY, CGROUP_ALLOW))
            return
        if hook.name == "exec_check":
            # The verifier of 6.12 wants to see each value: constants behind branches, no negation.
            errno = (verdict >> 16) & 0xFFFF
            with fn.when(denied):
                for number in self.errnos:
                    with fn.when(errno.eq(number)):
                        fn.ret(-number)
                fn.ret(-1)
        fn.ret(0)
