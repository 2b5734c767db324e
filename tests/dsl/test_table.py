"""The stored parse table is the one that lark computes, or it is not used."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

from dsl import grammar, table

TEXT = resources.files("dsl").joinpath(table.GRAMMAR).read_text("utf-8")


def test_a_stored_table_is_the_computed_one() -> None:
    computed = grammar.compute(TEXT)
    assert table.parse(table.dump(computed, TEXT), TEXT) == computed
    assert table.load() == computed


def test_a_table_of_another_grammar_is_not_used() -> None:
    stored = table.dump(grammar.compute(TEXT), TEXT)
    assert table.parse(stored, TEXT + "\n// changed\n") is None


def test_a_stored_table_needs_no_lark(tmp_path: Path) -> None:
    stored = tmp_path / table.STORED
    stored.write_text(table.dump(grammar.compute(TEXT), TEXT), "utf-8")
    code = (
        "import sys; sys.modules['lark'] = None\n"
        "from pathlib import Path\n"
        "from dsl import table\n"
        "print(len(table.parse(Path(sys.argv[1]).read_text('utf-8'), sys.argv[2]).actions) > 100)"
    )
    command = [sys.executable, "-c", code, str(stored), TEXT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True\n", done.stderr
