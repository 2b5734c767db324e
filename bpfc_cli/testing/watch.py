"""The reference interpreter beside a core: what each rule made of each event.

A core says which rules fired; from which values, and why others did not, is read off here.
"""

from collections.abc import Iterable, Mapping

from attrs import Factory, define, evolve, field, frozen

from dsl.cases import Case, Occurrence
from dsl.interpreter import Event, Interpreter, Outcome
from dsl.interpreter.judgement import Judgement
from dsl.interpreter.parts import parts_of
from dsl.interpreter.sets import Sets
from dsl.semantics import Record
from dsl.typed import Policy, Rule


@frozen
class Seen:
    """A rule, or a step of one, that judged an event.

    Args:
        rule: the rule or the step.
        first: what its condition came to.
        last: what became of that by what the policy remembers.
        record: the event's fields, and the answers to questions about sets and tags.
    """

    rule: Rule
    first: Judgement
    last: Judgement
    record: Record


@frozen
class Watched:
    """An event of a test, and what rules made of it.

    Args:
        occurrence: as the test has it.
        record: with all fields that rules read.
        seen: every rule that judged it, in order.
        outcome: what they came to together.
    """

    occurrence: Occurrence
    record: Record
    seen: tuple[Seen, ...]
    outcome: Outcome

    def of(self, rule: str) -> Seen | None:
        """What a rule itself, no earlier step of it, made of the event."""
        return next((s for s in self.seen if s.rule.name == rule and s.rule.turn is None), None)


@define
class _First:
    """In front of what a policy remembers: notes what conditions come to."""

    notes: list[Judgement] = Factory(list)

    def facts(self, event: Event, record: Record) -> Record:
        """Nothing."""
        return {}

    def revised(self, policy: Policy) -> None:
        """Nothing: a test has one policy."""

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Note it."""
        self.notes.append(judgement)
        return judgement


@define
class _Last:
    """Behind it: notes what came of it."""

    first: _First
    seen: list[Seen] = Factory(list)

    def facts(self, event: Event, record: Record) -> Record:
        """Nothing."""
        return {}

    def revised(self, policy: Policy) -> None:
        """Nothing: a test has one policy."""

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Note it."""
        first = self.first.notes.pop()
        self.seen.append(Seen(first.rule, first, judgement, record))
        return judgement


@define
class Watcher:
    """Has the reference interpreter judge the events of tests.

    Args:
        policy: the policy.
        whole: knows how each rule is carried out, which takes time to find out.
    """

    policy: Policy
    _whole: Interpreter = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._whole = Interpreter(self.policy, ())

    def watch(
        self, case: Case, records: Iterable[Record], rules: frozenset[str] | None
    ) -> tuple[Watched, ...]:
        """Have the interpreter judge the events of a test.

        Args:
            case: the test.
            records: of its events, in order, with all fields that rules read.
            rules: names of those that matter, besides those that change sets and tags; None for
                all.

        Returns:
            The events with what rules made of them.
        """
        interpreter = self._whole
        if rules is not None:
            kept = (rule for rule in self.policy.rules if rule.name in rules or rule.effects)
            interpreter = Interpreter(evolve(self.policy, rules=tuple(kept)), ())
        first = _First()
        last = _Last(first)
        parts = parts_of(interpreter.policy)
        _fill(parts, dict(case.sets))
        interpreter.parts = (first, *parts, last)
        found = []
        occurrences = (one for happening in case.happenings for one in happening.occurrences)
        for occurrence, record in zip(occurrences, records, strict=True):
            last.seen = []
            outcome = interpreter.consume(evolve(occurrence.event, fields=record))
            found.append(Watched(occurrence, record, tuple(last.seen), outcome))
        return tuple(found)


def _fill(parts: Iterable[object], sets: Mapping[str, Iterable[object]]) -> None:
    for part in parts:
        if isinstance(part, Sets):
            for name, values in sets.items():
                part.fill(name, values)
