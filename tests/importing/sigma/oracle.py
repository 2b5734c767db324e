"""The independent oracle: pySigma's backend for SQLite, and events as rows of a table."""

import re
import sqlite3
from collections.abc import Sequence

from sigma.backends.sqlite.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

from tests.importing.sigma.random_rules import Event, Rule

# Numbers are compared as such; everything else is text, as logs have it.
_NUMBERS = ("ProcessId", "ParentProcessId", "DestinationPort")


def verdicts(rule: Rule, events: Sequence[Event]) -> list[bool]:
    """Which events a rule matches, says SQLite.

    Args:
        rule: as YAML has it.
        events: by Sigma's names, all with the same fields.

    Returns:
        For each event whether it does.
    """
    columns = list(events[0])
    table = sqlite3.connect(":memory:")
    table.create_function("REGEXP", 2, _regexp)
    kinds = (f'"{name}" {"INTEGER" if name in _NUMBERS else "TEXT"}' for name in columns)
    table.execute(f"CREATE TABLE logs ({', '.join(kinds)})")
    places = ", ".join("?" * len(columns))
    table.executemany(
        f"INSERT INTO logs VALUES ({places})", ([event[c] for c in columns] for event in events)
    )
    backend = sqliteBackend(collate_nocase=True)  # type: ignore[no-untyped-call]
    found: set[int] = set()
    for query in backend.convert(SigmaCollection.from_dicts([rule])):
        rows = table.execute(str(query).replace("SELECT *", "SELECT rowid", 1))
        found |= {row for (row,) in rows}
    table.close()
    return [number in found for number in range(1, len(events) + 1)]


def _regexp(pattern: str, value: object) -> bool | None:
    """SQLite's operator REGEXP."""
    return None if value is None else re.search(pattern, str(value), re.ASCII) is not None
