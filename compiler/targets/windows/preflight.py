"""The Windows half checked before any Windows machine sees it.

What is checked is what ebpf-for-windows 1.6.0 refuses when it reads, creates or verifies: the rules
of its ELF readers, section prefixes, map types, helper numbers by program type, context bounds,
opcodes, stack and call depth. Passing is necessary, not sufficient: PREVAIL has the last word.
"""

import struct
from collections.abc import Mapping

from attrs import frozen

from bpfc.abi import windows
from bpfc.abi.instructions import SLOT, problem
from compiler.elf.btf import MapDeclaration, map_declarations
from compiler.elf.model import EHDR, EHDR_SIZE, SHDR_SIZE, STT_FUNC, STT_SECTION, Elf, ElfError
from compiler.elf.read import read_elf
from compiler.targets.windows import preflight_program
from compiler.targets.windows.preflight_flow import Function, functions_of

_IDENT = b"\x7fELF\x02\x01\x01" + bytes(9)  # OS ABI, ABI version and padding are zero
_PAGE = 4096
_KEYLESS = (windows.MapType.RINGBUF, windows.MapType.PERF_EVENT_ARRAY)
_QUEUES = (windows.MapType.QUEUE, windows.MapType.STACK)
_GLOBALS = (".rodata", ".data", ".bss")


@frozen
class Finding:
    """Something that Windows would refuse.

    Args:
        code: "BPFC06xx", a key of codes.toml.
        program: function or map it is about, "" for the object.
        instruction: slot of the instruction, counted from the function's start, or None.
        message: one sentence.
    """

    code: str
    program: str
    instruction: int | None
    message: str


def preflight(obj: bytes) -> tuple[Finding, ...]:
    """Check a Windows object.

    Args:
        obj: the bytes of the object, as they stand in `.bpfc.windows`.

    Returns:
        Findings in order of code and place; empty if nothing is known to be wrong.
    """
    try:
        findings = _header(obj)
        elf = read_elf(obj)
        maps = map_declarations(elf)
    except ElfError as error:
        return (Finding("BPFC0601", "", None, str(error)),)
    findings += _symbols(elf) + _sections(elf)
    for name, declaration in maps.items():
        findings += [Finding(c, name, None, m) for c, m in _map(name, declaration)]
    functions = functions_of(elf)
    findings += _undeclared(elf, maps) + _code(functions)
    for function in functions:
        if function.section == ".text":
            continue
        section = windows.section_of(function.section)
        if section is None:
            message = f"section {function.section} begins with no prefix that Windows knows"
            findings.append(Finding("BPFC0605", function.name, None, message))
            continue
        for code, where, slot, message in preflight_program.check(
            functions, function, section, maps
        ):
            findings.append(Finding(code, where, slot, message))
    # A function that several programs call is analysed for each of them.
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (f.code, f.program, f.instruction or 0, f.message)))


def _header(obj: bytes) -> list[Finding]:
    """Rules for the file as a whole (libs/elf_spec/Elf.3d)."""
    if len(obj) < EHDR_SIZE:
        raise ElfError(f"{len(obj)} bytes are less than an ELF header")
    found = []
    fields = struct.unpack_from(EHDR, obj)
    if fields[0] != _IDENT:
        found.append("the first 16 bytes are not those of a plain 64-bit little-endian file")
    if fields[6] + fields[12] * SHDR_SIZE != len(obj):
        found.append("the section header table does not end at the end of the file")
    return [Finding("BPFC0601", "", None, message) for message in found]


def _symbols(elf: Elf) -> list[Finding]:
    """Rules for symbols (libs/api/Verifier.cpp, PREVAIL's elf_reader.cpp, bpf2c)."""
    found: list[Finding] = []
    names: set[str] = set()
    for symbol in elf.symbols:
        if symbol.section == ".maps" and (symbol.type == STT_SECTION or not symbol.name):
            found.append(Finding("BPFC0602", "", None, ".maps has a symbol that names no map"))
        if symbol.undefined:
            message = f"{symbol.name} is not defined in the object"
            found.append(Finding("BPFC0606", symbol.name, None, message))
        if symbol.type != STT_FUNC:
            continue
        if symbol.name in names:
            message = f"two functions are named {symbol.name}"
            found.append(Finding("BPFC0603", symbol.name, None, message))
        names.add(symbol.name)
        if symbol.value % SLOT:
            message = f"{symbol.name} begins at byte {symbol.value}, not at an instruction"
            found.append(Finding("BPFC0604", symbol.name, None, message))
    return found


def _sections(elf: Elf) -> list[Finding]:
    """Rules for sections and relocations."""
    found: list[Finding] = []
    for section in elf.sections:
        if section.name.startswith(_GLOBALS):
            message = f"section {section.name}: global data does not run outside native drivers"
            found.append(Finding("BPFC0618", "", None, message))
        if not section.executable or not section.data:
            continue
        symbols = elf.functions(section.name)
        if not symbols or symbols[0].value or len(section.data) % SLOT:
            message = f"section {section.name} holds instructions that belong to no function"
            found.append(Finding("BPFC0601", "", None, message))
        for relocation in section.relocations:
            if relocation.type not in windows.RELOCATIONS:
                message = f"section {section.name} has a relocation of type {relocation.type}"
                slot = relocation.offset // SLOT
                found.append(Finding("BPFC0607", section.name, slot, message))
    return found


def _map(name: str, declared: MapDeclaration) -> list[tuple[str, str]]:
    """Rules for one map (libs/execution_context/ebpf_maps.c)."""
    found = []
    if not 1 <= declared.type <= windows.MAP_TYPE_MAX:
        message = f"map {name} has type {declared.type}, Windows knows 1 to {windows.MAP_TYPE_MAX}"
        found.append(("BPFC0608", message))
    if declared.flags:
        found.append(("BPFC0609", f"map {name} has flags {declared.flags:#x}, which must be 0"))
    if len(name) > windows.MAP_NAME:
        message = f"map {name[:32]}... has a name of {len(name)} characters"
        found.append(("BPFC0610", f"{message}, more than {windows.MAP_NAME}"))
    keyless = declared.type in _KEYLESS
    needs_key = not keyless and declared.type not in _QUEUES
    ring = declared.type == windows.MapType.RINGBUF
    odd_ring = declared.max_entries % _PAGE or declared.max_entries & (declared.max_entries - 1)
    if (
        not declared.max_entries
        or (needs_key and not declared.key_size)
        or (not keyless and not declared.value_size)
        or (ring and odd_ring)
    ):
        sizes = f"{declared.key_size}, {declared.value_size} and {declared.max_entries}"
        message = f"map {name} cannot be made with key, value and entries of {sizes}"
        found.append(("BPFC0611", message))
    return found


def _undeclared(elf: Elf, declared: Mapping[str, MapDeclaration]) -> list[Finding]:
    """Symbols in .maps that the BTF does not declare."""
    return [
        Finding("BPFC0612", s.name, None, f"map {s.name} is not declared in .BTF")
        for s in elf.symbols
        if s.section == ".maps" and s.name and s.name not in declared
    ]


def _code(functions: tuple[Function, ...]) -> list[Finding]:
    """Rules for single instructions, in all functions whether reached or not."""
    found = []
    for function in functions:
        for slot, ins in function.code.items():
            text = problem(ins)
            if text:
                message = f"opcode {ins.opcode:#04x} {text}"
                found.append(Finding("BPFC0614", function.name, slot, message))
        if function.size > windows.PROGRAM_INSTRUCTIONS:
            message = f"{function.size} instructions, more than {windows.PROGRAM_INSTRUCTIONS}"
            found.append(Finding("BPFC0620", function.name, None, message))
    return found
