"""What registers hold where: a small forward analysis, enough to see each use of the context.

Values are the context, the stack, a map or a constant; everything else is "anything". Where paths
meet, differing values become anything, except that a context pointer with two distances stays one
with an unknown distance, so that no access through it goes unseen.
"""

from collections.abc import Iterator, Mapping
from enum import Enum

from attrs import evolve, field, frozen

from bpfc.abi.instructions import (
    ADD64,
    ALU,
    ALU64,
    CALL,
    LD,
    LDDW,
    LDX,
    MEM,
    MOV64,
    PSEUDO_CALL,
    SIZES,
    SLOT,
    ST,
    STX,
    Flow,
    Instruction,
    decode,
)
from compiler.elf.model import R_BPF_64_64, Elf, Relocation, Symbol


class Kind(Enum):
    """What a register can be known to hold."""

    CONTEXT = "context"
    STACK = "stack"
    MAP = "map"
    CONSTANT = "constant"


@frozen
class Known:
    """A known value.

    Args:
        kind: what it is.
        at: distance from its start (context, stack), or the constant; None if not known.
        name: of the map.
    """

    kind: Kind
    at: int | None = 0
    name: str = ""


Value = Known | None  # None: anything


@frozen
class State:
    """Registers, and 64-bit values on the stack by their distance from its top.

    There are 16 registers, as many as an instruction can name; code that names one above 10 is
    refused elsewhere, but has to be walked through.
    """

    registers: tuple[Value, ...]
    stack: Mapping[int, Known] = field(factory=dict)

    def put(self, register: int, value: Value) -> "State":
        """The state with another value in a register."""
        row = list(self.registers)
        row[register] = value
        return evolve(self, registers=tuple(row))


@frozen
class Function:
    """A function of the object.

    Args:
        name: its symbol.
        section, start: where its first instruction stands, in slots.
        code: its instructions by slot, counted from its own start.
        size: slots.
        relocations: by slot, counted from its own start.
    """

    name: str
    section: str
    start: int
    code: Mapping[int, Instruction]
    size: int
    relocations: Mapping[int, Relocation]


STACK_TOP = Known(Kind.STACK)
CONTEXT = Known(Kind.CONTEXT)
_CALL_CLOBBERS = 6  # r0 to r5
_NO_REGISTERS = (None,) * 5  # r11 to r15


def functions_of(elf: Elf) -> tuple[Function, ...]:
    """Every function of the executable sections that begins at an instruction, in file order."""
    found = []
    for section in elf.sections:
        symbols = [s for s in elf.functions(section.name) if s.value % SLOT == 0]
        if not symbols or not section.executable:
            continue
        ends = [s.value for s in symbols[1:]] + [len(section.data)]
        for symbol, end in zip(symbols, ends, strict=True):
            relocations = {
                (r.offset - symbol.value) // SLOT: r
                for r in section.relocations
                if symbol.value <= r.offset < end
            }
            code = decode(section.data[symbol.value : end])
            size = (end - symbol.value) // SLOT
            place = symbol.value // SLOT
            found.append(Function(symbol.name, section.name, place, code, size, relocations))
    return tuple(found)


def callee(functions: tuple[Function, ...], caller: Function, slot: int) -> Function | None:
    """The function that a call of a function of the object leads to, None if there is none."""
    ins, relocation = caller.code[slot], caller.relocations.get(slot)
    if relocation is None:
        place = (caller.section, caller.start + slot + 1 + ins.imm)
    else:
        symbol: Symbol = relocation.symbol
        inside = 0 if symbol.name else ins.imm + 1  # a section symbol: the distance is in the call
        place = (symbol.section or "", symbol.value // SLOT + inside)
    return next((f for f in functions if (f.section, f.start) == place), None)


def entry_state(arguments: tuple[Value, ...]) -> State:
    """The state at a function's start, given r1 and on."""
    rest: tuple[Value, ...] = (None,) * (9 - len(arguments))
    return State((None, *arguments, *rest, STACK_TOP, *_NO_REGISTERS))


def states(function: Function, entry: State) -> Iterator[tuple[int, Instruction, State]]:
    """The state before each instruction that can be reached.

    Args:
        function: the function.
        entry: the state at its start.

    Yields:
        Slot, instruction and state, in order of slots, once all paths have been joined.
    """
    before: dict[int, State] = {0: entry}
    work = [0]
    while work:
        slot = work.pop()
        ins = function.code.get(slot)
        if ins is None:
            continue
        after = _after(function, slot, ins, before[slot])
        for target in successors(slot, ins):
            if target not in function.code:
                continue
            joined = _join(before.get(target), after)
            if joined != before.get(target):
                before[target] = joined
                work.append(target)
    for slot in sorted(before):
        if slot in function.code:
            yield slot, function.code[slot], before[slot]


def successors(slot: int, ins: Instruction) -> tuple[int, ...]:
    """Slots where control can go on."""
    flow = ins.flow
    if flow is Flow.NEXT:
        return (slot + ins.slots,)
    if flow is Flow.EXIT:
        return ()
    target = slot + 1 + ins.offset
    return (target,) if flow is Flow.JUMP else (slot + ins.slots, target)


def _join(old: State | None, new: State) -> State:
    """What holds on both of two paths."""
    if old is None:
        return new
    registers = tuple(map(_meet, old.registers, new.registers))
    stack: dict[int, Known] = {}
    for at, value in old.stack.items():
        met = _meet(value, new.stack.get(at))
        if met is not None:
            stack[at] = met
    return State(registers, stack)


def _meet(one: Value, other: Value) -> Value:
    """What two values have in common."""
    if one == other:
        return one
    pointers = (Kind.CONTEXT, Kind.STACK)
    if one and other and one.kind is other.kind and one.kind in pointers:
        return Known(one.kind, None)
    return None


def _after(function: Function, slot: int, ins: Instruction, state: State) -> State:
    """The state behind an instruction."""
    if ins.kind == LD:
        return state.put(ins.dst, _loaded(function, slot, ins))
    if ins.kind == LDX:
        return state.put(ins.dst, _restored(ins, state))
    if ins.kind in (ST, STX):
        return _stored(ins, state)
    if ins.kind in (ALU, ALU64):
        return state.put(ins.dst, _computed(ins, state))
    if ins.opcode == CALL:
        return evolve(state, registers=(None,) * _CALL_CLOBBERS + state.registers[6:])
    return state


def _loaded(function: Function, slot: int, ins: Instruction) -> Value:
    """The value of a 64-bit immediate load."""
    relocation = function.relocations.get(slot)
    if ins.opcode != LDDW or relocation is None:
        return None
    symbol = relocation.symbol
    if relocation.type == R_BPF_64_64 and symbol.section == ".maps":
        return Known(Kind.MAP, 0, symbol.name)
    return None


def _slot_of(ins: Instruction, base: Value) -> int | None:
    """The distance from the stack's top that is accessed, if it is known."""
    if base is None or base.kind is not Kind.STACK or base.at is None:
        return None
    return base.at + ins.offset


def _restored(ins: Instruction, state: State) -> Value:
    """The value of a load: one that was put on the stack before, or anything."""
    at = _slot_of(ins, state.registers[ins.src])
    whole = SIZES[ins.opcode & 0x18] == SLOT and ins.opcode & 0xE0 == MEM
    return state.stack.get(at) if whole and at is not None else None


def _stored(ins: Instruction, state: State) -> State:
    """The state behind a store."""
    at = _slot_of(ins, state.registers[ins.dst])
    if at is None:
        return state
    size = SIZES[ins.opcode & 0x18]
    stack = {a: v for a, v in state.stack.items() if a + SLOT <= at or a >= at + size}
    value = state.registers[ins.src] if ins.kind == STX else None
    if value is not None and size == SLOT and ins.opcode & 0xE0 == MEM:
        stack[at] = value
    return evolve(state, stack=stack)


def _computed(ins: Instruction, state: State) -> Value:
    """The value of arithmetic: copies, and pointers moved by a constant."""
    other = state.registers[ins.src] if ins.opcode & 8 else Known(Kind.CONSTANT, ins.imm)
    if ins.opcode in MOV64:
        return other
    here = state.registers[ins.dst]
    if here is None or here.kind not in (Kind.CONTEXT, Kind.STACK):
        moved = other if ins.opcode in ADD64 else None
        return evolve(moved, at=None) if _is_pointer(moved) and moved is not None else None
    known = ins.opcode in ADD64 and other is not None and other.kind is Kind.CONSTANT
    if not known or other is None or here.at is None or other.at is None:
        return evolve(here, at=None) if ins.kind == ALU64 else None
    return evolve(here, at=here.at + other.at)


def _is_pointer(value: Value) -> bool:
    """Whether a value points into the context or the stack."""
    return value is not None and value.kind in (Kind.CONTEXT, Kind.STACK)


def is_local_call(ins: Instruction) -> bool:
    """Whether a call leads to a function of the object."""
    return ins.opcode == CALL and ins.src == PSEUDO_CALL
