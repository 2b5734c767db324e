"""From a recorded event to the record that a policy's core judges.

A recording and a policy have layouts of their own; fields find each other by their names. What the
policy reads and the recording does not have is unknown, as it would be on a machine that cannot
read it.
"""

from collections.abc import Collection, Mapping

from attrs import frozen

from bpfc.artifact.decode import Plan, Record
from bpfc.artifact.manifest import EventLayout, NumberField, TextField
from bpfc.artifact.record import (
    HEADER,
    RULE_PARTIAL,
    STAGE_BEFORE,
    VIEW_TRUNCATED,
    VIEW_UNKNOWN,
)
from bpfc.artifact.testing import NOBODY, PROCESS, Judge, SlotLayout
from bpfc.runtime.judging import Event, Text, Verdict, wide_text

_ACTIONS = (1 << 8 * HEADER["actions"].size) - 1  # the kills that steps ask for stand with these
_UNKNOWN = Text(flags=VIEW_UNKNOWN)


@frozen
class _Words:
    """A number: its first word in the recording and in the policy's record, and how many it has."""

    source: int
    target: int
    count: int


@frozen
class _View:
    """A text: its view in the recording and in the policy's record, and what is examined of it.

    Args:
        limit: bytes of the whole.
        name_limit: bytes of the last component, 0 where that is not asked for.
        path: whether it is a path.
        joined: whether it is a command line.
    """

    source: int
    target: int
    limit: int
    name_limit: int
    path: bool
    joined: bool


@frozen
class Made:
    """A record as a core judges it at a stage, with what an alert on it needs.

    Args:
        event: for the core.
        numbers, texts: of the policy's layout, complete.
    """

    event: Event
    numbers: tuple[int, ...]
    texts: tuple[Text, ...]


class Translation:
    """From one event's records in a recording to those of a policy.

    Args:
        recorded: layout in the recording.
        plan: how the policy's records are read.
        slot: places in the policy's scratch slot.
        judge: what judges the event.
        late: fields that are known after the event's decision only.
        wide: whether texts become UTF-16LE, and separators of paths backslashes.
    """

    def __init__(
        self,
        recorded: EventLayout,
        plan: Plan,
        slot: SlotLayout,
        judge: Judge,
        late: Collection[str] = (),
        wide: bool = False,
    ) -> None:
        self.plan, self._wide, self._parts = plan, wide, slot.parts
        limits = dict(judge.limits)
        numbers = {field.name: field for field in recorded.numbers}
        texts = {field.name: field for field in recorded.texts if not field.part}
        self._numbers: list[_Words] = []
        self._views: list[_View] = []
        self._missing = 0  # a bit for each number word that no recorded field gives
        self._late_numbers, self._late_views = 0, set[int]()
        missing = []
        for number in plan.layout.numbers:
            source = numbers.get(number.name)
            if source is None or not _same_number(source, number):
                self._missing |= 1 << number.index
                missing.append(number.name)
            else:
                self._numbers.append(_Words(source.index, number.index, number.words))
            self._late_numbers |= (number.name in late) << number.index
        for text in plan.layout.texts:
            if text.part:
                continue
            view = texts.get(text.name)
            if view is None or not _same_text(view, text):
                missing.append(text.name)
            else:
                self._views.append(self._view(view, text, limits, slot))
            if text.name in late:
                self._late_views.add(text.view)
        self.missing = tuple(missing)
        self._words = plan.numbers.size // 8
        self._texts = plan.views.size // 8

    def _view(
        self, source: TextField, target: TextField, limits: Mapping[int, int], slot: SlotLayout
    ) -> _View:
        limit = limits.get(target.view, slot.text_size)
        name_limit = limits.get(slot.parts + target.view, 0)
        path = target.kind == "path"
        return _View(source.view, target.view, limit, name_limit, path, target.joined)

    def made(self, record: Record, stage: int) -> Made:
        """A recorded event as the policy's core is to judge it.

        Args:
            record: of the recording.
            stage: STAGE_*; before the decision, fields that are known later are unknown.
        """
        numbers, unknown, absent = self._made_numbers(record)
        texts = [_UNKNOWN] * self._texts
        names: dict[int, Text] = {}
        for view in self._views:
            text = self._text(record, view)
            texts[view.target] = text
            if view.name_limit and self._name_length(text.data) > view.name_limit:
                names[self._parts + view.target] = _UNKNOWN
        if stage == STAGE_BEFORE:
            unknown, absent = unknown | self._late_numbers, absent & ~self._late_numbers
            for late in self._late_views:
                texts[late] = _UNKNOWN
        event = Event(
            numbers=dict(enumerate(numbers)),
            texts={**dict(enumerate(texts)), **names},
            unknown=unknown,
            absent=absent,
            time_ns=record.header.time_ns,
            process=tuple(_number(record, name) for name in PROCESS),
        )
        return Made(event, tuple(numbers), tuple(texts))

    def _made_numbers(self, record: Record) -> tuple[list[int], int, int]:
        """Words, and bits of those that are unknown and absent."""
        words, unknown, absent = [0] * self._words, self._missing, 0
        header = record.header
        for number in self._numbers:
            source, target = number.source, number.target
            words[target : target + number.count] = record.numbers[source : source + number.count]
            unknown |= (header.unknown >> source & 1) << target
            absent |= (header.absent >> source & 1) << target
        return words, unknown, absent

    def _text(self, record: Record, view: _View) -> Text:
        data, flags = record.texts[view.source], record.view_flags[view.source]
        if self._wide:
            data = wide_text(data, view.path, view.joined)
        if len(data) > view.limit:
            data, flags = data[: view.limit], flags | VIEW_TRUNCATED
        return Text(data, flags)

    def _name_length(self, path: bytes) -> int:
        """Bytes of a path's last component, at least."""
        separator = "\\".encode("utf-16-le") if self._wide else b"/"
        return len(path.rpartition(separator)[2])

    def alerting(self, record: Record, made: Made, verdict: Verdict, stage: int) -> Record:
        """The record that the policy's programs would have written.

        Args:
            record: of the recording.
            made: what was judged.
            verdict: what came of it.
            stage: STAGE_*.
        """
        header = record.header._replace(
            layout=self.plan.layout.digest,
            stage=stage,
            actions=verdict.actions & _ACTIONS,
            rule_count=len(verdict.rules),
            rules_more=verdict.more,
            errno=verdict.errno,
            unknown=made.event.unknown,
            absent=made.event.absent,
        )
        return Record(
            self.plan,
            header,
            tuple(rule | RULE_PARTIAL * partial for rule, partial in verdict.rules),
            made.numbers,
            tuple(text.data for text in made.texts),
            tuple(text.flags for text in made.texts),
            verdict.steps,
        )


def _same_number(one: NumberField, other: NumberField) -> bool:
    """Whether two catalogues mean the same by a number."""
    return (one.kind, one.words, one.signed) == (other.kind, other.words, other.signed)


def _same_text(one: TextField, other: TextField) -> bool:
    """Whether two catalogues mean the same by a text."""
    return (one.kind, one.joined) == (other.kind, other.joined)


def _number(record: Record, name: str) -> int:
    """A number of the recorded event; one that no process has if it is not known."""
    read = record.plan.fields.get(name)
    value = None if read is None else read(record)
    return value if isinstance(value, int) else NOBODY
