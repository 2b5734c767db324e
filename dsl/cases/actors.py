"""Processes of a test: what is true of them from one event to the next."""

from collections.abc import Iterator, Mapping

from attrs import Factory, define

from dsl.cases.defaults import value_of
from dsl.cases.fields import ELSEWHERE, SUBJECT
from dsl.catalogue import Event, Field
from dsl.semantics import FieldValue

EXEC, EXIT, FORK = "process.exec", "process.exit", "process.fork"
# The first process, which nobody forked.
INIT: Mapping[str, FieldValue] = {
    "proc.pid": 1,
    "proc.start_time": 10**9,
    "proc.ppid": 0,
    "proc.parent.start_time": 0,
    "proc.exe.path": b"/usr/lib/systemd/systemd",
    "proc.cmdline": b"/sbin/init",
}
FIRST_PID = 1000
_DEEPEST = 16  # ancestors that the catalogue has names for
# What tells a process apart: a child has its own.
_IDENTITY = ("proc.pid", "proc.start_time", "proc.ppid", "proc.parent.start_time")
# What follows from the process id of a new process, but not from that of its children.
_LEADING = ("proc.pgid", "proc.session_id")
_THREADS = ("proc.tid", "proc.vpid")

Record = dict[str, FieldValue]


@define
class Process:
    """A named process; the checker's own run changes it.

    Args:
        name: in the test.
        parent: the process that made it, if that is in the test.
        fields: what is known of it, by catalogue name.
        assumed: which of these the test does not say.
        ended: whether it has exited.
    """

    name: str
    parent: "Process | None"
    fields: Record
    assumed: set[str] = Factory(set)
    ended: bool = False


def new(
    name: str, number: int, parent: Process | None, given: Mapping[str, FieldValue], now: int
) -> Process:
    """A process.

    Args:
        name: in the test.
        number: how many there were before.
        parent: it inherits what a fork inherits.
        given: what the test says of it, by catalogue name.
        now: nanoseconds since boot at which it starts.

    Returns:
        The process.
    """
    fields, assumed = _inherited(parent) if parent else ({}, set())
    own: Record = {"proc.pid": FIRST_PID + number, "proc.start_time": now, **given}
    fields |= own
    assumed -= own.keys()
    if parent is None:
        fields |= {n: fields["proc.pid"] for n in _LEADING if n not in fields}
    return Process(name, parent, fields, assumed)


def _inherited(parent: Process) -> tuple[Record, set[str]]:
    """What a child has of its parent."""
    mine = (*_IDENTITY, *_THREADS)
    fields = {
        name: value
        for name, value in parent.fields.items()
        if name not in mine and not name.startswith(ELSEWHERE)
    }
    return fields, {name for name in parent.assumed if name in fields}


def happen(
    actor: Process, event: Event, given: Mapping[str, FieldValue], takes_place: bool
) -> tuple[Record, set[str]]:
    """An event of a process; afterwards the process is what the event has made of it.

    Args:
        actor: the process.
        event: the event.
        given: what the test says of the event, by catalogue name.
        takes_place: whether it is not prevented.

    Returns:
        The event's fields, and which of them are assumed.
    """
    before = dict(actor.fields)
    fields = dict(actor.fields)
    if event.name == EXEC:
        fields = {name: value for name, value in fields.items() if not _is_image(event, name)}
    fields |= given
    known = event.as_confirmed
    record = {name: value for name, value in fields.items() if known.field(name)}
    assumed = {name for name in actor.assumed if name in record and name not in given}
    for name, value, guess in (*_of_parents(actor, event), *_of_past(actor, before, event)):
        if name not in record:
            record[name] = value
            assumed |= {name} if guess else set()
    if takes_place:
        actor.fields = {n: v for n, v in fields.items() if _stays(event, n)}
        actor.assumed -= given.keys()
        actor.ended = event.name == EXIT
    return record, assumed


def forked(actor: Process, event: Event) -> Record:
    """The fork that made a process, which at first has the image of the one that made it.

    Args:
        actor: the process; without a parent in the test the first process has made it.
        event: process.fork.

    Returns:
        The event's fields.
    """
    own = {name: value for name, value in actor.fields.items() if not _is_image(event, name)}
    if actor.parent is None:
        parents = {"proc.ppid": INIT["proc.pid"], "proc.parent.start_time": INIT["proc.start_time"]}
        return {**_image(event, INIT), **parents, **own}
    record: Record = {**_image(event, actor.parent.fields), **own}
    for name, value, _ in _of_parents(actor, event):
        record.setdefault(name, value)
    return record


def _image(event: Event, fields: Mapping[str, FieldValue]) -> Record:
    return {name: value for name, value in fields.items() if _is_image(event, name)}


def _is_image(event: Event, name: str) -> bool:
    field = event.field(name)
    return field is not None and field.image


def _stays(event: Event, name: str) -> bool:
    """Whether a field of an event is one that its process keeps."""
    field = event.field(name) or event.agent_field(name)
    if field is None:
        return True  # another event's: it was there before
    return field.context and not name.startswith(ELSEWHERE[2])


def _of_parents(actor: Process, event: Event) -> Iterator[tuple[str, FieldValue, bool]]:
    """Fields about ancestors that are processes of the test: name, value, whether assumed."""
    parent = actor.parent
    if parent is None or parent.ended:
        return
    yield "proc.ppid", parent.fields["proc.pid"], False
    prefix = ELSEWHERE[0]
    for field in event.fields:
        if field.name.startswith(prefix) and not field.part:
            yield _taken(field, SUBJECT + field.name.removeprefix(prefix), parent.fields, event)
    for number, ancestor in enumerate(_ancestors(actor), 1):
        for field in event.fields:
            if field.name.startswith("proc.ancestors[*]") and not field.part:
                source = SUBJECT + field.name.partition("].")[2]
                _, value, guess = _taken(field, source, ancestor.fields, event)
                yield field.name.replace("*", str(number)), value, guess


def _ancestors(actor: Process) -> Iterator[Process]:
    ancestor = actor.parent
    for _ in range(_DEEPEST):
        if ancestor is None or ancestor.ended:
            return
        yield ancestor
        ancestor = ancestor.parent


def _of_past(
    actor: Process, before: Record, event: Event
) -> Iterator[tuple[str, FieldValue, bool]]:
    """Fields about what the process was before the event: name, value, whether assumed."""
    prefix = ELSEWHERE[2]
    for field in event.fields:
        if field.name.startswith(prefix) and not field.part:
            yield _taken(field, SUBJECT + field.name.removeprefix(prefix), before, event)


def _taken(field: Field, source: str, fields: Record, event: Event) -> tuple[str, FieldValue, bool]:
    """A field that has the value of another one of another process or time."""
    other = event.field(source)
    assert other is not None
    return field.name, value_of(other, event, fields), source not in fields
