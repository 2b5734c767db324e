"""Content tables: what is written into a policy's maps before it goes live."""

from attrs import frozen

from bpfc.artifact.control import POLICY_MAP
from bpfc.artifact.manifest import Content
from compiler.emit.core import table_room
from compiler.plan.model import EventPlan, Plan
from compiler.targets.common.address import AT_HAND
from compiler.targets.common.gate import gate_bits, gate_of

Contents = tuple[Content, ...]


@frozen
class ContentSection:
    """The content section and where each half finds its tables in it."""

    data: bytes
    linux: Contents
    windows: Contents


class _Section:
    """Collects tables; equal ones are stored once."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._places: dict[bytes, int] = {}

    def add(self, map_name: str, key: int, table: bytes) -> Content:
        if table not in self._places:
            self._places[table] = len(self.data)
            self.data += table + bytes(-len(table) % 8)
        return Content(map_name, key, self._places[table], len(table))


def contents_of(plan: Plan) -> ContentSection:
    """Lay out the tables of both halves.

    Args:
        plan: the matchers.

    Returns:
        The section and the halves' entries; Windows has none where it lacks an event.
    """
    section = _Section()
    linux = tuple(section.add(*found) for e in plan.matchers for found in _tables(e, "linux"))
    windows = tuple(section.add(*found) for e in plan.matchers for found in _tables(e, "windows"))
    return ContentSection(bytes(section.data), linux, windows)


def _tables(event: EventPlan, platform: str) -> list[tuple[str, int, bytes]]:
    matcher = event.linux if platform == "linux" else event.windows
    if matcher is None:
        return []
    found = [(event.map, 0, matcher.ljust(table_room(event), b"\0"))]
    found += [(further.name, 0, further.content) for further in event.number_maps]
    gate = gate_of(event, AT_HAND) if event.layout.event == "net.connect" else None
    if gate is not None and platform == "linux":
        found.append((POLICY_MAP, 0, gate_bits(event, gate)))
    for automaton in event.automata:
        tables = automaton.tables
        table = tables.linux if platform == "linux" else tables.windows
        if table is not None:
            found.append((automaton.map, automaton.index, table))
    return found
