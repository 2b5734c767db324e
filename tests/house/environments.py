"""The wheel, and empty environments with one extra each."""

import subprocess
import sys
import venv
from pathlib import Path

from tests.house.table import ROOT

CONSTRAINTS = ROOT / "constraints.txt"


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel.

    Args:
        folder: where to put it.

    Returns:
        The wheel.
    """
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """Make an empty environment and install the wheel with an extra into it.

    Args:
        wheel: the project's wheel.
        extra: its name, or "" for the base alone.
        folder: where to make the environment.

    Returns:
        The folder with its commands.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    commands = folder / "bin"
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    pip = [sys.executable, "-m", "pip", "--python", str(commands / "python")]
    options = ["--quiet", "--no-compile", "--disable-pip-version-check"]
    run([*pip, "install", *options, "--constraint", str(CONSTRAINTS), wanted], cwd=folder)
    return commands


def run(
    command: list[str], cwd: Path, env: dict[str, str] | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and insist on its exit code.

    Args:
        command: its words.
        cwd: folder to run it in, so that the source tree is not importable by accident.
        env: its whole environment; by default that of the tests.
        code: the exit code it has to have.

    Returns:
        What it printed.
    """
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}\n{done.stderr}"
    return done
