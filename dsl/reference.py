"""The catalogue as reference: pages of documentation, and what `bpfc explain` says of a name."""

from collections.abc import Iterable, Sequence

from dsl.catalogue import Catalogue, Event, Field, Kind

_SYSTEMS = {"linux": "Linux", "windows": "Windows"}
_KINDS = {
    Kind.BOOL: "bool",
    Kind.INT: "int",
    Kind.STRINGS: "list of strings",
}
_PHASES = {
    "before": "an attempt: it can still be denied or fail",
    "after": "an outcome: it has happened",
}
_UNREAD = "no adapter of this version (rules are checked and tested, not loaded)"


def events_page(catalogue: Catalogue) -> str:
    """The page of all events.

    Args:
        catalogue: the events.

    Returns:
        Markdown without a line end behind it.
    """
    lines = [
        "# Events",
        "",
        _head(catalogue, "EVENT"),
        "What belongs to the process stands in [fields.md](fields.md) and is in every event that",
        "has one.",
        "",
        *_table(
            ("event", "seen as", "read on", "what happens"),
            (
                (f"[`{e.name}`](#{_anchor(e.name)})", _seen(e), systems(e.readers) or "-", e.doc)
                for e in catalogue.events
            ),
        ),
        "",
        "*attempt*: seen before the decision; a rule can deny it, and whether it succeeds is not",
        "known. *outcome*: it has happened. *read on*: the systems on which this version has an",
        "adapter for the event. A rule on another event can be checked and tested; `bpfc compile`",
        "refuses it, or leaves it out with `--allow-partial`.",
    ]
    for event in catalogue.events:
        lines += ["", f"## {event.name}", "", *event_entry(event)]
    return "\n".join(lines)


def event_entry(event: Event) -> list[str]:
    """What there is to say of an event.

    Args:
        event: the event.

    Returns:
        Lines of Markdown.
    """
    lines = [event.doc, ""]
    lines += [f"- Seen {phase}: {_PHASES[phase]}." for phase in event.phases]
    lines += [f"- Read on: {systems(event.readers) or _UNREAD}."]
    if set(event.readers) != set(event.platforms) and event.readers:
        lines += [f"- Exists on: {systems(event.platforms)}."]
    if event.no_process:
        lines += [f"- No process: {event.no_process}. `proc.*` does not exist here."]
    if event.ended:
        lines += ["- The process is gone: there is nothing left to kill."]
    files = ", ".join(f"`{file.name}`" for file in event.files if not file.name.startswith("proc."))
    if files:
        lines += [f"- Files (compared by device and inode): {files}."]
    lines += [f"- Number {event.number}, since catalogue version {event.since}."]
    late = [f.name for f in event.fields if f.context and f.phase == "after"]
    if "before" in event.phases and late:
        named = ", ".join(f"`{name}`" for name in late)
        lines += [f"- Known only after the decision: {named}."]
    own = [field for field in event.fields if not field.context]
    return [*lines, *(["", *_fields(own, event)] if own else [])]


def fields_page(catalogue: Catalogue) -> str:
    """The page of all fields.

    Args:
        catalogue: the events with their fields.

    Returns:
        Markdown without a line end behind it.
    """
    subject = next(event for event in catalogue.events if event.has_process)
    context = [field for field in subject.fields if field.context]
    lines = [
        "# Fields",
        "",
        _head(catalogue, "FIELD"),
        "",
        "- `*` in brackets stands for a parameter: a position as in `proc.ancestors[2].pid`, a",
        '  name as in `proc.env["LD_PRELOAD"]`, without spaces.',
        "- *bytes* are the most that are examined; what is longer is truncated.",
        "- *optional*: the field can be absent, which `exists` tests.",
        "- *recorded*: in every alert of the event. Other fields are in the records of policies",
        "  that use them; 48 numbers (an address is two) and 16 texts fit in a record.",
        "- *read on*: the systems whose adapters read the field in this version. A rule that reads",
        "  another one is refused by `bpfc compile`.",
        "",
        "## The process",
        "",
        "`proc` is the process once the event has happened. These fields are in every event that",
        "has a process.",
        "",
        *_fields(context, subject),
        "",
        "## Fields of single events",
        "",
        *_table(("field", "type", "on", "what it is"), _own_rows(catalogue)),
        "",
        "## Fields that the agent knows",
        "",
        "In [`confirm`](language.md#the-second-stage) and in what alerts say, on events that have",
        "what the agent finds them out from. The kernel does not have them.",
        "",
        *_table(("field", "type", "found out from", "what it is"), _agent_rows(catalogue)),
        "",
        "## Defaults of tests",
        "",
        "What a `test` block means that does not give these fields. A field that is not here is",
        "absent if it can be, else 0, false or empty.",
        "",
        *_table(("field", "default"), _default_rows(catalogue)),
        "",
        "## Constants",
    ]
    for names, constants in _constants(catalogue):
        values = ", ".join(f"`{name}` {_number(value)}" for name, value in constants)
        lines += ["", f"**{', '.join(f'`{name}`' for name in names)}**: {values}"]
    return "\n".join(lines)


def field_entry(catalogue: Catalogue, name: str) -> list[str]:
    """What there is to say of a field.

    Args:
        catalogue: the events with their fields.
        name: of the field.

    Returns:
        Lines of text; none if no event has it.
    """
    events = [event for event in catalogue.events for f in event.fields if f.name == name]
    found = next((f for event in events for f in event.fields if f.name == name), None)
    if found is None:
        return _agent_entry(catalogue, name)
    where = "every event with a process" if found.context else ", ".join(e.name for e in events)
    lines = [found.doc, "", f"Type: {type_of(found)}", f"On: {where}"]
    readers = {p for e in events for p in _readers(found, e)}
    lines += [f"Read on: {systems(sorted(readers)) or _UNREAD}"]
    late = [e.name for e in events if "before" in e.phases and _phase(e, name) == "after"]
    lines += [f"Known only after the decision on: {', '.join(late)}"] if late else []
    lines += [f"Since: catalogue version {found.since}"]
    lines += [f"In tests that do not give it: {text}"] if (text := _default(found)) else []
    lines += ["", *told] if (told := _agent_entry(catalogue, name)) else []
    if found.constants:
        lines += ["", *(f"  {constant:<24} {_number(v)}" for constant, v in found.constants)]
    return lines


def _agent_entry(catalogue: Catalogue, name: str) -> list[str]:
    """What there is to say of a field that the agent knows."""
    events = [event for event in catalogue.events if event.agent_field(name)]
    field = events[0].agent_field(name) if events else None
    if field is None:
        return []
    return [
        field.doc,
        "",
        f"Type: {type_of(field)}",
        "Known to the agent, not to the kernel: in `confirm when` and in what alerts say",
        f"Found out from: {', '.join(field.needs)}",
        f"On: {', '.join(event.name for event in events)}",
        f"Exists on: {systems(field.platforms)}",
        f"Since: catalogue version {field.since}",
    ]


def type_of(field: Field) -> str:
    """A field's type with what limits it: "path, 4,096 bytes, optional"."""
    kind = _KINDS.get(field.kind, field.kind.value)
    parts = ["signed int" if field.signed else kind]
    parts += [f"{field.capacity:,} bytes"] if field.capacity else []
    parts += ["may be relative"] if field.relative else []
    parts += ["optional"] if field.optional else []
    return ", ".join(parts)


def systems(platforms: Iterable[str]) -> str:
    """Names of systems for people: "Linux, Windows"."""
    return ", ".join(_SYSTEMS[platform] for platform in platforms)


def _head(catalogue: Catalogue, what: str) -> str:
    return (
        f"Event catalogue, version {catalogue.version}. This page is made from `dsl/catalogue.toml`"
        f" by\n`make pages`; `bpfc explain {what}` prints an entry."
    )


def _seen(event: Event) -> str:
    words = {"before": "attempt", "after": "outcome"}
    return ", ".join(words[phase] for phase in event.phases)


def _readers(field: Field, event: Event) -> tuple[str, ...]:
    return tuple(p for p in field.readers if p in event.readers)


def _phase(event: Event, name: str) -> str:
    return next((f.phase for f in event.fields if f.name == name), "")


def _fields(fields: Sequence[Field], event: Event) -> list[str]:
    """A table of fields; whether they are read is said where the event is."""
    readers = bool(event.readers)
    head = ["field", "type", *(["read on"] if readers else []), "what it is"]
    rows = []
    for field in fields:
        kind = type_of(field) + (", recorded" if field.recorded and not field.part else "")
        late = " Known only after the decision." if _late(field, event) else ""
        read = [systems(_readers(field, event)) or "-"] if readers else []
        rows.append((f"`{field.name}`", kind, *read, field.doc + late))
    return _table(tuple(head), rows)


def _late(field: Field, event: Event) -> bool:
    return not field.context and "before" in event.phases and field.phase == "after"


def _own_rows(catalogue: Catalogue) -> list[tuple[str, str, str, str]]:
    where: dict[str, list[str]] = {}
    first: dict[str, Field] = {}
    for event in catalogue.events:
        for field in event.fields:
            if not field.context:
                where.setdefault(field.name, []).append(event.name)
                first.setdefault(field.name, field)
    return [
        (f"`{name}`", type_of(field), ", ".join(where[name]), field.doc)
        for name, field in sorted(first.items())
    ]


def _agent_rows(catalogue: Catalogue) -> list[tuple[str, str, str, str]]:
    """What the agent knows; names of users and groups, of which there are many, as one row."""
    fields = {f.name: f for event in catalogue.events for f in event.agent_fields}
    rows: dict[str, tuple[str, str, str, str]] = {}
    for name, field in fields.items():
        doc, needs = field.doc, ", ".join(f"`{needed}`" for needed in field.needs)
        if name == f"{field.needs[0]}.name":
            name, doc = "ID.name", doc.replace(f"`{field.needs[0]}`", "of that id")
            needs = ", ".join(
                f"`{other.needs[0]}`"
                for other in sorted(fields.values(), key=lambda other: other.name)
                if other.known_by == field.known_by
            )
            name = f"{name} of a {field.known_by}"
        rows.setdefault(name, (f"`{name}`", type_of(field), needs, doc))
    return list(rows.values())


def _default_rows(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Fields with what tests take for them, those of one default together."""
    fields = {f.name: f for event in catalogue.events for f in event.fields}
    names: dict[str, list[str]] = {}
    for name, field in fields.items():
        if text := _default(field):
            names.setdefault(text, []).append(f"`{name}`")
    return [(", ".join(having), text) for text, having in names.items()]


def _default(field: Field) -> str:
    """What tests take for a field, in words; "" where nothing is said."""
    default = field.default
    if default is None:
        return ""
    if field.name.endswith((".device", ".inode")):
        return "by the file's path"
    if default.same:
        return f"as `{default.same}`"
    if default.value is None:
        return f"as the address: {' or '.join(f'`{name}`' for name in default.family_of)}"
    constant = next((n for n, value in field.constants if value == default.value), "")
    if field.kind is Kind.TIME and isinstance(default.value, int):
        return f"{default.value // 10**9:,} s"
    return f"`{constant or default.value}`"


def _constants(
    catalogue: Catalogue,
) -> list[tuple[list[str], tuple[tuple[str, int], ...]]]:
    """Sets of named values, each with the fields that have it."""
    found: dict[tuple[tuple[str, int], ...], dict[str, None]] = {}
    for event in catalogue.events:
        for field in event.fields:
            if field.constants:
                found.setdefault(field.constants, {})[field.name] = None
    return [(list(names), constants) for constants, names in found.items()]


def _number(value: int) -> str:
    return str(value) if value < 256 else f"{value:#x}"


def _anchor(name: str) -> str:
    """The anchor of a heading, as Markdown readers make it."""
    return name.replace(".", "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines]
