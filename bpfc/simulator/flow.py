"""Control flow of a function: basic blocks, which registers they need, what they lead to."""

from collections.abc import Iterable, Mapping
from functools import cache

from attrs import frozen

from bpfc.abi.instructions import (
    ALU,
    ALU64,
    CALL,
    EXIT,
    JA,
    JMP32,
    LD,
    LDX,
    ST,
    STX,
    Flow,
    Instruction,
)
from bpfc.simulator.faults import Fault
from bpfc.simulator.image import Function

MOV = 0xB0
FROM_REGISTER = 0x08
REGISTERS = 11
ARGUMENTS = 0b111110  # r1 to r5, a bit each
_ATOMIC_FETCH, _ATOMIC_CMPXCHG = 0x01, 0xF1
_ATOMIC_MODE = 0xC0
_END = 0xD0


@frozen
class Block:
    """Instructions that run one after the other.

    Args:
        start: number of the first one.
        body: instruction numbers, the last one included.
        successors: blocks that can follow, by their start: of a branch first the next one, then the
            target.
    """

    start: int
    body: tuple[int, ...]
    successors: tuple[int, ...]


def blocks_of(function: Function) -> dict[int, Block]:
    """Basic blocks by their start, in order.

    Args:
        function: the function.

    Raises:
        Fault: a jump leads out of the function, into an instruction, or the end is run over.
    """
    code = function.code
    nexts = {at: at + ins.slots for at, ins in code.items()}
    starts, leads = {0}, {}
    for at, ins in code.items():
        target = nexts[at] + ins.offset
        if ins.flow is Flow.NEXT:
            continue
        leads[at] = {
            Flow.EXIT: (),
            Flow.JUMP: (target,),
            Flow.BRANCH: (nexts[at], target),
        }[ins.flow]
        starts |= {nexts[at], *leads[at]}
    for at, targets in leads.items():
        if any(target not in code for target in targets):
            raise Fault("BPFC0920", f"{function.name}, instruction {at}: jumps out of the function")
    found: dict[int, Block] = {}
    body: list[int] = []
    for at in code:
        body.append(at)
        ends = at in leads or nexts[at] in starts or nexts[at] not in code
        if not ends:
            continue
        if at not in leads and nexts[at] not in code:
            raise Fault("BPFC0920", f"{function.name}: control runs over its end")
        successors = leads.get(at, (nexts[at],))
        found[body[0]] = Block(body[0], tuple(body), successors)
        body = []
    return reachable(found)


def reachable(blocks: Mapping[int, Block]) -> dict[int, Block]:
    """The blocks that control can reach, in order."""
    seen, todo = set(), [0]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += blocks[at].successors
    return {at: block for at, block in blocks.items() if at in seen}


def bits(registers: Iterable[int]) -> int:
    """Registers as a bit each."""
    return sum(1 << number for number in set(registers))


@cache
def registers(mask: int) -> tuple[int, ...]:
    """The registers of a mask."""
    return tuple(number for number in range(REGISTERS) if mask >> number & 1)


def reads(ins: Instruction, arguments: int) -> int:
    """The registers that an instruction reads, a bit each.

    Args:
        ins: the instruction.
        arguments: those that it reads if it is a call.
    """
    if ins.opcode == CALL:
        return arguments
    return _effects(ins.opcode, ins.dst, ins.src, ins.imm if is_atomic(ins) else 0)[0]


def writes(ins: Instruction) -> int:
    """The registers that hold a new value behind an instruction, a bit each."""
    return _effects(ins.opcode, ins.dst, ins.src, ins.imm if is_atomic(ins) else 0)[1]


def clobbers(ins: Instruction) -> int:
    """The registers whose value is gone behind an instruction, a bit each."""
    return ARGUMENTS if ins.opcode == CALL else 0


@cache
def _effects(opcode: int, dst: int, src: int, operation: int) -> tuple[int, int]:
    """What an instruction reads and writes; `operation` is that of an atomic one."""
    kind, target, source = opcode & 7, 1 << dst, 1 << src
    from_register = source if opcode & FROM_REGISTER else 0
    if kind in (ALU, ALU64):
        used = 0 if opcode & 0xF0 == _END else from_register
        return (used if opcode & 0xF0 == MOV else used | target), target
    if kind in (LDX, LD):
        return (source if kind == LDX else 0), target
    if kind == ST:
        return target, 0
    if kind == STX:
        compare = 1 if operation == _ATOMIC_CMPXCHG else 0
        result = 1 if compare else source if operation & _ATOMIC_FETCH else 0
        return target | source | compare, result
    if opcode == CALL:
        return 0, 1
    if opcode == EXIT:
        return 1, 0
    return (0 if opcode == JA else target | from_register), 0


def is_atomic(ins: Instruction) -> bool:
    """Whether it is an atomic operation."""
    return ins.kind == STX and ins.opcode & 0xE0 == _ATOMIC_MODE


def is_branch32(ins: Instruction) -> bool:
    """Whether a branch compares lower halves."""
    return ins.kind == JMP32


@frozen
class Liveness:
    """Which registers may be read later, a bit each.

    Args:
        entry: at the function's begin: its arguments, if it is in order.
        behind: behind each instruction, by its number.
        dead: instructions whose result nobody reads, of those that were asked about.
    """

    entry: int
    behind: Mapping[int, int]
    dead: frozenset[int]


def liveness(
    function: Function,
    blocks: Mapping[int, Block],
    arguments: Mapping[int, int],
    removable: frozenset[int],
) -> Liveness:
    """Registers that may be read before they are written again.

    Args:
        function: the function.
        blocks: its blocks.
        arguments: registers that each call reads, a bit each, by its instruction.
        removable: instructions that may be left out if nobody reads what they compute.
    """
    code = function.code
    effects = {
        at: (reads(ins, arguments.get(at, 0)), ~(writes(ins) | clobbers(ins)))
        for at, ins in code.items()
    }
    needed: dict[int, int] = {}  # of each block: read before it is written there
    kept: dict[int, int] = {}  # not written there
    for start, block in blocks.items():
        now, left = 0, -1
        for at in reversed(block.body):
            read, others = effects[at]
            now = now & others | read
            left &= others
        needed[start], kept[start] = now, left
    live = dict(needed)
    order, changed = list(blocks.values())[::-1], True
    while changed:
        changed = False
        for block in order:
            found = needed[block.start] | _later(block, live) & kept[block.start]
            if found != live[block.start]:
                live[block.start], changed = found, True
    behind: dict[int, int] = {}
    dead: set[int] = set()
    for block in order:
        now = _later(block, live)
        for at in reversed(block.body):
            behind[at] = now
            read, others = effects[at]
            if at in removable and not ~others & now:
                dead.add(at)
            else:
                now = now & others | read
    return Liveness(live[0], behind, frozenset(dead))


def _later(block: Block, live: Mapping[int, int]) -> int:
    """What may be read behind a block."""
    found = 0
    for at in block.successors:
        found |= live[at]
    return found
