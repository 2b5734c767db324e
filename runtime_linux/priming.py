"""Entering processes that already run into the process table, from /proc.

The programs for fork, exec and exit run already: an entry that they made wins (BPF_NOEXIST), and an
entry whose process ended meanwhile is taken out again.
"""

import errno
from collections import Counter
from collections.abc import Iterable

from attrs import define, field, frozen

from bpfc.artifact.control import (
    LONG_TEXT,
    PROCESS_IN_MEMORY,
    PROCESS_PRIMED,
    string_hash,
)
from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN
from bpfc.runtime.platform import Running
from runtime_linux import procfs
from runtime_linux.maps import BPF_NOEXIST, Map, u32
from runtime_linux.process_entry import Value, is_short, pack_process, pack_text, unpack_process
from runtime_linux.procfs import ProcessFacts

# A text that the kernel side interned meanwhile gets this many references more: its own count can
# change while user space rewrites the entry, and a text that stays too long is harmless.
KEEP = 1 << 30


@frozen
class Primed:
    """What priming did.

    Args:
        entered: processes that were entered.
        known: processes that the kernel side had entered already.
        gone: processes that ended, or were replaced, meanwhile.
        full: processes or texts for which a table had no room.
    """

    entered: int
    known: int
    gone: int
    full: int


@frozen
class _Text:
    """A text of a process: what is interned (None: nothing) and its VIEW_* flags."""

    text: bytes | None
    flags: int


@define
class ProcessTable:
    """The shared maps that hold processes.

    Args:
        processes, short, long: the maps.
        key: the two words of the map `secret`.
    """

    processes: Map
    short: Map
    long: Map
    key: tuple[int, int]
    _full: set[bytes] = field(init=False, factory=set)

    def prime(self, pids: Iterable[int] | None = None) -> Primed:
        """Enter processes.

        Args:
            pids: which; by default all that run.

        Returns:
            What became of them.
        """
        self._full.clear()
        wanted = list(procfs.processes() if pids is None else pids)
        found = [one for one in map(procfs.facts, wanted) if one is not None]
        starts = {one.pid: one.start_ns for one in found}
        texts = {one.pid: texts_of(one) for one in found}
        self._intern(
            Counter(t.text for row in texts.values() for t in row.values() if t.text is not None)
        )
        results = Counter(
            self._enter(one, texts[one.pid], starts.get(one.ppid, 0)) for one in found
        )
        results["gone"] += len(wanted) - len(found)
        full = results["full"] + len(self._full)
        return Primed(results["entered"], results["known"], results["gone"], full)

    def _intern(self, counts: Counter[bytes]) -> None:
        for text, references in counts.items():
            table = self.short if is_short(text) else self.long
            identity = string_hash(text, self.key)
            result = table.try_update(identity, pack_text(text, references), BPF_NOEXIST)
            if result == -errno.EEXIST:
                old = table.lookup(identity)
                count = int.from_bytes(old[:4], "little") if old else 0
                result = table.try_update(identity, pack_text(text, count % KEEP + KEEP))
            if result < 0:
                self._full.add(text)

    def _enter(self, one: ProcessFacts, texts: dict[str, _Text], parent_start: int) -> str:
        members: dict[str, Value] = {
            "start": one.start_ns,
            "pid": one.pid,
            "ppid": one.ppid,
            "parent_start": parent_start,
            "forker_pid": one.ppid,
            "forker_start": parent_start,
            "flags": PROCESS_PRIMED | (PROCESS_IN_MEMORY if one.in_memory else 0),
            "exe_device": one.device,
            "exe_inode": one.inode,
        }
        for name, text in texts.items():
            members |= self._members(name, text)
        key = u32(one.pid)
        result = self.processes.try_update(key, pack_process(members), BPF_NOEXIST)
        if result < 0:
            return "known" if result == -errno.EEXIST else "full"
        if procfs.start_of(one.pid) == one.start_ns:
            return "entered"
        self._remove_stale(key, one.start_ns)
        return "gone"

    def _members(self, name: str, text: _Text) -> dict[str, Value]:
        if text.text is None or text.text in self._full:
            flags = text.flags if text.text is None else VIEW_UNKNOWN
            return {f"{name}_flags": flags}
        members: dict[str, Value] = {
            f"{name}_flags": text.flags,
            f"{name}_length": len(text.text),
            f"{name}_id": string_hash(text.text, self.key),
        }
        if name == "exe":
            members["exe_name"] = len(text.text.rpartition(b"/")[2])
        return members

    def _remove_stale(self, key: bytes, start: int) -> None:
        raw = self.processes.lookup(key)
        if raw is None:
            return
        entry = unpack_process(raw)
        flags = entry["flags"]
        if entry["start"] == start and isinstance(flags, int) and flags & PROCESS_PRIMED:
            self.processes.delete(key)


# Fields that the members of control.PROCESS with these prefixes are the values of.
_FIELDS = {
    "exe": "proc.exe.path",
    "cmdline": "proc.cmdline",
    "invoked": "proc.invoked_as",
    "script": "proc.script.path",
}


def running() -> tuple[Running, ...]:
    """The processes that run, as they are entered into the process table."""
    found = [one for one in map(procfs.facts, procfs.processes()) if one is not None]
    starts = {one.pid: one.start_ns for one in found}
    return tuple(
        Running(
            one.pid,
            one.start_ns,
            one.ppid,
            starts.get(one.ppid, 0),
            {_FIELDS[n]: (text.text or b"", text.flags) for n, text in texts_of(one).items()},
        )
        for one in found
    )


def texts_of(one: ProcessFacts) -> dict[str, _Text]:
    """The texts of a process as the process table keeps them.

    Args:
        one: its facts.

    Returns:
        By prefix of the members in control.PROCESS.
    """
    if one.kernel_thread:
        return dict.fromkeys(("exe", "cmdline", "invoked", "script"), _Text(None, VIEW_ABSENT))
    invoked = None if one.invoked is None else one.invoked.rpartition(b"/")[2]
    return {
        "exe": _limited(one.exe),
        "cmdline": _limited(one.cmdline),
        "invoked": _limited(invoked),
        "script": _Text(None, VIEW_ABSENT if one.scripted is False else VIEW_UNKNOWN),
    }


def _limited(text: bytes | None) -> _Text:
    if text is None:
        return _Text(None, VIEW_UNKNOWN)
    return _Text(text[:LONG_TEXT], VIEW_TRUNCATED if len(text) > LONG_TEXT else 0)
