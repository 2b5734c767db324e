"""Running the command line inside the tests' own process, and as a real one."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from bpfc_cli.main import main
from tests.house.table import ROOT

FIRST = ROOT / "examples" / "first.det"


@frozen
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


Cli = Callable[..., Result]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`cli("check", path)` runs a command in this process."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return Result(code, printed.out, printed.err)

    return run


@pytest.fixture
def real_cli() -> Cli:
    """`real_cli("check", path)` runs a command as a process of its own."""

    def run(*words: object, **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "bpfc_cli.main", *(str(word) for word in words)],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first example, compiled."""
    target = tmp_path_factory.mktemp("artifact") / "rules.o"
    assert main(["compile", str(FIRST), "-o", str(target)]) == 0
    return target
