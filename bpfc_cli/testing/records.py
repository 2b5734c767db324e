"""From values of fields to what a compiled core is given, and from its verdicts to outcomes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

from attrs import define, evolve, field

from bpfc.artifact.confirming import NO_STAGE, SecondStage, Told
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import LONG_TEXT
from bpfc.artifact.decode import Header, State, Value, address_of, plans_of
from bpfc.artifact.decode import Record as RingRecord
from bpfc.artifact.errnos import ERRNO
from bpfc.artifact.manifest import EventLayout, NumberField, RuleInfo, StepInfo
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
from bpfc.artifact.steps import StepRecord
from bpfc.artifact.testing import NOBODY, PROCESS
from bpfc.runtime.judging import Event as Made
from bpfc.runtime.judging import Text, Verdict, wide_text
from bpfc.runtime.ladder import STAGES
from bpfc_cli.testing.play import Step
from dsl.catalogue import Catalogue, load
from dsl.catalogue import Event as EventKind
from dsl.interpreter import Event, Fired, Outcome, Seen
from dsl.interpreter.interpreter import known_at
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated, named_value

_ENDLESS = 1 << 32
_WORD = (1 << 64) - 1
_START = "process.exec"
_ERRNO_NAMES = {number: name for name, number in ERRNO.items()}


@define
class Records:
    """Lays out the records of one half of an artifact, and reads its verdicts.

    Args:
        artifact: the policy.
        half: "linux" or "windows".
        catalogue: the events.
        brief: whether a stage is left out at which no rule on the event acts; nothing is attached
            there either.
    """

    artifact: Artifact
    half: str = "linux"
    catalogue: Catalogue = field(factory=load)
    brief: bool = False
    _layouts: dict[str, EventLayout] = field(init=False)
    _limits: dict[str, dict[int, int]] = field(init=False)
    _rules: dict[tuple[str, int], RuleInfo] = field(init=False)
    _second: dict[tuple[str, int], SecondStage] = field(init=False)
    _parts: int = field(init=False)
    _stages: frozenset[tuple[str, str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        manifest = self.artifact.manifest
        self._layouts = {layout.event: layout for layout in manifest.layouts}
        judges = manifest.slot.judges if manifest.slot else ()
        self._parts = manifest.slot.parts if manifest.slot else 0
        self._limits = {judge.event: dict(judge.limits) for judge in judges}
        self._stages = frozenset(
            (at.event, at.forms[0].stage)
            for rule in manifest.rules
            for at in getattr(rule, self.half)
            if at.forms
        )
        self._rules = {
            (at.event, at.local): rule for rule in manifest.rules for at in getattr(rule, self.half)
        }
        self._second = {
            place: SecondStage(rule.confirm, self._layouts[place[0]], self.half)
            for place, rule in self._rules.items()
            if rule.confirm is not None
        }

    def step(self, event: Event) -> Step:
        """An event as its records, one for each stage.

        Args:
            event: with all fields that its record has room for.

        Returns:
            The records; none of an event that no rule of this half is about.
        """
        limits = self._limits.get(event.name)
        kind = self.catalogue.event(event.name)
        if limits is None or kind is None or self.half not in kind.platforms:
            return Step(event.name, ())
        layout = self._layouts.get(event.name, self.artifact.manifest.context)
        if self.half == "windows":  # where all of an event is known before it is decided
            record = made(event.fields, layout, event.time, wide_text, limits, self._parts)
            step = Step(event.name, ((STAGES["before"], record),))
            return self._with_known(step, event, kind, [event.fields], wide_text)
        stages = [
            (STAGES[stage], known_at(event.fields, kind, stage))
            for stage in kind.phases
            # At the last one tags are kept, also without a rule.
            if not self.brief or stage == kind.phases[-1] or (event.name, stage) in self._stages
        ]
        step = Step(
            event.name,
            tuple((n, made(known, layout, event.time, bytes, limits)) for n, known in stages),
        )
        return self._with_known(step, event, kind, [known for _, known in stages], bytes)

    def _with_known(
        self,
        step: Step,
        event: Event,
        kind: EventKind,
        stages: Iterable[Record],
        encoded: Callable[[bytes], bytes],
    ) -> Step:
        """A step with what second stages of rules on its event are judged by."""
        if all(name != event.name for name, _ in self._second):
            return step
        layout = self._layouts[event.name]
        whole = tuple(made(fields, layout, event.time, encoded) for fields in stages)
        given = {f.name: event.fields.get(f.name, UNKNOWN) for f in kind.agent_fields}
        known = {name: found_out(value) for name, value in given.items()}
        return evolve(step, whole=whole, known=known)

    def outcome(self, step: Step, verdicts: Iterable[Verdict]) -> Outcome:
        """What a core made of an event, and then second stages of rules.

        Args:
            step: the event.
            verdicts: one for each stage.
        """
        found, event = Outcome(), step.event
        for number, verdict in enumerate(verdicts):
            came = _outcome(verdict, event, self._rules)
            if step.whole:
                rules = {self._rules[event, rule].name: rule for rule, _ in verdict.rules}
                came = self._confirmed(came, step, step.whole[number], rules)
            found = found.then(came)
        if self.half == "windows" and event == _START and found.deny:
            # To end a process that is about to start is to deny its start.
            return evolve(found, kill=found.kill | {"proc"})
        return found

    def _confirmed(
        self, outcome: Outcome, step: Step, whole: Made, rules: Mapping[str, int]
    ) -> Outcome:
        """An outcome without the alerts that second stages do not confirm."""
        record = as_read(whole, self._layouts[step.event], self.half)
        told = Told(record, {}, None, dict(step.known))
        alerts = []
        for alert in outcome.alerts:
            stage = self._second.get((step.event, rules[alert.rule]))
            verdict = NO_STAGE if stage is None else stage.judge(told)
            if verdict.confirmed:
                alerts.append(evolve(alert, partial=alert.partial or not verdict.definite))
        return evolve(outcome, alerts=tuple(alerts))


def found_out(value: FieldValue) -> Value | State:
    """What the agent found out, as it has it.

    Args:
        value: as tests give it.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, int):
        return value
    return State.ABSENT if value is ABSENT else State.UNKNOWN


def as_read(made: Made, layout: EventLayout, platform: str) -> RingRecord:
    """A record as the agent reads it from the ring.

    Args:
        made: with all texts.
        layout: of its event.
        platform: "linux" or "windows".
    """
    (plan,) = plans_of([layout], platform).values()
    header = dict.fromkeys(Header._fields, 0)
    states = {"unknown": made.unknown, "absent": made.absent, "event": layout.number}
    words = max((number.index + number.words for number in layout.numbers), default=0)
    views = max((text.view + 1 for text in layout.texts), default=0)
    texts = [made.texts.get(view, Text(flags=VIEW_UNKNOWN)) for view in range(views)]
    return RingRecord(
        plan,
        Header(**{**header, **states}),
        (),
        tuple(made.numbers.get(word, 0) & _WORD for word in range(words)),
        tuple(text.data for text in texts),
        tuple(text.flags for text in texts),
    )


def made(
    record: Record,
    layout: EventLayout | None,
    time: int,
    encoded: Callable[[bytes], bytes] = bytes,
    limits: Mapping[int, int] | None = None,
    parts: int | None = None,
) -> Made:
    """A record as an adapter would make it.

    Args:
        record: the event's fields.
        layout: of the event; without one the record says of the process who it is.
        time: nanoseconds since boot.
        encoded: makes of a text what programs see.
        limits: by match view: longest text that is examined; None for no limits.
        parts: where tests write paths in either form, number of the first match view that is a last
            component; None where components follow from their paths.

    Returns:
        The record.
    """
    process = tuple(_known_number(record.get(name, UNKNOWN)) for name in PROCESS)
    if layout is None:
        return Made(time_ns=time, process=process)
    numbers: dict[int, int] = {}
    unknown = absent = 0
    for number in layout.numbers:
        value = named_value(number.name, record)
        if value is UNKNOWN:
            unknown |= 1 << number.index
        elif value is ABSENT:
            absent |= 1 << number.index
        else:
            numbers |= _words(value, number)
    texts: dict[int, Text] = {}
    for text in layout.texts:
        if text.part:
            continue
        value = named_value(text.name, record)
        # An adapter examines no more than rules ask for, and stores no more than this.
        limit = _ENDLESS if limits is None else limits.get(text.view, LONG_TEXT)
        texts[text.view] = _text(value, limit, encoded)
        if parts is not None and text.kind == "path" and isinstance(value, bytes):
            name = re.split(rb"[/\\]", value)[-1]
            texts[text.view + parts] = _text(name, limit, encoded)
    return Made(numbers, texts, unknown, absent, time, process)


def _text(value: FieldValue, limit: int, encoded: Callable[[bytes], bytes]) -> Text:
    if value is UNKNOWN:
        return Text(flags=VIEW_UNKNOWN)
    if value is ABSENT:
        return Text(flags=VIEW_ABSENT)
    cut = isinstance(value, Truncated)
    data = value.prefix if isinstance(value, Truncated) else value
    assert isinstance(data, bytes)
    data = encoded(data)
    return Text(data[:limit], VIEW_TRUNCATED if cut or len(data) > limit else 0)


def steps(
    artifact: Artifact, events: Sequence[Event], known: Catalogue | None = None
) -> tuple[Step, ...]:
    """Events as the records of an artifact's Linux half, as `Records.step` makes them."""
    records = Records(artifact, catalogue=known or load())
    return tuple(records.step(event) for event in events)


def _known_number(value: FieldValue) -> int:
    return value if isinstance(value, int) else NOBODY


def _words(value: FieldValue, field: NumberField) -> dict[int, int]:
    """A number as its words; an IPv4 address as ::ffff:a.b.c.d."""
    if field.words == 1:
        assert isinstance(value, int)
        return {field.index: value}
    assert isinstance(value, IPv4Address | IPv6Address)
    whole = int(value) | (0xFFFF << 32 if value.version == 4 else 0)
    return {field.index: whole >> 64, field.index + 1: whole & (1 << 64) - 1}


def _outcome(verdict: Verdict, event: str, rules: dict[tuple[str, int], RuleInfo]) -> Outcome:
    def error(action: int) -> str:
        return _ERRNO_NAMES[verdict.errno] if verdict.actions & action else ""

    proc = verdict.actions & (ACT_KILL | ACT_KILL_AGENT)
    parent = verdict.actions & ACT_KILL_PARENT
    seen: dict[int, list[Seen]] = {}
    killed = []
    for block in verdict.steps:
        for info, step in zip(rules[event, block.rule].steps, block.steps, strict=True):
            values = _step_values(info, step)
            seen.setdefault(block.rule, []).append(Seen(step.time_ns, values))
            if block.kill and info.kill:
                pid = values["proc.pid"]
                killed.append(f"{info.name}.proc {pid if isinstance(pid, int) else 'unknown'}")
    return Outcome(
        # Rules that count stand behind the others in a record, wherever they do in the source.
        alerts=tuple(
            Fired(rules[event, rule].name, partial, tuple(seen.get(rule, ())))
            for rule, partial in sorted(verdict.rules)
        ),
        deny=error(ACT_DENY),
        kill=frozenset([*["proc"] * bool(proc), *["proc.parent"] * bool(parent), *killed]),
        would_deny=error(ACT_WOULD_DENY),
        would_kill=bool(verdict.actions & ACT_WOULD_KILL),
    )


def _step_values(info: StepInfo, seen: StepRecord) -> dict[str, FieldValue]:
    """The values of a step as the interpreter has them."""
    found: dict[str, FieldValue] = {}
    for number in info.fields:
        at = number.index
        if seen.unknown(at) or seen.absent(at):
            found[number.name] = UNKNOWN if seen.unknown(at) else ABSENT
        elif number.words == 2:
            found[number.name] = address_of(*seen.words[at : at + 2])
        else:
            value = seen.words[at]
            found[number.name] = value - ((value >> 63) << 64) if number.signed else value
    return found
