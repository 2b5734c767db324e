"""Reading and writing what a command line names."""

import os
from pathlib import Path

import pytest

from bpfc_cli.exits import USAGE, Stop
from bpfc_cli.files import check_readable, looks_compiled, write_whole


def _code(stop: Stop) -> str:
    return stop.problems[0].code


def test_a_missing_file_and_a_directory_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.det"):
        with pytest.raises(Stop) as caught:
            check_readable(path)
        assert (caught.value.code, _code(caught.value)) == (USAGE, "BPFC0901")


@pytest.mark.parametrize(
    ("name", "data", "compiled"),
    [("a.det", b"policy", False), ("a.det", b"\x7fELF...", True), ("a.o", b"", True)],
)
def test_artifacts_are_told_from_rules(
    tmp_path: Path, name: str, data: bytes, compiled: bool
) -> None:
    (tmp_path / name).write_bytes(data)
    assert looks_compiled(tmp_path / name) is compiled


def test_writing_replaces_the_whole_file_and_keeps_the_umask(tmp_path: Path) -> None:
    target = tmp_path / "rules.o"
    target.write_bytes(b"old and longer")
    old = os.umask(0o027)
    try:
        write_whole(target, b"new")
    finally:
        os.umask(old)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_what_cannot_be_written_is_one_diagnostic_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for target in (folder, tmp_path / "none" / "rules.o"):
        with pytest.raises(Stop) as caught:
            write_whole(target, b"x")
        assert (caught.value.code, _code(caught.value)) == (USAGE, "BPFC0902")
    assert list(tmp_path.iterdir()) == [folder]


def test_a_device_is_written_to_not_replaced() -> None:
    write_whole(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()
