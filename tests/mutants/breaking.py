"""Mutants: read from data, and put into modules as they are imported."""

import sys
import tomllib
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from attrs import frozen

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "mutants.toml"
# What is imported anew with a mutant: it, and everything that has taken something from it.
OURS = ("bpfc", "bpfc_cli", "compiler", "dsl", "runtime_linux", "tests")


@frozen
class Mutant:
    """A break.

    Args:
        name: of it.
        about: what is wrong then.
        file: the source file, from the root on.
        old, new: the text that stands there once, and what becomes of it.
        cases: of tests/language that are tried first.
        examples: of `tests.mutants.examples` that are tried first.
        tests: that are tried instead of both.
    """

    name: str
    about: str
    file: str
    old: str
    new: str
    cases: tuple[str, ...]
    examples: tuple[str, ...]
    tests: tuple[str, ...]

    @property
    def module(self) -> str:
        """The module of its file."""
        return self.file.removesuffix(".py").replace("/", ".")

    def source(self) -> str:
        """The file's text with the break in it.

        Raises:
            ValueError: the text does not stand there exactly once: the code has changed, and so
                must the mutant.
        """
        text = (ROOT / self.file).read_text("utf-8")
        if text.count(self.old) != 1 or self.old == self.new:
            count = text.count(self.old)
            raise ValueError(f"{self.name}: its text stands {count} times in {self.file}")
        return text.replace(self.old, self.new)


def mutants() -> dict[str, Mutant]:
    """All mutants, by name.

    Raises:
        ValueError: one of them does not fit its file.
    """
    rows = tomllib.loads(DATA.read_text("utf-8"))
    found = {
        name: Mutant(
            name,
            row["about"],
            row["file"],
            row["old"],
            row["new"],
            tuple(row.get("cases", ())),
            tuple(row.get("examples", ())),
            tuple(row.get("tests", ())),
        )
        for name, row in rows.items()
    }
    for mutant in found.values():
        mutant.source()
    return found


class _Loader(SourceFileLoader):
    """Loads a module from another text than its file's."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        """The code, never from a cache."""
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the broken module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant, self._source = mutant, mutant.source()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module's place, with another text."""
        if fullname != self._mutant.module:
            return None
        spec = PathFinder.find_spec(fullname, path)
        assert spec is not None and spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin, self._source)
        return spec


def break_it(mutant: Mutant) -> None:
    """Have this process import the broken module, and everything of ours anew.

    Args:
        mutant: the break.
    """
    for name in list(sys.modules):
        if name.partition(".")[0] in OURS and not name.startswith("tests.mutants"):
            del sys.modules[name]
    sys.meta_path.insert(0, _Finder(mutant))
