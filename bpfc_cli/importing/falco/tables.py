"""Falco's events and fields in words of the catalogue, read from fields.toml."""

import re
import tomllib
from collections import ChainMap
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import evolve, fields, frozen

from bpfc_cli.importing.falco.syntax import FieldName
from bpfc_cli.importing.model import ImportFailed
from dsl import catalogue
from dsl.catalogue import Event, Field, Kind

_NO_WORDS: Mapping[str, str] = {}


@frozen
class Spec:
    """What a field of Falco is. fields.toml says what each member means."""

    field: str = ""
    cut: int = 0
    head: str = ""
    tail: str = ""
    slash: bool = False
    words: Mapping[str, str] = _NO_WORDS
    base: str = ""
    flags: bool = False
    constant: str | None = None
    result: bool = False
    ancestors: bool = False
    any: tuple[str, ...] = ()
    plus: int = 0
    agent: str = ""
    named: str = ""
    show: str = ""
    note: str = ""
    absent: bool = False

    @property
    def plain(self) -> str:
        """The catalogue field whose value is Falco's, or ""."""
        return self.field if self == Spec(field=self.field, note=self.note) else ""

    @property
    def shown(self) -> str:
        """The catalogue field that texts of alerts show, or ""."""
        return self.show or self.base or ("" if self.ancestors else self.field)


_ABSENT = Spec(absent=True)
_MEMBERS = {member.name for member in fields(Spec)} - {"absent"}


@frozen
class Variant:
    """Which of an event's occurrences some of Falco's event types are.

    Args:
        types: Falco's words.
        when: a condition of the language, or "" for all.
    """

    types: frozenset[str]
    when: str


@frozen
class Narrow:
    """An event that is a part of another one.

    Args:
        event: of the catalogue.
        where: which part: Falco's fields that are true there and false of the rest.
        also: fields with one value there.
    """

    event: Event
    where: Mapping[str, str]
    also: Mapping[str, str]


@frozen
class EventTable:
    """What Falco knows of one event.

    Args:
        event: of the catalogue.
        variants: Falco's types of it.
        fields: by Falco's name, those of all events last.
        own: names of fields that other events have in other words, or not at all.
        absent: patterns of names of fields that have no value.
        unread: names of arguments that Falco knows and the catalogue does not.
        narrow: events that are parts of this one.
        exhaustive: whether variants with a condition are all that there is of it.
        note: how the event differs from what Falco's types stand for, or "".
    """

    event: Event
    variants: tuple[Variant, ...]
    fields: Mapping[str, Spec]
    own: frozenset[str]
    absent: tuple[str, ...]
    unread: frozenset[str]
    narrow: tuple[Narrow, ...]
    exhaustive: bool
    note: str

    @property
    def types(self) -> frozenset[str]:
        """All of Falco's types."""
        return frozenset[str]().union(*(variant.types for variant in self.variants))

    def conditions(self, types: frozenset[str]) -> tuple[str, ...]:
        """What some of Falco's types ask for, any of it; "" for nothing."""
        hit = [v.when for v in self.variants if v.types & types]
        every = all(v.when in hit for v in self.variants if v.when)
        return ("",) if self.exhaustive and hit and every else tuple(hit)

    def spec(self, name: FieldName) -> Spec | None:
        """What a field is on this event.

        Args:
            name: as a condition has it; transformers do not count.

        Returns:
            What it is; None if nothing is known of it.
        """
        key, argument = name.name, name.argument
        if key in ("evt.arg", "evt.rawarg") and argument:
            key, argument = f"{key}.{argument}", ""
        exact = f"{key}[{argument}]" if argument else key
        if (found := self.fields.get(exact)) is not None:
            return found
        if any(fnmatchcase(key, pattern) for pattern in self.absent) or self._of_others(key):
            return _ABSENT
        if argument and (found := self.fields.get(f"{key}[*]")) is not None:
            return evolve(found, field=found.field.replace("*", argument))
        patterns = (p for p in self.fields if "*" in p and "[" not in p and fnmatchcase(key, p))
        return self.fields[longest] if (longest := max(patterns, key=len, default="")) else None

    def _of_others(self, name: str) -> bool:
        """Whether a field is an argument of other system calls only."""
        return name.startswith("evt.arg.") and name in self.own and name not in self.unread

    def with_constants(self, values: Mapping[str, str], event: Event) -> "EventTable":
        """The same table where some fields have always one value, for another event."""
        specs = {name: Spec(constant=value) for name, value in values.items()}
        return evolve(self, event=event, fields=ChainMap(specs, dict(self.fields)))


def tables(own: Iterable[tuple[str, bytes]] = ()) -> tuple[EventTable, ...]:
    """All events, in the order of the file.

    Args:
        own: names and contents of a user's files, in the same form; what they say counts.

    Returns:
        A table for each event.

    Raises:
        ImportFailed: a file is not in that form (BPFC0830).
    """
    data = _shipped()
    for name, content in own:
        try:
            data = _merged(data, tomllib.loads(content.decode()))
            _built(data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            message = f"{name} says nothing of Falco's fields that can be used: {error}"
            remedy = 'write TOML: [common.fields], then "falco.field" = "catalogue.field"'
            raise ImportFailed("BPFC0830", message, remedy) from error
    return _built(data)


@cache
def _shipped() -> Mapping[str, Any]:
    text = files("bpfc_cli.importing.falco").joinpath("fields.toml").read_text("utf-8")
    return tomllib.loads(text)


def _merged(data: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    """Tables with a user's fields; of events that are there already by their names."""
    if unknown := set(more) - {"common", "words", "event"}:
        raise ValueError(f"unknown tables {', '.join(sorted(unknown))}")
    events = {row["name"]: dict(row) for row in data["event"]}
    for row in more.get("event", []):
        before = events.get(row["name"], {})
        named = {**before.get("fields", {}), **row.get("fields", {})}
        events[row["name"]] = {**before, **row, "fields": named}
    shared = {**data["common"]["fields"], **more.get("common", {}).get("fields", {})}
    words = {**data["words"], **more.get("words", {})}
    every = list(events.values())
    return {**data, "common": {"fields": shared}, "words": words, "event": every}


def _built(data: Mapping[str, Any]) -> tuple[EventTable, ...]:
    rows = [(row, [data["shared"][name] for name in row.get("with", ())]) for row in data["event"]]
    own = {name for row, more in rows for part in (row, *more) for name in part.get("fields", {})}
    return tuple(_table(data, row, more, frozenset(own)) for row, more in rows)


def _table(
    data: Mapping[str, Any], row: Mapping[str, Any], more: list[Any], own: frozenset[str]
) -> EventTable:
    event = _event(row["name"])
    variants = row.get("variants") or [{"types": row["types"]}]
    named = ChainMap(*(part.get("fields", {}) for part in (row, *more, data["common"])))
    specs = {name: _spec(value, event, data["words"]) for name, value in named.items()}
    return EventTable(
        event,
        tuple(Variant(frozenset(v["types"]), v.get("when", "")) for v in variants),
        specs,
        own,
        tuple(name for part in (row, *more) for name in part.get("absent", ())),
        frozenset(row.get("unread", ())),
        tuple(
            Narrow(_event(item["event"]), item["where"], item.get("also", {}))
            for item in row.get("narrow", ())
        ),
        row.get("exhaustive", False),
        row.get("note", ""),
    )


def _event(name: str) -> Event:
    event = catalogue.load().event(name)
    if event is None:
        raise ValueError(f"there is no event {name}")
    return event


def _spec(value: Any, event: Event, words: Mapping[str, Any]) -> Spec:
    if isinstance(value, str):
        return Spec(field=value)
    if unknown := set(value) - _MEMBERS:
        raise ValueError(f"unknown keys {', '.join(sorted(unknown))}")
    given = dict(value)
    if isinstance(given.get("words"), str):
        given["words"] = _words(words[given["words"]], event.field(given["base"]))
    if "any" in given:
        given["any"] = tuple(given["any"])
    return Spec(**given)


def _words(table: Mapping[str, Any], field: Field | None) -> dict[str, str]:
    """Falco's names of a field's constants, and what each asks for."""
    if field is None:
        return {}
    renamed = {new: old for old, new in table.get("rename", {}).items()}
    operator = "has any" if field.kind is Kind.FLAGS else "=="
    found = {}
    for constant, _ in field.constants:
        word = constant if table.get("lower") else constant.upper()
        name = renamed.get(constant, word)
        full = name if re.match("[A-Z]+_", name) and not table["prefix"] else table["prefix"] + name
        found[full] = f"{field.name} {operator} {constant}"
    return found | dict(table.get("other", {}))
