"""The process table: entered at exec and fork, looked up at every other event.

Functions (all take a scratch slot first):

- `find_process(slot)`, `find_parent(slot)`: copy the entry of the process (its parent) into the
  slot; where there is none, or it belongs to an earlier process of that id, the copy's texts are
  unknown.
- `find_ancestor(slot)`: the same for the process of the words climbed_pid and climbed_start, into
  the staging area, which is the third copy as `load_text` counts them.
- `enter_process(slot)`: intern the texts of the views and write the entry.
- `leave_process(slot)`: remove the entry; returns 1 if this call ended the process.
- `release_texts(slot)`: give up the references that the copy of the entry held.
- `fork_process(slot)`: enter a child with the parent's facts.
"""

from attrs import frozen

from bpfc.artifact import control, record
from bpfc.artifact.control import PROCESS, PROCESS_SIZE, PROCESSES_MAP
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.targets.common.platform import Platform
from compiler.targets.common.slots import count

NO_ENTRY = 1 << 63  # `start` of a copy where the table has no entry
ANY = 0  # BPF_ANY
GONE = record.VIEW_ABSENT | record.VIEW_UNKNOWN


@frozen
class EntryText:
    """A text of a process table entry: member prefix, its view in the subject's event, its place
    in the window."""

    prefix: str
    view: str
    window: int


ENTRY_TEXTS = (
    EntryText("exe", "proc.exe.path", scratch.EXE_AT),
    EntryText("cmdline", "proc.cmdline", scratch.CMDLINE_AT),
    EntryText("invoked", "proc.invoked_as", scratch.INVOKED_AT),
    EntryText("script", "proc.script.path", scratch.SCRIPT_AT),
)


class Processes:
    """Emits the process table functions of a half.

    Args:
        unit: the half's module.
        platform: the system.
        views: text view by catalogue name, of the texts that the platform has.
        starts: whether events tell when their process started, so that a reused id is noticed.
    """

    def __init__(self, unit: Unit, platform: Platform, views: dict[str, int], starts: bool) -> None:
        self.unit, self.platform, self.layout = unit, platform, platform.layout
        self.views, self.starts = views, starts

    def emit(self) -> None:
        """Emit all of them."""
        self._find("find_process", self.layout.process, "pid", "start")
        self._find("find_parent", self.layout.parent, "parent_pid", "parent_start")
        if self.starts:
            self._find("find_ancestor", self.layout.staging, "climbed_pid", "climbed_start")
        self._enter_text()
        self._enter()
        self._drop_texts()
        self._leave()
        self._each_text("keep_texts", "keep_text")
        self._each_text("release_texts", "drop_text")
        self._fork()

    def _texts(self) -> tuple[EntryText, ...]:
        return tuple(t for t in ENTRY_TEXTS if t.view in self.views)

    # ------------------------------------------------------------------ look up

    def _find(self, name: str, copy: int, pid: str, start: str) -> None:
        fn = self.unit.function(name, "slot")
        slot = fn.lookup("scratch", fn.argument())
        place = slot.at(copy)
        entry = fn.find(PROCESSES_MAP, fn.key(slot.at(scratch.word(pid)).load()))
        with fn.when(~entry.is_null()):
            begun = slot.at(scratch.word(start)).load()
            same = self._same_start(entry, begun) if self.starts else fn.const(1)
            with fn.when(same.ne(0)):
                for at in range(0, PROCESS_SIZE, 8):
                    place.at(at).store(entry.at(at).load())
                fn.ret(1)
        place.store(NO_ENTRY - (1 << 64))
        for text in ENTRY_TEXTS:
            place.at(PROCESS[f"{text.prefix}_flags"].offset).store(record.VIEW_UNKNOWN, 4)
            place.at(PROCESS[f"{text.prefix}_length"].offset).store(0, 4)
        place.at(PROCESS["exe_name"].offset).store(0, 4)
        place.at(PROCESS["flags"].offset).store(0, 4)
        fn.ret(0)

    @staticmethod
    def _same_start(entry: Ptr, begun: Int) -> Int:
        """1 if the entry is of the process that began then: entries from /proc know ticks only."""
        stored = entry.at(PROCESS["start"].offset).load()
        primed = entry.at(PROCESS["flags"].offset).load(4) & control.PROCESS_PRIMED
        ticks = (begun // control.PRIMED_TICK_NS) * control.PRIMED_TICK_NS
        return primed.ne(0).select(ticks, begun).eq(stored).to_int()

    # ------------------------------------------------------------------ enter

    def _enter_text(self) -> None:
        """`enter_text(slot, place, view)`: intern a view, note flags, length and key in the
        copy."""
        fn = self.unit.function("enter_text", "slot", "place", "identity", "view", inline=True)
        slot = fn.lookup("scratch", fn.argument())
        flags = fn.call("intern", fn.argument(), fn.argument(3))
        place = slot.at(fn.argument(1).masked(256 - 4)).at(self.layout.process)
        identity = slot.at(fn.argument(2).masked(256 - 8)).at(self.layout.process)
        place.store(flags, 4)
        place.at(4).store(slot.at(scratch.word("length")).load(), 4)
        identity.store(slot.at(scratch.word("id0")).load())
        identity.at(8).store(slot.at(scratch.word("id1")).load())
        with fn.when((flags & record.VIEW_UNKNOWN).ne(0)):
            # An id of zero holds no reference that could be dropped.
            identity.store(0)
            identity.at(8).store(0)
        fn.ret(0)

    def _enter(self) -> None:
        fn = self.unit.function("enter_process", "slot", inline=True)
        slot = fn.lookup("scratch", fn.argument())
        for text in self._texts():
            fn.call(
                "enter_text",
                fn.argument(),
                PROCESS[f"{text.prefix}_flags"].offset,
                PROCESS[f"{text.prefix}_id"].offset,
                self.views[text.view],
            )
        place = slot.at(self.layout.process)
        self._identity(slot, place)
        for member in ("device", "inode"):
            value = slot.at(scratch.word(member)).load()
            place.at(PROCESS[f"exe_{member}"].offset).store(value)
        place.at(PROCESS["flags"].offset).store(slot.at(scratch.word("flags")).load(), 4)
        name = slot.at(scratch.word("walk_name")).load()
        place.at(PROCESS["exe_name"].offset).store(name, 4)
        pid = slot.at(scratch.word("pid")).load()
        self._forker(fn, slot, place, pid)
        fn.call("drop_texts", pid)
        self._write(fn, place, pid)
        fn.ret(0)

    def _forker(self, fn: Function, slot: Ptr, place: Ptr, pid: Int) -> None:
        """Who forked the process, which the entry so far knows; else it is taken to be the
        parent."""
        members = [PROCESS[name].offset for name in ("forker_pid", "forker_start")]
        place.at(members[0]).store(slot.at(scratch.word("parent_pid")).load(), 4)
        place.at(members[1]).store(slot.at(scratch.word("parent_start")).load())
        if not self.starts:
            return
        entry = fn.find(PROCESSES_MAP, fn.key(pid))
        with fn.when(~entry.is_null()):
            same = self._same_start(entry, slot.at(scratch.word("start")).load())
            with fn.when(same.ne(0)):
                place.at(members[0]).store(entry.at(members[0]).load(4), 4)
                place.at(members[1]).store(entry.at(members[1]).load())

    @staticmethod
    def _identity(slot: Ptr, place: Ptr) -> None:
        """Who the process is: ids and start times of it and its parent."""
        for member, word in (("start", "start"), ("parent_start", "parent_start")):
            place.at(PROCESS[member].offset).store(slot.at(scratch.word(word)).load())
        for member, word in (("pid", "pid"), ("ppid", "parent_pid")):
            place.at(PROCESS[member].offset).store(slot.at(scratch.word(word)).load(), 4)

    def _write(self, fn: Function, place: Ptr, pid: Int) -> None:
        table = fn.map(PROCESSES_MAP)
        failed = fn.helper("map_update_elem", table, fn.key(pid), place, ANY) & 0xFFFFFFFF
        with fn.when(failed.ne(0)):
            count(fn, "process_table_full")

    # ------------------------------------------------------------------ leave

    def _drop_texts(self) -> None:
        """`drop_texts(pid)`: give up the references of a process's entry, if it has one."""
        fn = self.unit.function("drop_texts", "pid", inline=True)
        entry = fn.find(PROCESSES_MAP, fn.key(fn.argument()))
        with fn.when(entry.is_null()):
            fn.ret(0)
        values = []
        for text in self._texts():
            length = entry.at(PROCESS[f"{text.prefix}_length"].offset).load(4)
            identity = entry.at(PROCESS[f"{text.prefix}_id"].offset)
            values.append((length, identity.load(), identity.at(8).load()))
        for length, id0, id1 in values:
            fn.call("drop_text", length, id0, id1)
        fn.ret(0)

    def _leave(self) -> None:
        fn = self.unit.function("leave_process", "slot")
        slot = fn.lookup("scratch", fn.argument())
        known = slot.at(self.layout.process).load().ne(NO_ENTRY - (1 << 64))
        pid = slot.at(scratch.word("pid")).load()
        table = fn.map(PROCESSES_MAP)
        failed = fn.helper("map_delete_elem", table, fn.key(pid)) & 0xFFFFFFFF
        # Two threads can both be the last: the one that deletes the entry reports the end.
        with fn.when(failed.ne(0) & known):
            fn.ret(0)
        fn.ret(1)

    def _each_text(self, name: str, function: str) -> None:
        """`name(slot)`: call `function(length, key)` for every text of the copy."""
        fn = self.unit.function(name, "slot")
        slot = fn.lookup("scratch", fn.argument())
        place = slot.at(self.layout.process)
        for text in self._texts():
            identity = place.at(PROCESS[f"{text.prefix}_id"].offset)
            length = place.at(PROCESS[f"{text.prefix}_length"].offset).load(4)
            with fn.when((place.at(PROCESS[f"{text.prefix}_flags"].offset).load(4) & GONE).eq(0)):
                fn.call(function, length, identity.load(), identity.at(8).load())
        fn.ret(0)

    def _fork(self) -> None:
        """`fork_process(slot)`: enter the child with the parent's facts, which stand in the
        copy."""
        fn = self.unit.function("fork_process", "slot")
        slot = fn.lookup("scratch", fn.argument())
        fn.call("keep_texts", fn.argument())
        place = slot.at(self.layout.process)
        flags = place.at(PROCESS["flags"].offset)
        flags.store(flags.load(4) & ~control.PROCESS_PRIMED, 4)
        self._identity(slot, place)
        for member, size in (("forker_pid", 4), ("forker_start", 8)):
            place.at(PROCESS[member].offset).store(slot.at(scratch.word(member)).load(), size)
        self._write(fn, place, slot.at(scratch.word("pid")).load())
        fn.ret(0)
