"""The Windows preflight: real objects pass, and each broken rule gives exactly its finding."""

import struct
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from compiler.elf import Elf, Relocation, Section, Symbol, read_elf, write_elf
from compiler.elf.model import (
    R_BPF_64_32,
    R_BPF_64_64,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_PROGBITS,
    STB_GLOBAL,
    STB_LOCAL,
    STT_FUNC,
    STT_NOTYPE,
    STT_OBJECT,
    STT_SECTION,
)
from compiler.targets.windows import preflight as module
from compiler.targets.windows.preflight import preflight
from tests.artifact import samples


def ins(opcode: int, dst: int = 0, src: int = 0, offset: int = 0, imm: int = 0) -> bytes:
    """One instruction."""
    return struct.pack("<BBhi", opcode, src << 4 | dst, offset, imm)


EXIT = ins(0x95)
ZERO = ins(0xB7, 0)  # r0 = 0
LOAD_MAP = ins(0x18, 2) + ins(0)  # r2 = a relocation's map
TAIL = ins(0x85, imm=5)


def btf(maps: Mapping[str, Mapping[str, int]]) -> bytes:
    """BTF that declares maps; members are the numbers of the declaration."""
    texts, types = bytearray(1), bytearray()
    count = 0

    def text(name: str) -> int:
        texts.extend(name.encode() + b"\0")
        return len(texts) - len(name) - 1

    def add(name: int, kind: int, vlen: int, size: int, *rest: int) -> int:
        nonlocal count
        types.extend(struct.pack(f"<III{len(rest)}I", name, kind << 24 | vlen, size, *rest))
        count += 1
        return count

    integer = add(text("int"), 1, 0, 4, 32)
    variables = []
    for name, numbers in maps.items():
        members: list[int] = []
        for key, value in numbers.items():
            pointer = add(0, 2, 0, add(0, 3, 0, 0, integer, integer, value))
            members += [text(key), pointer, 0]
        struct_type = add(0, 4, len(numbers), 8 * len(numbers), *members)
        variables += [add(text(name), 14, 0, struct_type, 1), 0, 8]
    if maps:
        add(text(".maps"), 15, len(maps), 8 * len(maps), *variables)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(texts))
    return header + bytes(types) + bytes(texts)


PROGS = {"type": 3, "key_size": 4, "value_size": 4, "max_entries": 8}
MAPS = {"progs": PROGS}


def build(
    programs: Mapping[str, bytes],
    maps: Mapping[str, Mapping[str, int]] = MAPS,
    text: bytes = b"",
    calls: Mapping[tuple[str, int], str] | None = None,
) -> Elf:
    """An object of one program per section (named p0, p1, ...) and one function `sub` in .text.

    Args:
        programs: code by section name.
        maps: map declarations.
        text: code of `sub`.
        calls: what is relocated at (section, slot): "sub", or the name of a map.
    """
    code = {**({".text": text} if text else {}), **programs}
    symbols = {"sub": Symbol("sub", ".text", False, 0, len(text), STT_FUNC, STB_GLOBAL, 0)}
    symbols |= {
        name: Symbol(name, ".maps", False, 8 * i, 8, STT_OBJECT, STB_GLOBAL, 0)
        for i, name in enumerate(maps)
    }
    sections = []
    for name, data in code.items():
        found = tuple(
            Relocation(slot * 8, R_BPF_64_32 if target == "sub" else R_BPF_64_64, symbols[target])
            for (section, slot), target in (calls or {}).items()
            if section == name
        )
        sections.append(Section(name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 8, 0, data, found))
    sections.append(Section(".maps", SHT_PROGBITS, SHF_ALLOC, 8, 0, bytes(8 * len(maps)), ()))
    sections.append(Section(".BTF", SHT_PROGBITS, 0, 4, 0, btf(maps), ()))
    if not text:
        del symbols["sub"]
    functions = [
        Symbol(f"p{i}", name, False, 0, len(data), STT_FUNC, STB_GLOBAL, 0)
        for i, (name, data) in enumerate(programs.items())
    ]
    return Elf(tuple(sections), (*symbols.values(), *functions))


def codes(obj: bytes) -> list[str]:
    """Codes of the findings."""
    return [f.code for f in preflight(obj)]


GOOD = build(
    {
        "process": ins(0x61, 1, 1, 64) + ZERO + EXIT,
        "cgroup/connect4": LOAD_MAP + TAIL + ZERO + EXIT,
        "process/sub": ins(0x85, src=1, imm=-1) + EXIT,
    },
    text=ZERO + EXIT,
    calls={("cgroup/connect4", 0): "progs", ("process/sub", 0): "sub"},
)


def test_good_objects_pass() -> None:
    assert preflight(samples.stripped("windows")) == ()
    assert preflight(write_elf(GOOD)) == ()


def test_linux_objects_do_not_pass() -> None:
    assert set(codes(samples.stripped("linux"))) == {"BPFC0605", "BPFC0608", "BPFC0611"}


def _process(*code: bytes, **more: object) -> bytes:
    return write_elf(build({"process": b"".join(code)}, **more))  # type: ignore[arg-type]


def _maps(**numbers: int) -> bytes:
    return _process(ZERO, EXIT, maps={"progs": PROGS, "m": PROGS | numbers})


def _symbol(name: str, section: str | None, kind: int, **more: int) -> Symbol:
    binding = more.get("binding", STB_GLOBAL)
    return Symbol(name, section, False, more.get("value", 0), 0, kind, binding, 0)


def _with_symbol(symbol: Symbol) -> bytes:
    """An object that the writer would refuse, made by writing it with another symbol first."""
    return _raw(evolve(GOOD, symbols=(*GOOD.symbols, symbol)))


def _raw(elf: Elf) -> bytes:
    """Write without the writer's own check of the same rules."""
    from compiler.elf import write

    check, write.check_rules = write.check_rules, lambda elf: None
    try:
        return write_elf(elf)
    finally:
        write.check_rules = check


def _patched(at: int, value: int) -> bytes:
    data = bytearray(write_elf(GOOD))
    data[at] = value
    return bytes(data)


def _deep(depth: int) -> bytes:
    """A chain of functions in .text, each calling the next, `depth` functions with the program."""
    call = ins(0x85, src=1, imm=1) + EXIT
    data = call * (depth - 2) + ZERO + EXIT
    names = [
        Symbol(f"f{i}", ".text", False, 16 * i, 16, STT_FUNC, STB_GLOBAL, 0)
        for i in range(depth - 1)
    ]
    base = build({"process": ins(0x85, src=1, imm=-1) + EXIT}, text=data)
    relocation = Relocation(0, R_BPF_64_32, names[0])
    sections = tuple(
        evolve(s, relocations=(relocation,)) if s.name == "process" else s for s in base.sections
    )
    kept = tuple(s for s in base.symbols if s.name != "sub")
    return write_elf(Elf(sections, (*kept, *names)))


LEAVES_CONTEXT = {
    "process": [ins(0x61, 0, 1, 144), ins(0x79, 0, 1, 140), ins(0x71, 0, 1, -1)],
    "cgroup/connect4": [ins(0x61, 0, 1, 64), ins(0x63, 1, 2, 62), ins(0x7A, 1, 0, 57)],
}
SPILLED = (
    ins(0x7B, 10, 1, -8)  # [r10-8] = ctx
    + ins(0x79, 6, 10, -8)  # r6 = [r10-8]
    + ins(0x07, 6, imm=100)
    + ins(0x61, 0, 6, 44)  # byte 144
    + EXIT
)
ONE = {
    "0601 trailing bytes": (write_elf(GOOD) + bytes(8), "BPFC0601"),
    "0601 ABI version": (_patched(8, 1), "BPFC0601"),
    "0601 cut": (write_elf(GOOD)[:-8], "BPFC0601"),
    "0601 empty": (b"", "BPFC0601"),
    "0601 no function": (
        write_elf(evolve(GOOD, symbols=tuple(s for s in GOOD.symbols if s.name != "p0"))),
        "BPFC0601",
    ),
    "0602": (_with_symbol(_symbol("", ".maps", STT_SECTION, binding=STB_LOCAL)), "BPFC0602"),
    "0604": (_with_symbol(_symbol("odd", "process", STT_FUNC, value=12)), "BPFC0604"),
    "0605": (write_elf(build({"raw_tp/x": ZERO + EXIT})), "BPFC0605"),
    "0605 optional": (write_elf(build({"?process": ZERO + EXIT})), "BPFC0605"),
    "0606": (_with_symbol(_symbol("gone", None, STT_NOTYPE)), "BPFC0606"),
    "0606 call": (_process(ins(0x85, src=1, imm=5), EXIT), "BPFC0606"),
    "0608": (_maps(type=27), "BPFC0608"),
    "0608 zero": (_maps(type=0), "BPFC0608"),
    "0609": (_maps(map_flags=1), "BPFC0609"),
    "0610": (_process(ZERO, EXIT, maps={"progs": PROGS, "m" * 64: PROGS}), "BPFC0610"),
    "0611 entries": (_maps(max_entries=0), "BPFC0611"),
    "0611 key": (_maps(key_size=0), "BPFC0611"),
    "0611 ring": (
        _process(ZERO, EXIT, maps={"progs": PROGS, "r": {"type": 13, "max_entries": 5000}}),
        "BPFC0611",
    ),
    "0613": (_process(ins(0x85, imm=113), EXIT), "BPFC0613"),
    "0613 other type": (
        write_elf(build({"cgroup/connect4": ins(0x85, imm=65536) + EXIT})),
        "BPFC0613",
    ),
    "0613 dead code": (
        _process(ins(0x05, offset=1), ins(0x85, imm=14 + 100), ZERO, EXIT),
        "BPFC0613",
    ),
    "0614 callx": (_process(ins(0x8D, 1), EXIT), "BPFC0614"),
    "0614 packet": (_process(ins(0x30), EXIT), "BPFC0614"),
    "0614 sdiv": (_process(ins(0x37, 0, 0, 1, 3), EXIT), "BPFC0614"),
    "0614 movsx": (_process(ins(0xBF, 0, 1, 8), EXIT), "BPFC0614"),
    "0614 ldsx": (_process(ins(0x81, 0, 10, -8), EXIT), "BPFC0614"),
    "0614 bswap": (_process(ins(0xD7, 0, imm=16), EXIT), "BPFC0614"),
    "0614 gotol": (_process(ins(0x06), EXIT), "BPFC0614"),
    "0614 atomic": (_process(ins(0xDB, 10, 1, -8, 0x77), ZERO, EXIT), "BPFC0614"),
    "0614 register": (_process(ins(0xB7, 11), EXIT), "BPFC0614"),
    "0614 frame pointer": (_process(ins(0xB7, 10), EXIT), "BPFC0614"),
    "0615 spilled": (_process(SPILLED), "BPFC0615"),
    "0615 not constant": (
        _process(ins(0xBF, 6, 1), ins(0x0F, 6, 2), ins(0x61, 0, 6), EXIT),
        "BPFC0615",
    ),
    "0615 two distances": (
        _process(ins(0x15, 2, offset=1), ins(0x07, 1, imm=4), ins(0x61, 0, 1), EXIT),
        "BPFC0615",
    ),
    "0615 in a function": (
        _process(
            ins(0x85, src=1, imm=-1), EXIT,
            text=ins(0x61, 0, 1, 144) + EXIT, calls={("process", 0): "sub"},
        ),
        "BPFC0615",
    ),
    "0616 depth": (_deep(9), "BPFC0616"),
    "0616 recursion": (
        _process(
            ins(0x85, src=1, imm=-1), EXIT,
            text=ins(0x85, src=1, imm=-1) + EXIT, calls={("process", 0): "sub"},
        ),
        "BPFC0616",
    ),
    "0617 context": (
        _process(ins(0xB7, 1), LOAD_MAP, TAIL, EXIT, calls={("process", 1): "progs"}),
        "BPFC0617",
    ),
    "0617 map": (
        _process(
            LOAD_MAP, TAIL, EXIT,
            maps={"progs": PROGS, "m": PROGS | {"type": 2}}, calls={("process", 0): "m"},
        ),
        "BPFC0617",
    ),
    "0617 no map": (_process(ins(0xB7, 2), TAIL, EXIT), "BPFC0617"),
    "0619 end": (_process(ZERO), "BPFC0619"),
    "0619 jump": (_process(ins(0x05, offset=5), EXIT), "BPFC0619"),
    "0619 into a load": (_process(ins(0x05, offset=1), LOAD_MAP, EXIT), "BPFC0619"),
    "0620": (_process(ZERO * 65536, EXIT), "BPFC0620"),
    "0621": (_process(ins(0x7B, 10, 1, -520), ZERO, EXIT), "BPFC0621"),
    "0621 copy": (
        _process(ins(0xBF, 2, 10), ins(0x07, 2, imm=-512), ins(0x7B, 2, 1, -8), ZERO, EXIT),
        "BPFC0621",
    ),
    "0621 above": (_process(ins(0x79, 0, 10, 0), EXIT), "BPFC0621"),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE)
def test_each_broken_rule_gives_exactly_its_finding(case: str) -> None:
    obj, code = ONE[case]
    assert codes(obj) == [code]


@pytest.mark.parametrize(
    ("section", "code"), [(s, c) for s, rows in LEAVES_CONTEXT.items() for c in rows]
)
def test_accesses_outside_the_context(section: str, code: bytes) -> None:
    (finding,) = preflight(write_elf(build({section: code + ZERO + EXIT})))
    assert (finding.code, finding.program, finding.instruction) == ("BPFC0615", "p0", 0)


def test_eight_functions_are_not_too_deep() -> None:
    assert codes(_deep(8)) == []


def test_two_functions_of_one_name() -> None:
    elf = build({"process": ZERO + EXIT, "process/2": ZERO + EXIT})
    symbols = tuple(evolve(s, name="p0") if s.name == "p1" else s for s in elf.symbols)
    assert codes(_raw(evolve(elf, symbols=symbols))) == ["BPFC0603"]


def test_relocation_types() -> None:
    elf = build(
        {"process": LOAD_MAP + ZERO + EXIT}, text=ZERO + EXIT, calls={("process", 0): "progs"}
    )
    sections = tuple(
        evolve(s, relocations=tuple(evolve(r, type=2) for r in s.relocations)) for s in elf.sections
    )
    assert codes(write_elf(evolve(elf, sections=sections))) == ["BPFC0607"]


def test_maps_without_type_information() -> None:
    elf = build({"process": ZERO + EXIT})
    sections = tuple(s for s in elf.sections if s.name != ".BTF")
    assert codes(write_elf(evolve(elf, sections=sections))) == ["BPFC0612"]


def test_global_data() -> None:
    section = Section(".rodata.cst", SHT_PROGBITS, SHF_ALLOC, 8, 0, bytes(8), ())
    assert codes(write_elf(evolve(GOOD, sections=(*GOOD.sections, section)))) == ["BPFC0618"]


def test_helpers_of_a_shared_function_are_checked_for_each_program() -> None:
    call = ins(0x85, src=1, imm=-1) + EXIT
    obj = write_elf(
        build(
            {"process": call, "cgroup/connect4": call},
            text=ins(0x85, imm=65536) + EXIT,
            calls={("process", 0): "sub", ("cgroup/connect4", 0): "sub"},
        )
    )
    (finding,) = preflight(obj)
    assert (finding.code, finding.program, finding.instruction) == ("BPFC0613", "sub", 0)
    assert "CGROUP_SOCK_ADDR" in finding.message


def test_every_code_is_explained_and_tested() -> None:
    page = Path(str(module.__file__)).with_name("codes.toml")
    known = tomllib.loads(page.read_text("utf-8"))
    assert all(row["title"] and row["text"].strip() for row in known.values())
    alone = {"BPFC0603", "BPFC0607", "BPFC0612", "BPFC0618"}
    assert set(known) == {code for _, code in ONE.values()} | alone


@given(st.integers(0, 6000), st.integers(0, 255), st.integers(0, 6000))
def test_damaged_objects_give_findings_never_exceptions(at: int, value: int, cut: int) -> None:
    data = bytearray(samples.stripped("windows"))
    data[at % len(data)] = value
    preflight(bytes(data))
    assert codes(bytes(data[:cut])) == ["BPFC0601"] or cut >= len(data)


@given(st.binary(max_size=200))
def test_random_code_gives_findings_never_exceptions(code: bytes) -> None:
    elf = build({"process": ZERO + code[: len(code) // 8 * 8] + EXIT})
    for finding in preflight(write_elf(elf)):
        assert finding.code.startswith("BPFC06")
    assert read_elf(write_elf(elf)) == elf
