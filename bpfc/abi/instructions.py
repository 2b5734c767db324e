"""eBPF instructions: decoding, and which ones an object of ours may hold.

Encoding: RFC 9669. Allowed is what `-mcpu=v3` emits, which Linux from 5.12 on, PREVAIL, bpf2c and
uBPF all take; the simulator carries out no others.
"""

import struct
from enum import Enum
from typing import NamedTuple

_CODE = struct.Struct("<BBhi")
SLOT = 8  # bytes of an instruction; a 64-bit immediate load takes two

# Instruction classes.
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
LDDW, CALL, EXIT, JA = 0x18, 0x85, 0x95, 0x05
MEM, ATOMIC = 0x60, 0xC0
SIZES = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
PSEUDO_CALL = 1  # src of a call: a function of the object
MOV64, ADD64 = (0xB7, 0xBF), (0x07, 0x0F)
_FROM_REGISTER = 0x08
_END, _NEG = 0xD0, 0x80
_SIGNED_LE = 0xD0
# add, or, and, xor, each also fetching; exchange; compare and exchange.
_ATOMICS = frozenset({0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xA0, 0xA1, 0xE1, 0xF1})
_REGISTERS = 11
_FRAME_POINTER = 10


class Flow(Enum):
    """Where control goes after an instruction."""

    NEXT = "next"
    BRANCH = "branch"  # next or target
    JUMP = "jump"  # target
    EXIT = "exit"


class Instruction(NamedTuple):
    """One instruction.

    Args:
        opcode: the first byte.
        dst, src: registers.
        offset: signed 16 bits: memory offset or jump distance.
        imm: signed 32 bits; of a 64-bit load its low half.
        slots: 1, or 2 for a 64-bit load.
        high: high half of a 64-bit load, signed 32 bits.
    """

    opcode: int
    dst: int
    src: int
    offset: int
    imm: int
    slots: int
    high: int = 0

    @property
    def kind(self) -> int:
        """The instruction class."""
        return self.opcode & 7

    @property
    def flow(self) -> Flow:
        """Where control goes."""
        return _FLOWS[self.opcode]


def _flow(opcode: int) -> Flow:
    if opcode & 7 not in (JMP, JMP32) or opcode == CALL:
        return Flow.NEXT
    if opcode == EXIT:
        return Flow.EXIT
    return Flow.JUMP if opcode == JA else Flow.BRANCH


_FLOWS = tuple(_flow(opcode) for opcode in range(256))


def decode(code: bytes) -> dict[int, Instruction]:
    """Take code apart.

    Args:
        code: a whole number of 8-byte slots.

    Returns:
        Instructions by slot; the second slot of a 64-bit load has none.
    """
    found: dict[int, Instruction] = {}
    at = 0
    while at * SLOT + SLOT <= len(code):
        opcode, registers, offset, imm = _CODE.unpack_from(code, at * SLOT)
        slots, high = 1, 0
        if opcode == LDDW:
            slots = 2
            if (at + 2) * SLOT <= len(code):
                high = _CODE.unpack_from(code, (at + 1) * SLOT)[3]
        dst, src = registers & 15, registers >> 4
        found[at] = Instruction(opcode, dst, src, offset, imm, slots, high)
        at += slots
    return found


def problem(ins: Instruction) -> str:
    """Why an instruction must not stand in an object.

    Args:
        ins: the instruction.

    Returns:
        A phrase, "" if it may.
    """
    if ins.dst >= _REGISTERS or ins.src >= _REGISTERS:
        return "names a register that does not exist"
    if ins.dst == _FRAME_POINTER and ins.kind in (LD, LDX, ALU, ALU64):
        return "writes to the frame pointer"
    checks = {ALU: _alu, ALU64: _alu, JMP: _jump, JMP32: _jump}
    return checks.get(ins.kind, _memory)(ins)


def _alu(ins: Instruction) -> str:
    """Arithmetic: no signed division, sign-extending move or unconditional byte swap (v4)."""
    operation = ins.opcode & 0xF0
    if operation > _END or (ins.offset and operation != _END):
        return "is arithmetic of a later instruction set"
    if operation == _END and (ins.kind == ALU64 or ins.imm not in (16, 32, 64)):
        return "is a byte swap of a later instruction set"
    if operation == _NEG and ins.opcode & _FROM_REGISTER:
        return "is arithmetic of a later instruction set"
    return ""


def _jump(ins: Instruction) -> str:
    """Jumps: no indirect call, no 32-bit distance (v4)."""
    operation = ins.opcode & 0xF0
    if ins.opcode & 0xF0 in (0x80, 0x90) or operation == 0:
        plain = ins.opcode in (CALL, EXIT, JA) and (ins.opcode != CALL or ins.src <= PSEUDO_CALL)
        return "" if plain else "is a jump or call of a later instruction set"
    return "is a jump of a later instruction set" if operation > _SIGNED_LE else ""


def _memory(ins: Instruction) -> str:
    """Loads and stores: no packet loads, no sign-extending loads (v4), known atomics only."""
    mode = ins.opcode & 0xE0
    if ins.kind == LD:
        return "" if ins.opcode == LDDW else "is a packet load"
    if mode == MEM:
        return ""
    if ins.kind == STX and mode == ATOMIC:
        known = ins.imm in _ATOMICS and SIZES[ins.opcode & 0x18] >= SIZES[0]
        return "" if known else "is an atomic operation that does not exist"
    return "is a load or store of a later instruction set"
