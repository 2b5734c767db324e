"""One Windows program with all functions it calls: helpers, context, stack, calls and jumps."""

from collections.abc import Iterator, Mapping

from bpfc.abi import windows
from bpfc.abi.instructions import (
    CALL,
    LDX,
    MEM,
    SIZES,
    ST,
    STX,
    Instruction,
)
from compiler.elf.btf import MapDeclaration
from compiler.targets.windows.preflight_flow import (
    CONTEXT,
    Function,
    Kind,
    State,
    Value,
    callee,
    entry_state,
    is_local_call,
    states,
    successors,
)

# Code, function, slot, message.
Row = tuple[str, str, int | None, str]
_TAIL_CALL = windows.HELPERS["tail_call"]
_ARGUMENTS = slice(1, 6)  # r1 to r5


def check(
    functions: tuple[Function, ...],
    program: Function,
    section: windows.Section,
    maps: Mapping[str, MapDeclaration],
) -> Iterator[Row]:
    """Check a program.

    Args:
        functions: all functions of the object.
        program: the one that Windows calls, with the context in r1.
        section: what Windows makes of its section.
        maps: the object's maps.

    Yields:
        What is wrong; the same may come more than once.
    """
    kind = section.program
    yield from _check_calls(functions, program, ())
    seen: set[tuple[str, tuple[Value, ...]]] = set()
    work: list[tuple[Function, tuple[Value, ...]]] = [(program, (CONTEXT, *(None,) * 4))]
    while work:
        function, arguments = work.pop()
        if (function.name, arguments) in seen:
            continue
        seen.add((function.name, arguments))
        yield from _check_code(function, kind)
        for slot, ins, state in states(function, entry_state(arguments)):
            for code, message in _check_access(ins, state, kind):
                yield code, function.name, slot, message
            if ins.opcode == CALL and not is_local_call(ins) and ins.imm == _TAIL_CALL:
                for message in _check_tail_call(state, maps):
                    yield "BPFC0617", function.name, slot, message
            target = callee(functions, function, slot) if is_local_call(ins) else None
            if target is not None:
                passed = (_passed(v) for v in state.registers[_ARGUMENTS])
                work.append((target, tuple(passed)))


def _passed(value: Value) -> Value:
    """An argument as the callee sees it: constants would make every call a function of its own."""
    return value if value is not None and value.kind in (Kind.CONTEXT, Kind.MAP) else None


def _check_calls(
    functions: tuple[Function, ...], function: Function, above: tuple[str, ...]
) -> Iterator[Row]:
    """Depth and recursion of calls, along every chain."""
    chain = (*above, function.name)
    targets: dict[str, tuple[int, Function]] = {}
    for slot, ins in function.code.items():
        if not is_local_call(ins):
            continue
        target = callee(functions, function, slot)
        if target is None:
            yield "BPFC0606", function.name, slot, "a call leads to no function of the object"
        else:
            targets.setdefault(target.name, (slot, target))
    for slot, target in targets.values():
        if target.name in chain:
            yield "BPFC0616", function.name, slot, f"{target.name} is called from within itself"
        elif len(chain) >= windows.CALL_DEPTH:
            message = f"calls nest deeper than {windows.CALL_DEPTH} functions: {' > '.join(chain)}"
            yield "BPFC0616", function.name, slot, message
        else:
            yield from _check_calls(functions, target, chain)


def _check_code(function: Function, kind: windows.ProgramType) -> Iterator[Row]:
    """Helpers, also in code that is never reached, and where control goes."""
    for slot, ins in function.code.items():
        if ins.opcode == CALL and ins.src == 0 and windows.helper_name(ins.imm, kind) is None:
            message = f"programs of type {kind.name} have no helper {ins.imm}"
            yield "BPFC0613", function.name, slot, message
        outside = [t for t in successors(slot, ins) if t not in function.code]
        if outside:
            message = "control leaves the function other than by its exit"
            yield "BPFC0619", function.name, slot, message


def _check_access(
    ins: Instruction, state: State, kind: windows.ProgramType
) -> Iterator[tuple[str, str]]:
    """A load or store through the context or the stack."""
    if ins.kind not in (LDX, ST, STX):
        return
    base = state.registers[ins.src if ins.kind == LDX else ins.dst]
    if base is None:
        return
    size = SIZES[ins.opcode & 0x18]
    start = None if base.at is None else base.at + ins.offset
    if base.kind is Kind.CONTEXT:
        limit = windows.CONTEXTS[kind].size
        if start is None:
            yield "BPFC0615", "the context is read or written at a place that is not constant"
        elif start < 0 or start + size > limit or ins.opcode & 0xE0 != MEM:
            message = f"bytes {start} to {start + size - 1} of a context of {limit} bytes"
            yield "BPFC0615", message
    inside = start is None or -windows.STACK_SIZE <= start <= -size
    if base.kind is Kind.STACK and not inside:
        yield "BPFC0621", f"the stack at {start}, outside its {windows.STACK_SIZE} bytes"


def _check_tail_call(state: State, maps: Mapping[str, MapDeclaration]) -> Iterator[str]:
    """Arguments of a tail call: the context as it came, and a map of programs."""
    context, table = state.registers[1], state.registers[2]
    if context != CONTEXT:
        yield "the first argument of a tail call is not the context"
    declared = maps.get(table.name) if table is not None and table.kind is Kind.MAP else None
    if declared is None or declared.type != windows.MapType.PROG_ARRAY:
        yield "the second argument of a tail call is not a map of programs"
