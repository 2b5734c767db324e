"""ELF objects at compile time: read what LLVM emitted, strip it, add sections, write it."""

from compiler.elf.core import core_digest, core_image
from compiler.elf.model import Elf, ElfError, Relocation, Section, Symbol
from compiler.elf.pack import pack
from compiler.elf.read import read_elf
from compiler.elf.strip import strip_debug
from compiler.elf.write import with_sections, write_elf

__all__ = [
    "Elf",
    "ElfError",
    "Relocation",
    "Section",
    "Symbol",
    "core_digest",
    "core_image",
    "pack",
    "read_elf",
    "strip_debug",
    "with_sections",
    "write_elf",
]
