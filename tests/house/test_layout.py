"""The house rules that no other tool checks: READMEs, module sizes, words that may not stand."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.table import PACKAGES, ROOT, modules

MAX_LINES = 500
# Modules that may be longer, each with the reason.
LONGER: dict[str, str] = {}

# Written in pieces, so that this file does not contain them.
FORBIDDEN = {
    "a package registry's option": "index" + r"-url",
    "a registry's address": r"https?://[^\s/]*(" + "py" + r"pi|python" + r"hosted|npm" + "js)",
    "a mirror's address": r"https?://[^\s/]*(deb|security|snapshot|cloud|archive)\.(debian|ubuntu)",
    "a path of one machine": r"(?<![\w.])/" + "work/(main|shared)|/" + r"tmp/v\b|/" + r"home/\w",
    "unfinished work": r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
}
TEXT = {"", ".c", ".det", ".lark", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
SKIPPED = {"__pycache__", "build", "dist", ".git"}


def _files() -> Iterator[Path]:
    """Every text file of the project, this machine's own leavings aside."""
    for top in sorted(ROOT.iterdir()):
        if top.name in SKIPPED or (top.name.startswith(".") and top.name not in (".ci",)):
            continue
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and path.suffix in TEXT and not SKIPPED & set(path.parts):
                yield path


def _wrong_lines(text: str) -> list[str]:
    """Lines that contain something forbidden, with what it is."""
    return [
        f"line {number}: {what}: {line.strip()[:80]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]


def test_no_file_names_a_registry_or_a_machine_or_unfinished_work() -> None:
    found = [
        f"{path.relative_to(ROOT)} {line}"
        for path in _files()
        for line in _wrong_lines(path.read_text("utf-8", errors="replace"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "line", ["pip install --extra-" + "index" + "-url x", "# TO" + "DO: later"]
)
def test_forbidden_words_are_found(line: str) -> None:
    assert _wrong_lines(f"fine\n{line}\n")


def test_no_module_is_too_long() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in [*modules(), *sorted((ROOT / "tests").rglob("*.py"))]
    }
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {
        name: sizes[name] for name in LONGER
    }


def test_each_package_has_a_readme() -> None:
    units = [ROOT / name for name in PACKAGES]
    units += sorted(path.parent for path in (ROOT / "bpfc").glob("*/__init__.py"))
    units += [ROOT / "tests", ROOT / "examples"]
    missing = [
        str(unit.relative_to(ROOT))
        for unit in units
        if not (unit / "README.md").is_file() or len((unit / "README.md").read_text("utf-8")) < 200
    ]
    assert not missing


def test_each_package_says_that_it_is_typed() -> None:
    assert all((ROOT / name / "py.typed").is_file() for name in PACKAGES)


def test_each_module_says_what_it_is_for() -> None:
    mute = [
        str(path.relative_to(ROOT))
        for path in modules()
        if path.stat().st_size and not path.read_text("utf-8").startswith('"""')
    ]
    assert not mute
