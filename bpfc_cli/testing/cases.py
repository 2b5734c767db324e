"""One test: judged by a core, compared with what it expects."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import define, evolve, field, frozen

from bpfc.artifact.container import Artifact
from bpfc.runtime.errors import SensorError
from bpfc_cli.testing.coverage import Coverage, Tests, tests_of
from bpfc_cli.testing.explain import NO, Explanation, Texts, explain, leaned, on_one_line
from bpfc_cli.testing.play import Played, Work
from bpfc_cli.testing.records import Records
from bpfc_cli.testing.verdicts import RULES_MAX, Found, outcome_words, problem_of
from bpfc_cli.testing.watch import Watched, Watcher
from compiler.plan.used import used_fields
from dsl.cases import Case, Expectation, Happening, ValueExpectation
from dsl.cases.defaults import complete
from dsl.catalogue import load
from dsl.interpreter import Outcome
from dsl.semantics import Record
from dsl.span import Span
from dsl.typed import Policy, Rule
from dsl.walk import agent_fields

PASSED, FAILED, ERROR = "passed", "failed", "error"
# What adapters know of the process of every event.
_ALWAYS = ("proc.pid", "proc.start_time", "proc.ppid", "proc.parent.start_time")
_MANY = 3  # rules that are explained where none is named
_TRIED = 200  # of which these are tried

Expected = Expectation | ValueExpectation
Judged = Callable[[Work], Played]


@frozen
class Checked:
    """An expectation, and what became of it.

    Args:
        text: as the test has it.
        place: of the expectation.
        event: the statement that it is about.
        event_place: of that.
        problem: why it does not hold; "" if it does, and if it was left out.
        outcome: what the event came to, in words; of several the first that came to anything.
        skipped: why it cannot be judged on this half, or "".
        explanations: why rules fired and did not.
    """

    text: str
    place: Span
    event: str
    event_place: Span
    problem: str
    outcome: str
    skipped: str = ""
    explanations: tuple[Explanation, ...] = ()


@frozen
class Result:
    """What became of a test.

    Args:
        title: of the test.
        place: of the test.
        judge: who judged it, for example "linux half".
        status: PASSED, FAILED or ERROR.
        checked: its expectations.
        error: why it could not be judged, or "".
        leaned: names of rules, each with the defaults on which it depended.
        seconds: how long it took.
        events: number of them.
    """

    title: str
    place: Span
    judge: str
    status: str
    checked: tuple[Checked, ...]
    error: str
    leaned: tuple[tuple[str, tuple[str, ...]], ...]
    seconds: float
    events: int


@frozen
class Prepared:
    """A test as it is judged: the values of its events' fields, and the same as records."""

    records: tuple[Record, ...]
    work: Work


@define
class Cases:
    """The tests of a policy, as one half of its artifact judges them.

    Args:
        policy: checked.
        artifact: what it was compiled to.
        half: "linux" or "windows".
        judge: name of who judges, for reports.
        texts: of all files, by name.
        explaining: whether expectations that hold are explained, too.
        covering: whether to note what tests reach.

    Attributes:
        reached: that, so far.
    """

    policy: Policy
    artifact: Artifact
    half: str
    judge: str
    texts: Texts
    explaining: bool
    covering: bool = False
    reached: Coverage = field(factory=Coverage, init=False)
    records: Records = field(init=False)
    rules: dict[str, Rule] = field(init=False)
    _watcher: Watcher = field(init=False)
    _tests: Tests = field(init=False)
    _used: Mapping[str, frozenset[str]] = field(init=False)
    _asked: dict[str, list[str]] = field(init=False, factory=dict)
    _carried: frozenset[tuple[str, str]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.records = Records(self.artifact, self.half, brief=True)
        self.rules = {rule.name: rule for rule in self.policy.rules}
        self._watcher = Watcher(self.policy)
        self._tests = tests_of(self.policy) if self.covering else {}
        self._used = used_fields(self.policy)
        for rule in self.policy.rules:
            for event in rule.events:
                asked = self._asked.setdefault(event.name, [])
                asked += [known.name for known in agent_fields(rule) if known.name not in asked]
        rules = self.artifact.manifest.rules
        self._carried = frozenset(
            (rule.name, at.event) for rule in rules for at in getattr(rule, self.half)
        )

    def records_of(self, case: Case) -> list[Record]:
        """The events of a test, with all fields that their records have room for."""
        found: list[Record] = []
        for happening in case.happenings:
            event = load().event(happening.event)
            assert event is not None
            names = [f.name for f in event.in_record(self._used.get(event.name, ()))]
            names += [name for name in _ALWAYS if name not in names]
            names += self._asked.get(event.name, ())
            found += [complete(event, one.event.fields, names) for one in happening.occurrences]
        return found

    def work_of(self, case: Case) -> Prepared:
        """A test as a core is given it.

        Raises:
            ValueError: a record cannot be laid out.
        """
        records = self.records_of(case)
        events = (one.event for happening in case.happenings for one in happening.occurrences)
        pairs = zip(events, records, strict=True)
        steps = (self.records.step(evolve(event, fields=record)) for event, record in pairs)
        return Prepared(tuple(records), Work(self.artifact, tuple(steps), dict(case.sets)))

    def run(self, case: Case, judged: Judged) -> Result:
        """Judge a test.

        Args:
            case: the test.
            judged: has a core judge events that remembers nothing yet.

        Returns:
            What became of it.
        """
        begin = time.perf_counter()
        try:
            prepared = self.work_of(case)
            played = judged(prepared.work)
        except (ValueError, SensorError) as error:
            played = Played((), (), str(error))
            prepared = Prepared((), Work(self.artifact, ()))
        result = self.result(case, prepared, played)
        return evolve(result, seconds=time.perf_counter() - begin)

    def result(self, case: Case, prepared: Prepared, played: Played) -> Result:
        """What a core's verdicts mean for a test.

        Args:
            case: the test.
            prepared: what the core was given.
            played: what it made of it.
        """
        if played.problem:
            error = played.problem
            return Result(case.title, case.span, self.judge, ERROR, (), error, (), 0.0, 0)
        outcomes = [
            self.records.outcome(step, verdicts)
            for step, verdicts in zip(prepared.work.steps, played.verdicts, strict=True)
        ]
        rules = None if self.covering else self._relevant(case, outcomes)
        watched = self._watcher.watch(case, prepared.records, rules)
        if self.covering:
            self.reached.add(self._tests, watched, outcomes)
        if doubt := self._doubt(case, prepared, outcomes, watched):
            return Result(case.title, case.span, self.judge, ERROR, (), doubt, (), 0.0, 0)
        found = [Found(o, w) for o, w in zip(outcomes, watched, strict=True)]
        checked = tuple(self._checked(case, found))
        status = FAILED if any(one.problem for one in checked) else PASSED
        return Result(
            case.title,
            case.span,
            self.judge,
            status,
            checked,
            "",
            self._leaned(case, found),
            0.0,
            sum(len(one.occurrences) for one in case.happenings if not one.given),
        )

    def _doubt(
        self,
        case: Case,
        prepared: Prepared,
        outcomes: Sequence[Outcome],
        watched: Sequence[Watched],
    ) -> str:
        """Why the core and the reference interpreter cannot both be right, or ""."""
        if self.half != "linux" or not self._differ(outcomes, watched):
            return ""
        # Rules that the test is not about can deny an event before others see it.
        watched = self._watcher.watch(case, prepared.records, None)
        number = self._differ(outcomes, watched)
        if not number:
            return ""
        core, reference = outcomes[number - 1], watched[number - 1].outcome
        return (
            f"event {number} came to: {outcome_words(core) or 'nothing'}; by the specification to:"
            f" {outcome_words(reference) or 'nothing'}. This is a bug in bpfc: please report it"
        )

    def _differ(self, outcomes: Sequence[Outcome], watched: Sequence[Watched]) -> int:
        """Number of the first event, from 1, whose alerts differ; 0 if none do."""
        for number, (core, one) in enumerate(zip(outcomes, watched, strict=True), 1):
            name = one.occurrence.event.name
            expected = {
                (a.rule, a.partial) for a in one.outcome.alerts if (a.rule, name) in self._carried
            }
            found = {(alert.rule, alert.partial) for alert in core.alerts}
            if len(found) < RULES_MAX and found != expected:
                return number
        return 0

    def _relevant(self, case: Case, outcomes: Sequence[Outcome]) -> frozenset[str] | None:
        """Rules that a test is about: those that it names, and those that fired."""
        if any(len(outcome.alerts) >= RULES_MAX for outcome in outcomes):
            return None
        named = {e.rule for happening in case.happenings for e in happening.expectations if e.rule}
        named |= {alert.rule for outcome in outcomes for alert in outcome.alerts}
        acting = any(
            e.effect not in ("alert", "nothing") and not e.rule
            for happening in case.happenings
            for e in happening.expectations
            if isinstance(e, Expectation)
        )
        if acting:  # anyone's doing, also that of silent rules
            named |= {rule.name for rule in self.policy.rules if rule.silent}
        return frozenset(named)

    # ------------------------------------------------------------ expectations

    def _checked(self, case: Case, found: Sequence[Found]) -> Iterator[Checked]:
        position = 0
        for happening in case.happenings:
            count = len(happening.occurrences)
            mine = found[position : position + count]
            position += count
            for item in happening.expectations:
                yield self._one(case, item, happening, mine)

    def _one(
        self, case: Case, item: Expected, happening: Happening, found: Sequence[Found]
    ) -> Checked:
        skipped = ""
        if item.rule and (item.rule, happening.event) not in self._carried:
            skipped = f"this half does not carry {item.rule} on {happening.event}"
        problem = "" if skipped else problem_of(item, found, self.rules)
        if problem and not item.rule and _is_positive(item) and self._lacks(happening.event):
            skipped, problem = f"this half does not carry all rules on {happening.event}", ""
        explained = (problem or self.explaining) and not skipped
        words = (outcome_words(one.outcome) for one in found)
        return Checked(
            self._source(item.span),
            item.span,
            self._source(happening.span),
            happening.span,
            problem,
            next((text for text in words if text), "nothing"),
            skipped,
            tuple(self._explained(case, item, happening, found)) if explained else (),
        )

    def _lacks(self, event: str) -> bool:
        """Whether this half leaves out a rule on an event."""
        on = (r.name for r in self.policy.rules if any(e.name == event for e in r.events))
        return any((name, event) not in self._carried for name in on)

    def _explained(
        self, case: Case, item: Expected, happening: Happening, found: Sequence[Found]
    ) -> Iterator[Explanation]:
        """The rule that is named, or those that did something; else those that were close to it."""
        one = self._telling(item, found)
        names = [item.rule] if item.rule else [a.rule for a in one.outcome.alerts]
        names = names or [s.rule.name for s in one.watched.seen if s.last.fires]
        if names:
            for name in dict.fromkeys(names):
                yield explain(self.rules[name], self._seen(case, one, name), self.texts)
            return
        able = [rule for rule in self.policy.rules if _could(rule, item, happening.event)]
        explained = [explain(r, self._seen(case, one, r.name), self.texts) for r in able[:_TRIED]]
        yield from sorted(explained, key=_distance)[:_MANY]

    def _telling(self, item: Expected, found: Sequence[Found]) -> Found:
        """Of an event that happened several times, the one to explain."""
        alerting = (
            one
            for one in found
            if any(item.rule in ("", alert.rule) for alert in one.outcome.alerts)
        )
        return next(alerting, found[-1])

    def _seen(self, case: Case, one: Found, rule: str) -> Watched:
        """An event with what a rule makes of it that the test was not thought to be about."""
        if one.watched.of(rule) is not None:
            return one.watched
        place = self.rules[rule].span
        occurrence = one.watched.occurrence
        happening = Happening(occurrence.event.name, "", (occurrence,), (), place)
        alone = Case(case.title, case.sets, (happening,), place)
        (watched,) = self._watcher.watch(alone, [one.watched.record], frozenset({rule}))
        return watched

    def _leaned(
        self, case: Case, found: Sequence[Found]
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Rules with the defaults on which they depended."""
        names: dict[str, dict[str, None]] = {}
        position = 0
        for happening in case.happenings:
            named = {e.rule for e in happening.expectations}
            # A repeated event is the same again.
            one = found[position]
            position += len(happening.occurrences)
            fired = {alert.rule for alert in one.outcome.alerts}
            for rule in sorted((named | fired) & self.rules.keys()):
                seen = one.watched.of(rule)
                if seen is not None:
                    names.setdefault(rule, {}).update(dict.fromkeys(leaned(one.watched, seen)))
        return tuple((rule, tuple(fields)) for rule, fields in names.items() if fields)

    def _source(self, span: Span) -> str:
        """A statement on one line."""
        return on_one_line(self.texts, span, 160)


def _is_positive(item: Expected) -> bool:
    """Whether something has to happen for an expectation to hold."""
    return isinstance(item, ValueExpectation) or not (item.negated or item.effect == "nothing")


def _could(rule: Rule, item: Expected, event: str) -> bool:
    """Whether a rule could do what is expected to happen."""
    if all(on.name != event for on in rule.events):
        return False
    if isinstance(item, Expectation) and item.effect.endswith("deny"):
        return rule.deny is not None
    if isinstance(item, Expectation) and item.effect.endswith("kill"):
        return rule.kill is not None or rule.deny is not None
    return not rule.silent


def _distance(item: Explanation) -> int:
    """How much kept a rule from firing."""
    return sum(line.mark == NO for line in item.lines if line.depth == 0)
