"""The ELF writer: what is stripped, what is kept, and the rules of both systems' readers."""

import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from elftools.elf.elffile import ELFFile
from hypothesis import given
from hypothesis import strategies as st

from compiler.elf import (
    Elf,
    ElfError,
    Section,
    Symbol,
    core_digest,
    core_image,
    read_elf,
    strip_debug,
    with_sections,
    write_elf,
)
from compiler.elf.btf import map_declarations
from compiler.elf.model import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_PROGBITS,
    STB_GLOBAL,
    STB_LOCAL,
    STT_FUNC,
    STT_SECTION,
)
from tests.artifact import samples

EXIT = b"\x95" + bytes(7)
BPFFS = Path("/sys/fs/bpf")


def _function(name: str, section: str, value: int = 0) -> Symbol:
    return Symbol(name, section, False, value, 8, STT_FUNC, STB_GLOBAL, 0)


def _section(elf: ELFFile, name: str) -> Any:
    """A section that has to be there."""
    found = elf.get_section_by_name(name)
    assert found is not None
    return found


def _code(name: str, data: bytes = EXIT) -> Section:
    return Section(name, SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 8, 0, data, ())


@pytest.mark.parametrize("name", ["linux", "windows"])
def test_strip_keeps_what_loaders_read_and_nothing_else(name: str) -> None:
    elf = ELFFile(BytesIO(samples.stripped(name)))
    sections = [s.name for s in elf.iter_sections()]
    assert not [s for s in sections if s.startswith((".debug", ".rel.BTF", ".llvm", ".comment"))]
    assert {".text", ".rel.text", ".maps", ".BTF", ".BTF.ext", ".symtab", ".strtab"} <= set(
        sections
    )
    symbols = [s.name for s in _section(elf, ".symtab").iter_symbols()]
    assert "" not in symbols[1:], "a section symbol is left"
    assert {"core", "core_row", "exec_adapter", "m_process_exec"} <= set(symbols)
    assert len(samples.stripped(name)) < len(samples.emitted(name))


def test_strip_is_deterministic_and_idempotent() -> None:
    once = samples.stripped("linux")
    assert strip_debug(samples.emitted("linux")) == once
    assert strip_debug(once) == once


def test_relocations_still_name_their_symbols() -> None:
    def rows(obj: bytes) -> dict[str, list[tuple[int, int, str]]]:
        return {
            s.name: [(r.offset, r.type, r.symbol.name) for r in s.relocations]
            for s in read_elf(obj).sections
            if s.executable
        }

    assert rows(samples.stripped("linux")) == rows(samples.emitted("linux"))


def test_offsets_of_maps_in_the_type_information_are_carried_out() -> None:
    before, after = (
        map_declarations(read_elf(o)) for o in (samples.emitted("linux"), samples.stripped("linux"))
    )
    assert before == after
    events = after["events"]
    assert (events.type, events.max_entries, events.key_size) == (27, 4096, 0)
    table = after["m_process_exec"]
    assert (table.type, table.key_size, table.value_size, table.max_entries) == (2, 4, 256, 1)
    # Addresses of the six maps, which a relocation held before.
    btf = read_elf(samples.stripped("linux")).section(".BTF")
    assert btf is not None
    assert (0x90).to_bytes(4, "little") in btf.data


def test_file_ends_with_the_section_table_and_has_a_plain_header() -> None:
    data = with_sections(samples.stripped("linux"), {".bpfc.odd": b"123"})
    elf = ELFFile(BytesIO(data))
    assert elf["e_shoff"] + elf.num_sections() * 64 == len(data)
    assert data[7:16] == bytes(9)
    for section in elf.iter_sections():
        assert section["sh_offset"] % max(section["sh_addralign"], 1) == 0
        if section["sh_type"] == "SHT_REL":
            assert section["sh_entsize"] == 16
            target = elf.get_section(section["sh_info"])
            assert section.name == ".rel" + target.name
    symtab = _section(elf, ".symtab")
    locals_ = [s["st_info"]["bind"] == "STB_LOCAL" for s in symtab.iter_symbols()]
    assert locals_ == sorted(locals_, reverse=True)
    assert symtab["sh_info"] == sum(locals_)


def test_added_sections_come_back_and_replace_their_like() -> None:
    inner = samples.stripped("windows")
    data = with_sections(samples.stripped("linux"), {".bpfc.a": b"", ".bpfc.windows": inner})
    data = with_sections(data, {".bpfc.a": b"new"})
    elf = ELFFile(BytesIO(data))
    assert _section(elf, ".bpfc.windows").data() == inner
    assert _section(elf, ".bpfc.a").data() == b"new"
    assert _section(elf, ".bpfc.a")["sh_flags"] == 0


@pytest.mark.parametrize(
    "name", ["", "bpfc", ".maps", ".data.x", ".rodata", ".rel.x", ".BTF", ".ü"]
)
def test_names_that_loaders_read_are_refused(name: str) -> None:
    with pytest.raises(ElfError):
        with_sections(samples.stripped("linux"), {name: b""})


BROKEN = {
    "two functions": Elf((_code("a"), _code("b")), (_function("f", "a"), _function("f", "b"))),
    "is not aligned": Elf((_code("a", EXIT * 2),), (_function("f", "a", 4),)),
    "section symbol": Elf(
        (Section(".maps", SHT_PROGBITS, SHF_ALLOC, 8, 0, bytes(8), ()),),
        (Symbol("", ".maps", False, 0, 0, STT_SECTION, STB_LOCAL, 0),),
    ),
    "two sections": Elf((_code("a"), _code("a")), ()),
    "does not exist": Elf((_code("a"),), (_function("f", "b"),)),
}


@pytest.mark.parametrize("message", BROKEN)
def test_writer_refuses_what_a_reader_would(message: str) -> None:
    with pytest.raises(ElfError, match=message):
        write_elf(BROKEN[message])


def test_core_is_the_same_in_both_halves() -> None:
    size = samples.CORE_SIZE
    linux, windows = samples.stripped("linux"), samples.stripped("windows")
    assert core_image(linux, size) == core_image(windows, size)
    assert core_digest(linux, size) == core_digest(windows, size)
    assert [r[2] for r in core_image(linux, size)[1]] == ["m_process_exec", "core_row", "core_row"]


def test_core_digest_sees_code_and_targets() -> None:
    elf, size = read_elf(samples.stripped("linux")), samples.CORE_SIZE
    text = elf.section(".text")
    assert text is not None
    whole = core_digest(samples.stripped("linux"), size)
    other = bytearray(text.data)
    other[0] ^= 1
    moved = tuple(
        evolve(r, symbol=next(s for s in elf.symbols if s.name == "events"))
        if r.symbol.name == "m_process_exec"
        else r
        for r in text.relocations
    )
    for changed in (evolve(text, data=bytes(other)), evolve(text, relocations=moved)):
        sections = tuple(changed if s is text else s for s in elf.sections)
        assert core_digest(write_elf(evolve(elf, sections=sections)), size) != whole


@pytest.mark.parametrize("size", [4, 64, 1 << 20])
def test_core_has_to_end_with_a_function(size: int) -> None:
    with pytest.raises(ElfError):
        core_image(samples.stripped("linux"), size)


@given(st.integers(0, 5000), st.integers(0, 255), st.integers(1, 6000))
def test_damaged_objects_give_one_error(at: int, value: int, cut: int) -> None:
    data = bytearray(samples.stripped("linux"))
    data[at % len(data)] = value
    for damaged in (bytes(data), bytes(data[:cut])):
        try:
            elf = read_elf(damaged)
            map_declarations(elf)
            strip_debug(damaged)
        except ElfError as error:
            assert str(error)


@pytest.fixture
def pins() -> Iterator[Path]:
    """A folder for pins, emptied afterwards."""
    place = BPFFS / "bpfc_test_artifact"
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.bpf
@pytest.mark.root
@pytest.mark.skipif(not shutil.which("bpftool"), reason="needs bpftool")
def test_bpftool_loads_the_artifact(tmp_path: Path, pins: Path) -> None:
    file = tmp_path / "rules.o"
    file.write_bytes(samples.artifact())
    done = subprocess.run(
        ["bpftool", "prog", "loadall", file, pins], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    # The optional program stays out: it is for bpfc's runtime to turn on.
    assert {p.name for p in pins.iterdir()} == {
        "exec_dispatch",
        "exec_adapter",
        "connect4_dispatch",
    }
    dump = subprocess.run(
        ["bpftool", "prog", "dump", "xlated", "pinned", pins / "exec_adapter", "linum"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "linux.c line_num:7" in dump.stdout, "line information is gone"
