"""Drop what only a debugger reads: DWARF, address tables, comments, and symbols only they need."""

import struct

from attrs import evolve

from compiler.elf.model import (
    R_BPF_64_ABS32,
    R_BPF_64_NODYLD32,
    STB_LOCAL,
    STT_FILE,
    STT_FUNC,
    STT_OBJECT,
    Elf,
    ElfError,
    Section,
    Symbol,
)
from compiler.elf.read import read_elf
from compiler.elf.write import write_elf

_DROPPED = (".debug_", ".llvm_addrsig", ".llvm.", ".comment", ".note.GNU-stack", ".eh_frame")
_TYPE_INFO = (".BTF", ".BTF.ext")


def strip_debug(obj: bytes) -> bytes:
    """Strip an object to what the loaders of both systems read.

    Kept are programs, maps, license, .BTF and .BTF.ext. Their relocations are carried out here
    (offsets of maps in the DATASECs), since neither loader needs them as relocations.

    Args:
        obj: an object as emitted by LLVM.

    Returns:
        The stripped object in canonical form; stripping it again changes nothing.

    Raises:
        ElfError: the object cannot be read or breaks a rule of one of the readers.
    """
    elf = read_elf(obj)
    sections = tuple(
        _resolved(s) if s.name in _TYPE_INFO else s
        for s in elf.sections
        if not s.name.startswith(_DROPPED)
    )
    names = {s.name for s in sections}
    used = {r.symbol for s in sections for r in s.relocations}
    symbols = tuple(s for s in elf.symbols if _kept(s, names, used))
    return write_elf(Elf(sections, symbols))


def _kept(symbol: Symbol, sections: set[str], used: set[Symbol]) -> bool:
    """Whether a symbol says something to a loader."""
    if symbol in used:
        return True
    if symbol.type == STT_FILE or (symbol.section is not None and symbol.section not in sections):
        return False
    return symbol.type in (STT_FUNC, STT_OBJECT) or symbol.binding != STB_LOCAL


def _resolved(section: Section) -> Section:
    """Type information with the symbols' values added where its relocations say."""
    data = bytearray(section.data)
    for relocation in section.relocations:
        if relocation.type not in (R_BPF_64_ABS32, R_BPF_64_NODYLD32):
            raise ElfError(f"{section.name}: relocation type {relocation.type} is not known")
        if relocation.offset + 4 > len(data):
            raise ElfError(f"{section.name}: a relocation lies outside the section")
        (value,) = struct.unpack_from("<I", data, relocation.offset)
        value = (value + relocation.symbol.value) & 0xFFFFFFFF
        struct.pack_into("<I", data, relocation.offset, value)
    return evolve(section, data=bytes(data), relocations=())
