"""From a case to what a compiled core is given, and from its verdicts to outcomes."""

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from attrs import evolve

from bpfc.artifact.errnos import ERRNO
from bpfc.artifact.manifest import EventLayout, NumberField
from bpfc.artifact.record import (
    ACT_DENY,
    ACT_KILL,
    ACT_KILL_AGENT,
    ACT_KILL_PARENT,
    ACT_WOULD_DENY,
    ACT_WOULD_KILL,
    VIEW_ABSENT,
    VIEW_TRUNCATED,
    VIEW_UNKNOWN,
)
from bpfc.runtime.judging import Event as Made
from bpfc.runtime.judging import Text, Verdict
from bpfc.runtime.ladder import STAGES
from compiler.driver import compile_policy
from dsl.catalogue import Catalogue, load
from dsl.interpreter import Event, Fired, Outcome
from dsl.interpreter.interpreter import known_at
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated, named_value
from dsl.typed import Policy
from tests.language.play import Played, Step, Work

# What adapters know of a process besides the record (judging.Event.process).
_PROCESS = ("proc.pid", "proc.start_time", "proc.ppid", "proc.parent.start_time")
_NOBODY = (1 << 64) - 1  # no process has this id; 0 is what forked the first one
_ERRNO_NAMES = {number: name for name, number in ERRNO.items()}


def work(
    policy: Policy,
    events: Sequence[Event],
    known: Catalogue | None = None,
    sets: Mapping[str, tuple[Any, ...]] | None = None,
) -> Work:
    """Compile a policy for the test adapter and lay out the events' records.

    Args:
        policy: a checked policy.
        events: what happens.
        known: the catalogue; None for the one that ships with this version.

    Raises:
        ValueError: the policy cannot be compiled.
    """
    result = compile_policy(policy, testing=True)
    if result.artifact is None or result.artifact.manifest.slot is None:
        raise ValueError("\n".join(map(str, result.diagnostics)))
    # The file itself is not needed any more; a guest gets the object.
    artifact = evolve(result.artifact, data=b"")
    layouts = {layout.event: layout for layout in artifact.manifest.layouts}
    judged = {judge.event for judge in result.artifact.manifest.slot.judges}
    steps = tuple(
        _step(event, layouts.get(event.name, artifact.manifest.context), known or load())
        if event.name in judged
        else Step(event.name, ())  # nothing sees it
        for event in events
    )
    return Work(artifact, steps, dict(sets or {}))


def _step(event: Event, layout: EventLayout | None, known: Catalogue) -> Step:
    kind = known.event(event.name)
    assert kind is not None
    return Step(
        event.name,
        tuple(
            (STAGES[stage], made(known_at(event.fields, kind, stage), layout, event.time))
            for stage in kind.phases
        ),
    )


def made(
    record: Record,
    layout: EventLayout | None,
    time: int,
    encoded: Callable[[bytes], bytes] = bytes,
) -> Made:
    """A record as an adapter would make it; without a layout only what it says of the process.

    Args:
        record: values by field.
        layout: where they go.
        time: nanoseconds since boot.
        encoded: makes of a text what programs see.
    """
    process = tuple(_known_number(record.get(name, UNKNOWN)) for name in _PROCESS)
    if layout is None:
        return Made(time_ns=time, process=process)
    numbers: dict[int, int] = {}
    unknown = absent = 0
    for field in layout.numbers:
        value = named_value(field.name, record)
        unknown |= (value is UNKNOWN) << field.index
        absent |= (value is ABSENT) << field.index
        if value is not UNKNOWN and value is not ABSENT:
            numbers |= _words(value, field)
    texts = {
        text.view: _text(named_value(text.name, record), encoded)
        for text in layout.texts
        if not text.part
    }
    return Made(numbers, texts, unknown, absent, time, process)


def _known_number(value: FieldValue) -> int:
    return value if isinstance(value, int) else _NOBODY


def _words(value: FieldValue, field: NumberField) -> dict[int, int]:
    """A number as its words; an IPv4 address as ::ffff:a.b.c.d."""
    if field.words == 1:
        assert isinstance(value, int)
        return {field.index: value}
    assert isinstance(value, IPv4Address | IPv6Address)
    whole = int(value) | (0xFFFF << 32 if value.version == 4 else 0)
    return {field.index: whole >> 64, field.index + 1: whole & (1 << 64) - 1}


def _text(value: FieldValue, encoded: Callable[[bytes], bytes]) -> Text:
    if value is UNKNOWN:
        return Text(flags=VIEW_UNKNOWN)
    if value is ABSENT:
        return Text(flags=VIEW_ABSENT)
    if isinstance(value, Truncated):
        return Text(encoded(value.prefix), VIEW_TRUNCATED)
    assert isinstance(value, bytes)
    return Text(encoded(value))


def outcomes(work: Work, played: Played) -> tuple[Outcome, ...]:
    """What the core made of each event.

    Raises:
        AssertionError: it made nothing of them.
    """
    assert not played.problem, played.problem
    names = {
        (at.event, at.local): rule.name
        for rule in work.artifact.manifest.rules
        for at in rule.linux
    }
    found = []
    for step, verdicts in zip(work.steps, played.verdicts, strict=True):
        outcome = Outcome()
        for verdict in verdicts:
            outcome = outcome.then(_outcome(verdict, step.event, names))
        found.append(outcome)
    return tuple(found)


def _outcome(verdict: Verdict, event: str, names: dict[tuple[str, int], str]) -> Outcome:
    def error(action: int) -> str:
        return _ERRNO_NAMES[verdict.errno] if verdict.actions & action else ""

    proc = verdict.actions & (ACT_KILL | ACT_KILL_AGENT)
    parent = verdict.actions & ACT_KILL_PARENT
    return Outcome(
        # Rules that count stand behind the others in a record, wherever they do in the source.
        alerts=tuple(Fired(names[event, rule], partial) for rule, partial in sorted(verdict.rules)),
        deny=error(ACT_DENY),
        kill=frozenset([*["proc"] * bool(proc), *["proc.parent"] * bool(parent)]),
        would_deny=error(ACT_WOULD_DENY),
        would_kill=bool(verdict.actions & ACT_WOULD_KILL),
    )
