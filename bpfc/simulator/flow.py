"""Control flow of a function: basic blocks, which registers they need, what they lead to."""

from collections.abc import Mapping

from attrs import frozen

from bpfc.abi.instructions import (
    ALU,
    ALU64,
    CALL,
    JMP,
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
ARGUMENTS = frozenset(range(1, 6))
_ATOMIC_FETCH, _ATOMIC_CMPXCHG = 0x01, 0xF1
_ATOMIC_MODE = 0xC0


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


def reads(ins: Instruction, arguments: frozenset[int]) -> set[int]:
    """The registers that an instruction reads.

    Args:
        ins: the instruction.
        arguments: those that it reads if it is a call.
    """
    if ins.kind in (ALU, ALU64):
        operation = ins.opcode & 0xF0
        source = {ins.src} if ins.opcode & FROM_REGISTER and operation != 0xD0 else set()
        return source if operation == MOV else source | {ins.dst}
    if ins.kind == LDX:
        return {ins.src}
    if ins.kind == ST:
        return {ins.dst}
    if ins.kind == STX:
        compare = is_atomic(ins) and ins.imm == _ATOMIC_CMPXCHG
        return {ins.dst, ins.src} | ({0} if compare else set())
    if ins.opcode == CALL:
        return set(arguments)
    if ins.flow is Flow.EXIT:
        return {0}
    if ins.flow is Flow.BRANCH:
        return {ins.dst} | ({ins.src} if ins.opcode & FROM_REGISTER else set())
    return set()


def writes(ins: Instruction) -> set[int]:
    """The registers that hold a new value behind an instruction."""
    if ins.kind in (ALU, ALU64, LDX, LD):
        return {ins.dst}
    if ins.opcode == CALL:
        return {0}
    if is_atomic(ins) and ins.imm & _ATOMIC_FETCH:
        return {0} if ins.imm == _ATOMIC_CMPXCHG else {ins.src}
    return set()


def clobbers(ins: Instruction) -> frozenset[int]:
    """The registers whose value is gone behind an instruction."""
    return ARGUMENTS if ins.opcode == CALL and ins.kind == JMP else frozenset()


def is_atomic(ins: Instruction) -> bool:
    """Whether it is an atomic operation."""
    return ins.kind == STX and ins.opcode & 0xE0 == _ATOMIC_MODE


def is_branch32(ins: Instruction) -> bool:
    """Whether a branch compares lower halves."""
    return ins.kind == JMP32


@frozen
class Liveness:
    """Which registers may be read later.

    Args:
        entry: at the function's begin: its arguments, if it is in order.
        behind: behind each instruction, by its number.
        dead: instructions whose result nobody reads, of those that were asked about.
    """

    entry: frozenset[int]
    behind: Mapping[int, frozenset[int]]
    dead: frozenset[int]


def liveness(
    function: Function,
    blocks: Mapping[int, Block],
    arguments: Mapping[int, frozenset[int]],
    removable: frozenset[int],
) -> Liveness:
    """Registers that may be read before they are written again.

    Args:
        function: the function.
        blocks: its blocks.
        arguments: registers that each call reads, by its instruction.
        removable: instructions that may be left out if nobody reads what they compute.
    """
    none: frozenset[int] = frozenset()
    gone = {at: writes(function.code[at]) | clobbers(function.code[at]) for at in function.code}
    read = {at: reads(function.code[at], arguments.get(at, none)) for at in function.code}
    needed, written = {}, {}  # of each block: read before it is written there; written there
    for start, block in blocks.items():
        now: set[int] = set()
        lost: set[int] = set()
        for at in reversed(block.body):
            now = (now - gone[at]) | read[at]
            lost |= gone[at]
        needed[start], written[start] = frozenset(now), frozenset(lost)
    live = dict(needed)
    order, changed = list(blocks.values())[::-1], True
    while changed:
        changed = False
        for block in order:
            later = none.union(*(live[at] for at in block.successors))
            found = needed[block.start] | (later - written[block.start])
            if found != live[block.start]:
                live[block.start], changed = found, True
    behind: dict[int, frozenset[int]] = {}
    dead: set[int] = set()
    for block in order:
        left = none.union(*(live[at] for at in block.successors))
        for at in reversed(block.body):
            behind[at] = left
            if at in removable and not gone[at] & left:
                dead.add(at)
                continue
            left = (left - gone[at]) | read[at]
    return Liveness(live[0], behind, frozenset(dead))
