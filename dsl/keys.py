"""Keys of state: what `by` names, as the numbers that tell one thing from another.

`by proc` counts for each process: a process is its id and its start. What a word stands for is data
here; a number or an address of the event stands for itself.
"""

from collections.abc import Sequence

from dsl.catalogue import Field, Kind
from dsl.conditions import Conditions
from dsl.diagnostics import Collector, nearest, shown
from dsl.membership import IDENTITY
from dsl.syntax import Key, Name
from dsl.typed import KeyPart

# Word -> what it is compared as, and the fields that make it up: the first has to exist on the
# event, the others count where they do.
SUBJECTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "proc": ("process", IDENTITY["proc"]),
    "proc.parent": ("process", IDENTITY["proc.parent"]),
    "proc.session": ("session", ("proc.session_id",)),
    "container": ("container", IDENTITY["container"]),
}
# A file is its device and its inode.
FILE_PARTS = (".device", ".inode")

MAX_PARTS = 4
MAX_WORDS = 8  # 64-bit words; an address takes two


def check_key(key: Key | None, conditions: Conditions, report: Collector) -> tuple[KeyPart, ...]:
    """The parts of a key.

    Args:
        key: as parsed; None for one key for all events.
        conditions: of the rule or the step.
        report: takes diagnostics.

    Returns:
        Its parts, without those that are wrong.
    """
    found: dict[str, KeyPart] = {}
    for name in key.names if key else ():
        if name.text in found:
            report.error("BPFC0487", f"`{name.text}` is in the key twice", name.span)
            continue
        part = key_part(name, conditions, report)
        if part is not None:
            found[name.text] = part
    parts = tuple(found.values())
    if key and (len(key.names) > MAX_PARTS or words(parts) > MAX_WORDS):
        report.error(
            "BPFC0487",
            f"the key has more than {MAX_PARTS} parts or {MAX_WORDS} numbers",
            key.span,
            remedy="leave out what the others tell already; an address counts as two numbers",
        )
    return parts


def words(parts: Sequence[KeyPart]) -> int:
    """Number of 64-bit words of a key."""
    return sum(field_words(field) for part in parts for field in part.fields)


def field_words(field: Field) -> int:
    """64-bit words of a number field's value."""
    return 2 if field.kind is Kind.IP else 1


def key_part(name: Name, conditions: Conditions, report: Collector) -> KeyPart | None:
    """One part of a key.

    Args:
        name: as written: a subject, a file, or a field.
        conditions: of the rule or the step.
        report: takes diagnostics.

    Returns:
        The part, or None after a diagnostic.
    """
    subject = SUBJECTS.get(name.text)
    if subject is not None:
        kind, names = subject
        fields = [field for each in names if (field := _on_all(each, conditions)) is not None]
        if fields and fields[0].name == names[0]:
            return KeyPart(name.text, kind, tuple(fields))
        report.error(
            "BPFC0487",
            f"there is no `{name.text}` on {_events(conditions)}",
            name.span,
            remedy="write a rule of its own for the events that have it",
        )
        return None
    parts = [_on_all(name.text + part, conditions) for part in FILE_PARTS]
    if all(parts):
        return KeyPart(name.text, "file", tuple(part for part in parts if part is not None))
    return _field_part(name, conditions, report)


def _field_part(name: Name, conditions: Conditions, report: Collector) -> KeyPart | None:
    """A field as a part of a key."""
    everywhere = {f.name for event in conditions.catalogue.events for f in event.fields}
    if name.text not in everywhere:
        files = {n.removesuffix(FILE_PARTS[1]) for n in everywhere if n.endswith(FILE_PARTS[1])}
        report.error(
            "BPFC0487",
            f"`{shown(name.text)}` is neither a field nor anything else to tell events apart by",
            name.span,
            suggestion=nearest(name.text, [*SUBJECTS, *files, *everywhere]),
        )
        return None
    field = conditions.field(name)
    if field is None:
        return None
    if field.kind.is_text:
        report.error(
            "BPFC0487",
            f"`{field.name}` is a text, and keys consist of numbers and addresses",
            name.span,
            expected=tuple(SUBJECTS),
        )
        return None
    kind = "signed" if field.signed else "number"
    return KeyPart(name.text, "address" if field.kind is Kind.IP else kind, (field,))


def _on_all(name: str, conditions: Conditions) -> Field | None:
    """The field of that name, if all of the rule's events have it."""
    events = conditions.events or conditions.catalogue.events
    found = [event.field(name) for event in events]
    return found[0] if found and all(found) else None


def _events(conditions: Conditions) -> str:
    lacking = [event.name for event in conditions.events]
    return " and ".join(lacking)
