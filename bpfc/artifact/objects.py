"""What an ELF file says, read without trusting it: bounded before pyelftools sees it.

pyelftools parses whatever it is given and raises whatever comes up; hence every size, offset, count
and string table is compared with the file first, and what still goes wrong becomes one error.
"""

import hashlib
import struct
from collections.abc import Mapping
from io import BytesIO

from attrs import frozen
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Symbol, SymbolTableSection

from bpfc.artifact import limits
from bpfc.artifact.errors import ArtifactError

# Section type (from the range for users, elf.h) of programs that only this project's runtime loads:
# other loaders skip such sections, where libbpf's own "?" mark makes `bpftool prog loadall` fail,
# since it goes on to pin every program, loaded or not (bpftool 7.1, libbpf 1.1).
OPTIONAL_TYPE = 0x80000001

# A section of this prefix and a map's name is that map: libbpf makes an array of one entry of it,
# and programs hold its address (tools/lib/bpf/libbpf.c, "Global data, static data, .rodata").
DATA_MAP = ".data."

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")  # ELF64 header and section header, elf.h
_SHDR = struct.Struct("<IIQQQQIIQQ")
_IDENT = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian, version 1
_EM_BPF, _ET_REL = 247, 1
_SYMTAB, _STRTAB = 2, 3
_PROGBITS, _REL = 1, 9
_TYPES = frozenset({0, _PROGBITS, _SYMTAB, _STRTAB, _REL, OPTIONAL_TYPE})
_SYMBOL_SIZE = 24
_STRINGS_MAX = 8 * 1024 * 1024

_COPY = "Copy the file again from where it was made, or compile the rules again"


@frozen
class Place:
    """Where a section's content stands: `size` bytes at `offset` of the file."""

    offset: int
    size: int


@frozen
class ObjectView:
    """The parts of an object that a manifest is compared with.

    Args:
        sections: place of each section's content by name.
        functions: section name by function name.
        maps: names of the symbols in .maps, and of data sections that are maps (DATA_MAP).
        text_size: bytes of .text, 0 without one.
    """

    sections: Mapping[str, Place]
    functions: Mapping[str, str]
    maps: frozenset[str]
    text_size: int


def code_digest(data: bytes, view: ObjectView) -> bytes:
    """SHA-256 over the programs of an object: the bytes of sections with functions, and their
    relocations. Line information, which moves with every edit of the rules, is no part of it.

    Args:
        data: the bytes of the file.
        view: what it declares.

    Returns:
        32 bytes.
    """
    digest = hashlib.sha256()
    for section in sorted(set(view.functions.values())):
        for name in (section, f".rel{section}"):
            place = view.sections.get(name)
            if place is not None:
                digest.update(f"{name} {place.size}\n".encode())
                digest.update(memoryview(data)[place.offset : place.offset + place.size])
    return digest.digest()


def reveal_optional(data: bytes) -> bytes:
    """The object with its optional programs as libbpf reads them.

    Args:
        data: an object that `read_object` has taken.

    Returns:
        The same bytes, but for the type of sections of OPTIONAL_TYPE.
    """
    head = _EHDR.unpack_from(data)
    revealed = bytearray(data)
    for at in range(head[6], head[6] + head[12] * _SHDR.size, _SHDR.size):
        if struct.unpack_from("<I", data, at + 4)[0] == OPTIONAL_TYPE:
            struct.pack_into("<I", revealed, at + 4, _PROGBITS)
    return bytes(revealed)


def _damaged(what: str, text: str) -> ArtifactError:
    """The error for a file that is no longer what was written."""
    return ArtifactError("BPFC0755", f"{what} is damaged or cut off: {text}", _COPY)


def read_object(data: bytes, what: str) -> ObjectView:
    """Read an object's sections and symbols.

    Args:
        data: the bytes of the file.
        what: what to call it in messages, for example "the artifact".

    Returns:
        What it declares.

    Raises:
        ArtifactError: BPFC0752 to BPFC0755.
    """
    count = _checked_header(data, what)
    _checked_sections(data, what, count)
    try:
        return _view(data)
    except ArtifactError:
        raise
    except Exception as error:  # pyelftools lets any exception out of damaged tables
        raise _damaged(what, f"its tables cannot be read ({type(error).__name__})") from error


def _checked_header(data: bytes, what: str) -> int:
    """Number of sections, once the header and the size of the section table are right."""
    if not data:
        raise ArtifactError("BPFC0752", f"{what} is empty", _COPY)
    if len(data) > limits.FILE_MAX:
        raise ArtifactError(
            "BPFC0752", f"{what} has {len(data)} bytes, more than {limits.FILE_MAX}", _COPY
        )
    if not data.startswith(b"\x7fELF"):
        raise ArtifactError(
            "BPFC0753", f"{what} is not an ELF file", "Give the file that `bpfc compile` wrote"
        )
    if len(data) < _EHDR.size:
        raise _damaged(what, f"{len(data)} bytes are less than a header")
    head = _EHDR.unpack_from(data)
    if head[1] != _ET_REL or head[2] != _EM_BPF or not data.startswith(_IDENT):
        raise ArtifactError(
            "BPFC0754",
            f"{what} is an ELF file of type {head[1]} for machine {head[2]}, not a BPF object",
            "Give the file that `bpfc compile` wrote",
        )
    table, entry, count, names = head[6], head[11], head[12], head[13]
    if entry != _SHDR.size or not 1 < count <= limits.SECTIONS_MAX or names >= count:
        raise _damaged(what, "its header is not valid")
    if table + count * entry != len(data):
        raise _damaged(what, "its section table does not end with the file")
    return int(count)


def _checked_sections(data: bytes, what: str, count: int) -> None:
    """Every section inside the file, every table of the right grain, every name ended."""
    head = _EHDR.unpack_from(data)
    rows = [_SHDR.unpack_from(data, head[6] + i * _SHDR.size) for i in range(count)]
    if rows[head[13]][1] != _STRTAB:
        raise _damaged(what, "its section names are not in a string table")
    for name, kind, _flags, _, offset, size, link, _info, _, entry in rows:
        if kind not in _TYPES:
            raise _damaged(what, f"a section is of the unexpected type {kind}")
        if kind and offset + size > head[6]:
            raise _damaged(what, "a section lies outside the file")
        if name >= rows[head[13]][5]:
            raise _damaged(what, "a section's name lies outside its table")
        if kind == _STRTAB:
            _check_strings(data[offset : offset + size], what)
        if kind == _SYMTAB:
            broken = entry != _SYMBOL_SIZE or size % entry or size // entry > limits.SYMBOLS_MAX
            if broken or link >= count or rows[link][1] != _STRTAB:
                raise _damaged(what, "its symbol table is not valid")
            _check_symbols(data[offset : offset + size], rows[link][5], what)
    if sum(row[1] == _SYMTAB for row in rows) != 1:
        raise _damaged(what, "it does not have one symbol table")


def _check_strings(table: bytes, what: str) -> None:
    """A string table in which no name can run on."""
    longest = max(map(len, table.split(b"\0")))
    if len(table) > _STRINGS_MAX or not table.endswith(b"\0") or longest > 2 * limits.NAME_MAX:
        raise _damaged(what, "a string table is not valid")


def _check_symbols(table: bytes, strings: int, what: str) -> None:
    """Every symbol's name inside the string table."""
    if any(name >= strings for name, _, _, _ in struct.iter_unpack("<IIQQ", table)):
        raise _damaged(what, "a symbol's name lies outside its table")


def function_digests(data: bytes) -> dict[str, str]:
    """A hash of each function's code, without what a linker fills in.

    Args:
        data: an object that `read_object` has taken.

    Returns:
        SHA-256 (hex) by function name.

    Raises:
        ArtifactError: BPFC0755.
    """
    try:
        return _function_digests(data)
    except Exception as error:  # as in read_object
        raise _damaged("the object", f"its functions cannot be read ({error})") from error


def _function_digests(data: bytes) -> dict[str, str]:
    elf = ELFFile(BytesIO(data))
    names = [str(section.name) for section in elf.iter_sections()]
    contents = {name: bytearray(elf.get_section(i).data()) for i, name in enumerate(names)}
    for section in elf.iter_sections():
        if isinstance(section, RelocationSection):
            code = contents[names[section["sh_info"]]]
            for relocation in section.iter_relocations():
                at = int(relocation["r_offset"]) + 4  # the immediate of an instruction
                code[at : at + 4] = bytes(4)
    found = {}
    for section in elf.iter_sections():
        if isinstance(section, SymbolTableSection):
            for symbol in section.iter_symbols():
                if symbol["st_info"]["type"] == "STT_FUNC":
                    code = contents[names[symbol["st_shndx"]]]
                    begin = int(symbol["st_value"])
                    piece = bytes(code[begin : begin + int(symbol["st_size"])])
                    found[str(symbol.name)] = hashlib.sha256(piece).hexdigest()
    return found


def _view(data: bytes) -> ObjectView:
    """The view, from tables whose bounds are known to be right."""
    elf = ELFFile(BytesIO(data))
    names: list[str] = []
    places: dict[str, Place] = {}
    symbols: list[Symbol] = []
    for section in elf.iter_sections():
        name = str(section.name)
        if name in places:
            raise _damaged("the object", f"two sections are named {name!r}")
        names.append(name)
        places[name] = Place(int(section["sh_offset"]), int(section["sh_size"]))
        if isinstance(section, SymbolTableSection):
            symbols.extend(section.iter_symbols())
    functions: dict[str, str] = {}
    maps = set()
    for symbol in symbols:
        index = symbol["st_shndx"]
        section_name = names[index] if isinstance(index, int) else ""
        if symbol["st_info"]["type"] == "STT_FUNC":
            functions[str(symbol.name)] = section_name
        elif section_name in (".maps", DATA_MAP + str(symbol.name)):
            maps.add(str(symbol.name))
    text = places.get(".text")
    return ObjectView(places, functions, frozenset(maps), text.size if text else 0)
