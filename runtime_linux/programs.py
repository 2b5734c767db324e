"""What a process runs, by the process table."""

from bpfc.artifact.control import PRIMED_TICK_NS, PROCESS_PRIMED, SHORT_TEXT, STRING_HEADER
from bpfc.artifact.record import VIEW_ABSENT, VIEW_UNKNOWN
from runtime_linux.maps import Map, u32
from runtime_linux.process_entry import Value, unpack_process


def program_of(processes: Map, short: Map, long: Map, pid: int, start_ns: int) -> str | None:
    """The path of the program of a process.

    Args:
        processes: the process table.
        short, long: the tables of texts.
        pid: its id.
        start_ns: when it started, nanoseconds since boot.

    Returns:
        None if the table does not have that process, or not its program.
    """
    raw = processes.lookup(u32(pid))
    if raw is None:
        return None
    entry = unpack_process(raw)
    flags, length = _number(entry["exe_flags"]), _number(entry["exe_length"])
    primed = _number(entry["flags"]) & PROCESS_PRIMED
    start = start_ns // PRIMED_TICK_NS * PRIMED_TICK_NS if primed else start_ns
    if entry["start"] != start or flags & (VIEW_ABSENT | VIEW_UNKNOWN):
        return None
    identity = entry["exe_id"]
    table = short if length <= SHORT_TEXT else long
    text = table.lookup(identity) if isinstance(identity, bytes) else None
    if text is None:
        return None
    return text[STRING_HEADER : STRING_HEADER + length].decode("utf-8", "backslashreplace")


def _number(value: Value) -> int:
    """A member that is no key."""
    return value if isinstance(value, int) else 0
