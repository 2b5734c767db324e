"""Recorded events judged by a policy's compiled core, and the alerts that come of it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import define, field, frozen

from bpfc.artifact.alert import Alert, AlertContext, Alerter
from bpfc.artifact.confirming import StageCounts
from bpfc.artifact.container import Artifact
from bpfc.artifact.decode import Plan, Record, State, Value, plans_of
from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.record import ACT_DENY, STAGE_AFTER
from bpfc.artifact.recording import LIFE
from bpfc.artifact.testing import SlotLayout
from bpfc.artifact.wording import Users
from bpfc.recording.header import Header
from bpfc.recording.programs import Programs
from bpfc.recording.reader import Item
from bpfc.recording.translation import Translation
from bpfc.runtime.judging import Event, Verdict
from bpfc.runtime.ladder import STAGES
from bpfc.runtime.platform import Capability, ChosenForm
from bpfc.runtime.sets import RuntimeSet


class Core(Protocol):
    """What judges: the simulator."""

    @property
    def artifact(self) -> Artifact:
        """The policy."""

    @property
    def half(self) -> str:
        """Which half of it judges."""

    @property
    def forms(self) -> tuple[ChosenForm, ...]:
        """How its rules are carried out."""

    @property
    def layout(self) -> SlotLayout:
        """Where records stand."""

    def judge(self, event: str, made: Event, stage: int) -> Verdict:
        """Have an event judged."""

    def remember(self, event: str, made: Event) -> None:
        """Have the core note what an event says of processes, without judging it."""

    def set(self, name: str) -> RuntimeSet:
        """A run-time set of the policy."""

    def statistics(self) -> tuple[tuple[int, ...], ...]:
        """For each rule of the manifest the numbers of record.RULE_STATS."""


@frozen
class Missing:
    """What a policy reads and a recording does not have.

    Args:
        events: events that the policy has rules on.
        fields: by event that was recorded, fields that are unknown in a replay.
    """

    events: tuple[str, ...]
    fields: Mapping[str, tuple[str, ...]]


@define
class Replay:
    """A policy that judges a recording's events, one after the other.

    Args:
        runner: the policy's core; nothing was judged by it yet.
        header: of the recording.
        users: what the recorded machine called its users, None if nobody knows.
        late: by event, the fields that are known after its decision only.
        judged: how many events the policy has looked at.
    """

    runner: Core
    header: Header
    users: Users | None = None
    late: Mapping[str, Sequence[str]] = field(factory=dict)
    judged: int = 0
    missing: Missing = field(init=False)
    _translations: dict[str, Translation] = field(init=False, factory=dict)
    _stages: dict[str, tuple[int, ...]] = field(init=False, factory=dict)
    _alerter: Alerter = field(init=False)
    _programs: Programs = field(init=False, factory=Programs)
    _sequences: bool = field(init=False)

    def __attrs_post_init__(self) -> None:
        artifact, half = self.runner.artifact, self.runner.half
        context = AlertContext(
            host=self.header.host,
            boot_id=self.header.boot_id,
            boot_time_ns=self.header.boot_time_ns,
            artifact=artifact.digest,
            platform=half,
            users=self.users,
            ask=self._ask,
        )
        self._alerter = Alerter(artifact.manifest, context)
        self._sequences = any(rule.steps for rule in artifact.manifest.rules)
        plans = {p.layout.event: p for p in plans_of(artifact.manifest.layouts, half).values()}
        wide = half == "windows" and self.header.platform == "linux"
        for judge in self.runner.layout.judges:
            recorded = self.header.layout(judge.event)
            if recorded is None:
                continue
            plan = plans.get(judge.event) or _context(artifact.manifest.context)
            late = self.late.get(judge.event, ())
            made = Translation(recorded, plan, self.runner.layout, judge, late, wide)
            self._translations[judge.event] = made
            self._stages[judge.event] = self._stages_of(judge.event)
        self.missing = Missing(
            tuple(j.event for j in self.runner.layout.judges if j.event not in self.header.events),
            {name: one.missing for name, one in self._translations.items() if one.missing},
        )

    @property
    def stages(self) -> Mapping[str, StageCounts]:
        """What became of the candidates of second stages, by rule."""
        return self._alerter.stages

    def _ask(self, source: str, needs: tuple[Value | State, ...]) -> Value | State:
        """What a recording has of what the agent knows: names of users."""
        if source != "user" or self.users is None:
            return State.UNKNOWN
        (number,) = needs
        if isinstance(number, State):
            return number
        return (isinstance(number, int) and self.users(number)) or State.UNKNOWN

    def _stages_of(self, event: str) -> tuple[int, ...]:
        """The stages at which an event is judged, in the order in which they come."""
        found = {STAGES[form.form.stage] for form in self.runner.forms if form.event == event}
        if event in LIFE or not found:  # what is remembered changes once it has happened
            found.add(STAGE_AFTER)
        return tuple(sorted(found, reverse=True))

    def play(self, item: Item) -> tuple[Alert, ...]:
        """Take the next item of the recording.

        Args:
            item: an event, or what was known of a process before the first one.

        Returns:
            The alerts that a sensor would have given.

        Raises:
            Fault: the core did what no system allows.
        """
        if not item.before:
            if self._sequences:
                self._programs.note(item.record)
            return self._judge(item.record)
        translation = self._translations.get(item.record.event)
        if translation is not None:
            made = translation.made(item.record, STAGE_AFTER)
            self.runner.remember(item.record.event, made.event)
        return ()

    def _judge(self, record: Record) -> tuple[Alert, ...]:
        """Judge an event; what was denied is not judged any further."""
        translation = self._translations.get(record.event)
        if translation is None:
            return ()
        self.judged += 1
        alerts: list[Alert] = []
        for stage in self._stages[record.event]:
            made = translation.made(record, stage)
            verdict = self.runner.judge(record.event, made.event, stage)
            if verdict.rules:
                found = translation.alerting(record, made, verdict, stage)
                alerts += self._alerter.alerts(found, self._programs.of)
            if verdict.actions & ACT_DENY:
                break
        return tuple(alerts)


def _context(context: EventLayout | None) -> Plan:
    """For an event without rules, at which the core only keeps what it remembers of processes."""
    layout = EventLayout("", 0, (), (), 0) if context is None else context
    (plan,) = plans_of([layout], "linux").values()
    return plan


def offered(header: Header) -> tuple[Capability, ...]:
    """What the recorded machine offered to rules.

    Args:
        header: of the recording.
    """
    return tuple(Capability(name, True, "when it was recorded", "") for name in header.capabilities)
