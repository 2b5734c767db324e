"""A function of an object as a Python function.

Each instruction is one line of Python, so that the line on which an exception came up says which
instruction it was, and Python's frame has the registers. Blocks stand in a tree of comparisons
within a loop; a block that ends sets the number of the next one.
"""

from collections.abc import Callable, Mapping
from types import CodeType

from attrs import frozen

from bpfc.abi.instructions import ALU, ALU64, CALL, LD, LDX, Flow, Instruction
from bpfc.simulator import statements
from bpfc.simulator.flow import Block, Liveness, blocks_of, clobbers, is_atomic, liveness
from bpfc.simulator.image import Function

_INDENT = " "


@frozen
class Translation:
    """A translated function.

    Args:
        function: what it was.
        arguments: registers that it takes, in order.
        code: a module that defines it under its symbol (`symbol`).
        lines: instruction by line number.
        helpers: numbers of the helpers that it calls.
    """

    function: Function
    arguments: tuple[int, ...]
    code: CodeType
    lines: Mapping[int, int]
    helpers: frozenset[int]


@frozen
class Linker:
    """What a translation needs to know of other parts.

    Args:
        arguments: registers that a function takes, by its name.
        helper: (symbol, number of arguments, whether it returns something) by its number.
        map_address: what programs hold of a map, by its name.
    """

    arguments: Callable[[str], tuple[int, ...]]
    helper: Callable[[int], tuple[str, int, bool]]
    map_address: Callable[[str], int]


def symbol(name: str) -> str:
    """The Python name of a function."""
    return f"f_{name}"


def file_name(name: str) -> str:
    """What stands for the file of a translated function in tracebacks."""
    return f"<bpf {name}>"


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
        self.live: Liveness = liveness(
            function, self.blocks, {at: frozenset(found) for at, found in self.calls.items()}
        )
        self.source: list[str] = []
        self.lines: dict[int, int] = {}

    @property
    def arguments(self) -> tuple[int, ...]:
        """The registers that the function takes."""
        return tuple(sorted(self.live.entry & set(range(1, 6))))

    def _call_arguments(self, at: int, ins: Instruction) -> tuple[int, ...]:
        if at in self.function.calls:
            return self.linker.arguments(self.function.calls[at])
        return tuple(range(1, 1 + self.linker.helper(ins.imm)[1]))

    def translate(self) -> Translation:
        """The translation."""
        name = self.function.name
        taken = ", ".join(f"r{number}" for number in self.arguments)
        self._line(0, f"def {symbol(name)}({taken}):")
        self._line(1, "global n")
        # Never done, but it makes all registers local: what has no value is noticed.
        self._line(1, f"if 0: {' = '.join(f'r{number}' for number in range(10))} = 0")
        self._spend(1, len(self.function.code))
        if any(10 in (ins.dst, ins.src) for ins in self.function.code.values()):
            self._line(1, "r10 = K()")
        self._line(1, "b = 0")
        self._line(1, "while True:")
        self._tree(2, list(self.blocks.values()))
        text = "\n".join(self.source)
        code = compile(text, file_name(name), "exec")
        helpers = {self.function.code[at].imm for at in self.calls.keys() - self.function.calls}
        return Translation(self.function, self.arguments, code, self.lines, frozenset(helpers))

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
        if at in self.function.foreign:
            self._line(depth, "Y()", at)
        elif ins.opcode == CALL:
            self._call(depth, at, ins)
        elif ins.kind in (ALU, ALU64):
            self._line(depth, statements.arithmetic(ins), at)
        elif ins.kind == LD:
            value = ins.imm & statements.M32 | (ins.high & statements.M32) << 32
            if at in self.function.maps:
                value = self.linker.map_address(self.function.maps[at])
            self._line(depth, statements.wide(ins, value), at)
        elif ins.kind == LDX:
            self._line(depth, statements.load(ins), at)
        elif is_atomic(ins):
            self._line(depth, statements.atomic(ins), at)
        else:
            self._line(depth, statements.store(ins), at)

    def _call(self, depth: int, at: int, ins: Instruction) -> None:
        taken = ", ".join(f"r{number}" for number in self.calls[at])
        if at in self.function.calls:
            self._line(depth, f"r0 = {symbol(self.function.calls[at])}({taken})", at)
            gone = clobbers(ins)
        else:
            name, _, returns = self.linker.helper(ins.imm)
            self._line(depth, f"r0 = {name}({taken})", at)
            gone = clobbers(ins) | (frozenset() if returns else {0})
        for number in sorted(gone & self.live.behind[at]):
            # Whoever reads it finds nothing.
            self._line(depth, f"r{number} = 0; del r{number}", at)
