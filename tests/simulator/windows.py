"""Cases of the language as Windows carries them: which rules, on which events, with which records.

Windows has fewer events and fields, knows all of an event before it decides, and separates the
components of a path otherwise. So a case keeps the rules that Windows carries and that read no
path; the reference interpreter says what they come to, with a catalogue in which all is known
before.
"""

from collections.abc import Sequence
from functools import cache

from attrs import evolve, frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import (
    ACT_DENY,
    ACT_KILL_AGENT,
    ACT_KILL_PARENT,
    ACT_KILL_STEP,
    ACT_WOULD_DENY,
    ACT_WOULD_KILL,
    STAGE_BEFORE,
)
from bpfc.runtime.judging import Verdict
from bpfc.simulator import SimulatedCore
from compiler.coverage import carriage
from compiler.driver import compile_policy
from dsl.catalogue import Catalogue, Kind, load
from dsl.interpreter import Event, Interpreter, Outcome
from dsl.interpreter.sets import Sets
from dsl.semantics import FieldValue, Truncated
from dsl.typed import Policy, Rule
from dsl.walk import operands, rule_fields
from tests.language.fixture import Case
from tests.language.kernel import made

EXAMINED = 32768  # bytes of a command line in UTF-16


@frozen
class Come:
    """What an event comes to.

    Args:
        alerts: rule and whether partial.
        actions: ACT_*, those that tell the two systems' actions apart left out.
    """

    alerts: frozenset[tuple[str, bool]]
    actions: int


def carried(policy: Policy) -> Policy | None:
    """A policy without what Windows does not carry; None if that leaves nothing, or something else
    than it was."""
    kept = [found for rule in policy.rules if (found := _kept(rule)) is not None]
    remembers = policy.sets or any(rule.effects for rule in policy.rules)
    if not kept or (remembers and len(kept) < len(policy.rules)):
        return None
    return evolve(policy, rules=tuple(kept))


def _kept(rule: Rule) -> Rule | None:
    fields = [one for field in rule_fields(rule) for one in operands(field)]
    if any(field.kind is Kind.PATH or field.base.endswith("path") for field in fields):
        return None
    events = tuple(event for event in rule.events if carriage(rule, event, "windows").forms)
    linux = all(carriage(rule, event, "linux").forms for event in events)
    return evolve(rule, events=events) if events and linux else None


@cache
def early() -> Catalogue:
    """The catalogue, everything in it known before the event's decision."""
    known = load()
    events = tuple(
        evolve(
            event,
            phases=("before",),
            fields=tuple(evolve(field, phase="before") for field in event.fields),
        )
        for event in known.events
    )
    return evolve(known, events=events)


def seen(policy: Policy, events: Sequence[Event]) -> list[Event]:
    """The events that Windows sees, with texts that no rule reads emptied, and no longer than what
    is examined; without those that have a text which is none there.

    Args:
        policy: what `carried` gave.
        events: what happens.
    """
    read = {
        one.base or one.name
        for rule in policy.rules
        for field in rule_fields(rule)
        for one in operands(field)
    }
    listened = {event.name for _, rule in policy.parts for event in rule.events}
    found = []
    for event in events:
        if event.name not in listened:
            continue
        fields: dict[str, FieldValue] = {}
        for name, value in event.fields.items():
            text = isinstance(value, bytes | Truncated)
            fitting = _fitting(value if name in read else b"") if text else value
            if fitting is None:
                break
            fields[name] = fitting
        else:
            found.append(evolve(event, fields=fields))
    return found


def _fitting(value: FieldValue) -> FieldValue | None:
    """A text as it is examined; None if it is no text in UTF-8."""
    assert isinstance(value, bytes | Truncated)
    text = value if isinstance(value, bytes) else value.prefix
    try:
        units = wide(text)
    except UnicodeDecodeError:
        return None
    if len(units) <= EXAMINED and isinstance(value, bytes):
        return value
    return Truncated(text[: EXAMINED // 2])


def wide(text: bytes) -> bytes:
    """A text as Windows has it; the words of a command line are separated by spaces there.

    Raises:
        UnicodeDecodeError: it is no text in UTF-8.
    """
    return text.replace(b"\0", b" ").decode().encode("utf-16le")


def expected(policy: Policy, case: Case, events: Sequence[Event]) -> list[Come]:
    """What the interpreter says of the events."""
    interpreter = Interpreter(policy, events=early())
    (sets,) = (part for part in interpreter.parts if isinstance(part, Sets))
    for target, values in case.sets.items():
        sets.fill(target, values)
    return [_come(event.name, interpreter.consume(event)) for event in events]


def _come(event: str, outcome: Outcome) -> Come:
    kills = "proc" in outcome.kill
    denies = bool(outcome.deny)
    actions = ACT_KILL_PARENT if "proc.parent" in outcome.kill else 0
    actions |= ACT_KILL_STEP if outcome.kill - {"proc", "proc.parent"} else 0
    if event == "process.exec":
        # To kill a process that is about to start is to deny its start.
        actions |= ACT_DENY if denies or kills else 0
        would = bool(outcome.would_deny) or outcome.would_kill
        actions |= ACT_WOULD_DENY if would else 0
    else:
        actions |= (ACT_DENY if denies else 0) | (ACT_KILL_AGENT if kills else 0)
        actions |= ACT_WOULD_DENY if outcome.would_deny else 0
        actions |= ACT_WOULD_KILL if outcome.would_kill else 0
    return Come(frozenset((one.rule, one.partial) for one in outcome.alerts), actions)


def compiled(policy: Policy) -> Artifact:
    """The policy's artifact, which has a Windows half."""
    artifact = compile_policy(policy).artifact
    assert artifact is not None and artifact.manifest.windows is not None
    return artifact


def simulated(artifact: Artifact, case: Case, events: Sequence[Event]) -> list[Come]:
    """What the Windows half makes of the events."""
    layouts = {layout.event: layout for layout in artifact.manifest.layouts}
    names = {
        (at.event, at.local): rule.name for rule in artifact.manifest.rules for at in rule.windows
    }
    found = []
    with SimulatedCore(artifact, "windows") as core:
        for name, values in case.sets.items():
            core.set(name).update(values)
        for event in events:
            if event.name not in layouts:
                found.append(Come(frozenset(), 0))
                continue
            record = made(event.fields, layouts[event.name], event.time, wide)
            found.append(_found(core.judge(event.name, record, STAGE_BEFORE), event.name, names))
    return found


def _found(verdict: Verdict, event: str, names: dict[tuple[str, int], str]) -> Come:
    alerts = frozenset((names[event, rule], partial) for rule, partial in verdict.rules)
    known = ACT_DENY | ACT_KILL_AGENT | ACT_KILL_PARENT | ACT_KILL_STEP
    known |= ACT_WOULD_DENY | ACT_WOULD_KILL
    actions = verdict.actions & known
    if event == "process.exec" and actions & ACT_WOULD_KILL:
        actions = actions & ~ACT_WOULD_KILL | ACT_WOULD_DENY
    return Come(alerts, actions)
