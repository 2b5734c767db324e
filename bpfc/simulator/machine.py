"""The machine: an object's functions over memory and maps.

A function is translated when it is first called.
"""

import random
import struct
from collections.abc import Callable
from typing import Any, NoReturn

from bpfc.abi import linux
from bpfc.simulator.diagnosis import fault_of
from bpfc.simulator.faults import Fault, Refusal
from bpfc.simulator.helpers import HELPERS, TailCall
from bpfc.simulator.library import Library
from bpfc.simulator.maps import Map, make_map
from bpfc.simulator.memory import Memory
from bpfc.simulator.translate import Translation, map_symbol, symbol, table_symbol

M64 = (1 << 64) - 1
INSTRUCTIONS = 50_000_000


class Machine:
    """A simulated machine with an object loaded.

    Args:
        library: what it runs.
        cpus: number of processors.
        instructions: how many a run may take, about: a function counts whole whenever it is called,
            a loop's body whenever it is repeated.

    Attributes:
        memory: all memory.
        maps: all maps, by name.
        cpu: the processor that runs.
        time_ns: what the clock says, nanoseconds since boot.
        pid_tgid: process (upper half) and thread that runs.
    """

    def __init__(
        self,
        library: Library,
        *,
        cpus: int = 1,
        instructions: int = INSTRUCTIONS,
    ) -> None:
        self.library, self.instructions = library, instructions
        self.memory = Memory()
        self.cpus, self.cpu, self.time_ns, self.pid_tgid = cpus, 0, 0, 0
        self._random = random.Random(0)
        self.maps: dict[str, Map] = {
            info.name: make_map(info, self.memory, cpus) for info in library.maps.values()
        }
        self._by_address = {found.address: found for found in self.maps.values()}
        self._translations: dict[str, Translation] = {}
        self._leaky = False
        self._stacks: list[int] = []
        self._names = self._namespace()
        self._kept: frozenset[int] = frozenset()

    def keep(self) -> None:
        """Let what maps hold by now be what `rewind` goes back to."""
        self._kept = frozenset(self.memory.regions)

    def rewind(self) -> None:
        """Forget all values that maps were given since `keep`; those from before stay as they are
        now. Functions stay translated."""
        for number in self.memory.regions.keys() - self._kept:
            del self.memory.regions[number]
        for found in self.maps.values():
            found.rewind()

    # ------------------------------------------------------------ running

    def call(self, name: str, *arguments: int) -> int:
        """Run a function.

        Args:
            name: its symbol.
            arguments: for registers r1 and on.

        Returns:
            r0.

        Raises:
            Fault: it did what no system allows, or what is not simulated.
        """
        taken = self.library.arguments(name)
        if self.library.leaky and not self._leaky:
            self._leaky = True
            for known in self._translations:
                self._names[symbol(known)] = self._stub(known)
            self._translations.clear()
        if taken != tuple(range(1, len(taken) + 1)) or len(taken) > len(arguments):
            raise Fault("BPFC0920", f"{name} takes {taken}, not {len(arguments)} arguments")
        self._names["n"] = self.instructions
        try:
            return int(self._ready(name)(*arguments[: len(taken)]))
        except (TailCall, Fault):
            raise
        except Exception as error:
            fault = fault_of(error, name, self._translations, self.library.code, self.memory)
            if fault is None:
                raise
            raise fault from error
        finally:
            self._settle()

    def map_at(self, address: int) -> Map:
        """The map that a program holds.

        Raises:
            Refusal: it is none.
        """
        if address not in self._by_address:
            raise Refusal(f"{address:#x} is no map")
        return self._by_address[address]

    def random(self) -> int:
        """32 bits that are the same in every run."""
        return self._random.getrandbits(32)

    def _settle(self) -> None:
        for address in self._stacks:
            self.memory.drop(address)
        self._stacks.clear()
        for found in self.maps.values():
            found.settle()

    # ------------------------------------------------------------ linking

    def _ready(self, name: str) -> Callable[..., Any]:
        """A function, translated, with what it calls in reach."""
        if name not in self._translations:
            translation = self.library.translation(name)
            self._translations[name] = translation
            names = self._names
            for callee in {*translation.function.calls.values()}:
                names.setdefault(symbol(callee), self._stub(callee))
            for number in translation.helpers:
                names.setdefault(f"H{number}", self._helper_of(number))
            for table in {*translation.function.maps.values()}:
                names.setdefault(map_symbol(table), self.maps[table].address)
            for operation, table in translation.tables:
                key = table_symbol(operation, table)
                names.setdefault(key, self._operation(operation, self.maps[table]))
            exec(translation.code, names)
        found: Callable[..., Any] = self._names[symbol(name)]
        return found

    def _stub(self, name: str) -> Callable[..., Any]:
        """What stands for a function until it is called."""
        return lambda *arguments: self._ready(name)(*arguments)

    def _helper_of(self, number: int) -> Callable[..., int]:
        name = self.library.helpers.get(number)
        if name is None:

            def missing() -> NoReturn:
                raise Refusal(f"helper {number} does not exist or is not simulated", "BPFC0921")

            return missing
        run = HELPERS[name].run
        return lambda *arguments: run(self, *arguments) & M64

    def _operation(self, operation: str, table: Map) -> Callable[..., int]:
        """An operation of a map whose key is given by value."""
        match operation:
            case "find":
                return lambda key: table.find(key, self.cpu)
            case "update":
                return lambda key, value, flags: table.update(key, value, flags, self.cpu) & M64
        return lambda key: table.delete(key) & M64

    def _namespace(self) -> dict[str, Any]:
        """The global names of translated functions."""
        u16, u32, u64 = (struct.Struct(form) for form in ("<H", "<I", "<Q"))
        return {
            "R": self.memory.regions,
            "L16": u16.unpack_from,
            "L32": u32.unpack_from,
            "L64": u64.unpack_from,
            "S16": u16.pack_into,
            "S32": u32.pack_into,
            "S64": u64.pack_into,
            "I": int.from_bytes,
            "A": self._atomic,
            "K": self._stack,
            "Q": self._read,
            "W": self._write,
            "V": self.memory.read,
            "P": struct.pack,
            "X": _exhausted,
            "Y": _foreign,
            "n": 0,
        }

    def _read(self, address: int, size: int) -> int:
        return int.from_bytes(self.memory.read(address, size), "little")

    def _write(self, address: int, size: int, value: int) -> None:
        self.memory.write(address, value.to_bytes(size, "little"))

    def _stack(self) -> int:
        address = self.memory.add_stack(linux.STACK_SIZE)
        self._stacks.append(address)
        return address + linux.STACK_SIZE

    def _atomic(self, address: int, size: int, operation: int, value: int, old: int = 0) -> int:
        """Carry out an atomic operation; returns what was there (kernel: BPF_ATOMIC in core.c)."""
        if address % size:
            raise Refusal(f"an atomic operation of {size} bytes at {address:#x}, not aligned")
        mask = (1 << 8 * size) - 1
        found = int.from_bytes(self.memory.read(address, size), "little")
        value &= mask
        results = {
            0x00: found + value & mask,
            0x40: found | value,
            0x50: found & value,
            0xA0: found ^ value,
            0xE0: value,
            0xF0: value if found == old & mask else found,
        }
        self.memory.write(address, results[operation & 0xF0].to_bytes(size, "little"))
        return found


def _exhausted() -> NoReturn:
    raise Refusal("the run takes more instructions than it may", "BPFC0922")


def _foreign() -> NoReturn:
    raise Refusal("it reads a structure of the kernel, which is not simulated", "BPFC0921")
