"""The event catalogue: which events exist, which fields they have, and where each can be read.

The data stands in `catalogue.toml`; this module reads it into immutable values and checks it.
"""

import tomllib
from collections.abc import Iterable
from enum import Enum
from functools import cache
from importlib import resources

from attrs import field as attribute
from attrs import frozen


class Kind(Enum):
    """The type of a field as the language sees it."""

    BOOL = "bool"
    INT = "int"
    FLAGS = "flags"
    ENUM = "enum"
    PORT = "port"
    IP = "ip"
    DURATION = "duration"
    TIME = "time"
    STRING = "string"
    PATH = "path"
    STRINGS = "strings"

    @property
    def is_text(self) -> bool:
        """Whether values are bytes in a view (string, path, list of strings)."""
        return self in (Kind.STRING, Kind.PATH, Kind.STRINGS)


@frozen
class Field:
    """One field of one or more events.

    Args:
        name: dotted name, for example "proc.exe.path".
        kind: its type.
        signed: whether an INT is signed (64 bits either way in the record).
        capacity: longest value in bytes that is examined (texts only, else 0).
        optional: whether the field can be absent (a known state, tested by `exists`).
        relative: whether a PATH can be one that does not begin at a root.
        constants: named values of an ENUM or FLAGS field.
        base: name of the text field this one is a part of (proc.exe.name of proc.exe.path), or "".
        part: "", "name" (last component), "directory" or "elements" (of a NUL-separated list).
        phase: "before" if the value is known before the event's decision, else "after".
        platforms: systems that can read it ("linux", "windows").
        since: catalogue version that introduced it.
        doc: one sentence for the reference page.
        context: whether it is of the process context, which has the same place in all records of a
            policy.
        recorded: whether it is in every record of its event, used or not.
    """

    name: str
    kind: Kind
    signed: bool
    capacity: int
    optional: bool
    relative: bool
    constants: tuple[tuple[str, int], ...]
    base: str
    part: str
    phase: str
    platforms: tuple[str, ...]
    since: int
    doc: str
    context: bool = attribute(default=False, kw_only=True)
    recorded: bool = attribute(default=True, kw_only=True)


@frozen
class Event:
    """One event.

    Args:
        name: for example "process.exec".
        number: stable id written into alert records.
        fields: all its fields in record order (process context first).
        phases: phases at which the event is seen ("before": can still be denied; "after").
        platforms: systems that have it.
        since: catalogue version that introduced it.
        doc: one sentence.
        ended: whether the process of the event is gone (nothing is left to kill).
    """

    name: str
    number: int
    fields: tuple[Field, ...]
    phases: tuple[str, ...]
    platforms: tuple[str, ...]
    since: int
    doc: str
    ended: bool = False

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)

    @property
    def has_process(self) -> bool:
        """Whether a process is the subject of the event."""
        return any(f.context for f in self.fields)

    def in_record(self, used: Iterable[str]) -> tuple[Field, ...]:
        """The fields of the event's record: those that are in every record, and others in use.

        Args:
            used: names of fields; those that the event does not have are ignored.

        Returns:
            Fields in catalogue order.
        """
        names = set(used)
        return tuple(f for f in self.fields if f.recorded or f.name in names)


@frozen
class Catalogue:
    """All events, by catalogue version."""

    version: int
    events: tuple[Event, ...]

    def event(self, name: str) -> Event | None:
        """The event of that name, or None."""
        return next((e for e in self.events if e.name == name), None)


def _field(name: str, row: dict[str, object], phases: dict[str, str], context: bool) -> Field:
    """One field from its TOML row; `phases` overrides the phase for the event at hand."""
    constants = row.get("constants", {})
    platforms = row.get("platforms", ["linux"])
    assert isinstance(constants, dict) and isinstance(platforms, list)
    capacity, since = row.get("capacity", 0), row.get("since", 1)
    assert isinstance(capacity, int) and isinstance(since, int)
    return Field(
        name=name,
        kind=Kind(row["kind"]),
        signed=bool(row.get("signed", False)),
        capacity=capacity,
        optional=bool(row.get("optional", False)),
        relative=bool(row.get("relative", False)),
        constants=tuple((str(k), int(v)) for k, v in constants.items()),
        base=str(row.get("base", "")),
        part=str(row.get("part", "")),
        phase=phases.get(name, str(row.get("phase", "before"))),
        platforms=tuple(str(p) for p in platforms),
        since=since,
        doc=str(row["doc"]),
        context=context,
        recorded=bool(row.get("recorded", True)),
    )


@cache
def load() -> Catalogue:
    """Read the catalogue that ships with this version.

    Returns:
        The catalogue; the same value on every call.
    """
    data = tomllib.loads(resources.files("dsl").joinpath("catalogue.toml").read_text("utf-8"))
    groups: dict[str, dict[str, dict[str, object]]] = data["group"]
    events = []
    for name, row in data["event"].items():
        phases = row.get("field_phase", {})
        own: dict[str, dict[str, object]] = row.get("field", {})
        rows = [item for group in row["groups"] for item in groups[group].items()]
        fields = (
            *(_field(n, r, phases, True) for n, r in rows),
            *(_field(n, r, phases, False) for n, r in own.items()),
        )
        events.append(
            Event(
                name=name,
                number=row["number"],
                fields=fields,
                phases=tuple(row["phases"]),
                platforms=tuple(row["platforms"]),
                since=row["since"],
                doc=row["doc"],
                ended=bool(row.get("ended", False)),
            )
        )
    return Catalogue(version=data["version"], events=tuple(events))
