"""Correlations: how often, or in which order, rules match, as thresholds and sequences."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations, product

from attrs import frozen
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaRuleReference,
)

from bpfc_cli.importing.conditions import Any, Condition
from bpfc_cli.importing.model import (
    Code,
    Detection,
    Refused,
    Sequence_,
    Step,
    Threshold,
    unknown,
)
from bpfc_cli.importing.sigma.tables import Source
from bpfc_cli.importing.stages import agent_fields
from dsl.catalogue import Event

ANY_ORDER_MAX = 3  # rules in any order: each order is a sequence, so 6
_TEMPORAL = (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_FILES = frozenset({"proc.exe.file"})


@frozen
class Part:
    """A rule that a correlation is about.

    Args:
        events: those that it is judged on.
        when: its condition.
        source: its log source, if it stands in the tables.
    """

    events: tuple[Event, ...]
    when: Condition
    source: Source | None


def correlated(
    rule: SigmaCorrelationRule, parts: Mapping[str, Part]
) -> tuple[tuple[Detection, ...], tuple[str, ...]]:
    """What a correlation rule looks for.

    Args:
        rule: with the names that a pipeline gave to its fields.
        parts: the rules that it is about, as it calls them.

    Returns:
        What becomes a rule each, any of which is enough; and where that differs.

    Raises:
        Refused: it has no translation.
    """
    if not parts:
        raise Refused(Code.INVALID, "rules", "it is about no rules")
    if rule.type in _TEMPORAL:
        return _temporal(rule, parts)
    if rule.type in (SigmaCorrelationType.EVENT_COUNT, SigmaCorrelationType.VALUE_COUNT):
        return _counted(rule, parts)
    word = rule.type.name.lower()
    raise _refused(word, f"{word} calculates with the values of several events")


def _seen_by_the_kernel(parts: Iterable[Part]) -> None:
    """See that the agent has no part in what is counted or put in order.

    Raises:
        Refused: it has.
    """
    for part in parts:
        if asked := sorted(agent_fields(part.when)):
            text = f"events are counted and put in order before the agent looks up {asked[0]}"
            raise Refused(Code.AGENT, asked[0], text)


def _refused(subject: str, text: str) -> Refused:
    return Refused(Code.CORRELATION, subject, text)


# ---------------------------------------------------------------- how often


def _counted(
    rule: SigmaCorrelationRule, parts: Mapping[str, Part]
) -> tuple[tuple[Detection, ...], tuple[str, ...]]:
    first, *others = parts.values()
    if any(part.events != first.events for part in others):
        raise _refused("events", "rules on different events are not counted together")
    events = tuple(event.name for event in first.events)
    when = Any(tuple(part.when for part in parts.values()))
    count, notes = _least(rule), []
    keys = {_key(rule, name, part) for name, part in parts.items()}
    if len(keys) > 1:
        raise _refused("group-by", "rules that are counted together need the same fields for it")
    (key,) = keys
    distinct = _distinct(rule, first)
    if _FILES & {*key, distinct}:
        notes.append("programs are told apart by their files (device and inode), not by paths")
    if count == 1:
        notes.append("one event is enough, so each of them alerts")
        return (Detection(events, when),), tuple(notes)
    _seen_by_the_kernel(parts.values())
    threshold = Threshold(count, duration(rule.timespan.seconds), key, distinct)
    return (Detection(events, when, threshold=threshold),), tuple(notes)


def _least(rule: SigmaCorrelationRule) -> int:
    """From how many events or values on the rule holds."""
    condition = rule.condition
    assert isinstance(condition, SigmaCorrelationCondition)
    if condition.count == int(condition.count):
        count = int(condition.count)
        if condition.op is SigmaCorrelationConditionOperator.GTE and count > 0:
            return count
        if condition.op is SigmaCorrelationConditionOperator.GT and count >= 0:
            return count + 1
    word = condition.op.name.lower()
    raise _refused(word, f"thresholds say from how many events on; {word} is decided at the end")


def _distinct(rule: SigmaCorrelationRule, part: Part) -> str:
    """The field whose values are counted, or ""."""
    if rule.type is not SigmaCorrelationType.VALUE_COUNT:
        return ""
    condition = rule.condition
    assert isinstance(condition, SigmaCorrelationCondition)
    names = condition.fieldref
    if isinstance(names, list):
        if len(names) != 1:
            raise _refused("field", "values of one field are counted, not combinations")
        (names,) = names
    key = _named(str(names), part)
    if not key:
        raise _refused(str(names), f"{names} is the same on all events of one machine")
    return key


# ---------------------------------------------------------------- in which order


def _temporal(
    rule: SigmaCorrelationRule, parts: Mapping[str, Part]
) -> tuple[tuple[Detection, ...], tuple[str, ...]]:
    ordered = rule.type is SigmaCorrelationType.TEMPORAL_ORDERED
    keys = {name: _key(rule, name, part) for name, part in parts.items()}
    found = []
    for names in _wanted(rule, tuple(parts)):
        if not ordered and len(names) > ANY_ORDER_MAX:
            text = f"{len(names)} rules in any order; every order of up to {ANY_ORDER_MAX} is tried"
            raise _refused("temporal", text)
        for order in [names] if ordered else permutations(names):
            found.append(_sequence(rule, [(parts[name], keys[name]) for name in order]))
    files = any(_FILES & {*key} for key in keys.values())
    note = "programs are told apart by their files (device and inode), not by paths"
    return tuple(found), (note,) if files else ()


def _sequence(rule: SigmaCorrelationRule, parts: list[tuple[Part, tuple[str, ...]]]) -> Detection:
    if len(parts) == 1:
        part = parts[0][0]
        return Detection(tuple(event.name for event in part.events), part.when)
    _seen_by_the_kernel(part for part, _ in parts)
    steps = []
    for part, key in parts:
        if len(part.events) != 1:
            names = " and ".join(event.name for event in part.events)
            raise _refused("events", f"a step of a sequence is one event, not {names}")
        steps.append(Step(part.events[0].name, part.when, key))
    sequence = Sequence_(duration(rule.timespan.seconds), tuple(steps))
    return Detection((), parts[-1][0].when, sequence=sequence)


def _wanted(rule: SigmaCorrelationRule, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Which rules have to match together; any of the combinations is enough."""
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        return list(dict.fromkeys(_alternatives(condition.parsed)))
    gte = condition.op is SigmaCorrelationConditionOperator.GTE
    if not gte or condition.count < len(names):
        raise _refused("condition", "all rules of a correlation in time have to match")
    return [names]


def _alternatives(
    item: CorrelationConditionItem | SigmaRuleReference,
) -> Iterator[tuple[str, ...]]:
    """A condition on rules as alternatives of what matches together, in order of appearance."""
    if isinstance(item, SigmaRuleReference):
        yield (item.reference,)
    elif isinstance(item, CorrelationConditionOR):
        for arg in item.args:
            yield from _alternatives(arg)
    elif isinstance(item, CorrelationConditionAND):
        for combination in product(*map(list, map(_alternatives, item.args))):
            yield tuple(dict.fromkeys(name for names in combination for name in names))
    else:
        raise _refused("not", "a sequence does not wait for what never happens")


# ---------------------------------------------------------------- keys


def _key(rule: SigmaCorrelationRule, name: str, part: Part) -> tuple[str, ...]:
    """What the events of one rule are counted or put in order by."""
    found = []
    for word in rule.group_by or ():
        alias = rule.aliases.aliases.get(word)
        if alias is not None:
            fields = {reference.reference: field for reference, field in alias.mapping.items()}
            if name not in fields:
                raise _refused(word, f"the alias {word} does not say what it is in {name}")
            word = fields[name]
        found.append(_named(word, part))
    return tuple(dict.fromkeys(filter(None, found)))


def _named(name: str, part: Part) -> str:
    """A field as a key of the language; "" for one that is the same on all events."""
    keys, agent = (part.source.keys, part.source.agent) if part.source else ({}, {})
    if name in keys:
        return keys[name]
    if name in agent:
        raise unknown(name, agent[name].what)
    fields = [event.field(name) for event in part.events]
    if not all(fields):
        raise Refused(Code.FIELD, name, f"an event of the correlation has no field {name}")
    if any(field.kind.is_text for field in fields if field):
        raise _refused(name, f"{name} is a text, and texts are no keys")
    return name


def duration(seconds: int) -> str:
    """A time as the language writes it.

    Args:
        seconds: whole ones, above 0.

    Returns:
        In the largest unit that gives a whole number.
    """
    return next(f"{seconds // size}{unit}" for size, unit in _UNITS if seconds % size == 0)
