"""What happens at each hook of the Linux half, in a scratch slot: read, keep the process table,
judge, act."""

from bpfc.abi.linux import SIGKILL
from bpfc.artifact import record
from bpfc.artifact.control import LATCH_MAP, PROCESS_IN_MEMORY
from compiler.emit import scratch
from compiler.emit.core import Origins
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan
from compiler.targets.common.groups import (
    Group,
    Lacking,
    Subject,
    judge,
    lacking,
    prepare,
    stamp_time,
)
from compiler.targets.common.slots import count
from compiler.targets.linux.ancestry import Ancestry
from compiler.targets.linux.journal import note, note_address
from compiler.targets.linux.kernel import read, read_chain
from dsl import catalogue
from dsl.catalogue import Event

SCRIPT_MAGIC = 0x2123  # "#!" as a little-endian u16: binfmt_script takes the file
PRINCIPAL = ("ctx_ids", "find_process")
FRESH = (*PRINCIPAL, "ctx_exe", "ctx_memory", "ctx_cmdline", "ctx_invoked", "ctx_script")


class Handlers:
    """Emits `on_<hook>(slot)` for the hooks in use; each returns the verdict.

    Args:
        unit: the half's module.
        events: plans by event name.
        views: text view by catalogue name.
        numbers: number index by catalogue name.
        groups: the context groups in use.
        previous: functions that load texts of the image before an exec.
        origins: lines to quote.
        journal: entries of the journal, 0 for none.
        inherits: whether processes have tags.
        descends: whether rules ask about ancestors.
    """

    def __init__(
        self,
        unit: Unit,
        events: dict[str, EventPlan],
        views: dict[str, int],
        numbers: dict[str, int],
        groups: tuple[Group, ...],
        previous: tuple[str, ...],
        origins: Origins,
        journal: int = 0,
        inherits: bool = False,
        descends: bool = False,
    ) -> None:
        self.groups, self.previous = groups, previous
        self.inherits, self.descends = inherits, descends
        self.unit, self.events, self.views, self.numbers = unit, events, views, numbers
        self.origins, self.journal = origins, journal

    @property
    def _exec(self) -> Event:
        found = catalogue.load().event("process.exec")
        assert found is not None
        return found

    def _start(self, name: str, event: str) -> tuple[Function, Ptr]:
        place = self.origins.event(event)
        fn = self.unit.function(name, "slot", place=place, inline=True)
        slot = fn.lookup("scratch", fn.argument())
        count(fn, "events")
        if any(group.function == "ctx_exe_file" for group in self.groups):
            slot.at(scratch.word("file")).store(0)
        judged = event in self.events
        prepare(fn, slot, lacking(self.events[event].layout, "linux") if judged else Lacking())
        return fn, slot

    def _judge(
        self,
        fn: Function,
        slot: Ptr,
        event: str,
        stage: int,
        loaded: tuple[str, ...],
        unknown: tuple[int, ...] = (),
    ) -> Int:
        if event not in self.events:
            return fn.const(0)
        subject = Subject(
            self.events[event], stage, self.groups, loaded, unknown, "recall_ancestry"
        )
        return judge(fn, slot, subject, self.origins)

    def _image(self, fn: Function, slot: Ptr) -> None:
        """The file an exec runs and how it was named, from the word `binprm`."""
        program = slot.at(scratch.word("binprm")).load()
        slot.at(scratch.word("file")).store(read(fn, program, "linux_binprm.file"))
        fn.call("ctx_ids", fn.argument())
        fn.call("exe_path", fn.argument())
        fn.call("read_names", fn.argument())
        if self.previous:
            fn.call("find_process", fn.argument())
        for function in self.previous:
            fn.call(function, fn.argument())

    def exec(self) -> None:
        """sched_process_exec: the new image is set up and has not run."""
        fn, slot = self._start("on_exec", "process.exec")
        self._image(fn, slot)
        fn.call("read_cmdline", fn.argument())
        memory = slot.at(scratch.number(self.numbers["proc.exe.in_memory"])).load()
        slot.at(scratch.word("flags")).store(memory * PROCESS_IN_MEMORY)
        fn.call("enter_process", fn.argument())
        if self.descends:
            fn.call("forget_image", fn.argument())
        verdict = self._judge(fn, slot, "process.exec", record.STAGE_AFTER, FRESH)
        if "process.exec" in self.events:
            note(fn, self.journal, slot.at(scratch.word("pid")).load())
        if "process.exec" in self.events:
            with fn.when((verdict & record.ACT_KILL).ne(0)):
                fn.helper("send_signal", SIGKILL)
        fn.ret(verdict)

    def exec_check(self) -> None:
        """bprm_check_security: the file can still be refused. A script's own turn is passed over:
        the hook comes again for its interpreter, which is what runs."""
        fn, slot = self._start("on_exec_check", "process.exec")
        magic = read(fn, slot.at(scratch.word("binprm")).load(), "linux_binprm.buf")
        with fn.when(magic.eq(SCRIPT_MAGIC)):
            fn.ret(0)
        self._image(fn, slot)
        late = {f.name for f in self._exec.fields if f.phase == "after"}
        place = slot.at(scratch.header("unknown"))
        bits = sum(1 << index for name, index in self.numbers.items() if name in late)
        place.store(place.load() | bits)
        unknown = tuple(view for name, view in self.views.items() if name in late)
        groups = (g.function for g in self.groups if g.fields and set(g.fields) <= late)
        loaded = tuple(dict.fromkeys([*FRESH, *groups]))
        verdict = self._judge(fn, slot, "process.exec", record.STAGE_BEFORE, loaded, unknown)
        with fn.when((verdict & record.ACT_KILL).ne(0)):
            fn.helper("send_signal", SIGKILL)
        fn.ret(verdict)

    def fork(self) -> None:
        """sched_process_fork: the child exists and has not run; it has its parent's image."""
        fn, slot = self._start("on_fork", "process.fork")
        child = slot.at(scratch.word("task")).load()
        slot.at(scratch.word("task")).store(slot.at(scratch.word("binprm")).load())
        fn.call("ctx_ids", fn.argument())
        found = fn.call("find_process", fn.argument())
        for word in ("pid", "start"):
            slot.at(scratch.word(f"forker_{word}")).store(slot.at(scratch.word(word)).load())
        if self.descends:
            fn.call("forker_ancestry", fn.argument())
        slot.at(scratch.word("task")).store(child)
        fn.call("ctx_ids", fn.argument())
        with fn.when(found.ne(0)):
            fn.call("fork_process", fn.argument())
        if self.descends:
            fn.call("join_ancestry", fn.argument())
            Ancestry.put(fn, 0)
        if self.inherits:
            stamp_time(fn, slot)
            fn.call("fork_tags", fn.argument())
        fn.ret(self._judge(fn, slot, "process.fork", record.STAGE_AFTER, PRINCIPAL))

    def exit(self) -> None:
        """sched_process_exit: a thread has ended; only the last one is the end of the process."""
        fn, slot = self._start("on_exit", "process.exit")
        task = slot.at(scratch.word("task")).load()
        thread = read(fn, task, "task_struct.pid")
        fn.helper("map_delete_elem", fn.map(LATCH_MAP), fn.key(thread))
        with fn.when(
            read_chain(fn, task, "task_struct.signal", "signal_struct.live.counter").ne(0)
        ):
            fn.ret(0)
        fn.call("ctx_ids", fn.argument())
        fn.call("find_process", fn.argument())
        with fn.when(fn.call("leave_process", fn.argument()).eq(0)):
            fn.ret(0)
        if "process.exit" in self.events:
            numbers = {n.name: n.index for n in self.events["process.exit"].layout.numbers}
            # As wait(2) encodes it.
            status = read(fn, task, "task_struct.exit_code")
            slot.at(scratch.number(numbers["exit.code"])).store((status >> 8) & 0xFF)
            slot.at(scratch.number(numbers["exit.signal"])).store(status & 0x7F)
        verdict = self._judge(fn, slot, "process.exit", record.STAGE_AFTER, PRINCIPAL)
        fn.call("release_texts", fn.argument())
        if self.inherits:
            fn.call("exit_tags", fn.argument())
        if self.descends:
            fn.call("forget_ancestry", fn.argument())
        fn.ret(verdict)

    def connect(self) -> None:
        """cgroup connect and sendmsg: address and port stand in the record already."""
        fn, slot = self._start("on_connect", "net.connect")
        verdict = self._judge(fn, slot, "net.connect", record.STAGE_BEFORE, ())
        if self.journal:
            numbers = {n.name: n.index for n in self.events["net.connect"].layout.numbers}
            address = slot.at(scratch.number(numbers["remote.ip"] + 1)).load()
            note_address(fn, self.journal, address)
        fn.ret(verdict)
