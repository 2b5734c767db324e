"""Write an object in the one form that libbpf and the Windows readers accept.

The order is fixed (contents, relocations, symbols, names, section headers), so equal objects are
equal bytes. The section header table ends exactly at the end of the file, which the Windows
validator demands (ebpf-for-windows libs/elf_spec/Elf.3d).
"""

import struct
from collections.abc import Mapping

from attrs import evolve, frozen

from compiler.elf.model import (
    EHDR,
    EHDR_SIZE,
    EM_BPF,
    ET_REL,
    REL,
    REL_SIZE,
    SHDR,
    SHDR_SIZE,
    SHT_NOBITS,
    SHT_PROGBITS,
    SHT_REL,
    SHT_STRTAB,
    SHT_SYMTAB,
    STB_LOCAL,
    STT_FUNC,
    STT_SECTION,
    SYM,
    SYM_SIZE,
    Elf,
    ElfError,
    Section,
    Symbol,
)
from compiler.elf.read import read_elf

_SHN_ABS = 0xFFF1
_INFO_LINK = 0x40  # SHF_INFO_LINK: sh_info of a relocation section is a section number
_MAX_SECTIONS = 0xFF00  # SHN_LORESERVE

# libbpf reads sections of these names as its own (libbpf.c, bpf_object__elf_collect), so bpfc's
# must not begin like one.
_RESERVED = (".data", ".rodata", ".bss", ".maps", "maps", "license", "version", ".BTF", ".rel")


def with_sections(obj: bytes, sections: Mapping[str, bytes]) -> bytes:
    """Add sections that no loader maps or runs; one of the same name is replaced.

    Args:
        obj: an object; it comes back in canonical form.
        sections: content by name, added in the mapping's order, 8-byte aligned.

    Returns:
        The new object.

    Raises:
        ElfError: a name that a loader would take for its own, or an object that breaks a rule.
    """
    elf = read_elf(obj)
    for name in sections:
        if not name.startswith(".") or name.startswith(_RESERVED) or not name.isascii():
            raise ElfError(f"{name!r} cannot be the name of an added section")
    kept = tuple(s for s in elf.sections if s.name not in sections)
    added = tuple(Section(n, SHT_PROGBITS, 0, 8, 0, d, ()) for n, d in sections.items())
    return write_elf(evolve(elf, sections=kept + added))


@frozen
class _Part:
    """One section header to be, with its content in the file."""

    name: str
    type: int
    flags: int
    align: int
    entry_size: int
    link: int
    info: int
    data: bytes


class _Names:
    """A string table that is filled in order of first use."""

    def __init__(self) -> None:
        self._data = bytearray(1)
        self._at = {"": 0}

    def add(self, name: str) -> int:
        """The offset of a name, added if new."""
        if name not in self._at:
            self._at[name] = len(self._data)
            self._data += name.encode("ascii") + b"\0"
        return self._at[name]

    def data(self) -> bytes:
        """The table as it is now."""
        return bytes(self._data)


def write_elf(elf: Elf) -> bytes:
    """Write an object in canonical form.

    Args:
        elf: the object.

    Returns:
        The bytes of the file.

    Raises:
        ElfError: the object breaks a rule of one of the two systems' readers.
    """
    check_rules(elf)
    names = _Names()
    linked = [s for s in elf.sections if s.relocations]
    symtab_index = 1 + len(elf.sections) + len(linked)
    if symtab_index + 2 >= _MAX_SECTIONS:
        raise ElfError("too many sections for an ELF file")
    index = {s.name: i for i, s in enumerate(elf.sections, 1)}
    symbols = sorted(elf.symbols, key=lambda s: s.binding != STB_LOCAL)
    symtab = _symbol_table(symbols, index, names)
    parts = [_content(s) for s in elf.sections]
    parts += [_relocation_part(s, symbols, symtab_index, index[s.name]) for s in linked]
    local = 1 + sum(s.binding == STB_LOCAL for s in symbols)
    parts.append(_Part(".symtab", SHT_SYMTAB, 0, 8, SYM_SIZE, symtab_index + 1, local, symtab))
    name_offsets = [names.add(p.name) for p in parts] + [names.add(".strtab")]
    parts.append(_Part(".strtab", SHT_STRTAB, 0, 1, 0, 0, 0, names.data()))
    return _file(parts, name_offsets)


def check_rules(elf: Elf) -> None:
    """Refuse what one of the two systems' ELF readers would refuse or misread.

    The rules are those of libbpf and of ebpf-for-windows (libs/api/Verifier.cpp, PREVAIL's
    elf_reader.cpp, tools/bpf2c/bpf_code_generator.cpp).

    Args:
        elf: the object.

    Raises:
        ElfError: the first rule that is broken, with the names involved.
    """
    names = [s.name for s in elf.sections]
    double = next((n for n in names if names.count(n) > 1), None)
    if double is not None:
        raise ElfError(f"two sections are named {double!r}")
    functions: set[str] = set()
    for symbol in elf.symbols:
        if symbol.section is not None and symbol.section not in names:
            raise ElfError(f"symbol {symbol.name!r} stands in a section that does not exist")
        if symbol.section == ".maps" and (symbol.type == STT_SECTION or not symbol.name):
            raise ElfError(".maps has a section symbol, which the Windows readers refuse")
        if symbol.type != STT_FUNC:
            continue
        if symbol.name in functions:
            raise ElfError(f"two functions are named {symbol.name!r}")
        if symbol.value % 8:
            raise ElfError(f"function {symbol.name!r} is not aligned to an instruction")
        functions.add(symbol.name)
    for section in elf.sections:
        if any(r.offset + 4 > len(section.data) for r in section.relocations):
            raise ElfError(f"a relocation lies outside section {section.name!r}")


def _content(section: Section) -> _Part:
    """The part of a section itself."""
    if section.type == SHT_NOBITS:
        raise ElfError(f"section {section.name!r} has no content in the file (.bss is not used)")
    return _Part(
        section.name, section.type, section.flags, section.align, section.entry_size, 0, 0,
        section.data,
    )  # fmt: skip


def _symbol_table(symbols: list[Symbol], index: dict[str, int], names: _Names) -> bytes:
    """The content of .symtab, the null symbol first."""
    table = bytearray(SYM_SIZE)
    for s in symbols:
        at = _SHN_ABS if s.absolute else index[s.section] if s.section is not None else 0
        info = s.binding << 4 | s.type
        table += struct.pack(SYM, names.add(s.name), info, s.visibility, at, s.value, s.size)
    return bytes(table)


def _relocation_part(
    section: Section, symbols: list[Symbol], symtab_index: int, target: int
) -> _Part:
    """The .rel section of a section."""
    number = {s: i for i, s in enumerate(symbols, 1)}
    data = b"".join(
        struct.pack(REL, r.offset, number[r.symbol] << 32 | r.type) for r in section.relocations
    )
    return _Part(
        ".rel" + section.name, SHT_REL, _INFO_LINK, 8, REL_SIZE, symtab_index, target, data
    )


def _file(parts: list[_Part], name_offsets: list[int]) -> bytes:
    """Header, contents and section header table."""
    out = bytearray(EHDR_SIZE)
    table = bytearray(SHDR_SIZE)
    for part, name in zip(parts, name_offsets, strict=True):
        out += bytes(-len(out) % part.align)
        table += struct.pack(
            SHDR, name, part.type, part.flags, 0, len(out), len(part.data), part.link, part.info,
            part.align, part.entry_size,
        )  # fmt: skip
        out += part.data
    out += bytes(-len(out) % 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(parts) + 1
    header = struct.pack(
        EHDR, ident, ET_REL, EM_BPF, 1, 0, 0, len(out), 0, EHDR_SIZE, 0, 0, SHDR_SIZE, count,
        count - 1,
    )  # fmt: skip
    out[:EHDR_SIZE] = header
    return bytes(out + table)
