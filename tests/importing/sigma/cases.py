"""Sigma's rules, written for the purpose: cases/NAME.yml (see tests/importing/cases.py).

NAME.pipeline.yml, where there is one, is the pipeline of a user. kernel_part is translated with
that option.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from bpfc_cli.importing.model import Translation
from bpfc_cli.importing.sigma.pipelines import pipeline_of
from bpfc_cli.importing.sigma.translate import translated
from tests.importing.cases import Case

CASES = Path(__file__).parent / "cases"
_PIPELINE = ".pipeline.yml"


@cache
def _translated(path: Path) -> tuple[Translation, ...]:
    """Each file once: several tests look at the same."""
    pipeline = path.with_name(path.stem + _PIPELINE)
    own = [pipeline_of(pipeline.name, pipeline.read_bytes())] if pipeline.exists() else []
    contents = [(path.name, path.read_bytes())]
    return translated(contents, own, kernel_part=path.stem == "kernel_part")


def cases() -> Iterator[Case]:
    """All of them, in order of their names."""
    for path in sorted(CASES.glob("*.yml")):
        if not path.name.endswith(_PIPELINE):
            yield Case(path, _translated)
