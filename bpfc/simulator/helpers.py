"""Helper functions, by name; the numbers are those of `bpfc.abi`."""

import errno
from collections.abc import Callable, Mapping
from typing import TypeVar

from attrs import frozen

from bpfc.abi import linux, windows
from bpfc.simulator.faults import Refusal
from bpfc.simulator.maps import Map, Program, ProgramArray, Ring
from bpfc.simulator.system import System

Kind = TypeVar("Kind", bound=Map)


@frozen
class Helper:
    """A helper function.

    Args:
        arguments: how many registers it takes.
        run: what it does: the system, then the registers; its result as a signed number.
        returns: whether r0 means something afterwards.
        keys, values: whether it reads a map's key through r2, and a value through r3.
    """

    arguments: int
    run: Callable[..., int]
    returns: bool = True
    keys: bool = False
    values: bool = False


class TailCall(Exception):
    """A tail call that succeeds: the program ends and another one goes on with its context.

    Args:
        program: the other one.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.program = program


def numbers(half: str) -> dict[int, str]:
    """Names of the helpers that are simulated, by their number in a half."""
    if half == "linux":
        return {h.number: h.name for h in linux.HELPERS.values() if h.name in HELPERS}
    known = {number: name for name, number in windows.HELPERS.items() if name in HELPERS}
    for table in windows.SPECIAL_HELPERS.values():
        known |= {number: name for name, number in table.items() if name in HELPERS}
    return known


def _lookup(system: System, table: int, key: int) -> int:
    found = system.map_at(table)
    return found.find(system.memory.read(key, found.info.key_size), system.cpu)


def _update(system: System, table: int, key: int, value: int, flags: int) -> int:
    found = system.map_at(table)
    memory, info = system.memory, found.info
    return found.update(
        memory.read(key, info.key_size), memory.read(value, info.value_size), flags, system.cpu
    )


def _delete(system: System, table: int, key: int) -> int:
    found = system.map_at(table)
    return found.delete(system.memory.read(key, found.info.key_size))


def _tail_call(system: System, context: int, table: int, index: int) -> int:
    found = _of_kind(system.map_at(table), ProgramArray)
    program = found.programs.get(index & 0xFFFFFFFF)
    if program is None or system.tail_calls >= linux.TAIL_CALLS:
        return -errno.ENOENT
    system.tail_calls += 1
    raise TailCall(program)


def _ring_output(system: System, ring: int, data: int, size: int, flags: int) -> int:
    found = _of_kind(system.map_at(ring), Ring)
    return found.output(system.memory.read(data, size), flags)


def _of_kind(found: Map, kind: type[Kind]) -> Kind:
    if not isinstance(found, kind):
        raise Refusal(f"map {found.info.name} is a {found.info.type}")
    return found


def _probe_read(system: System, target: int, size: int, source: int) -> int:
    """Map values are kernel memory, too (copy_from_kernel_nofault)."""
    size &= 0xFFFFFFFF
    if not system.memory.has(source, size):
        return _unreadable(system, target, size, source)
    system.memory.write(target, system.memory.read(source, size))
    return 0


def _unreadable(system: System, target: int, size: int, source: int) -> int:
    """Structures of the kernel and memory of processes do not exist here: where a test wants that,
    reading them fails as it can anywhere, with zeros and -EFAULT."""
    if not system.nothing_readable:
        raise Refusal(
            f"it reads {size & 0xFFFFFFFF} bytes of the kernel or a process at {source:#x}, which "
            "are not simulated",
            "BPFC0921",
        )
    system.memory.write(target, bytes(size & 0xFFFFFFFF))
    return -errno.EFAULT


def _current_comm(system: System, target: int, size: int) -> int:
    system.memory.write(target, system.comm[: size - 1].ljust(size, b"\0"))
    return 0


def _send_signal(system: System, signal: int) -> int:
    system.signals.append(signal)
    return 0


def _image_path(system: System, context: int, target: int, size: int) -> int:
    """ntosebpfext: the length in bytes; nothing is written where there is too little room."""
    path = system.image_path
    if path is None or len(path) > size:
        return -errno.EINVAL
    system.memory.write(target, path)
    return len(path)


def _copy(system: System, target: int, room: int, source: int, size: int) -> int:
    """memcpy_s of the C library: with too little room nothing is copied but zeros."""
    memory = system.memory
    data = memory.read(source, size)
    memory.place(target, room, True)
    if size > room:
        memory.write(target, bytes(room))
        return errno.ERANGE
    memory.write(target, data)
    return 0


HELPERS: Mapping[str, Helper] = {
    "map_lookup_elem": Helper(2, _lookup, keys=True),
    "map_update_elem": Helper(4, _update, keys=True, values=True),
    "map_delete_elem": Helper(2, _delete, keys=True),
    "tail_call": Helper(3, _tail_call, returns=False),
    "ringbuf_output": Helper(4, _ring_output),
    "probe_read_kernel": Helper(3, _probe_read),
    "probe_read_user": Helper(3, _unreadable),
    "probe_read_kernel_str": Helper(3, _unreadable),
    "probe_read_user_str": Helper(3, _unreadable),
    "ktime_get_ns": Helper(0, lambda system: system.time_ns),
    "ktime_get_boot_ns": Helper(0, lambda system: system.time_ns),
    "get_smp_processor_id": Helper(0, lambda system: system.cpu),
    "get_prandom_u32": Helper(0, lambda system: system.random()),
    "get_current_pid_tgid": Helper(0, lambda system: system.pid_tgid),
    "get_current_uid_gid": Helper(0, lambda system: system.uid_gid),
    "get_current_cgroup_id": Helper(0, lambda system: system.cgroup),
    "get_current_comm": Helper(2, _current_comm),
    "get_current_task": Helper(0, lambda system: system.task),
    "send_signal": Helper(1, _send_signal),
    "get_image_path": Helper(3, _image_path),
    "memcpy_s": Helper(4, _copy),
}
