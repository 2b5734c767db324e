"""A function of an object as a Python function.

Each instruction is one line of Python, so that the line on which an exception came up says which
instruction it was, and Python's frame has the registers. Blocks stand in a tree of comparisons
within a loop; a block that ends sets the number of the next one.
"""

from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Protocol

from attrs import frozen

from bpfc.abi.instructions import ALU, ALU64, CALL, LD, LDX, Flow, Instruction
from bpfc.simulator import statements
from bpfc.simulator.flow import (
    ARGUMENTS,
    Block,
    Liveness,
    bits,
    blocks_of,
    clobbers,
    is_atomic,
    liveness,
    registers,
)
from bpfc.simulator.image import Function
from bpfc.simulator.stack import FRAME, Frame, Passed, Slot, frame_of

_INDENT = " "


@frozen
class Translation:
    """A translated function.

    Args:
        function: what it was.
        code: a module that defines it under its symbol (`symbol`).
        lines: instruction by line number.
        helpers: numbers of the helpers that it calls.
        tables: (operation, map) that it uses by symbols of their own (`table_symbol`).
    """

    function: Function
    code: CodeType
    lines: Mapping[int, int]
    helpers: frozenset[int]
    tables: frozenset[tuple[str, str]]


@frozen
class HelperCall:
    """How a helper is called.

    Args:
        name: its name, "" if it is not known.
        arguments: registers that it takes.
        returns: whether it returns something.
    """

    name: str
    arguments: int
    returns: bool


class Linker(Protocol):
    """What a translation needs to know of other parts."""

    def arguments(self, name: str) -> tuple[int, ...]:
        """The registers that a function takes."""

    def helper(self, number: int) -> HelperCall:
        """How a helper is called."""

    def passed(self, number: int, table: str | None) -> tuple[Passed, ...]:
        """What a helper reads through its arguments, called with a map, None if any could be."""

    @property
    def leaky(self) -> bool:
        """Whether functions can get to know addresses of others' stacks."""


def symbol(name: str) -> str:
    """The Python name of a function."""
    return f"f_{name}"


def map_symbol(table: str) -> str:
    """The Python name of what programs hold of a map."""
    return f"map_{table}"


def data_symbol(table: str) -> str:
    """The Python name of the address of a map's only value."""
    return f"data_{table}"


def table_symbol(operation: str, table: str) -> str:
    """The Python name of a map's operation whose key is given by value.

    Args:
        operation: "find", "update" or "delete".
        table: the map.
    """
    return f"{operation}_{table}"


def file_name(name: str) -> str:
    """What stands for the file of a translated function in tracebacks."""
    return f"<bpf {name}>"


# What helpers on maps do; key and value are handed over as they are, not by their address.
_BY_VALUE = {"map_lookup_elem": "find", "map_update_elem": "update", "map_delete_elem": "delete"}
_PACKED = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Translator:
    """Translates one function.

    Args:
        function: the function.
        linker: the parts around it.
    """

    def __init__(self, function: Function, linker: Linker) -> None:
        self.function, self.linker = function, linker
        self.blocks = blocks_of(function)
        self.calls = {
            at: self._call_arguments(at, ins)
            for at, ins in function.code.items()
            if ins.opcode == CALL
        }
        self.frame: Frame = frame_of(function, self.blocks, self.calls, linker.passed)
        for at in self.calls:
            if self._by_value(at):
                gone = {one.register for one in self._passed(at) if self._composed(at, one)}
                self.calls[at] = tuple(n for n in self.calls[at] if n != 1 and n not in gone)
        self.live: Liveness = liveness(
            function,
            self.blocks,
            {at: bits(found) for at, found in self.calls.items()},
            self.frame.constant,
        )
        self.source: list[str] = []
        self.lines: dict[int, int] = {}
        self.tables: set[tuple[str, str]] = set()

    @property
    def arguments(self) -> tuple[int, ...]:
        """The registers that the function takes."""
        return registers(self.live.entry & ARGUMENTS)

    def _call_arguments(self, at: int, ins: Instruction) -> tuple[int, ...]:
        if at in self.function.calls:
            return self.linker.arguments(self.function.calls[at])
        return tuple(range(1, 1 + self.linker.helper(ins.imm).arguments))

    def _by_value(self, at: int) -> bool:
        """Whether a call is an operation of a map that is known."""
        if at in self.function.calls or at not in self.frame.maps:
            return False
        return self.linker.helper(self.function.code[at].imm).name in _BY_VALUE

    def _passed(self, at: int) -> tuple[Passed, ...]:
        return self.linker.passed(self.function.code[at].imm, self.frame.maps[at])

    def _composed(self, at: int, one: Passed) -> tuple[Slot, ...]:
        """The variables that what is passed consists of."""
        return self.frame.passed.get((at, one.register), ())

    def translate(self) -> Translation:
        """The translation."""
        self.source, self.lines = [], {}
        name = self.function.name
        taken = ", ".join(f"r{number}" for number in self.arguments)
        slots = sorted({slot.name for slot in self.frame.slots.values()})
        self._line(0, f"def {symbol(name)}({taken}):")
        self._line(1, "global n")
        # Never done, but it makes all of them local: what has no value is noticed.
        names = [f"r{number}" for number in range(FRAME)] + slots
        self._line(1, f"if 0: {' = '.join(names)} = 0")
        self._spend(1, len(self.function.code))
        if self.frame.memory:
            self._line(1, "r10 = K()")
        self._line(1, "b = 0")
        self._line(1, "while True:")
        self._tree(2, list(self.blocks.values()))
        text = "\n".join(self.source)
        code = compile(text, file_name(name), "exec")
        helpers = {
            self.function.code[at].imm
            for at in self.calls.keys() - self.function.calls
            if not self._by_value(at)
        }
        return Translation(
            self.function, code, self.lines, frozenset(helpers), frozenset(self.tables)
        )

    def _line(self, depth: int, text: str, at: int | None = None) -> None:
        self.source.append(_INDENT * depth + text)
        if at is not None:
            self.lines[len(self.source)] = at

    def _spend(self, depth: int, instructions: int, at: int | None = None) -> None:
        """Count instructions against what a run may take."""
        self._line(depth, f"n -= {instructions}", at)
        self._line(depth, "if n < 0: X()", at)

    def _tree(self, depth: int, blocks: list[Block]) -> None:
        if len(blocks) == 1:
            self._block(depth, blocks[0])
            return
        middle = len(blocks) // 2
        self._line(depth, f"if b < {blocks[middle].start}:")
        self._tree(depth + 1, blocks[:middle])
        self._line(depth, "else:")
        self._tree(depth + 1, blocks[middle:])

    def _block(self, depth: int, block: Block) -> None:
        for at in block.body:
            ins = self.function.code[at]
            if ins.flow is Flow.NEXT:
                self._statement(depth, at, ins)
        last, final = block.body[-1], self.function.code[block.body[-1]]
        if final.flow is Flow.EXIT:
            self._line(depth, "return r0", last)
        elif final.flow is Flow.BRANCH:
            self._line(depth, f"if {statements.condition(final)}:", last)
            self._go(depth + 1, block, block.successors[1], last)
            self._go(depth, block, block.successors[0], last)
        else:
            self._go(depth, block, block.successors[0], last)

    def _go(self, depth: int, block: Block, target: int, at: int) -> None:
        if target <= block.start:
            self._spend(depth, at - target + 1, at)
        self._line(depth, f"b = {target}", at)
        self._line(depth, "continue", at)

    def _statement(self, depth: int, at: int, ins: Instruction) -> None:
        if at in self.live.dead:
            return
        if at in self.function.foreign:
            self._line(depth, "Y()", at)
        elif ins.opcode == CALL:
            self._call(depth, at, ins)
        elif ins.kind in (ALU, ALU64):
            self._line(depth, statements.arithmetic(ins), at)
        elif ins.kind == LD:
            value = str(ins.imm & statements.M32 | (ins.high & statements.M32) << 32)
            if at in self.function.maps:
                value = map_symbol(self.function.maps[at])
            elif at in self.function.data:
                value = data_symbol(self.function.data[at])
            self._line(depth, f"r{ins.dst} = {value}", at)
        elif is_atomic(ins):
            self._line(depth, statements.atomic(ins), at)
        else:
            slot = self.frame.slots.get(at)
            name = slot.name if slot else ""
            checked = at in self.frame.checked or self.linker.leaky
            make = statements.load if ins.kind == LDX else statements.store
            self._line(depth, make(ins, name, checked), at)

    def _call(self, depth: int, at: int, ins: Instruction) -> None:
        taken = ", ".join(f"r{number}" for number in self.calls[at])
        gone = clobbers(ins)
        if at in self.function.calls:
            self._line(depth, f"r0 = {symbol(self.function.calls[at])}({taken})", at)
        elif self._by_value(at):
            operation = _BY_VALUE[self.linker.helper(ins.imm).name]
            self.tables.add((operation, self.frame.maps[at]))
            parts = [
                _packed(self._composed(at, one)) or f"V(r{one.register}, {one.size})"
                for one in self._passed(at)
            ]
            if operation == "update":
                parts.append("r4")
            called = table_symbol(operation, self.frame.maps[at])
            self._line(depth, f"r0 = {called}({', '.join(parts)})", at)
        else:
            self._line(depth, f"r0 = H{ins.imm}({taken})", at)
            if not self.linker.helper(ins.imm).returns:
                gone |= 1
        for number in registers(gone & self.live.behind[at]):
            # Whoever reads it finds nothing.
            self._line(depth, f"r{number} = 0; del r{number}", at)


def _packed(slots: Sequence[Slot]) -> str:
    """The bytes of variables, one behind the other; "" if there are none."""
    if not slots:
        return ""
    form = "".join(_PACKED[slot.size] for slot in slots)
    return f"P('<{form}', {', '.join(slot.name for slot in slots)})"
