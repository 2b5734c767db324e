"""The decision core inside an object: its bytes and relocations, which both halves share."""

import hashlib
import struct

from compiler.elf.model import R_BPF_64_32, Elf, ElfError, Relocation
from compiler.elf.read import read_elf


def core_image(obj: bytes, size: int) -> tuple[bytes, tuple[tuple[int, int, str], ...]]:
    """The core as it stands at the start of .text.

    Args:
        obj: an object of either half.
        size: bytes of the core.

    Returns:
        Its bytes, and (offset, relocation type, target) by offset. A target is a symbol's name, or
        `section+offset` where LLVM relocated against a section symbol (static functions).

    Raises:
        ElfError: no .text of that size, or the core ends inside a function.
    """
    elf = read_elf(obj)
    text = elf.section(".text")
    data = text.data if text is not None else b""
    if size % 8 or size > len(data):
        raise ElfError(f".text has {len(data)} bytes, the core cannot have {size}")
    for function in elf.functions(".text"):
        if function.value < size < function.value + function.size:
            raise ElfError(f"the core of {size} bytes ends inside function {function.name!r}")
    found = text.relocations if text is not None else ()
    return data[:size], tuple(
        (r.offset, r.type, _target(elf, r, data)) for r in found if r.offset < size
    )


def core_digest(obj: bytes, size: int) -> str:
    """SHA-256 over the core's bytes and relocations.

    Args:
        obj: an object of either half.
        size: bytes of the core at the start of .text.

    Returns:
        64 hexadecimal digits.

    Raises:
        ElfError: as `core_image`.
    """
    data, relocations = core_image(obj, size)
    digest = hashlib.sha256(size.to_bytes(8, "little") + data)
    for offset, kind, target in relocations:
        digest.update(f"{offset} {kind} {target}\n".encode())
    return digest.hexdigest()


def _target(elf: Elf, relocation: Relocation, data: bytes) -> str:
    """The name of what a relocation refers to."""
    symbol = relocation.symbol
    if symbol.name:
        return symbol.name
    if relocation.type != R_BPF_64_32 or symbol.section is None:
        return f"{symbol.section}+{symbol.value}"
    # A call of a static function: the immediate holds the target in instructions, minus one.
    (immediate,) = struct.unpack_from("<i", data, relocation.offset + 4)
    at = symbol.value + (immediate + 1) * 8
    named = next((f.name for f in elf.functions(symbol.section) if f.value == at), None)
    return named or f"{symbol.section}+{at}"
