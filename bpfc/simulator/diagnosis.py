"""From a Python exception in translated code to a fault: where, with which registers, and why.

What programs must not do shows as an exception of Python's: a register without a value is an
unbound variable, memory that is not there a missing key or an index out of range.
"""

import re
import struct
from collections.abc import Mapping
from types import FrameType

from attrs import frozen

from bpfc.abi.instructions import LDX, SIZES, ST, STX, Instruction
from bpfc.simulator.faults import Fault, Place, Refusal
from bpfc.simulator.image import Code, Function
from bpfc.simulator.memory import Memory
from bpfc.simulator.translate import Translation, file_name

_REGISTER = re.compile(r"r\d+")
_VARIABLE = re.compile(r"'([rs]\d+)'")
_MEMORY_ERRORS = (KeyError, IndexError, struct.error, TypeError)


@frozen
class Frame:
    """A function that was running.

    Args:
        function: the function.
        instruction: where it was.
        registers: those that had a value, by name.
    """

    function: Function
    instruction: int
    registers: Mapping[str, int]


def fault_of(
    error: Exception,
    program: str,
    translations: Mapping[str, Translation],
    image: Code,
    memory: Memory,
) -> Fault | None:
    """The fault that an exception stands for.

    Args:
        error: the exception.
        program: what was run.
        translations: all translated functions, by name.
        image: the object.
        memory: as it was then.

    Returns:
        The fault, or None if the exception did not come up in what was translated: it is then a
        mistake of the simulator's.
    """
    frames = frames_of(error, translations)
    if not frames:
        return None
    reason = _reason(error, frames[0], memory)
    if reason is None:
        return None
    code = error.code if isinstance(error, Refusal) else "BPFC0920"
    places = tuple(_place(frame, image) for frame in frames)
    return Fault(code, reason, program, places, frames[0].registers)


def frames_of(error: Exception, translations: Mapping[str, Translation]) -> list[Frame]:
    """The translated functions that were running when an exception came up, the innermost first.

    Args:
        error: the exception.
        translations: all translated functions, by name.
    """
    known = {file_name(name): one for name, one in translations.items()}
    found: list[Frame] = []
    trace = error.__traceback__
    while trace is not None:
        translation = known.get(trace.tb_frame.f_code.co_filename)
        if translation is not None:
            at = translation.lines.get(trace.tb_lineno, 0)
            found.insert(0, Frame(translation.function, at, _registers(trace.tb_frame)))
        trace = trace.tb_next
    return found


def _registers(frame: FrameType) -> dict[str, int]:
    found = {name: v for name, v in frame.f_locals.items() if _REGISTER.fullmatch(name)}
    return dict(sorted(found.items()))


def _place(frame: Frame, image: Code) -> Place:
    ins, line = (
        frame.function.code[frame.instruction],
        image.line(frame.function, frame.instruction),
    )
    text = f"opcode {ins.opcode:#04x}, r{ins.dst}, r{ins.src}, {ins.offset:+d}, {ins.imm}"
    name = frame.function.name
    if line is None:
        return Place(name, frame.instruction, text)
    return Place(name, frame.instruction, text, line.file, line.line, line.text.strip())


def _reason(error: Exception, frame: Frame, memory: Memory) -> str | None:
    """Why it did not go on, None if nobody knows."""
    if isinstance(error, Refusal):
        return error.reason
    ins = frame.function.code[frame.instruction]
    if isinstance(error, UnboundLocalError):
        name = _VARIABLE.findall(str(error))[0]
        what = f"the stack at r10-{name[1:]}" if name[0] == "s" else name
        return f"{what} is read, which was never written"
    if isinstance(error, _MEMORY_ERRORS) and ins.kind in (LDX, ST, STX):
        return _memory_reason(ins, frame.registers, memory)
    return None


def _memory_reason(ins: Instruction, registers: Mapping[str, int], memory: Memory) -> str | None:
    base = registers.get(f"r{ins.src if ins.kind == LDX else ins.dst}")
    if base is None:
        return None
    try:
        memory.place(base + ins.offset, SIZES[ins.opcode & 0x18], ins.kind != LDX)
    except Refusal as refusal:
        return refusal.reason
    return None
