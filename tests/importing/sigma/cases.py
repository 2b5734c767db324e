"""Rules written for the purpose, and what becomes of them: cases/NAME.yml, NAME.det, NAME.txt.

NAME.pipeline.yml, where there is one, is the pipeline of a user. The .det file is the policy, the
.txt file has a line for each rule that was not translated in full, or differs.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

from bpfc_cli.importing.model import Translation
from bpfc_cli.importing.sigma.pipelines import pipeline_of
from bpfc_cli.importing.sigma.translate import translated

CASES = Path(__file__).parent / "cases"
_PIPELINE = ".pipeline.yml"


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
    """Each file once: several tests look at the same."""
    pipeline = path.with_name(path.stem + _PIPELINE)
    own = [pipeline_of(pipeline.name, pipeline.read_bytes())] if pipeline.exists() else []
    contents = [(path.name, path.read_bytes())]
    return translated(contents, own, kernel_part=path.stem == "kernel_part")


def cases() -> Iterator[Case]:
    """All of them, in order of their names."""
    for path in sorted(CASES.glob("*.yml")):
        if not path.name.endswith(_PIPELINE):
            yield Case(path)


def report(found: tuple[Translation, ...]) -> str:
    """What was not translated, or differs, a line each."""
    lines = []
    for item in found:
        words = [f"{r.code.value} {r.subject}: {r.text}" for r in item.reasons]
        words += [f"note: {note}" for note in item.notes]
        head = f"{item.origin.line} {item.about.title or '-'}, {item.status.value}"
        lines += [f"{head}: {word}" for word in words]
    return "".join(f"{line}\n" for line in lines)
