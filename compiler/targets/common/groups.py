"""Groups of context fields that are read together, and reading them when they are needed.

An adapter reads before the core what the conditions of its event ask for, and the rest only once an
alert is certain.
"""

from attrs import frozen

from bpfc.artifact import record
from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.testing import NOT_KNOWN
from compiler.emit import scratch
from compiler.emit.core import Origins, symbol
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr
from compiler.plan.model import EventPlan
from compiler.targets.common.ancestry import verdict_of
from dsl import catalogue

# What the agent has to hear of: kills that are its to do also where no rule alerts.
_RECORDED = record.ACT_ALERT | record.ACT_KILL_AGENT | record.ACT_KILL_PARENT | record.ACT_KILL_STEP


@frozen
class Group:
    """Fields that one function reads.

    Args:
        function: name of the function; takes the slot.
        fields: catalogue names.
        needs: functions that must have run before.
    """

    function: str
    fields: tuple[str, ...]
    needs: tuple[str, ...] = ()


def in_use(groups: tuple[Group, ...], context: EventLayout) -> tuple[Group, ...]:
    """The groups whose fields stand in a policy's records, and those that others need.

    Args:
        groups: all groups of the platform.
        context: the policy's process context.

    Returns:
        Groups in the same order.
    """
    names = {n.name for n in context.numbers} | {t.name for t in context.texts}
    found = [group for group in groups if names.intersection(group.fields)]
    needed = {function for group in found for function in group.needs}
    return tuple(group for group in groups if group in found or group.function in needed)


@frozen
class Subject:
    """How an adapter has prepared an event.

    Args:
        event: the event's plan.
        stage: STAGE_BEFORE or STAGE_AFTER.
        groups: the platform's groups that are in use.
        loaded: functions whose fields the adapter has read already.
        unknown: text views that cannot be known at this stage (the command line before an exec).
        recall: function that finds out what is known of a process's ancestors.
    """

    event: EventPlan
    stage: int
    groups: tuple[Group, ...]
    loaded: tuple[str, ...]
    unknown: tuple[int, ...] = ()
    recall: str = NOT_KNOWN


@frozen
class Lacking:
    """What no function of a platform fills in an event's records.

    Args:
        unknown, absent: a bit for each number word.
        views: VIEW_* by text view.
    """

    unknown: int = 0
    absent: int = 0
    views: tuple[tuple[int, int], ...] = ()


def lacking(layout: EventLayout, platform: str) -> Lacking:
    """What a platform cannot give of an event: absent where it has no such thing, unknown where no
    adapter reads it yet.

    Args:
        layout: of the event's records.
        platform: "linux" or "windows".

    Returns:
        Constants for `prepare`.
    """
    event = catalogue.load().event(layout.event)
    assert event is not None
    unknown = absent = 0
    for number in layout.numbers:
        match _missing(event.field(number.name), platform):
            case record.VIEW_ABSENT:
                absent |= 1 << number.index
            case record.VIEW_UNKNOWN:
                unknown |= 1 << number.index
    whole = {text.view: event.field(text.name) for text in layout.texts if not text.part}
    flags = {view: _missing(field, platform) for view, field in sorted(whole.items())}
    return Lacking(unknown, absent, tuple((view, flag) for view, flag in flags.items() if flag))


def _missing(field: catalogue.Field | None, platform: str) -> int:
    """How a platform lacks a field, as a VIEW_* flag; 0 if it does not."""
    if field is None or platform in field.readers:
        return 0
    return record.VIEW_UNKNOWN if platform in field.platforms else record.VIEW_ABSENT


def prepare(fn: Function, slot: Ptr, lacks: Lacking) -> None:
    """Nothing is unknown or absent yet but what the platform lacks."""
    slot.at(scratch.header("unknown")).store(lacks.unknown)
    slot.at(scratch.header("absent")).store(lacks.absent)
    for view, flags in lacks.views:
        set_view(slot, view, 0, 0, flags)


def set_view(slot: Ptr, view: int, window: int, length: Int | int, flags: Int | int) -> None:
    """Describe a text: its place in the window, length and VIEW_* flags."""
    place = slot.at(scratch.view(view))
    place.store(window, 4)
    place.at(4).store(length, 4)
    place.at(8).store(flags, 4)


def stamp_time(fn: Function, slot: Ptr) -> None:
    """What the core takes for the time."""
    slot.at(scratch.header("time_ns")).store(fn.helper("ktime_get_boot_ns"))


def judge(fn: Function, slot: Ptr, subject: Subject, origins: Origins) -> Int:
    """Read what the conditions ask for, call the core, and send a record if the agent has to hear
    of the event.

    Args:
        fn: function whose first argument is the slot's number.
        slot: the slot.
        subject: the prepared event.
        origins: lines to quote.

    Returns:
        The verdict: ACT_* in bits 0..15, errno in bits 16..31.
    """
    name = subject.event.layout.event
    for view in subject.unknown:
        set_view(slot, view, 0, 0, record.VIEW_UNKNOWN)
    wanted = [g for g in subject.groups if set(g.fields) & set(subject.event.fields)]
    loaded = list(subject.loaded)
    for group in wanted:
        read = [f for f in group.fields if f in subject.event.fields]
        fn.at_place(origins.field(name, read[0]))
        _load(fn, subject, group.function, loaded)
    fn.at_place(origins.event(name))
    slot.at(scratch.word("stage")).store(subject.stage)
    if subject.event.timed:
        stamp_time(fn, slot)
    verdict = verdict_of(fn, slot, fn.argument(), subject.event, subject.recall)
    with fn.when((verdict & _RECORDED).ne(0)):
        rest = list(loaded)
        for group in subject.groups:
            _load(fn, subject, group.function, rest)
        fn.call(f"alert_{symbol(name)}", fn.argument(), verdict)
    return verdict


def _load(fn: Function, subject: Subject, function: str, loaded: list[str]) -> None:
    if function in loaded:
        return
    group = next(g for g in subject.groups if g.function == function)
    for needed in group.needs:
        _load(fn, subject, needed, loaded)
    fn.call(function, fn.argument())
    loaded.append(function)
