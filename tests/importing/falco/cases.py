"""Rules written for the purpose, and what becomes of them: cases/NAME.yaml with files beside it.

NAME.det is the policy. NAME.txt has a line for each rule that was not translated in full, or
differs. NAME.toml has events and what Falco's rules mean for them, in the form of tests/language.
NAME.mapping.toml, where there is one, is a user's table of fields. kernel_part is translated with
that option.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

from bpfc_cli.importing.falco.translate import translated
from bpfc_cli.importing.model import Translation

CASES = Path(__file__).parent / "cases"
_MAPPING = ".mapping.toml"


@frozen
class Case:
    """One file of rules.

    Args:
        path: the file.
    """

    path: Path

    @property
    def name(self) -> str:
        """Its name without an ending."""
        return self.path.stem

    def expected(self, suffix: str) -> str:
        """What is expected: of ".det" the policy, of ".txt" what was not translated."""
        file = self.path.with_suffix(suffix)
        return file.read_text("utf-8") if file.exists() else ""

    def translated(self) -> tuple[Translation, ...]:
        """What becomes of the rules."""
        return _translated(self.path)


@cache
def _translated(path: Path) -> tuple[Translation, ...]:
    file = path.with_name(path.stem + _MAPPING)
    own = [(file.name, file.read_bytes())] if file.exists() else []
    return translated([(path.name, path.read_bytes())], own, path.stem == "kernel_part")


def cases() -> Iterator[Case]:
    """All of them, in order of their names."""
    for path in sorted(CASES.glob("*.yaml")):
        yield Case(path)
