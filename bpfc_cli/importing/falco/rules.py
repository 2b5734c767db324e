"""Falco's rules by event: on which they are judged, and what each asks for there."""

from collections.abc import Sequence

from attrs import evolve, frozen

from bpfc_cli.importing.conditions import Always, Condition, is_unseen, simplified, without
from bpfc_cli.importing.falco.conditions import TYPES, Translator, type_hits
from bpfc_cli.importing.falco.output import alert_text
from bpfc_cli.importing.falco.syntax import And, Compare, Expression, Macro, Not, Or, leaves
from bpfc_cli.importing.falco.tables import EventTable
from bpfc_cli.importing.model import Code, Reason
from bpfc_cli.importing.stages import divided

Named = tuple[str, Condition]
_WHOLE = ("=", "!=", "in", "intersects")  # operators that name event types
_NO_TYPE = frozenset({""})


@frozen
class Part:
    """A rule on some events.

    Args:
        events: catalogue names.
        when: the condition.
        excepts: exceptions by name.
        alert: the text of its alerts, as a literal, or "".
        notes: how it differs there.
    """

    events: tuple[str, ...]
    when: Condition
    excepts: tuple[Named, ...]
    alert: str
    notes: tuple[str, ...]


@frozen
class Found:
    """What became of a rule's conditions.

    Args:
        parts: one for all events with the same condition; of a rule with reasons what needs no
            user space, if that was asked for.
        reasons: why something of it has no translation.
        notes: how it differs.
    """

    parts: tuple[Part, ...]
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]


def of_rule(
    translator: Translator,
    condition: Expression,
    exceptions: Sequence[tuple[str, Expression]],
    output: str,
    kernel_part: bool,
) -> Found:
    """Translate a rule's conditions on all events that they can be about.

    Args:
        translator: knows macros, lists and fields.
        condition: the rule's.
        exceptions: by name.
        output: what its alerts say.
        kernel_part: of a rule that needs user space, keep what needs none.

    Returns:
        What was found.
    """
    types = _mentioned(translator, condition)
    reasons = _untied(translator, condition, types)
    if reasons:
        return Found((), reasons, ())
    parts: list[Part] = []
    for table in translator.tables:
        if decided(translator, condition, table.types) is not False:
            part = _on(translator, condition, exceptions, output, table)
            parts += [part] if part is not None else []
    conditions = [c for part in parts for c in (part.when, *(when for _, when in part.excepts))]
    reasons = translator.reasons(conditions)
    if not parts and not reasons:
        text = f"the condition is false on every event of {', '.join(sorted(types))}"
        reasons = (Reason(Code.NEVER, "condition", text),)
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    if reasons:
        wanted = kernel_part and all(reason.code is Code.AGENT for reason in reasons)
        parts = [kept for part in parts if wanted and (kept := _seen(part)) is not None]
        names = ", ".join(reason.subject for reason in reasons)
        left_out = f"matches less than the original: what needs {names} is left out"
        notes |= dict.fromkeys([left_out] if parts else [])
    parts = list(_joined(parts))
    notes |= dict.fromkeys(
        note for part in parts for note in divided(part.when, part.excepts).notes(part.events)
    )
    return Found(tuple(parts), reasons, tuple(notes))


def _seen(part: Part) -> Part | None:
    """What of a part needs no user space: less than the whole, never more."""
    when = simplified(without(part.when, is_unseen, False))
    found = [(name, simplified(without(item, is_unseen, True))) for name, item in part.excepts]
    if when == Always(False) or any(item == Always(True) for _, item in found):
        return None
    return evolve(part, when=when, excepts=tuple(e for e in found if e[1] != Always(False)))


def _untied(
    translator: Translator, condition: Expression, types: frozenset[str]
) -> tuple[Reason, ...]:
    """What is said of events that no event of the catalogue is."""
    if decided(translator, condition, _NO_TYPE) is not False:
        text = "the condition does not say on which events it is judged (evt.type)"
        return (Reason(Code.EVENT, "evt.type", text),)
    known = frozenset[str]().union(*(table.types for table in translator.tables))
    lost = [
        name
        for name in sorted(types - known)
        if decided(translator, condition, frozenset({name})) is not False
    ]
    text = "no event of bpfc is what Falco calls {}"
    return tuple(Reason(Code.EVENT, name, text.format(name)) for name in lost)


def _mentioned(translator: Translator, condition: Expression) -> frozenset[str]:
    """All event types that a condition names.

    Raises:
        Refused: a macro does not exist, or uses itself.
    """
    found: set[str] = set()
    for leaf in leaves(condition):
        if isinstance(leaf, Macro):
            with translator.inside(leaf.name):
                found |= _mentioned(translator, translator.macro(leaf.name))
        elif leaf.field.name in TYPES and leaf.op in _WHOLE:
            found |= set(translator.words(leaf.values)[0])
    return frozenset(found)


def decided(translator: Translator, item: Expression, types: frozenset[str]) -> bool | None:
    """What a condition is on events of some types, whatever else there is.

    Args:
        translator: knows macros and lists.
        item: the condition.
        types: Falco's words.

    Returns:
        Its value; None if that depends on more.
    """
    match item:
        case Not():
            inner = decided(translator, item.item, types)
            return None if inner is None else not inner
        case And() | Or():
            decisive = isinstance(item, Or)
            values = [decided(translator, part, types) for part in item.items]
            if decisive in values:
                return decisive
            return None if None in values else not decisive
        case Macro():
            return decided(translator, translator.macro(item.name), types)
        case Compare() if item.field.name in TYPES:
            hits = type_hits(translator, item, types)
            return True if hits == types else None if hits else False
    return None


def _on(
    translator: Translator,
    condition: Expression,
    exceptions: Sequence[tuple[str, Expression]],
    output: str,
    table: EventTable,
) -> Part | None:
    """A rule on one event; None if it is never true there."""
    for narrow in table.narrow:
        never = {field: "false" for field in narrow.where}
        if translator.on(condition, table.with_constants(never, table.event)) == Always(False):
            table = table.with_constants({**narrow.where, **narrow.also}, narrow.event)
    translator.notes.clear()
    translator.notes |= dict.fromkeys([table.note] if table.note else [])
    when = translator.on(condition, table)
    found = [(name, translator.on(item, table)) for name, item in exceptions]
    if when == Always(False) or any(item == Always(True) for _, item in found):
        return None
    excepts = tuple((name, item) for name, item in found if item != Always(False))
    alert, lost = alert_text(output, table)
    if lost:
        translator.notes[f"not in the alert's text: {', '.join(lost)}"] = None
    return Part((table.event.name,), when, excepts, alert, tuple(translator.notes))


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts with the same conditions as one."""
    result: list[Part] = []
    for part in parts:
        for number, before in enumerate(result):
            if before == evolve(part, events=before.events, notes=before.notes):
                result[number] = evolve(before, events=(*before.events, *part.events))
                break
        else:
            result.append(part)
    return tuple(result)
