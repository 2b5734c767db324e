"""Single instructions as Python statements.

Registers are local variables, `r0` to `r10`, whole numbers of 0 to 2**64 - 1; a register that was
never written has no value, so that Python itself notices who reads it. Memory is `R`, buffer by
region number: what lies behind a buffer's end or in no region raises an exception there too.
"""

from bpfc.abi.instructions import ALU, SIZES, STX, Instruction
from bpfc.simulator.flow import FROM_REGISTER, is_branch32

M64, M32 = (1 << 64) - 1, (1 << 32) - 1
_SIGN = {64: 1 << 63, 32: 1 << 31}
_LOADS = {1: "", 2: "L16", 4: "L32", 8: "L64"}
_STORES = {2: "S16", 4: "S32", 8: "S64"}
_BINARY = {0x00: "+", 0x10: "-", 0x20: "*", 0x40: "|", 0x50: "&", 0xA0: "^"}
_COMPARED = {0x10: "==", 0x20: ">", 0x30: ">=", 0x50: "!=", 0xA0: "<", 0xB0: "<="}
_SIGNED = {0x60: ">", 0x70: ">=", 0xC0: "<", 0xD0: "<="}
_DIV, _LSH, _RSH, _NEG, _MOD, _MOV, _ARSH, _END = 0x30, 0x60, 0x70, 0x80, 0x90, 0xB0, 0xC0, 0xD0
_TEST = 0x40


def arithmetic(ins: Instruction) -> str:
    """A statement for arithmetic of 32 or 64 bits."""
    bits = 32 if ins.kind == ALU else 64
    return f"r{ins.dst} = {_result(ins, bits)}"


def _result(ins: Instruction, bits: int) -> str:
    mask = M32 if bits == 32 else M64
    operation = ins.opcode & 0xF0
    target = f"r{ins.dst}" if bits == 64 else f"(r{ins.dst} & {M32})"
    if operation == _END:
        return _swapped(ins)
    if operation == _NEG:
        return f"-{target} & {mask}"
    constant = not ins.opcode & FROM_REGISTER
    value = ins.imm & mask
    source = str(value) if constant else f"r{ins.src}" if bits == 64 else f"(r{ins.src} & {M32})"
    if operation == _MOV:
        return source
    if operation in (_LSH, _RSH, _ARSH):
        return _shifted(operation, target, str(ins.imm) if constant else source, bits, constant)
    if operation in (_DIV, _MOD):
        otherwise = "0" if operation == _DIV else target
        sign = "//" if operation == _DIV else "%"
        return f"{target} {sign} {source} if {source} else {otherwise}"
    sign = _BINARY[operation]
    if constant and sign == "+" and ins.imm < 0:
        return f"{target} - {-ins.imm} & {mask}"
    plain = f"{target} {sign} {source}"
    return plain if sign in "|&^" else f"{plain} & {mask}"


def _shifted(operation: int, target: str, amount: str, bits: int, constant: bool) -> str:
    mask = M32 if bits == 32 else M64
    by = str(int(amount) & bits - 1) if constant else f"({amount} & {bits - 1})"
    if operation == _LSH:
        return f"{target} << {by} & {mask}"
    if operation == _RSH:
        return f"{target} >> {by}"
    sign = _SIGN[bits]
    return f"(({target} ^ {sign}) - {sign} >> {by}) & {mask}"


def _swapped(ins: Instruction) -> str:
    """To little-endian (a cut) or to big-endian (a swap)."""
    cut = f"r{ins.dst} & {(1 << ins.imm) - 1}"
    if not ins.opcode & FROM_REGISTER:
        return cut
    return f'I(({cut}).to_bytes({ins.imm // 8}, "big"), "little")'


def condition(ins: Instruction) -> str:
    """The expression that is true if a branch is taken."""
    bits = 32 if is_branch32(ins) else 64
    mask = M32 if bits == 32 else M64
    target = f"r{ins.dst}" if bits == 64 else f"(r{ins.dst} & {mask})"
    constant = not ins.opcode & FROM_REGISTER
    source = f"r{ins.src}" if bits == 64 else f"(r{ins.src} & {mask})"
    operation = ins.opcode & 0xF0
    if operation in _SIGNED:
        sign = _SIGN[bits]
        right = str((ins.imm & mask) ^ sign) if constant else f"({source} ^ {sign})"
        return f"({target} ^ {sign}) {_SIGNED[operation]} {right}"
    right = str(ins.imm & mask) if constant else source
    if operation == _TEST:
        return f"{target} & {right}"
    return f"{target} {_COMPARED[operation]} {right}"


def load(ins: Instruction, slot: str, checked: bool) -> str:
    """A statement for a load from memory.

    Args:
        ins: the instruction.
        slot: the variable that is meant, "" for memory.
        checked: whether it may be stack, of which is known what was written.
    """
    size = SIZES[ins.opcode & 0x18]
    if slot:
        return f"r{ins.dst} = {slot}"
    if checked:
        return f"r{ins.dst} = Q(r{ins.src} + {ins.offset}, {size})"
    region, offset = _place(f"r{ins.src}", ins.offset)
    if size == 1:
        return f"r{ins.dst} = R[{region}][{offset}]"
    return f"r{ins.dst} = {_LOADS[size]}(R[{region}], {offset})[0]"


def store(ins: Instruction, slot: str, checked: bool) -> str:
    """A statement for a store to memory; arguments as for `load`."""
    size = SIZES[ins.opcode & 0x18]
    mask = (1 << 8 * size) - 1
    if ins.kind == STX:
        value = f"r{ins.src}" if size == 8 else f"r{ins.src} & {mask}"
    else:
        value = str(ins.imm & mask)
    if slot:
        return f"{slot} = {value}"
    if checked:
        return f"W(r{ins.dst} + {ins.offset}, {size}, {value})"
    region, offset = _place(f"r{ins.dst}", ins.offset)
    if size == 1:
        return f"R[{region}][{offset}] = {value}"
    return f"{_STORES[size]}(R[{region}], {offset}, {value})"


def _place(base: str, offset: int) -> tuple[str, str]:
    """Expressions for region and offset of an address."""
    if not offset:
        return f"{base} >> 32", f"{base} & {M32}"
    return f"(p := {base} + {offset}) >> 32", f"p & {M32}"


def atomic(ins: Instruction) -> str:
    """A statement for an atomic operation."""
    size = SIZES[ins.opcode & 0x18]
    address = f"r{ins.dst} + {ins.offset}"
    compared = ", r0" if ins.imm == 0xF1 else ""
    call = f"A({address}, {size}, {ins.imm}, r{ins.src}{compared})"
    if ins.imm == 0xF1:
        return f"r0 = {call}"
    return f"r{ins.src} = {call}" if ins.imm & 1 else call
