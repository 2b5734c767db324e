"""`bpfc fmt`: files, standard input, --check, --diff."""

import io
import os
from pathlib import Path

import pytest

from bpfc_cli import exits
from tests.cli.conftest import Cli

UGLY = b'# kept\nlist   a=["x",\n"y",] # why\n'
FINE = b'# kept\nlist a = ["x", "y"]  # why\n'


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.det"
    path.write_bytes(UGLY)
    path.chmod(0o640)
    return path


@pytest.fixture
def fine(tmp_path: Path) -> Path:
    path = tmp_path / "fine.det"
    path.write_bytes(FINE)
    return path


def _feed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_files_are_rewritten(cli: Cli, ugly: Path, fine: Path) -> None:
    before = fine.stat()
    done = cli("fmt", ugly, fine)
    assert (done.code, done.out, done.err) == (exits.OK, "", f"{ugly}: formatted\n")
    assert ugly.read_bytes() == FINE and ugly.stat().st_mode & 0o777 == 0o640
    assert fine.stat().st_ino == before.st_ino and fine.stat().st_mtime_ns == before.st_mtime_ns
    assert sorted(os.listdir(ugly.parent)) == ["fine.det", "ugly.det"]
    assert cli("fmt", ugly, fine).err == ""


def test_a_link_stays_a_link(cli: Cli, ugly: Path) -> None:
    link = ugly.with_name("link.det")
    link.symlink_to(ugly.name)
    assert cli("fmt", link).code == exits.OK
    assert link.is_symlink() and ugly.read_bytes() == FINE


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files away")
def test_the_owner_stays(cli: Cli, ugly: Path) -> None:
    os.chown(ugly, 12345, 23456)
    assert cli("fmt", ugly).code == exits.OK
    assert (ugly.stat().st_uid, ugly.stat().st_gid) == (12345, 23456)


def test_check_names_what_would_change(cli: Cli, ugly: Path, fine: Path) -> None:
    done = cli("fmt", "--check", ugly, fine)
    assert (done.code, done.out) == (exits.FINDINGS, "")
    assert done.err == f"{ugly}: would be formatted\n"
    assert ugly.read_bytes() == UGLY
    assert cli("fmt", "--check", fine) == type(done)(exits.OK, "", "")


@pytest.mark.parametrize("tail", [b"", b"# no line end"])
def test_a_diff_is_a_patch(cli: Cli, ugly: Path, fine: Path, tail: bytes) -> None:
    ugly.write_bytes(UGLY + tail)
    done = cli("fmt", "--diff", ugly, fine)
    assert done.code == exits.FINDINGS and ugly.read_bytes() == UGLY + tail
    assert done.out.startswith(f"--- {ugly}\n+++ {ugly}\n@@")
    assert ("\\ No newline at end of file" in done.out) == bool(tail)
    assert cli("fmt", "--diff", fine) == type(done)(exits.OK, "", "")
    # Apply it by hand: the lines that are not taken away.
    kept = [line[1:] for line in done.out.split("\n")[3:-1] if line[0] in " +"]
    assert "\n".join(kept) + "\n" == (FINE + tail).decode() + ("\n" if tail else "")


def test_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    _feed(monkeypatch, UGLY)
    done = cli("fmt", "-")
    assert (done.code, done.out.encode(), done.err) == (exits.OK, FINE, "")
    _feed(monkeypatch, UGLY)
    done = cli("fmt", "-", "--check")
    assert (done.code, done.out, done.err) == (
        exits.FINDINGS,
        "",
        "<stdin>: would be formatted\n",
    )


def test_errors_leave_a_file_alone_and_the_others_not(cli: Cli, ugly: Path, fine: Path) -> None:
    broken = b"list   a = [1\nrule\n"
    fine.write_bytes(broken)
    done = cli("fmt", fine, ugly)
    assert done.code == exits.FINDINGS and "error[BPFC0101]" in done.err and done.out == ""
    assert fine.read_bytes() == broken and ugly.read_bytes() == FINE


def test_what_cannot_be_read_ends_it_before_anything_is_written(cli: Cli, ugly: Path) -> None:
    for path in (ugly.with_name("missing.det"), ugly.parent):
        done = cli("fmt", ugly, path)
        assert done.code == exits.USAGE and "error[BPFC0901]" in done.err
    assert cli("fmt").code == exits.USAGE
    assert ugly.read_bytes() == UGLY
