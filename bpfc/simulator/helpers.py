"""Helper functions, by name; the numbers are those of `bpfc.abi`."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

from bpfc.abi import linux, windows
from bpfc.simulator.faults import Refusal
from bpfc.simulator.maps import Map, ProgramArray, Ring

if TYPE_CHECKING:
    from bpfc.simulator.machine import Machine

Kind = TypeVar("Kind", bound=Map)


@frozen
class Helper:
    """A helper function.

    Args:
        arguments: how many registers it takes.
        run: what it does: the machine, then the registers; its result as a signed number.
        returns: whether r0 means something afterwards.
        keys, values: whether it reads a map's key through r2, and a value through r3.
    """

    arguments: int
    run: Callable[..., int]
    returns: bool = True
    keys: bool = False
    values: bool = False


class TailCall(Exception):
    """A tail call that succeeds: the program ends and another one goes on with its context."""

    def __init__(self, program: str, context: int) -> None:
        super().__init__(program)
        self.program, self.context = program, context


def number_of(half: str, name: str) -> int:
    """The number of a helper in a half.

    Args:
        half: "linux" or "windows".
        name: one of HELPERS.
    """
    return linux.HELPERS[name].number if half == "linux" else windows.HELPERS[name]


def numbers(half: str) -> dict[int, str]:
    """Names of the helpers that are simulated, by their number in a half."""
    if half == "linux":
        return {h.number: h.name for h in linux.HELPERS.values() if h.name in HELPERS}
    known = {number: name for name, number in windows.HELPERS.items() if name in HELPERS}
    for table in windows.SPECIAL_HELPERS.values():
        known |= {number: name for name, number in table.items() if name in HELPERS}
    return known


def _lookup(machine: "Machine", table: int, key: int) -> int:
    found = machine.map_at(table)
    return found.find(machine.memory.read(key, found.info.key_size), machine.cpu)


def _update(machine: "Machine", table: int, key: int, value: int, flags: int) -> int:
    found = machine.map_at(table)
    memory, info = machine.memory, found.info
    return found.update(
        memory.read(key, info.key_size), memory.read(value, info.value_size), flags, machine.cpu
    )


def _delete(machine: "Machine", table: int, key: int) -> int:
    found = machine.map_at(table)
    return found.delete(machine.memory.read(key, found.info.key_size))


def _tail_call(machine: "Machine", context: int, table: int, index: int) -> int:
    found = _of_kind(machine.map_at(table), ProgramArray)
    program = found.programs.get(index & 0xFFFFFFFF)
    if program is None:
        return -1
    raise TailCall(program, context)


def _ring_output(machine: "Machine", ring: int, data: int, size: int, flags: int) -> int:
    found = _of_kind(machine.map_at(ring), Ring)
    return found.output(machine.memory.read(data, size), flags)


def _of_kind(found: Map, kind: type[Kind]) -> Kind:
    if not isinstance(found, kind):
        raise Refusal(f"map {found.info.name} is a {found.info.type}")
    return found


HELPERS: Mapping[str, Helper] = {
    "map_lookup_elem": Helper(2, _lookup, keys=True),
    "map_update_elem": Helper(4, _update, keys=True, values=True),
    "map_delete_elem": Helper(2, _delete, keys=True),
    "tail_call": Helper(3, _tail_call, returns=False),
    "ringbuf_output": Helper(4, _ring_output),
    "ktime_get_ns": Helper(0, lambda machine: machine.time_ns),
    "ktime_get_boot_ns": Helper(0, lambda machine: machine.time_ns),
    "get_smp_processor_id": Helper(0, lambda machine: machine.cpu),
    "get_prandom_u32": Helper(0, lambda machine: machine.random()),
    "get_current_pid_tgid": Helper(0, lambda machine: machine.pid_tgid),
}
