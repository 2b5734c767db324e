"""Commands that take an artifact: what they show, and what they say of one that is not right."""

import hashlib
import json
from pathlib import Path

import pytest

from bpfc.artifact.container import DIGEST_SIZE, digest_place, load_artifact
from bpfc_cli.exits import FINDINGS, OK, USAGE
from tests.cli.conftest import FIRST, Cli

COMMANDS = ("inspect", "verify", "run", "extract")


def _words(command: str, path: Path) -> list[str]:
    """A command line with an artifact."""
    more = ["--target", "linux", "-o", str(path) + ".out"] if command == "extract" else []
    return [command, str(path), *more]


def _truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def _flipped(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(changed) // 2] ^= 0x10
    return bytes(changed)


def _newer(data: bytes) -> bytes:
    """The same artifact as a later version with a newer catalogue would write it."""
    changed = bytearray(data.replace(b'"catalogue":1,', b'"catalogue":9,'))
    at = digest_place(data)
    changed[at : at + DIGEST_SIZE] = bytes(DIGEST_SIZE)
    changed[at : at + DIGEST_SIZE] = hashlib.sha256(changed).digest()
    return bytes(changed)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_truncated, "BPFC0755"),
        (_flipped, "BPFC0757"),
        (_newer, "BPFC0760"),
        (lambda data: b"", "BPFC0752"),
        (lambda data: b"\x7fELF" + bytes(400), "BPFC0754"),
    ],
)
def test_a_damaged_artifact_is_one_diagnostic(
    command: str, damage: "object", code: str, artifact: Path, cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "rules.o"
    assert callable(damage)
    path.write_bytes(damage(artifact.read_bytes()))
    shown = cli(*_words(command, path))
    assert (shown.code, shown.err.count("error[BPFC")) == (FINDINGS, 1)
    assert f"error[{code}]" in shown.err
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_files_and_directories(command: str, cli: Cli, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.o"):
        shown = cli(*_words(command, path))
        assert (shown.code, shown.err.count("error[BPFC")) == (USAGE, 1)


def test_compiling_prints_the_coverage_the_sizes_and_the_core(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "rules.o"
    shown = cli("compile", FIRST, "-o", target)
    opened = load_artifact(target)
    assert shown.code == OK
    for rule in ("who_am_i", "watched_port", "forbidden_port"):
        assert rule in shown.out
    assert "denied with EPERM" in shown.out and "Windows has no" in shown.out
    assert opened.manifest.linux.core_hash in shown.out
    assert f"{len(opened.data):,} bytes" in shown.out


def test_an_output_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "none" / "rules.o"):
        shown = cli("compile", FIRST, "-o", target)
        assert (shown.code, shown.err.count("error[BPFC0902]")) == (USAGE, 1)
    assert list(tmp_path.iterdir()) == []


def test_inspecting(artifact: Path, cli: Cli) -> None:
    shown = cli("inspect", artifact)
    manifest = load_artifact(artifact).manifest
    assert shown.code == OK
    for words in (
        manifest.policy,
        manifest.linux.core_hash,
        *(rule.name for rule in manifest.rules),
        *(program.name for program in manifest.linux.programs),
        *(item.name for item in manifest.linux.maps),
        *(f"{layout.digest:016x}" for layout in manifest.layouts),
    ):
        assert words in shown.out
    told = json.loads(cli("inspect", artifact, "--format", "json").out)
    assert told["digest"] == hashlib.sha256(artifact.read_bytes()).hexdigest()
    assert told["manifest"]["policy"] == manifest.policy


def test_extracting_both_halves(artifact: Path, cli: Cli, tmp_path: Path) -> None:
    opened = load_artifact(artifact)
    target = tmp_path / "half.o"
    assert cli("extract", artifact, "--target", "linux", "-o", target).code == OK
    assert target.read_bytes() == opened.data
    assert cli("extract", artifact, "--target", "windows", "-o", target).code == OK
    assert target.read_bytes() == opened.windows


def test_an_artifact_without_a_windows_half(cli: Cli, tmp_path: Path) -> None:
    rules, made, half = tmp_path / "r.det", tmp_path / "r.o", tmp_path / "w.o"
    rules.write_text(
        'policy "p" version "1" language 1\nrule a {\n on process.fork\n when proc.uid == 0\n}\n'
    )
    assert cli("compile", rules, "-o", made).code == OK
    shown = cli("extract", made, "--target", "windows", "-o", half)
    assert (shown.code, "BPFC0763" in shown.err, half.exists()) == (FINDINGS, True, False)
