"""Compiling: the same bytes everywhere, without any tool, as often as one likes; other loaders."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bpfc.artifact.container import open_artifact
from compiler.elf import core_image
from runtime_linux.procfs import cgroup2_mount
from tests.house.table import ROOT
from tests.linux.live import HEADER, compiled
from tests.linux.programs import MNT_DETACH, checked, libc, mount

RULES = f"""{HEADER}
list shells = ["sh", "bash", "dash"]
rule exec {{
    on process.exec
    when proc.exe.name in shells and proc.cmdline contains any ["-c", "--command"] nocase
    except when proc.parent.exe.path under "/usr/lib"
    deny EACCES else kill
}}
rule net {{
    on net.connect
    when remote.ip in [10.0.0.0/8, 2001:db8::/32] and remote.port in 1..1023
    deny
    alert "{{proc.exe.path}} to {{remote.ip}}"
}}
"""
# Compiles the file in its second argument, as often as the first one says; prints nothing.
COMPILE = """
import sys
from compiler.driver import compile_sources
from pathlib import Path
for _ in range(int(sys.argv[1])):
    result = compile_sources([(sys.argv[2], Path(sys.argv[2]).read_bytes())])
    assert result.artifact is not None, result.diagnostics
    Path(sys.argv[3]).write_bytes(result.artifact.data)
    print(result.artifact.digest)
"""


def _compile(folder: Path, *, times: int = 1, **environment: str) -> tuple[bytes, list[str]]:
    """Compile in a process of its own, in a folder of its own."""
    folder.mkdir(parents=True)
    (folder / "rules.det").write_text(RULES)
    done = subprocess.run(
        [sys.executable, "-c", COMPILE, str(times), str(folder / "rules.det"), "rules.o"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return (folder / "rules.o").read_bytes(), done.stdout.split()


def test_the_same_bytes_in_any_folder_with_any_hash_seed(tmp_path: Path) -> None:
    first, _ = _compile(tmp_path / "here", PYTHONHASHSEED="1", LC_ALL="C")
    second, _ = _compile(tmp_path / "deeper" / "there", PYTHONHASHSEED="4242", TZ="Asia/Tokyo")
    assert first == second


def test_no_tool_is_called(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    data, _ = _compile(tmp_path / "work", PATH=str(tmp_path / "empty"))
    assert open_artifact(data).manifest.policy == "test"


def test_one_process_compiles_as_often_as_it_likes(tmp_path: Path) -> None:
    _, digests = _compile(tmp_path / "many", times=5)
    assert len(digests) == 5 and len(set(digests)) == 1


def test_the_core_is_the_same_in_both_halves() -> None:
    artifact = compiled(RULES.removeprefix(HEADER))
    linux, windows = artifact.manifest.linux, artifact.manifest.windows
    assert windows is not None and artifact.windows is not None
    assert linux.core_size == windows.core_size > 0
    here = core_image(artifact.linux, linux.core_size)
    there = core_image(artifact.windows, windows.core_size)
    assert here == there
    assert len(here[0]) == linux.core_size and here[1]
    assert linux.core_hash == windows.core_hash


@pytest.fixture
def bpf_folder(tmp_path: Path) -> Path:
    """A bpf file system of the test's own."""
    folder = tmp_path / "bpf"
    folder.mkdir()
    mount("bpf", folder, "bpf")
    return folder


@pytest.mark.bpf
@pytest.mark.root
def test_bpftool_loads_the_artifact(bpf_folder: Path, tmp_path: Path) -> None:
    try:
        data, _ = _compile(tmp_path / "work")
        done = subprocess.run(
            [
                "bpftool",
                "prog",
                "loadall",
                str(tmp_path / "work" / "rules.o"),
                str(bpf_folder / "p"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        pinned = set(os.listdir(bpf_folder / "p"))
    finally:
        checked(libc.umount2(os.fsencode(bpf_folder), MNT_DETACH))
    expected = {p.name for p in open_artifact(data).manifest.linux.programs}
    assert pinned and pinned <= expected
    assert {n for n in expected if n.startswith("dispatch_connect")} <= pinned
    assert cgroup2_mount() is not None
