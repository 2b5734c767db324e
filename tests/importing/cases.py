"""Rules of another system, written for the purpose, with what becomes of them in files beside them.

NAME.det is the policy. NAME.txt has a line for each rule that was not translated in full, or
differs. NAME.toml has events and what the rules mean for them, in the form of tests/language.
"""

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from bpfc_cli.importing.model import Translation


@frozen
class Case:
    """One file of rules.

    Args:
        path: the file.
        translate: what becomes of the rules of a file.
    """

    path: Path
    translate: Callable[[Path], tuple[Translation, ...]]

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
        return self.translate(self.path)


def report(found: tuple[Translation, ...]) -> str:
    """What was not translated, or differs, a line each."""
    lines = []
    for item in found:
        words = [f"{r.code.value} {r.subject}: {r.text}" for r in item.reasons]
        words += [f"note: {note}" for note in item.notes]
        head = f"{item.origin.line} {item.about.title or '-'}, {item.status.value}"
        lines += [f"{head}: {word}" for word in words]
    return "".join(f"{line}\n" for line in lines)


def codes(text: str) -> set[str]:
    """The codes of reasons in a report."""
    return {line.split(": ")[1].split()[0] for line in text.splitlines()} - {"note"}
