"""Artifacts as files: what was packed comes back, and damage gives one error."""

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.codec import manifest_bytes
from bpfc.artifact.container import (
    CONTENT_SECTION,
    DIGEST_SECTION,
    DIGEST_SIZE,
    MANIFEST_SECTION,
    WINDOWS_SECTION,
    digest_place,
    load_artifact,
    open_artifact,
)
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.layout import with_digest
from bpfc.artifact.manifest import Content, Half, Manifest, MapInfo, OutputInfo, RuleEvent
from bpfc.artifact.objects import OPTIONAL_TYPE
from compiler.elf import ElfError, pack, with_sections
from tests.artifact import samples


def _sealed(data: bytes) -> bytes:
    """The same file with a digest that fits: what someone who means harm would do."""
    out = bytearray(data)
    at = digest_place(data)
    out[at : at + DIGEST_SIZE] = bytes(DIGEST_SIZE)
    out[at : at + DIGEST_SIZE] = hashlib.sha256(out).digest()
    return bytes(out)


def _code_of(data: bytes) -> str:
    with pytest.raises(ArtifactError) as caught:
        open_artifact(data)
    assert caught.value.message
    assert caught.value.remedy
    return caught.value.code


def test_what_was_packed_comes_back() -> None:
    data = samples.artifact()
    artifact = open_artifact(data)
    assert artifact.manifest == samples.manifest()
    assert artifact.content == samples.CONTENT
    assert artifact.windows_object() == samples.stripped("windows")
    assert artifact.digest == hashlib.sha256(data).hexdigest()
    parts = (samples.stripped("linux"), samples.manifest(), samples.CONTENT)
    assert pack(*parts, samples.stripped("windows")) == data


def test_optional_programs_are_in_sight_of_the_runtime_only() -> None:
    def kind(data: bytes) -> int:
        (table,) = struct.unpack_from("<Q", data, 40)
        (count,) = struct.unpack_from("<H", data, 60)
        kinds = [struct.unpack_from("<I", data, table + i * 64 + 4)[0] for i in range(count)]
        return kinds.count(OPTIONAL_TYPE)

    data = samples.artifact()
    opened = open_artifact(data)
    assert opened.data == data
    assert (kind(data), kind(opened.linux)) == (1, 0)
    assert len(opened.linux) == len(data)


def test_without_windows_half() -> None:
    artifact = open_artifact(samples.artifact(windows=False))
    assert artifact.windows is None
    with pytest.raises(ArtifactError) as caught:
        artifact.windows_object()
    assert caught.value.code == "BPFC0763"
    with pytest.raises(ElfError):
        pack(samples.stripped("linux"), samples.manifest(False), b"", samples.stripped("windows"))


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    pipe, empty, good = tmp_path / "pipe", tmp_path / "empty", tmp_path / "good.o"
    os.mkfifo(pipe)
    empty.touch()
    good.write_bytes(samples.artifact())
    assert load_artifact(good).manifest == samples.manifest()
    cases = {tmp_path: "0751", tmp_path / "no": "0751", pipe: "0751", empty: "0752"}
    for path, code in cases.items():
        with pytest.raises(ArtifactError) as caught:
            load_artifact(path)
        assert caught.value.code == f"BPFC{code}"
    with pytest.raises(ArtifactError):
        load_artifact("a\0b")


def test_files_that_are_something_else() -> None:
    linux = samples.stripped("linux")
    assert _code_of(b"") == "BPFC0752"
    assert _code_of(b"rule x { on process.exec }") == "BPFC0753"
    assert _code_of(b"\x7fELF") == "BPFC0755"
    assert _code_of(linux) == "BPFC0756"
    with open("/proc/self/exe", "rb") as python:
        assert _code_of(python.read()) == "BPFC0754"
    other = bytearray(samples.artifact())
    struct.pack_into("<H", other, 18, 62)  # EM_X86_64
    assert _code_of(bytes(other)) == "BPFC0754"
    no_digest = with_sections(linux, {MANIFEST_SECTION: manifest_bytes(samples.manifest())})
    assert _code_of(no_digest) == "BPFC0757"


def test_every_single_bit_counts(scale: int) -> None:
    data = samples.artifact()
    # A prime step meets every kind of byte; every byte of the file takes the long run's patience.
    for at in range(0, len(data), 31 if scale == 1 else 1):
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        assert _code_of(bytes(flipped)).startswith(("BPFC075", "BPFC076")), f"bit flip at byte {at}"


@given(st.integers(0, 1 << 20), st.integers(0, 1 << 20), st.binary(max_size=40), st.booleans())
def test_mutated_files_give_one_error(at: int, end: int, put: bytes, seal: bool) -> None:
    data = samples.artifact()
    at, end = sorted((at % len(data), end % len(data)))
    mutated = data[:at] + put + data[end:]
    for candidate in (mutated, data[:at], data[:at] + put + data[at + len(put) :]):
        try:
            if seal:
                candidate = _sealed(candidate)
            opened = open_artifact(candidate)
        except ArtifactError as error:
            assert error.code.startswith(("BPFC075", "BPFC076"))
        else:
            # Only what no reader uses may differ, such as the object's own instructions.
            assert seal or candidate == data
            assert isinstance(opened.manifest, Manifest)


@given(st.binary(max_size=300), st.booleans())
def test_random_files_give_one_error(data: bytes, elf: bool) -> None:
    head = samples.artifact()[:40] if elf else b""
    assert _code_of(head + data).startswith(("BPFC075", "BPFC076"))


def _linux(**change: Any) -> Callable[[Manifest], Manifest]:
    return lambda m: evolve(m, linux=evolve(m.linux, **change))


def _map(name: str, /, **change: Any) -> Callable[[Manifest], Manifest]:
    def changed(manifest: Manifest) -> Manifest:
        half: Half = manifest.linux
        maps = tuple(evolve(m, **change) if m.name == name else m for m in half.maps)
        return evolve(manifest, linux=evolve(half, maps=maps))

    return changed


def _rule(index: int, /, **change: Any) -> Callable[[Manifest], Manifest]:
    def changed(manifest: Manifest) -> Manifest:
        rules = list(manifest.rules)
        rules[index] = evolve(rules[index], **change)
        return evolve(manifest, rules=tuple(rules))

    return changed


def _program(**change: Any) -> Callable[[Manifest], Manifest]:
    def changed(manifest: Manifest) -> Manifest:
        first, *rest = manifest.linux.programs
        programs = (evolve(first, **change), *rest)
        return evolve(manifest, linux=evolve(manifest.linux, programs=programs))

    return changed


def _layout(**change: Any) -> Callable[[Manifest], Manifest]:
    def changed(manifest: Manifest) -> Manifest:
        first, *rest = manifest.layouts
        return evolve(manifest, layouts=(with_digest(evolve(first, **change)), *rest))

    return changed


EXEC = samples.EXEC
CONTRADICTIONS: dict[str, Callable[[Manifest], Manifest]] = {
    "no program": _program(name="other"),
    "in section": _program(section="raw_tp/other"),
    "has no map progs_x": _program(progs="progs_x"),
    "has no map events of programs": _program(progs="events"),
    "which has no layout": _program(events=("file.open",)),
    "has no map other": _map("events", name="other"),
    "whose values have 512": _map("m_process_exec", value_size=512),
    "which is not a map of content": _map("m_process_exec", scope="shared"),
    "two buffers of content": _map("rules_process_exec", max_entries=3),
    "no such entry": _linux(contents=(Content("m_process_exec", 1, 0, 256),)),
    "ends at byte 257": _linux(contents=(Content("m_process_exec", 0, 1, 256),)),
    "which does not exist": _map("rules_process_exec", max_entries=2),
    "rule second has place 4": _rule(1, linux=(RuleEvent("process.exec", 4, ()),)),
    "shares its place": _rule(2, linux=(RuleEvent("net.connect", 0, ()),)),
    "values that are not there": _rule(0, tests=(("proc.pid in", 0),)),
    "places for their counts": _linux(
        maps=(
            *samples.manifest().linux.maps,
            MapInfo("rule_stats", "array", 4, 32, 4, "content", 0),
        )
    ),
    "rule first occurs twice": _rule(1, name="first"),
    "on file.open": _rule(1, linux=(RuleEvent("file.open", 0, ()),)),
    "name the field": _rule(0, template=(("field", "file.path"),)),
    "first name the field": _rule(0, output=(OutputInfo("x", (("field", "file.path"),), False),)),
    "is no field": _rule(0, output=(OutputInfo("x", (("text", "a"),), False),)),
    "output of rule first x occurs twice": _rule(0, output=(OutputInfo("x", (), True),) * 2),
    "message of process.exec names": lambda m: evolve(
        m, layouts=(evolve(m.layouts[0], message=(("field", "file.path"),)), m.layouts[1])
    ),
    "without an error number": _rule(
        1, linux=(evolve(samples.manifest().rules[1].linux[0], forms=(
            evolve(samples.manifest().rules[1].linux[0].forms[0], errno=0),)),)
    ),
    "a core of": _linux(core_size=8000),
    "Linux map": _linux(maps=samples.manifest().linux.maps * 2),
    "Linux program": _linux(programs=samples.manifest().linux.programs * 2),
    "event layout": lambda m: evolve(m, layouts=m.layouts * 2),
    "does not have its digest": lambda m: evolve(
        m, layouts=(evolve(m.layouts[0], digest=5), m.layouts[1])
    ),
    "no place of its own": _layout(numbers=(EXEC.numbers[0], evolve(EXEC.numbers[1], index=0))),
    "field of process.exec": _layout(texts=EXEC.texts[:1] * 2),
    "a Windows half": lambda m: evolve(
        m, windows=None, rules=tuple(evolve(r, windows=()) for r in m.rules)
    ),
    "without a Windows half": lambda m: evolve(m, windows=None),
}  # fmt: skip


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_parts_that_contradict_each_other(text: str) -> None:
    manifest = CONTRADICTIONS[text](samples.manifest())
    sections = {
        MANIFEST_SECTION: manifest_bytes(manifest),
        CONTENT_SECTION: samples.CONTENT,
        WINDOWS_SECTION: samples.stripped("windows"),
        DIGEST_SECTION: bytes(DIGEST_SIZE),
    }
    data = _sealed(with_sections(samples.stripped("linux"), sections))
    with pytest.raises(ArtifactError) as caught:
        open_artifact(data)
    assert caught.value.code == "BPFC0762"
    assert text in caught.value.message


def test_a_damaged_windows_half_is_named() -> None:
    sections = {
        MANIFEST_SECTION: manifest_bytes(samples.manifest()),
        CONTENT_SECTION: samples.CONTENT,
        WINDOWS_SECTION: samples.stripped("windows")[:-1],
        DIGEST_SECTION: bytes(DIGEST_SIZE),
    }
    data = _sealed(with_sections(samples.stripped("linux"), sections))
    with pytest.raises(ArtifactError, match="the Windows half") as caught:
        open_artifact(data)
    assert caught.value.code == "BPFC0755"


def test_other_programs_are_another_structure_whatever_the_manifest_says() -> None:
    data = bytearray(samples.artifact())
    whole = open_artifact(bytes(data))
    at = data.index(b"\x95" + bytes(7))  # the first `exit`
    data[at] = 0x05
    other = open_artifact(_sealed(bytes(data)))
    assert other.manifest == whole.manifest
    assert other.structure("linux") != whole.structure("linux")
    assert other.structure("windows") == whole.structure("windows")
