"""Read a relocatable BPF object into values."""

import struct

from attrs import frozen

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
    SHT_NULL,
    SHT_REL,
    SHT_STRTAB,
    SHT_SYMTAB,
    STT_SECTION,
    SYM,
    SYM_SIZE,
    Elf,
    ElfError,
    Relocation,
    Section,
    Symbol,
)

_IDENT = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_SHN_UNDEF, _SHN_LORESERVE, _SHN_ABS = 0, 0xFF00, 0xFFF1


ALIGN_MAX = 4096  # bytes; LLVM aligns BPF sections to 8 at most


@frozen
class _Header:
    """One entry of the section header table, with its content."""

    name: str
    type: int
    flags: int
    align: int
    link: int
    info: int
    entry_size: int
    data: bytes


def read_elf(obj: bytes) -> Elf:
    """Read an object as LLVM's BPF back end emits it.

    Args:
        obj: the bytes of the file.

    Returns:
        Its sections and symbols.

    Raises:
        ElfError: not a 64-bit little-endian relocatable BPF object, or damaged.
    """
    headers = _headers(obj)
    symbols = _symbols(headers)
    relocations: dict[int, list[Relocation]] = {}
    for header in headers:
        if header.type == SHT_REL:
            relocations.setdefault(header.info, []).extend(_relocations(header, symbols))
    sections = tuple(
        Section(
            name=h.name,
            type=h.type,
            flags=h.flags,
            align=h.align,
            entry_size=h.entry_size,
            data=h.data,
            relocations=tuple(sorted(relocations.get(i, ()), key=lambda r: r.offset)),
        )
        for i, h in enumerate(headers)
        if h.type not in (SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_REL)
    )
    return Elf(sections, tuple(symbols[1:]))


def _headers(obj: bytes) -> list[_Header]:
    """Every section header with its name and content."""
    if len(obj) < EHDR_SIZE or not obj.startswith(_IDENT):
        raise ElfError("not a 64-bit little-endian ELF file")
    _, kind, machine, _, _, _, table, _, _, _, _, size, count, names_at = struct.unpack_from(
        EHDR, obj
    )
    if kind != ET_REL or machine != EM_BPF:
        raise ElfError(f"not a relocatable BPF object (type {kind}, machine {machine})")
    if size != SHDR_SIZE or names_at >= count or table + count * size > len(obj):
        raise ElfError("the section header table lies outside the file")
    rows = [struct.unpack_from(SHDR, obj, table + i * size) for i in range(count)]
    for row in rows:
        if row[1] not in (SHT_NULL, SHT_NOBITS) and row[4] + row[5] > len(obj):
            raise ElfError("a section lies outside the file")
        if row[8] > ALIGN_MAX or row[8] & (row[8] - 1):
            raise ElfError(f"a section is aligned to {row[8]} bytes")
    names = obj[rows[names_at][4] : rows[names_at][4] + rows[names_at][5]]
    return [
        _Header(
            name=_text(names, row[0]),
            type=row[1],
            flags=row[2],
            align=max(row[8], 1),
            link=row[6],
            info=row[7],
            entry_size=row[9],
            data=b"" if row[1] in (SHT_NULL, SHT_NOBITS) else obj[row[4] : row[4] + row[5]],
        )
        for row in rows
    ]


def _text(table: bytes, at: int) -> str:
    """The NUL-terminated name at an offset of a string table."""
    end = table.find(b"\0", at)
    if at >= len(table) or end < 0:
        raise ElfError("a name lies outside its string table")
    try:
        return table[at:end].decode("ascii")
    except UnicodeDecodeError as error:
        raise ElfError("a name is not ASCII") from error


def _symbols(headers: list[_Header]) -> list[Symbol]:
    """Every symbol, the null symbol included, so that indices fit."""
    tables = [h for h in headers if h.type == SHT_SYMTAB]
    if len(tables) != 1 or tables[0].link >= len(headers):
        raise ElfError("an object needs one symbol table with its strings")
    names = headers[tables[0].link].data
    found = []
    if len(tables[0].data) % SYM_SIZE:
        raise ElfError("the symbol table is not a whole number of symbols")
    for row in struct.iter_unpack(SYM, tables[0].data):
        at, info, other, index, value, size = row
        if _SHN_UNDEF < index < _SHN_LORESERVE and index >= len(headers):
            raise ElfError("a symbol names a section that does not exist")
        section = headers[index].name if _SHN_UNDEF < index < _SHN_LORESERVE else None
        kind = info & 0xF
        name = "" if kind == STT_SECTION else _text(names, at)
        found.append(Symbol(name, section, index == _SHN_ABS, value, size, kind, info >> 4, other))
    if not found:
        raise ElfError("the symbol table is empty")
    return found


def _relocations(header: _Header, symbols: list[Symbol]) -> list[Relocation]:
    """The entries of one SHT_REL section."""
    if header.entry_size != REL_SIZE or len(header.data) % REL_SIZE:
        raise ElfError(f"{header.name}: relocations must be 16 bytes each")
    found = []
    for offset, info in struct.iter_unpack(REL, header.data):
        if info >> 32 >= len(symbols):
            raise ElfError(f"{header.name}: a relocation names a symbol that does not exist")
        found.append(Relocation(offset, info & 0xFFFFFFFF, symbols[info >> 32]))
    return found
