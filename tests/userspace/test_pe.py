"""PE files: strings of version resources, import hashes, and whatever an attacker makes of them."""

import hashlib
import os
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfc.artifact.decode import State, Value
from bpfc.userspace import pe
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.budget import Budget
from bpfc.userspace.fields import Sources
from bpfc.userspace.reasons import Reason
from tests.userspace.images import image

STRINGS = {
    "CompanyName": "Example Söhne GmbH",
    "FileDescription": "Copies files",
    "FileVersion": "10.0.19041.1",
    "InternalName": "robocopy",
    "OriginalFilename": "robocopy.exe",
    "ProductName": "Tools 日本 🛠",
}
IMPORTS = [("KERNEL32.dll", ["CreateFileW", "ReadFile"]), ("ws2_32.dll", ["connect"])]
IMPHASH = hashlib.md5(b"kernel32.createfilew,kernel32.readfile,ws2_32.connect").hexdigest()
EXPECTED = {
    "imphash": IMPHASH,
    "pe.original_name": "robocopy.exe",
    "pe.internal_name": "robocopy",
    "pe.product": "Tools 日本 🛠",
    "pe.company": "Example Söhne GmbH",
    "pe.description": "Copies files",
    "pe.file_version": "10.0.19041.1",
}
WHOLE = image(STRINGS, IMPORTS)
# The PE header stands where pefile would go through 100 KB for what compilers leave before it.
FAR = WHOLE[:60] + (100_000).to_bytes(4, "little") + bytes(99_936) + WHOLE[64:]


def asked(path: Path, bounds: Bounds | None = None) -> tuple[dict[str, Value | State], Sources]:
    """What all sources say of a file, found by its path."""
    sources = Sources(bounds=bounds or Bounds())
    status = path.stat()
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    needs = (str(path), device, status.st_ino, State.UNKNOWN, State.UNKNOWN)
    return {name: sources.value(name, needs) for name in pe.PE}, sources


def written(folder: Path, data: bytes) -> Path:
    """A file."""
    path = folder / "program.exe"
    path.write_bytes(data)
    return path


def test_a_file_with_everything(tmp_path: Path) -> None:
    answers, sources = asked(written(tmp_path, WHOLE))
    assert answers == EXPECTED
    assert sources.counts.from_cache == len(EXPECTED) - 1


@pytest.mark.parametrize(
    ("strings", "imports", "there"),
    [
        (None, [], set()),
        (None, IMPORTS, {"imphash"}),
        ({"ProductName": ""}, [], {"pe.product"}),
        ({"Comments": "x"}, [], set()),
        ({"InternalName": "x", "FileVersion": "1"}, IMPORTS[:1], {"pe.internal_name"}),
    ],
)
def test_what_a_file_does_not_say_is_absent(
    tmp_path: Path,
    strings: dict[str, str] | None,
    imports: list[tuple[str, list[str]]],
    there: set[str],
) -> None:
    answers, _ = asked(written(tmp_path, image(strings, imports)))
    present = {name for name, value in answers.items() if value is not State.ABSENT}
    assert present >= there and State.UNKNOWN not in answers.values()
    assert present <= there | {"imphash", "pe.file_version"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        b"\x7fELF" + bytes(100),
        b"MZ" + bytes(62),  # a DOS program
        WHOLE[:63],
        WHOLE[:64],
        WHOLE.replace(b"PE\0\0", b"NE\0\0"),
    ],
    ids=["empty", "two bytes", "ELF", "DOS", "short head", "head", "other signature"],
)
def test_what_is_no_pe_file_has_nothing(tmp_path: Path, data: bytes) -> None:
    answers, _ = asked(written(tmp_path, data))
    assert answers == dict.fromkeys(pe.PE, State.ABSENT)


@pytest.mark.parametrize(
    ("data", "bounds", "reason"),
    [
        (WHOLE[:70], Bounds(), Reason.BROKEN),
        (FAR, Bounds(), Reason.BROKEN),
        (WHOLE, Bounds(pe_size=len(WHOLE)), Reason.TOO_BIG),
        (WHOLE, Bounds(pe_seconds=0), Reason.BROKEN),
        (WHOLE, Bounds(seconds=0), Reason.BUDGET),
    ],
    ids=["cut off", "far header", "big", "slow", "no time"],
)
def test_what_cannot_be_taken_apart_is_unknown(
    tmp_path: Path, data: bytes, bounds: Bounds, reason: Reason
) -> None:
    answers, sources = asked(written(tmp_path, data), bounds)
    assert answers == dict.fromkeys(pe.PE, State.UNKNOWN)
    assert sources.counts.unknown[reason.value] == len(pe.PE)


def test_a_long_string_is_unknown_and_the_others_are_not(tmp_path: Path) -> None:
    long = {**STRINGS, "CompanyName": "x" * 513, "ProductName": "y" * 512}
    answers, _ = asked(written(tmp_path, image(long, IMPORTS)))
    assert answers == {**EXPECTED, "pe.company": State.UNKNOWN, "pe.product": "y" * 512}


def test_without_the_library_pe_files_are_unknown_and_others_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pefile", None)
    answers, sources = asked(written(tmp_path, WHOLE))
    assert set(answers.values()) == {State.UNKNOWN}
    assert sources.counts.unknown[Reason.NO_LIBRARY.value] == len(pe.PE)
    answers, _ = asked(written(tmp_path, b"#!/bin/sh\n"))
    assert set(answers.values()) == {State.ABSENT}


def test_a_file_made_to_take_long_is_given_up(tmp_path: Path) -> None:
    # Each of many tiny strings makes pefile copy the rest of the resource.
    many = image({f"key{n}": "x" for n in range(1500)}, IMPORTS)
    answers, sources = asked(written(tmp_path, many), Bounds(pe_seconds=0.01))
    assert set(answers.values()) == {State.UNKNOWN}
    assert sources.counts.unknown[Reason.BROKEN.value] == len(pe.PE)
    assert sources.counts.from_cache == len(pe.PE) - 1  # not tried again


@given(
    st.integers(0, len(WHOLE)),
    st.lists(
        st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=4)), max_size=12
    ),
)
@settings(max_examples=100)
def test_damage_never_raises(length: int, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(WHOLE)
    for at, new in changes:
        data[at : at + len(new)] = new
    check(bytes(data[:length]))


def test_damage_of_what_matters_never_raises(scale: int) -> None:
    chance = random.Random(5)
    places = [at for at, byte in enumerate(WHOLE) if byte]
    for _ in range(300 * scale):
        data = bytearray(WHOLE)
        for at in chance.sample(places, chance.randint(1, 6)):
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        check(bytes(data))


def check(data: bytes) -> None:
    """Take a file apart; it ends, with an answer for each source."""
    budget = Budget(5.0)  # far more than it takes; raises `Unknown` if it does not
    with budget.spending():
        answers = pe.take_apart(data, budget, 512)
    assert set(answers) == set(pe.PE)
    for answer in answers.values():
        assert answer is State.ABSENT or isinstance(answer, Reason) or len(str(answer)) <= 512
