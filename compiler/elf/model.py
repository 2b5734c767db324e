"""A relocatable BPF object as values: sections, symbols and relocations, linked by name or value.

Indices of the file format (section numbers, symbol numbers, string offsets) exist only in
`read.py` and `write.py`; here a symbol names its section and a relocation holds its symbol, so
dropping or adding a part cannot leave a stale number behind.
"""

from attrs import frozen

# Numbers of the ELF specification (elf.h); the BPF relocation types are those of LLVM
# (llvm/BinaryFormat/ELFRelocs/BPF.def).
EM_BPF = 247
ET_REL = 1
SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_NOBITS, SHT_REL = 0, 1, 2, 3, 8, 9
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4
STB_LOCAL, STB_GLOBAL, STB_WEAK = 0, 1, 2
STT_NOTYPE, STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE = 0, 1, 2, 3, 4
R_BPF_64_64 = 1  # 64-bit immediate load: a map or a global
R_BPF_64_ABS64 = 2
R_BPF_64_ABS32 = 3
R_BPF_64_NODYLD32 = 4  # in .BTF and .BTF.ext
R_BPF_64_32 = 10  # call of a function

EHDR = "<16sHHIQQQIHHHHHH"
SHDR = "<IIQQQQIIQQ"
SYM = "<IBBHQQ"
REL = "<QQ"
EHDR_SIZE, SHDR_SIZE, SYM_SIZE, REL_SIZE = 64, 64, 24, 16


class ElfError(ValueError):
    """An object that cannot be read, or that the readers of either system would refuse."""


@frozen
class Symbol:
    """One symbol.

    Args:
        name: its name; empty for a section symbol.
        section: name of the section it is defined in, None if undefined or absolute.
        absolute: whether it is an absolute value (SHN_ABS).
        value: offset in the section, bytes.
        size: bytes.
        type: STT_*.
        binding: STB_*.
        visibility: the st_other byte.
    """

    name: str
    section: str | None
    absolute: bool
    value: int
    size: int
    type: int
    binding: int
    visibility: int

    @property
    def undefined(self) -> bool:
        """Whether it has to come from somewhere else (an extern)."""
        return self.section is None and not self.absolute


@frozen
class Relocation:
    """One relocation: `symbol` is put in at `offset` (bytes) of the section."""

    offset: int
    type: int
    symbol: Symbol


@frozen
class Section:
    """One section with its content and the relocations that apply to it.

    Args:
        name: unique in the object.
        type: SHT_*; never a symbol, string or relocation table (those are made when writing).
        flags: SHF_*.
        align: alignment of the content in the file, a power of two.
        entry_size: sh_entsize.
        data: the content.
        relocations: by offset.
    """

    name: str
    type: int
    flags: int
    align: int
    entry_size: int
    data: bytes
    relocations: tuple[Relocation, ...]

    @property
    def executable(self) -> bool:
        """Whether it holds instructions."""
        return bool(self.flags & SHF_EXECINSTR)


@frozen
class Elf:
    """A relocatable object.

    Args:
        sections: in file order, without tables.
        symbols: local ones first, in file order, without the null symbol.
    """

    sections: tuple[Section, ...]
    symbols: tuple[Symbol, ...]

    def section(self, name: str) -> Section | None:
        """The section of that name, or None."""
        return next((s for s in self.sections if s.name == name), None)

    def functions(self, section: str) -> tuple[Symbol, ...]:
        """Function symbols of a section, by address."""
        found = [s for s in self.symbols if s.type == STT_FUNC and s.section == section]
        return tuple(sorted(found, key=lambda s: s.value))
