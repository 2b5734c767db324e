"""Files of rules: which there are."""

from collections.abc import Iterable, Iterator
from pathlib import Path

MAX_FILE = 4 << 20  # bytes; a thousand times what a rule has
_SUFFIXES = (".yml", ".yaml")


def rule_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that paths name: files themselves, and all rule files below folders.

    Args:
        paths: files and folders.

    Returns:
        Files; those of a folder in the order of their names.
    """
    for path in paths:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
        else:
            yield path
