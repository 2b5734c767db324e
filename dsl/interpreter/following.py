"""Sequences (docs/language.md, Sequences)."""

from attrs import define, evolve

from dsl.interpreter.judgement import Judgement
from dsl.interpreter.keys import KeyValue, key_of
from dsl.interpreter.outcome import Event, Seen
from dsl.semantics import Record
from dsl.typed import Key, Policy, Rule, Sequence
from dsl.walk import carried_fields, step_of


@define
class Ends:
    """Last nanoseconds, None for none: of what fires, and of what is definite.

    Of a run that is when it is over; of an end of a sequence, when the latest run that it ended
    would have been over. And what the steps of each run so far saw.
    """

    fired: int | None = None
    definite: int | None = None
    fired_steps: tuple[Seen, ...] = ()
    definite_steps: tuple[Seen, ...] = ()

    def over(self) -> bool:
        """Whether there is neither."""
        return self.fired is None and self.definite is None


class Following:
    """The runs of all sequences of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._runs: dict[tuple[str, int, KeyValue], Ends] = {}
        self._ends: dict[tuple[str, KeyValue], Ends] = {}

    def facts(self, event: Event, record: Record) -> Record:
        """Nothing."""
        return {}

    def revised(self, policy: Policy) -> None:
        """Runs go on, by the names of their rules."""

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """A step takes its run on; the last one fires."""
        rule = judgement.rule
        if rule.sequence is None:
            return judgement
        if rule.turn == 0:
            return self._end(judgement, rule.sequence, event, record)
        return self._step(judgement, rule.sequence, event, record)

    def _end(
        self, judgement: Judgement, sequence: Sequence, event: Event, record: Record
    ) -> Judgement:
        """What ends runs that have begun by now."""
        if not judgement.possible:
            return judgement
        key = key_of(_step_key(judgement.rule, "key"), record)
        if key is None:
            return _undecided(judgement)
        ends = self._ends.setdefault((judgement.rule.name, key), Ends())
        ends.definite = event.time + sequence.within
        if judgement.definite:
            ends.fired = ends.definite
        return _nothing(judgement)

    def _step(
        self, judgement: Judgement, sequence: Sequence, event: Event, record: Record
    ) -> Judgement:
        if not judgement.fires:
            return judgement
        rule, last = judgement.rule, len(sequence.steps)
        turn = rule.turn or last
        run = Ends(event.time + sequence.within)
        if judgement.definite:
            run.definite = run.fired
        if turn > 1:
            key = key_of(_step_key(rule, "before"), record)
            if key is None:
                return _undecided(judgement)
            run = self._taken(rule, turn, key, judgement.definite, event.time)
            self._check(rule, record, run)
        if run.over():
            return _nothing(judgement)
        if turn < last:
            key = key_of(_step_key(rule, "after"), record)
            if key is None:
                return _undecided(judgement)
            waiting = self._runs.setdefault((rule.name, turn, key), Ends())
            here = Seen(event.time, {f.name: record[f.name] for f in carried_fields(rule)})
            if run.fired is not None:
                waiting.fired, waiting.fired_steps = run.fired, (*run.fired_steps, here)
            if run.definite is not None:
                waiting.definite, waiting.definite_steps = run.definite, (*run.definite_steps, here)
            return _nothing(judgement)
        on_unknown = rule.deny is not None and rule.deny.on_unknown
        sure = run.definite is not None
        acts = judgement.acts and run.fired is not None if on_unknown else sure
        steps = run.definite_steps if sure else run.fired_steps
        return evolve(judgement, fires=True, definite=sure, acts=acts, steps=steps)

    def _taken(self, rule: Rule, turn: int, key: KeyValue, definite: bool, time: int) -> Ends:
        """The run that waits for a step and is not over; it waits no more."""
        waiting = self._runs.get((rule.name, turn - 1, key), Ends())
        run = Ends(None, None, waiting.fired_steps, waiting.definite_steps)
        if waiting.fired is not None and time <= waiting.fired:
            run.fired = waiting.fired
        waiting.fired = None
        if definite:
            if waiting.definite is not None and time <= waiting.definite:
                run.definite = waiting.definite
            waiting.definite = None
        return run

    def _check(self, rule: Rule, record: Record, run: Ends) -> None:
        """Whether something has ended the run."""
        key = key_of(_step_key(rule, "key"), record)
        ends = self._ends.get((rule.name, key), Ends()) if key is not None else Ends()
        if run.fired is not None and ends.fired is not None and run.fired <= ends.fired:
            run.fired = None
        if run.definite is not None and ends.definite is not None:
            run.definite = run.definite if run.definite > ends.definite else None


def _step_key(rule: Rule, what: str) -> Key:
    step = step_of(rule)
    assert step is not None
    return step.key + {"key": (), "before": step.before, "after": step.after}[what]


def _nothing(judgement: Judgement) -> Judgement:
    """It waits for more events."""
    return evolve(judgement, fires=False, acts=False, possible=False)


def _undecided(judgement: Judgement) -> Judgement:
    """Whose event it is is not known."""
    return evolve(judgement, fires=False, acts=False, possible=True)
