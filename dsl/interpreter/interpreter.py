"""The interpreter: events one by one, each judged at the stages at which it is seen."""

from collections.abc import Sequence

from attrs import evolve

from dsl import catalogue
from dsl.interpreter.judgement import Judgement, Part
from dsl.interpreter.outcome import Event, Fired, Outcome
from dsl.interpreter.parts import parts_of
from dsl.interpreter.stages import Way, way
from dsl.semantics import UNKNOWN, FieldValue, Record, evaluate
from dsl.typed import And, Expr, Not, Policy, Rule
from dsl.walk import agent_fields


class Interpreter:
    """A policy at work.

    Args:
        policy: a checked policy.
        parts: what it remembers between events; None for new ones of all kinds.
        events: the catalogue; None for the one that ships with this version.
    """

    def __init__(
        self,
        policy: Policy,
        parts: Sequence[Part] | None = None,
        events: catalogue.Catalogue | None = None,
    ) -> None:
        self.policy = policy
        self.parts = parts_of(policy) if parts is None else tuple(parts)
        self.catalogue = events or catalogue.load()
        self._ways: dict[str, list[tuple[Rule, Way]]] = {}

    def revise(self, policy: Policy) -> None:
        """Go on with a policy that differs by content only (docs/language.md, State).

        Args:
            policy: a checked policy; rules that are the same have the same names.
        """
        self.policy = policy
        self._ways.clear()
        for part in self.parts:
            part.revised(policy)

    def consume(self, event: Event) -> Outcome:
        """Judge the next event.

        Args:
            event: not older than the one before.

        Returns:
            What the policy makes of it.

        Raises:
            ValueError: there is no such event.
            KeyError: a field that a condition reads is missing.
        """
        kind = self.catalogue.event(event.name)
        if kind is None:
            raise ValueError(f"no event {event.name}")
        found = Outcome()
        for stage in kind.phases:
            found = found.then(self._stage(event, kind, stage))
            if found.deny:
                break  # what was denied does not happen
        return found

    def _stage(self, event: Event, kind: catalogue.Event, stage: str) -> Outcome:
        """Judge an event before or after its decision."""
        record = known_at(event.fields, kind, stage)
        for part in self.parts:
            record = {**record, **part.facts(event, record)}
        found = Outcome()
        for rule, how in self._rules_on(kind):
            if how.stage != stage:
                continue
            judgement = judge(rule, record)
            for part in self.parts:
                judgement = part.judged(judgement, event, record)
            found = found.then(_outcome(confirmed(judgement, record), how))
        return found

    def _rules_on(self, kind: catalogue.Event) -> list[tuple[Rule, Way]]:
        """The rules on an event, in order, each with how it is carried out there."""
        if kind.name not in self._ways:
            on = (r for _, r in self.policy.parts if any(e.name == kind.name for e in r.events))
            self._ways[kind.name] = [(rule, way(rule, kind)) for rule in on]
        return self._ways[kind.name]


def known_at(fields: Record, kind: catalogue.Event, stage: str) -> dict[str, FieldValue]:
    """The fields of an event as they are known at a stage.

    Args:
        fields: all that the event brought.
        kind: the event.
        stage: "before" or "after".
    """
    if stage == "after":
        return dict(fields)
    known = {name: kind.field(name) for name in fields}
    late = {name for name, field in known.items() if field and field.phase == "after"}
    return {name: UNKNOWN if name in late else value for name, value in fields.items()}


def condition(rule: Rule) -> Expr:
    """The whole condition of a rule: its own, and that no exception holds."""
    return And((rule.when, *(Not(clause.when) for clause in rule.excepts)))


def judge(rule: Rule, record: Record) -> Judgement:
    """What a rule makes of one record by itself.

    Args:
        rule: the rule.
        record: fields and facts, as `evaluate` takes them.

    Returns:
        The judgement.
    """
    fires, definite, possible = evaluate(condition(rule), record)
    on_unknown = possible and rule.deny is not None and rule.deny.on_unknown
    return Judgement(rule, fires or on_unknown, definite, definite or on_unknown, possible)


def confirmed(judgement: Judgement, record: Record) -> Judgement:
    """What the agent makes of a judgement (docs/language.md, Second stage).

    Args:
        judgement: of a rule, on an event.
        record: fields as `evaluate` takes them; of those that only the agent knows, the ones that
            are missing are unknown.

    Returns:
        The judgement; of a rule with a second stage what is left of it.
    """
    second = judgement.rule.confirm
    if second is None or not judgement.fires:
        return judgement
    missing = {field.name: UNKNOWN for field in agent_fields(judgement.rule)}
    fires, definite, possible = evaluate(second.when, {**missing, **record})
    return evolve(
        judgement,
        fires=fires or (possible and second.on_unknown),
        definite=judgement.definite and definite,
        possible=possible,
    )


def _outcome(judgement: Judgement, how: Way) -> Outcome:
    """What follows from a judgement."""
    rule = judgement.rule
    if not judgement.fires:
        return Outcome(undecided=(rule.name,) if judgement.possible else ())
    shown = judgement.alerts and not rule.silent
    alerts = (Fired(rule.name, not judgement.definite, judgement.steps),) if shown else ()
    if not judgement.acts:
        return Outcome(alerts)
    kill = how.kill | _steps_killed(judgement)
    if rule.mode == "audit":
        return Outcome(alerts, would_deny=how.deny, would_kill=bool(kill))
    return Outcome(alerts, deny=how.deny, kill=kill)


def _steps_killed(judgement: Judgement) -> frozenset[str]:
    """The processes of earlier steps that a rule ends."""
    kill, sequence = judgement.rule.kill, judgement.rule.sequence
    if kill is None or sequence is None:
        return frozenset()
    pids = {n: judgement.steps[n - 1].values["proc.pid"] for n in kill.steps}
    return frozenset(
        f"{sequence.steps[n - 1].alias}.proc {pid if isinstance(pid, int) else 'unknown'}"
        for n, pid in pids.items()
    )
