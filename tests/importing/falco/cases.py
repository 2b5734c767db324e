"""Falco's rules, written for the purpose: cases/NAME.yaml (see tests/importing/cases.py).

NAME.mapping.toml, where there is one, is a user's table of fields. kernel_part is translated with
that option.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bpfc_cli.importing.falco.translate import translated
from bpfc_cli.importing.model import Translation
from tests.importing.cases import Case

CASES = Path(__file__).parent / "cases"
_MAPPING = ".mapping.toml"


@cache
def _translated(path: Path) -> tuple[Translation, ...]:
    """Each file once: several tests look at the same."""
    file = path.with_name(path.stem + _MAPPING)
    own = [(file.name, file.read_bytes())] if file.exists() else []
    return translated([(path.name, path.read_bytes())], own, path.stem == "kernel_part")


def cases() -> Iterator[Case]:
    """All of them, in order of their names."""
    for path in sorted(CASES.glob("*.yaml")):
        yield Case(path, _translated)
