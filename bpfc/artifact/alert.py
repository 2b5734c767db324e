"""Alerts, schema version 1: the one place that says what an alert holds and how it is written.

`docs/alert-schema.md` describes the same for those who read alerts. A member is never renamed or
given another meaning within a version; adding one does not change the version.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping

from attrs import asdict, evolve, frozen

from bpfc.artifact.alert_steps import (
    AlertStep,
    Programs,
    alert_steps,
    named_values,
    step_values,
)
from bpfc.artifact.confirming import NO_STAGE, Ask, SecondStage, StageCounts, Told
from bpfc.artifact.decode import Record, State
from bpfc.artifact.errnos import errno_name
from bpfc.artifact.errors import RecordError
from bpfc.artifact.forms import Json, iso, json_form
from bpfc.artifact.manifest import Manifest, OutputInfo, Parts, RuleInfo
from bpfc.artifact.record import (
    ACT_DENY,
    ACT_KILL,
    ACT_KILL_AGENT,
    ACT_KILL_PARENT,
    ACT_KILL_STEP,
    ACT_WOULD_DENY,
    ACT_WOULD_KILL,
    RULE_PARTIAL,
)
from bpfc.artifact.wording import Users, Values, Wording, headline, with_users

SCHEMA_VERSION = 1

# What happened to the operation, the strongest first; the last stands for no bit at all.
OUTCOMES = (
    (ACT_DENY, "denied"),
    (ACT_KILL, "killed"),
    (ACT_KILL_AGENT | ACT_KILL_PARENT | ACT_KILL_STEP, "kill requested"),
    (ACT_WOULD_DENY, "would deny"),
    (ACT_WOULD_KILL, "would kill"),
    (0, "observed"),
)
_AUDIT = ACT_WOULD_DENY | ACT_WOULD_KILL
_SEQUENCE_MASK = (1 << 48) - 1  # the CPU above it stands in its own member


@frozen
class AlertRule:
    """The rule that fired.

    Args:
        name: its identifier.
        id: from its metadata, else None.
        revision: likewise.
        severity: likewise.
        title: likewise.
        mitre: techniques, for example "T1620".
        metadata: everything else its author wrote, several values a key.
    """

    name: str
    id: str | None
    revision: int | None
    severity: str | None
    title: str | None
    mitre: tuple[str, ...]
    metadata: Mapping[str, tuple[str, ...]]


@frozen
class AlertPolicy:
    """The policy the rule belongs to."""

    name: str
    version: str


@frozen
class Alert:
    """One alert: one rule that fired on one event. Members are written in this order.

    Args:
        schema: SCHEMA_VERSION.
        time: wall clock, ISO 8601 in UTC with nanoseconds.
        time_ns: nanoseconds since boot, suspended time included.
        host: name of the machine.
        boot_id: the kernel's id of this boot.
        cpu: processor the event was seen on.
        sequence: number of the record on that processor; (boot_id, cpu, sequence) names the record.
        generation: number of the activation that judged the event.
        artifact: SHA-256 of the artifact's file.
        policy: the policy.
        rule: the rule.
        event: catalogue name.
        stage: "before" (it could still be prevented) or "after".
        outcome: what happened to the operation, whichever rule caused it: "observed", "denied",
            "killed", "kill requested" (asynchronous, by the agent), "would deny", "would kill".
        errno: name of the error number of a denial, else None.
        certainty: "certain", or "partial" where only an exception or a negated test was unknown.
        message: one line for people.
        fields: known values by catalogue name.
        unknown: fields that could not be read.
        absent: fields that are known not to exist.
        truncated: text fields of which only the beginning is here.
        more_rules: rules that fired on the same event and did not fit into the record.
        output: the values that the rule names, None for one without a value.
        steps: of a rule on a sequence, its earlier steps.
    """

    schema: int
    time: str
    time_ns: int
    host: str
    boot_id: str
    cpu: int
    sequence: int
    generation: int
    artifact: str
    policy: AlertPolicy
    rule: AlertRule
    event: str
    stage: str
    outcome: str
    errno: str | None
    certainty: str
    message: str
    fields: Mapping[str, Json]
    unknown: tuple[str, ...]
    absent: tuple[str, ...]
    truncated: tuple[str, ...]
    more_rules: int
    output: Mapping[str, Json | None]
    steps: tuple[AlertStep, ...] = ()


@frozen
class AlertContext:
    """What alerts say that stands neither in the record nor in the manifest.

    Args:
        host: name of the machine.
        boot_id: /proc/sys/kernel/random/boot_id.
        boot_time_ns: wall clock at boot, nanoseconds since 1970 (wall clock minus boot clock now).
        artifact: SHA-256 of the artifact's file (`Artifact.digest`).
        platform: "linux" or "windows": which half wrote the record.
        users: what this machine calls its users, None if nobody knows.
        ask: finds out what only the agent knows; None if nobody does, and then it is unknown.
    """

    host: str
    boot_id: str
    boot_time_ns: int
    artifact: str
    platform: str = "linux"
    users: Users | None = None
    ask: Ask | None = None


@frozen
class _Entry:
    """A rule as it is needed for each of its alerts."""

    info: RuleInfo
    rule: AlertRule
    audit: int  # ACT_WOULD_* the rule can ask for
    wording: Wording
    stage: SecondStage | None


class Alerter:
    """Makes alerts from the records of one manifest; make it once, use it for every record.

    Attributes:
        stages: by name of a rule with a second stage, what became of its candidates.
    """

    def __init__(self, manifest: Manifest, context: AlertContext) -> None:
        """Prepare the rules.

        Args:
            manifest: a checked manifest.
            context: what it does not say.
        """
        self._context = context
        self._policy = AlertPolicy(manifest.policy, manifest.policy_version)
        self._wordings = {layout.event: Wording.of(layout) for layout in manifest.layouts}
        self._entries: dict[tuple[str, int], _Entry] = {}
        self.stages = {info.name: StageCounts() for info in manifest.rules if info.confirm}
        self._agent = {known.name: known for info in manifest.rules for known in info.agent}
        layouts = {layout.event: layout for layout in manifest.layouts}
        for info in manifest.rules:
            rule = rule_of(info)
            for place in info.linux if context.platform == "linux" else info.windows:
                audit = 0
                for form in place.forms:
                    audit |= form.actions & _AUDIT
                wording = self._wordings[place.event].with_agent(info.agent)
                for step in info.steps:
                    wording = wording.with_step(step)
                stage = None
                if info.confirm is not None:
                    layout = layouts[place.event]
                    stage = SecondStage(info.confirm, layout, context.platform)
                entry = _Entry(info, rule, audit, wording, stage)
                self._entries[place.event, place.local] = entry

    def alerts(self, record: Record, programs: Programs | None = None) -> tuple[Alert, ...]:
        """One alert for each rule that a record lists; of those with a second stage for each that
        it confirms.

        Args:
            record: a record of the same manifest.
            programs: tells what processes of earlier steps run; None if nobody does.

        Returns:
            The alerts in the record's order.

        Raises:
            RecordError: the record lists a rule that the manifest does not know.
        """
        if not record.rules:
            return ()
        header = record.header
        values = record.values()
        fields, unknown, absent = _by_state(values)
        cut = record.truncated()
        layout = record.plan.layout
        words = _Words(
            values, self._wordings[layout.event], cut, layout.message, self._context.users
        )
        time = iso(self._context.boot_time_ns + header.time_ns)
        blocks = {block.rule: block for block in record.steps}
        actions = header.actions | ACT_KILL_STEP * any(block.kill for block in record.steps)
        told = Told(record, self._agent, self._context.ask) if self._agent else None
        found = []
        for word in record.rules:
            entry = self._entries.get((record.event, word & ~RULE_PARTIAL))
            if entry is None:
                raise RecordError(f"a record lists rule {word & ~RULE_PARTIAL} of {record.event}")
            verdict = NO_STAGE
            if entry.stage is not None and told is not None:
                verdict = entry.stage.judge(told)
                self.stages[entry.info.name].add(verdict)
                if not verdict.confirmed:
                    continue
            outcome = _outcome(actions, entry.audit)
            steps: tuple[AlertStep, ...] = ()
            own, seen = words, (fields, unknown, absent)
            if told is not None and entry.info.agent:
                known = {**values, **told.values(entry.info.agent)}
                own, seen = evolve(words, values=known, wording=entry.wording), _by_state(known)
            if block := blocks.get(word & ~RULE_PARTIAL):
                boot = self._context.boot_time_ns
                steps = alert_steps(entry.info, block, boot, programs)
                known = {**own.values, **named_values(entry.info, block)}
                own = evolve(words, values=known, wording=entry.wording)
            denial = outcome in ("denied", "would deny") and header.errno
            found.append(
                Alert(
                    schema=SCHEMA_VERSION,
                    time=time,
                    time_ns=header.time_ns,
                    host=self._context.host,
                    boot_id=self._context.boot_id,
                    cpu=header.cpu,
                    sequence=header.sequence & _SEQUENCE_MASK,
                    generation=header.generation,
                    artifact=self._context.artifact,
                    policy=self._policy,
                    rule=entry.rule,
                    event=record.event,
                    stage=record.stage,
                    outcome=outcome,
                    errno=errno_name(header.errno) if denial else None,
                    certainty="certain"
                    if verdict.definite and not word & RULE_PARTIAL
                    else "partial",
                    message=own.message_of(entry.info),
                    fields=seen[0],
                    unknown=seen[1],
                    absent=seen[2],
                    truncated=cut,
                    more_rules=header.rules_more,
                    output=own.output_of(entry.info),
                    steps=steps,
                )
            )
        return tuple(found)

    def condemned(self, record: Record) -> Iterator[tuple[str, object, object]]:
        """The processes of earlier steps that a record asks to end.

        Args:
            record: a record of the same manifest.

        Yields:
            What it is, its id and its start, as far as they are known.
        """
        for block in record.steps:
            entry = self._entries.get((record.event, block.rule))
            if not block.kill or entry is None:
                continue
            for info, seen in zip(entry.info.steps, block.steps, strict=False):
                if info.kill:
                    values = step_values(info, seen)
                    name = f"{info.name}.proc.pid"
                    yield name, values.get("proc.pid"), values.get("proc.start_time")


def alerts_of(record: Record, manifest: Manifest, context: AlertContext) -> tuple[Alert, ...]:
    """The alerts of a single record (`Alerter` is for many).

    Args:
        record: a record of that manifest.
        manifest: the manifest.
        context: what it does not say.

    Returns:
        One alert for each rule that the record lists.

    Raises:
        RecordError: the record lists a rule that the manifest does not know.
    """
    return Alerter(manifest, context).alerts(record)


def to_json(alert: Alert) -> str:
    """An alert as one line of JSON, members in the order of `Alert`, ASCII only.

    Args:
        alert: the alert.

    Returns:
        The line, without its end.
    """
    # Nested values are shared between alerts and never changed: the shallow dict is enough.
    value = {name: getattr(alert, name) for name in _MEMBERS}
    value["policy"] = asdict(alert.policy)
    value["rule"] = asdict(alert.rule)
    value["steps"] = [asdict(step) for step in alert.steps]
    return json.dumps(value, separators=(",", ":"))


_MEMBERS = tuple(a.name for a in Alert.__attrs_attrs__)


def printable(text: str) -> str:
    """Text that cannot command a terminal or reorder a line.

    Args:
        text: any text, for example from a command line of an attacker.

    Returns:
        The same with control characters, format characters (bidirectional overrides among them),
        line separators and lone surrogates as escapes.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c) else _escape(c) for c in text)


def _harmless(char: str) -> bool:
    """Whether a character only prints."""
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _escape(char: str) -> str:
    """A character as Python would write it in a literal."""
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def rule_of(info: RuleInfo) -> AlertRule:
    """The rule as alerts show it."""
    rows: dict[str, list[str]] = {}
    for key, value in info.metadata:
        rows.setdefault(key, []).append(value)

    def single(key: str) -> str | None:
        values = rows.pop(key, None)
        return values[-1] if values else None

    revision = single("revision") or ""
    return AlertRule(
        name=info.name,
        id=single("id"),
        revision=int(revision) if re.fullmatch("[0-9]{1,18}", revision) else None,
        severity=single("severity"),
        title=single("title"),
        mitre=tuple(rows.pop("mitre", ())),
        metadata={key: tuple(values) for key, values in rows.items()},
    )


def _outcome(actions: int, audit: int) -> str:
    """What happened; an audited action counts for the rules that asked for it only."""
    seen = actions & ~(_AUDIT & ~audit)
    return next(name for bits, name in OUTCOMES if seen & bits or not bits)


def _by_state(values: Values) -> tuple[dict[str, Json], tuple[str, ...], tuple[str, ...]]:
    """Values that are known, and names of those that are unknown and absent."""
    return (
        {name: json_form(v) for name, v in values.items() if not isinstance(v, State)},
        tuple(name for name, v in values.items() if v is State.UNKNOWN),
        tuple(name for name, v in values.items() if v is State.ABSENT),
    )


@frozen
class _Words:
    """A record's values, to be put into words.

    Args:
        values: by name.
        wording: of the event.
        cut: texts of which only the beginning is there.
        message: what is said where a rule gives no text.
        users: what this machine calls its users, None if nobody knows.
    """

    values: Values
    wording: Wording
    cut: tuple[str, ...]
    message: Parts
    users: Users | None

    def message_of(self, info: RuleInfo) -> str:
        """The rule's own text, or its title with who did what."""
        if info.template:
            return self.sentence(info.template)
        title = next((v for k, v in info.metadata if k == "title"), info.name)
        values = with_users(self.values, self.users) if self.users else self.values
        return headline(title, self.wording.sentence(self.message, values, self.cut), values)

    def output_of(self, info: RuleInfo) -> dict[str, Json | None]:
        """The rule's named values; None for a field that is absent or could not be read."""
        return {item.name: self._value(item) for item in info.output}

    def _value(self, item: OutputInfo) -> Json | None:
        if item.text:
            return self.sentence(item.parts)
        value = self.values.get(item.parts[0][1], State.ABSENT)
        return None if isinstance(value, State) else json_form(value)

    def sentence(self, parts: Parts) -> str:
        """A text with fields in it."""
        return self.wording.sentence(parts, self.values, self.cut)
