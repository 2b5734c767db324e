"""What a program's type allows: helpers, and members of its context."""

from collections.abc import Mapping

from bpfc.abi import linux, windows
from bpfc.abi.instructions import CALL, LDX, SIZES, ST, STX
from bpfc.simulator.faults import Fault
from bpfc.simulator.flow import Block
from bpfc.simulator.image import Function
from bpfc.simulator.stack import Context, states_of

KERNEL = (6, 18)  # the kernel whose permissions count: the newest that `bpfc.abi` was checked on
ProgramType = linux.ProgramType | windows.ProgramType


def program_type(half: str, section: str) -> ProgramType:
    """The type of the programs of a section.

    Args:
        half: "linux" or "windows".
        section: its name, with or without libbpf's mark.

    Raises:
        Fault: no program stands in such a section.
    """
    name = section.removeprefix("?")
    if half == "windows":
        found = windows.section_of(name)
        if found is not None:
            return found.program
    for known in linux.SECTIONS if half == "linux" else ():
        if name == known.prefix or (known.prefix.endswith("/") and name.startswith(known.prefix)):
            return known.program
    raise Fault("BPFC0920", f"section {section} is not one of programs")


def check_helpers(half: str, kind: ProgramType, program: str, function: Function) -> None:
    """Refuse helpers that programs of a type may not call.

    Args:
        half: "linux" or "windows".
        kind: the program's type.
        program: its name.
        function: the program, or a function that it calls.

    Raises:
        Fault: it calls one.
    """
    for at, ins in function.code.items():
        if ins.opcode == CALL and at not in function.calls and not _allowed(half, kind, ins.imm):
            raise Fault(
                "BPFC0920",
                f"{program} is a program of type {kind.name}, which may not call helper {ins.imm}"
                f" ({function.name}, instruction {at})",
            )


def _allowed(half: str, kind: ProgramType, number: int) -> bool:
    if isinstance(kind, windows.ProgramType):
        return windows.helper_name(number, kind) is not None
    name = linux.HELPER_NAMES.get(number)
    return name is not None and linux.helper_allowed(name, kind, KERNEL)


def check_context(
    half: str, kind: ProgramType, function: Function, blocks: Mapping[int, Block]
) -> None:
    """Refuse a program that writes to its context, or reads it otherwise than by its members.

    Args:
        half: "linux" or "windows".
        kind: the program's type.
        function: the program.
        blocks: its blocks.

    Raises:
        Fault: it does.
    """
    for at, state, _ in states_of(function, blocks, {1: Context(0)}):
        ins = function.code[at]
        if ins.kind not in (LDX, ST, STX):
            continue
        base = state.get(ins.src if ins.kind == LDX else ins.dst)
        if not isinstance(base, Context):
            continue
        place = None if base.offset is None else base.offset + ins.offset
        size = SIZES[ins.opcode & 0x18]
        if ins.kind != LDX or place is None or not _is_member(kind, place, size):
            what = "writes to" if ins.kind != LDX else "does not read by its members"
            raise Fault(
                "BPFC0920",
                f"{function.name}, instruction {at}: {what} its context ({size} bytes at {place})",
            )


def _is_member(kind: ProgramType, place: int, size: int) -> bool:
    """Whether aligned bytes of a context lie within one of its members."""
    if isinstance(kind, windows.ProgramType):
        members = [(m.offset, m.size) for m in windows.CONTEXTS[kind].members.values()]
    elif kind is linux.ProgramType.CGROUP_SOCK_ADDR:
        members = [(m.offset, m.size) for m in linux.SOCK_ADDR.values()]
    else:
        # Arguments of a trace point or function, words each.
        return size == linux.CONTEXT_WORD and place >= 0 and place % size == 0
    return place % size == 0 and any(
        offset <= place and place + size <= offset + room for offset, room in members
    )
