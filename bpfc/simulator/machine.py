"""The machine: an object's functions over memory and maps.

A function is translated when it is first called.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from bpfc.abi import linux
from bpfc.simulator.diagnosis import fault_of, frames_of
from bpfc.simulator.faults import Fault, Refusal
from bpfc.simulator.helpers import HELPERS, TailCall
from bpfc.simulator.library import Library
from bpfc.simulator.maps import Map, Program
from bpfc.simulator.system import System
from bpfc.simulator.translate import Translation, data_symbol, map_symbol, symbol, table_symbol

M64 = (1 << 64) - 1
INSTRUCTIONS = 50_000_000


class Machine:
    """An object, loaded into a simulated system.

    Args:
        library: its functions.
        system: the system; None for one of its own.
        shared: maps that are there already, by the object's name for them; all others are made.
        instructions: how many a run may take, about: a function counts whole whenever it is called,
            a loop's body whenever it is repeated.

    Attributes:
        maps: all maps, by name.

    Raises:
        Fault: a map is of a kind that is not simulated.
    """

    def __init__(
        self,
        library: Library,
        system: System | None = None,
        shared: Mapping[str, Map] | None = None,
        *,
        instructions: int = INSTRUCTIONS,
    ) -> None:
        self.library, self.instructions = library, instructions
        self.system = System() if system is None else system
        known = dict(shared or {})
        self.maps: dict[str, Map] = {
            name: known[name] if name in known else self.system.add_map(info)
            for name, info in library.maps.items()
        }
        self._translations: dict[str, Translation] = {}
        self._leaky = False
        self._stacks: list[int] = []
        self._names = self._namespace()

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
        missing = [f"r{number}" for number in taken if number > len(arguments)]
        if missing:
            raise Fault("BPFC0920", f"{', '.join(missing)} is read, which was never written", name)
        self._names["n"] = self.instructions
        try:
            return int(self._ready(name)(*(arguments[number - 1] for number in taken)))
        except TailCall as went:
            if len(frames_of(went, self._translations)) > 1:
                reason = "a function calls the next program, which only programs can"
                raise Fault("BPFC0921", reason, name) from went
            raise
        except Fault:
            raise
        except Exception as error:
            fault = fault_of(error, name, self._translations, self.library.code, self.system.memory)
            if fault is None:
                raise
            raise fault from error
        finally:
            self._settle()

    def run(self, name: str, context: int) -> int:
        """Run a program, and those that it goes on to by tail calls.

        Args:
            name: its symbol.
            context: address of its context.

        Returns:
            What it returns, 32 bits.

        Raises:
            Fault: as for `call`; or it may not call a helper, or reads its context otherwise than
                in whole members.
        """
        return self.follow(self.program(name), self.system, context)

    @staticmethod
    def follow(program: Program, system: System, context: int) -> int:
        """Run a program and those that it goes on to, whichever machines they are of.

        Args:
            program: the first one.
            system: in which they are.
            context: address of their context.

        Returns:
            What the last one returns.
        """
        system.tail_calls = 0
        while True:
            try:
                return program(context)
            except TailCall as went:
                program = went.program

    def program(self, name: str) -> Program:
        """A program, checked as a verifier does before it can run.

        Args:
            name: its symbol.

        Raises:
            Fault: it may not call a helper, or reads its context otherwise than in whole members.
        """
        self.library.check_program(name)
        return lambda context: self.call(name, context) & 0xFFFFFFFF

    def _settle(self) -> None:
        for address in self._stacks:
            self.system.memory.drop(address)
        self._stacks.clear()
        self.system.settle()

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
            for table in {*translation.function.data.values()}:
                names.setdefault(data_symbol(table), self.maps[table].find(bytes(4)))
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
        return lambda *arguments: run(self.system, *arguments) & M64

    def _operation(self, operation: str, table: Map) -> Callable[..., int]:
        """An operation of a map whose key is given by value."""
        system = self.system
        match operation:
            case "find":
                return lambda key: table.find(key, system.cpu)
            case "update":
                return lambda key, value, flags: (
                    table.update(key, value, flags, self.system.cpu) & M64
                )
        return lambda key: table.delete(key) & M64

    def _namespace(self) -> dict[str, Any]:
        """The global names of translated functions."""
        u16, u32, u64 = (struct.Struct(form) for form in ("<H", "<I", "<Q"))
        return {
            "R": self.system.memory.regions,
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
            "V": self.system.memory.read,
            "P": struct.pack,
            "X": _exhausted,
            "Y": _foreign,
            "n": 0,
        }

    def _read(self, address: int, size: int) -> int:
        return int.from_bytes(self.system.memory.read(address, size), "little")

    def _write(self, address: int, size: int, value: int) -> None:
        self.system.memory.write(address, value.to_bytes(size, "little"))

    def _stack(self) -> int:
        address = self.system.memory.add_stack(linux.STACK_SIZE)
        self._stacks.append(address)
        return address + linux.STACK_SIZE

    def _atomic(self, address: int, size: int, operation: int, value: int, old: int = 0) -> int:
        """Carry out an atomic operation; returns what was there (kernel: BPF_ATOMIC in core.c)."""
        if address % size:
            raise Refusal(f"an atomic operation of {size} bytes at {address:#x}, not aligned")
        mask = (1 << 8 * size) - 1
        found = int.from_bytes(self.system.memory.read(address, size), "little")
        value &= mask
        results = {
            0x00: found + value & mask,
            0x40: found | value,
            0x50: found & value,
            0xA0: found ^ value,
            0xE0: value,
            0xF0: value if found == old & mask else found,
        }
        self.system.memory.write(address, results[operation & 0xF0].to_bytes(size, "little"))
        return found


def _exhausted() -> NoReturn:
    raise Refusal("the run takes more instructions than it may", "BPFC0922")


def _foreign() -> NoReturn:
    raise Refusal("it reads a structure of the kernel, which is not simulated", "BPFC0921")
