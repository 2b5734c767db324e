"""`catalogue.toml` as values. What its tables and keys mean stands at its head."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any

from attrs import frozen

from dsl.catalogue import Catalogue, Default, Event, Field, File, Kind

Row = dict[str, Any]
PLATFORMS = ("linux", "windows")
# What a row of the process context takes from where it stands.
_TOLD = ("since", "recorded", "optional", "read", "image")
_AROUND: Row = {"since": 1, "recorded": False, "context": True}
# What the agent knows stands in no record.
_BESIDE: Row = {"recorded": False, "context": False}
_AGENT = "agent"


def read() -> Catalogue:
    """Read the file.

    Returns:
        The catalogue.

    Raises:
        KeyError: a group or a set of constants is used and not there, or a row lacks its type.
        ValueError: a row says something that no reader of it could use.
    """
    text = resources.files("dsl").joinpath("catalogue.toml").read_text("utf-8")
    data = tomllib.loads(text)
    agent = _Agent(data["agent"]["id"], data["agent"]["fields"], data["agent"]["needs"])
    rows = _Rows(data["group"], data["constants"], data["context"]["groups"], agent)
    events = tuple(rows.event(name, row) for name, row in data["event"].items())
    return Catalogue(version=data["version"], events=events)


@frozen
class _Agent:
    """What the agent knows.

    Args:
        ids: what it knows of a number that stands for a user or a group.
        rows: what else.
        needs: sets of fields out of which it is found.
    """

    ids: Mapping[str, Row]
    rows: Mapping[str, Row]
    needs: Mapping[str, list[str]]

    def of(self, fields: Iterable[Field]) -> Iterator[tuple[str, Field | None]]:
        """What is known on an event with these fields, by name; of an id its field."""
        known = {field.name: field for field in fields}
        yield from ((f"{name}.name", field) for name, field in known.items() if field.id)
        has = {name: known.keys() >= set(needs) for name, needs in self.needs.items()}
        yield from ((name, None) for name, row in self.rows.items() if has[row["needs"]])

    def row(self, name: str, field: Field | None) -> Row:
        """The row of something that is known."""
        if field is None:
            row = self.rows[name]
            return {**row, "needs": tuple(self.needs[row["needs"]])}
        row = self.ids[field.id]
        doc = row["doc"].replace("{it}", f"`{field.name}`")
        told = {"known_by": field.id, "needs": (field.name,), "platforms": field.platforms}
        return {**row, **told, "doc": doc}


class _Rows:
    """Fields and events from their rows.

    Args:
        groups: rows of fields by group.
        constants: named values by set.
        context: how groups are used for the process context.
        agent: what the agent knows.
    """

    def __init__(
        self, groups: Mapping[str, Row], constants: Row, context: list[Row], agent: _Agent
    ) -> None:
        self._groups, self._constants, self._uses_around = groups, constants, context
        self._agent = agent
        # Almost all fields are those of the process context: the events share them.
        self._context = list(self._uses(context, _AROUND))
        self._made: dict[tuple[str, str], Field] = {}

    def event(self, name: str, row: Row) -> Event:
        """One event with all its fields."""
        platforms = tuple(row.get("platforms", ["linux"]))
        readers = tuple(row.get("readers", []))
        process = row.get("process", "")
        phases = row.get("field_phase", {})
        inside = {"since": row["since"], "readers": readers, "recorded": True, "context": False}
        own = [*self._uses(row.get("groups", []), inside), *_with(row.get("field", {}), inside)]
        early = "before" if "before" in row["phases"] else "after"
        context = [] if process else self._shared(phases, early)
        used = [*([] if process else self._uses_around), *row.get("groups", [])]
        fields = (*context, *(self._field(n, r, phases, early) for n, r in own))
        return Event(
            name=name,
            number=row["number"],
            fields=fields,
            phases=tuple(row["phases"]),
            platforms=platforms,
            readers=readers,
            since=row["since"],
            doc=row["doc"],
            ended=bool(row.get("ended", False)),
            files=tuple(_file(use) for use in used if "path" in use),
            no_process=process,
            agent_fields=tuple(self._told(fields)),
        )

    def _told(self, fields: Iterable[Field]) -> Iterator[Field]:
        """What the agent knows on an event, each made once."""
        for name, field in self._agent.of(fields):
            key = name, _AGENT
            if key not in self._made:
                row = {**_BESIDE, **self._agent.row(name, field)}
                self._made[key] = self._field(name, row, {}, "before")
            yield self._made[key]

    def _shared(self, phases: Row, early: str) -> Iterator[Field]:
        """The fields of the process context, each made once for each phase."""
        for name, row in self._context:
            key = name, str(phases.get(name, row.get("phase", early)))
            if key not in self._made:
                self._made[key] = self._field(name, row, phases, early)
            yield self._made[key]

    def _uses(self, uses: list[Row], inherited: Row) -> Iterator[tuple[str, Row]]:
        """The rows of groups, each with what its use says."""
        for use in uses:
            prefix = f"{use['prefix']}." if "prefix" in use else ""
            told: Row = {k: use[k] for k in _TOLD if k in use}
            for name, row in _with(self._groups[use["use"]], {**inherited, **told}):
                row["doc"] = row["doc"].replace("{it}", use.get("of", ""))
                if "base" in row:
                    row["base"] = prefix + row["base"]
                if told.get("optional"):
                    row.pop("default", None)  # what can be absent is, unless a test says otherwise
                if isinstance(row.get("default"), dict) and "same" in row["default"]:
                    row["default"] = {"same": prefix + row["default"]["same"]}
                yield prefix + name, row

    def _field(self, name: str, row: Row, phases: Row, early: str) -> Field:
        """One field; `phases` overrides its phase for the event at hand, of which `early` is the
        first."""
        platforms = tuple(row.get("platforms", ["linux"]))
        readers = tuple(row.get("readers", PLATFORMS)) if row.get("read", True) else ()
        constants = self._named(row.get("constants", {}))
        return Field(
            name=name,
            kind=Kind(row["kind"]),
            signed=bool(row.get("signed", False)),
            capacity=row.get("capacity", 0),
            optional=bool(row.get("optional", False)),
            relative=bool(row.get("relative", False)),
            constants=constants,
            base=row.get("base", ""),
            part=row.get("part", ""),
            phase=str(phases.get(name, row.get("phase", early))),
            platforms=platforms,
            since=row["since"],
            doc=row["doc"],
            context=row["context"],
            recorded=row["recorded"],
            readers=tuple(p for p in platforms if p in readers),
            parameter=str(row.get("parameter", "")),
            default=_default(row["default"], dict(constants)) if "default" in row else None,
            image=bool(row.get("image", False)),
            id=row.get("id", ""),
            known_by=row.get("known_by", ""),
            needs=tuple(row.get("needs", ())),
        )

    def _named(self, constants: str | Row) -> tuple[tuple[str, int], ...]:
        """Named values: those of a set, or a field's own."""
        found = self._constants[constants] if isinstance(constants, str) else constants
        return tuple((name, int(value)) for name, value in found.items())


def _with(rows: Row, inherited: Row) -> Iterator[tuple[str, Row]]:
    """Rows with what they do not say themselves."""
    for name, row in rows.items():
        yield name, {**inherited, **row}


def _default(row: int | str | Row, constants: dict[str, int]) -> Default:
    """What tests take where they say nothing; constants by their names."""
    if isinstance(row, dict):
        return Default(None, row.get("same", ""), tuple(row.get("family_of", ())))
    return Default(constants.get(row, row) if isinstance(row, str) else row)


def _file(use: Row) -> File:
    prefix = use["prefix"]
    return File(prefix, use["path"], f"{prefix}.device", f"{prefix}.inode")
