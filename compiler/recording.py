"""The policy that records: a rule for each event that always fires and shows what can be read."""

from collections.abc import Iterable, Mapping, Sequence

from attrs import frozen

from bpfc.artifact.record import NUMBERS_MAX, VIEWS_MAX
from bpfc.artifact.recording import LIFE, RULE_PREFIX
from bpfc.artifact.testing import PROCESS
from dsl.catalogue import Catalogue, Event, Field, Kind

# What has to stand back where a record has no room for everything, the last first.
LEAST = (
    "proc.parent.euid",
    "proc.caps.ambient",
    "proc.caps.bounding",
    "proc.caps.inheritable",
    "proc.vpid",
    "proc.suid",
    "proc.sgid",
    "proc.exe.file.group",
    "proc.ns.cgroup",
    "proc.ns.ipc",
    "proc.ns.uts",
    "proc.login_session",
    "proc.fsuid",
    "proc.fsgid",
)


@frozen
class RecordingPolicy:
    """A policy that records.

    Args:
        source: in the language.
        left_out: fields that records have no room for, though the system reads them.
    """

    source: str
    left_out: tuple[str, ...]


def readable_events(catalogue: Catalogue, platform: str) -> tuple[str, ...]:
    """The events that this version reads on a system.

    Args:
        catalogue: the catalogue.
        platform: "linux" or "windows".

    Returns:
        Names in catalogue order.
    """
    return tuple(event.name for event in catalogue.events if platform in event.readers)


def recording_policy(
    catalogue: Catalogue,
    platform: str,
    events: Iterable[str],
    wanted: Mapping[str, Iterable[str]] | None = None,
) -> RecordingPolicy:
    """The policy that records some events.

    Args:
        catalogue: the catalogue.
        platform: "linux" or "windows".
        events: names of events that the system reads; those of LIFE come with them.
        wanted: fields by event, parameters and parts included; None for everything there is.

    Returns:
        The policy. Of `wanted` nothing is left out: the compiler refuses what is too much.
    """
    readable = [e for e in catalogue.events if platform in e.readers]
    chosen = [event for event in readable if event.name in {*events, *LIFE}]
    if wanted is None:
        fields, left_out = _all_that_fits(chosen, platform)
    else:
        fields, left_out = _wanted(chosen, platform, wanted), ()
    rules = [_rule(event, fields[event.name]) for event in chosen]
    head = f'policy "recording" version "{catalogue.version}" language 1'
    return RecordingPolicy("\n".join([head, *rules]) + "\n", left_out)


def _rule(event: Event, fields: Sequence[str]) -> str:
    """A rule that always fires, and whose text has the fields that records do not have anyway."""
    shown = [name for name in fields if not _always(event, name)]
    words = " ".join(f"{{{name}}}" for name in shown)
    quoted = words.replace('"', '\\"')
    text = f' "{quoted}"' if words else ""
    name = event.name.replace(".", "_")
    return f"rule {RULE_PREFIX}{name} {{ on {event.name} when true alert{text} }}"


def _always(event: Event, name: str) -> bool:
    """Whether a field is in every record of an event."""
    field = event.field(name)
    return field is not None and field.recorded


def _read(event: Event, platform: str) -> list[Field]:
    """What the system reads of an event; parts follow from what they are parts of."""
    return [
        field
        for field in event.fields
        if platform in field.readers and not field.base and not field.parameter
    ]


def _wanted(
    events: Sequence[Event], platform: str, wanted: Mapping[str, Iterable[str]]
) -> dict[str, list[str]]:
    """The fields that somebody asked for, by event."""
    found = {}
    for event in events:
        names = {event.field(name) for name in (*wanted.get(event.name, ()), *PROCESS)}
        bases = {field.base or field.name for field in names if field is not None}
        fields = event.ordered(bases)
        found[event.name] = [field.name for field in fields if platform in field.readers]
    return found


def _all_that_fits(
    events: Sequence[Event], platform: str
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """All fields by event, as far as records have room; and what they have not.

    Process context stands at the same place in all records, so the event with most fields of its
    own decides how much of it there can be.
    """
    own = {event.name: [f for f in _read(event, platform) if not f.context] for event in events}
    context = {f.name: f for event in events for f in _read(event, platform) if f.context}
    words = NUMBERS_MAX - max((sum(map(_words, fields)) for fields in own.values()), default=0)
    views = VIEWS_MAX - max((sum(map(_views, fields)) for fields in own.values()), default=0)
    kept, left_out = set(), []
    for field in sorted(context.values(), key=_rank):
        if _words(field) <= words and _views(field) <= views:
            words, views = words - _words(field), views - _views(field)
            kept.add(field.name)
        else:
            left_out.append(field.name)
    found = {
        event.name: [f.name for f in _read(event, platform) if not f.context or f.name in kept]
        for event in events
    }
    return found, tuple(left_out)


def _rank(field: Field) -> tuple[bool, bool, int]:
    """What comes first: what is in every record anyway, what replays need, then the rest."""
    least = LEAST.index(field.name) if field.name in LEAST else -1
    return not field.recorded, field.name not in PROCESS, least


def _words(field: Field) -> int:
    """Number words that a field takes."""
    return 0 if field.kind.is_text else 2 if field.kind is Kind.IP else 1


def _views(field: Field) -> int:
    """Text views that a field takes."""
    return int(field.kind.is_text)
