"""What a function does with its stack, found out before it is translated.

Pieces of the stack that are only read and written as a whole, and whose address goes nowhere but
to a helper that reads them, become local variables of Python; so a read of one that was never
written is noticed by Python itself, and most functions need no memory for their stack. All other
pieces are memory, of which is noted byte by byte what was written.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import define, evolve, field, frozen

from bpfc.abi.instructions import ALU, ALU64, CALL, LD, LDX, SIZES, ST, STX, Flow, Instruction
from bpfc.abi.linux import STACK_SIZE
from bpfc.simulator.flow import (
    FROM_REGISTER,
    MOV,
    Block,
    clobbers,
    is_atomic,
    reads,
    registers,
    writes,
)
from bpfc.simulator.image import Function

_ADD, _ALU_OPERATION = 0x00, 0xF0
FRAME = 10


@frozen
class Address:
    """A register's value: an address.

    Args:
        offset: from the base; None where that is not known, or not even whether it is one.
    """

    offset: int | None


@frozen
class Stack(Address):
    """An address in the function's own stack, from r10."""


@frozen
class Context(Address):
    """An address in a program's context, from its begin."""


@frozen
class MapAddress:
    """A register's value: a map."""

    name: str


Value = Address | MapAddress | None  # None: a number, or an address of other memory
State = dict[int, Value]


@frozen
class Slot:
    """A piece of the stack that is a variable: `size` bytes at `offset` from r10."""

    offset: int
    size: int

    @property
    def name(self) -> str:
        """Its variable."""
        return f"s{-self.offset}"


@frozen
class Passed:
    """Memory that a helper reads through an argument.

    Args:
        register: the argument.
        size: bytes, None if that is not known.
    """

    register: int
    size: int | None


@frozen
class Frame:
    """What is known of a function's stack.

    Args:
        slots: the variable that a load or store means, by its instruction.
        passed: variables that make up what a helper reads, by its instruction and argument.
        checked: loads and stores that may be of stack that is memory.
        memory: whether any of the stack is memory.
        depth: bytes that the function uses.
        leaks: whether other functions, or memory, can get to know an address of it.
        maps: the map that a helper is called with, by the call's instruction.
        constant: instructions that only compute an address of the stack or of a map.
    """

    slots: Mapping[int, Slot]
    passed: Mapping[tuple[int, int], tuple[Slot, ...]]
    checked: frozenset[int]
    memory: bool
    depth: int
    leaks: bool
    maps: Mapping[int, str]
    constant: frozenset[int]


@define
class _Uses:
    """What the instructions do with addresses of the stack.

    Args:
        direct: (offset, size) of loads and stores, by instruction.
        passed: (offset, size) that helpers read, by instruction and argument.
        vague: loads and stores that may be of the stack, it is not known where.
        exposed: whether an address is used in a way that needs real memory.
        leaks: whether one is handed to another function or to memory.
        lowest: the lowest offset that is named.
        maps: as in `Frame`.
    """

    direct: dict[int, tuple[int, int]] = field(factory=dict)
    passed: dict[tuple[int, int], tuple[int, int]] = field(factory=dict)
    vague: set[int] = field(factory=set)
    exposed: bool = False
    leaks: bool = False
    lowest: int = 0
    maps: dict[int, str] = field(factory=dict)


def frame_of(
    function: Function,
    blocks: Mapping[int, Block],
    arguments: Mapping[int, Sequence[int]],
    passed: Callable[[int, str | None], tuple[Passed, ...]],
) -> Frame:
    """Find out what a function does with its stack.

    Args:
        function: the function.
        blocks: its blocks.
        arguments: registers that each call reads, by its instruction.
        passed: what a helper reads through its arguments, by its number and the map it is called
            with, None if that is not known.
    """
    uses, constant = _Uses(), set()
    for at, state, value in states_of(function, blocks, {FRAME: Stack(0)}):
        if value is not None:
            constant.add(at)
        _note(function, at, state, arguments.get(at, ()), passed, uses)
    slots = {} if uses.exposed else _slots(uses)
    by_start = {slot.offset: slot for slot in slots.values()}
    composed = {place: _composed(*piece, by_start) for place, piece in uses.passed.items()}
    in_memory = {at for at in uses.direct if at not in slots}
    unwhole = {place for place, found in composed.items() if not found}
    return Frame(
        slots=slots,
        passed={place: found for place, found in composed.items() if found},
        checked=frozenset(in_memory | uses.vague),
        memory=bool(uses.exposed or in_memory or unwhole),
        depth=-min(uses.lowest, 0),
        leaks=uses.leaks,
        maps=uses.maps,
        constant=frozenset(constant),
    )


def states_of(
    function: Function, blocks: Mapping[int, Block], first: State
) -> Iterator[tuple[int, State, Value]]:
    """What is known of the values of registers at each instruction.

    Args:
        function: the function.
        blocks: its blocks.
        first: at its begin.

    Yields:
        The instruction, the state before it (good until the next one is asked for), and the value
        that it writes.
    """
    at_start: dict[int, State] = {0: dict(first)}
    todo = [0]
    while todo:
        start = todo.pop()
        state = dict(at_start[start])
        for at in blocks[start].body:
            _step(state, _value(state, at, function), function.code[at])
        for target in blocks[start].successors:
            known = at_start.get(target)
            joined = state if known is None else _joined(known, state)
            if joined != known:
                at_start[target] = dict(joined)
                todo.append(target)
    for start, block in blocks.items():
        state = at_start[start]
        for at in block.body:
            value = _value(state, at, function)
            yield at, state, value
            _step(state, value, function.code[at])


def _joined(one: State, other: State) -> State:
    """What holds whichever way control came."""
    found: State = {}
    for number in one.keys() | other.keys():
        left, right = one.get(number), other.get(number)
        if left == right:
            found[number] = left
        elif isinstance(left, Stack) or isinstance(right, Stack):
            found[number] = Stack(None)
        elif isinstance(left, Context) or isinstance(right, Context):
            found[number] = Context(None)
    return found


def _step(state: State, value: Value, ins: Instruction) -> None:
    """Bring the state behind an instruction that writes a value."""
    gone = writes(ins) | clobbers(ins)
    if gone:
        for number in registers(gone):
            state.pop(number, None)
        if value is not None:
            state[ins.dst] = value


def _value(state: State, at: int, function: Function) -> Value:
    """What an instruction writes."""
    ins = function.code[at]
    if ins.kind == LD:
        return MapAddress(function.maps[at]) if at in function.maps else None
    if ins.kind not in (ALU, ALU64):
        return None
    operation = ins.opcode & _ALU_OPERATION
    source = state.get(ins.src) if ins.opcode & FROM_REGISTER else None
    if operation == MOV:
        if ins.kind == ALU64 or not isinstance(source, Address):
            return source
        return evolve(source, offset=None)
    target = state.get(ins.dst)
    address = target if isinstance(target, Address) else source
    if not isinstance(address, Address):
        return None
    plain = operation == _ADD and ins.kind == ALU64 and not ins.opcode & FROM_REGISTER
    if plain and address.offset is not None:
        return evolve(address, offset=address.offset + ins.imm)
    return evolve(address, offset=None)


def _note(
    function: Function,
    at: int,
    state: State,
    arguments: Sequence[int],
    passed: Callable[[int, str | None], tuple[Passed, ...]],
    uses: _Uses,
) -> None:
    """Note what an instruction does with addresses of the stack."""
    ins = function.code[at]
    if ins.opcode == CALL:
        _note_call(function, at, state, arguments, passed, uses)
    elif ins.kind in (LDX, ST, STX):
        base = state.get(ins.src if ins.kind == LDX else ins.dst)
        if ins.kind == STX and isinstance(state.get(ins.src), Stack):
            uses.leaks = uses.exposed = True
        if isinstance(base, Stack):
            if base.offset is None:
                uses.exposed = True
                uses.vague.add(at)
            else:
                place = base.offset + ins.offset
                uses.lowest = min(uses.lowest, place)
                size = SIZES[ins.opcode & 0x18]
                uses.direct[at] = (place, size)
                # Atomic operations and what lies outside need memory.
                uses.exposed |= is_atomic(ins) or not -STACK_SIZE <= place <= -size
    elif ins.flow is not Flow.NEXT and any(
        isinstance(state.get(number), Stack) for number in registers(reads(ins, 0))
    ):
        uses.exposed = True


def _note_call(
    function: Function,
    at: int,
    state: State,
    arguments: Sequence[int],
    passed: Callable[[int, str | None], tuple[Passed, ...]],
    uses: _Uses,
) -> None:
    given = {number for number in arguments if isinstance(state.get(number), Stack)}
    if at in function.calls:
        if given:
            uses.leaks = uses.exposed = True
        return
    first = state.get(1)
    name = first.name if isinstance(first, MapAddress) else None
    if name is not None:
        uses.maps[at] = name
    sizes = {one.register: one.size for one in passed(function.code[at].imm, name)}
    for number in given:
        value, size = state.get(number), sizes.get(number)
        assert isinstance(value, Stack)
        if value.offset is None or size is None:
            uses.exposed = True
        else:
            uses.lowest = min(uses.lowest, value.offset)
            uses.passed[at, number] = (value.offset, size)


def _slots(uses: _Uses) -> dict[int, Slot]:
    """The variables that loads and stores mean, by instruction: of pieces that do not overlap, and
    that helpers read as a whole if they read them."""
    pieces = set(uses.direct.values())
    pieces -= {
        piece
        for piece in pieces
        if any(other != piece and _overlap(piece, other) for other in pieces)
    }
    while True:
        by_start = {offset: Slot(offset, size) for offset, size in pieces}
        broken = [place for place in uses.passed.values() if not _composed(*place, by_start)]
        lost = {piece for piece in pieces if any(_overlap(piece, place) for place in broken)}
        if not lost:
            return {at: Slot(*piece) for at, piece in uses.direct.items() if piece in pieces}
        pieces -= lost


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[0] + other[1] and other[0] < one[0] + one[1]


def _composed(offset: int, size: int, known: Mapping[int, Slot]) -> tuple[Slot, ...]:
    """The slots that make up a piece of the stack, none if they do not."""
    found, end = [], offset + size
    while offset < end and offset in known:
        found.append(known[offset])
        offset += known[offset].size
    return tuple(found) if offset == end else ()
