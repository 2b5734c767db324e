"""Leaves the parse table beside the grammar when the package is built, or installed editable."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ParseTableHook(BuildHookInterface):  # type: ignore[type-arg]
    """Hatchling's way to make a file of a package (its documentation, "Custom build hook")."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write `dsl/grammar.json` and have it packed although git ignores it."""
        sys.path.insert(0, self.root)
        try:
            from dsl import grammar, table

            folder = Path(self.root, "dsl")
            text = (folder / table.GRAMMAR).read_text("utf-8")
            stored = table.dump(grammar.compute(text), text)
            (folder / table.STORED).write_text(stored, "utf-8", newline="\n")
            build_data["artifacts"].append(f"/dsl/{table.STORED}")
        finally:
            sys.path.remove(self.root)
