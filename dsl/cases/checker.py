"""`test` blocks to events and expectations."""

from collections.abc import Mapping, Sequence

from attrs import define, field, frozen

from dsl.case_syntax import (
    After,
    Expect,
    ExpectValue,
    GivenProcess,
    GivenSet,
    Happens,
    Statement,
    TestItem,
)
from dsl.cases import actors
from dsl.cases.actors import Process, Record
from dsl.cases.expectations import Expectations
from dsl.cases.fields import Fields, Found
from dsl.cases.sets import elements
from dsl.cases.typed import (
    START,
    Case,
    Element,
    Expectation,
    Happening,
    Occurrence,
    ValueExpectation,
)
from dsl.cases.values import Values
from dsl.catalogue import Catalogue, Event
from dsl.diagnostics import Collector, nearest, shown
from dsl.interpreter.outcome import Event as Happened
from dsl.membership import RuntimeSet
from dsl.missing import some
from dsl.sets import find_set
from dsl.span import Span
from dsl.state import check_count, duration
from dsl.syntax import Broken, Name, Text
from dsl.typed import Rule

MAX_EVENTS = 100_000  # of one test, repetitions included


@frozen
class CaseChecker:
    """Checks the tests of one policy.

    Args:
        catalogue: all events.
        rules: of the policy, by name.
        sets: its run-time sets; None for one that was reported.
        lists: names of its lists.
        disabled: names of rules that are turned off.
        complete: whether all rules could be checked.
        ancestors: whether a rule asks about ancestors.
        report: takes diagnostics.
    """

    catalogue: Catalogue
    rules: Mapping[str, Rule]
    sets: Mapping[str, RuntimeSet | None]
    lists: frozenset[str]
    disabled: frozenset[str]
    complete: bool
    ancestors: bool
    report: Collector

    def check(self, items: Sequence[TestItem]) -> tuple[Case, ...]:
        """The tests of a policy.

        Args:
            items: as parsed, in source order.

        Returns:
            Those that could be checked.
        """
        first: dict[str, TestItem] = {}
        found = []
        for item in items:
            if isinstance(item.title, Broken):
                continue
            before = first.setdefault(item.title.value, item)
            if before is not item or not item.title.value:
                self._unfit(item.title, before)
            found.append(_Run(self, item).case(item.title))
        return tuple(found)

    def _unfit(self, title: Text, before: TestItem) -> None:
        """BPFC0700."""
        note = (("the first one is here", before.title.span),)
        self.report.error(
            "BPFC0700",
            f"two tests are called `{shown(title.value)}`"
            if title.value
            else "the title of a test is empty",
            title.span,
            remedy="reports name tests by their titles: give each its own",
            related=note if before.title is not title else (),
        )


@define
class _Run:
    """One test, statement by statement.

    Args:
        checker: of the policy.
        item: the test.
        now: nanoseconds since boot.
        actors: processes by name.
        used: names of those that something happened to.
        sets: what run-time sets hold.
        happenings: so far.
        count: events so far.
    """

    checker: CaseChecker
    item: TestItem
    now: int = START
    actors: dict[str, tuple[Process, Name]] = field(factory=dict)
    used: set[str] = field(factory=set)
    sets: dict[str, tuple[Element, ...]] = field(factory=dict)
    happenings: list[Happening] = field(factory=list)
    count: int = 0

    @property
    def report(self) -> Collector:
        """Takes diagnostics."""
        return self.checker.report

    def case(self, title: Text) -> Case:
        """The whole test."""
        statements = self.item.statements
        expects: dict[int, list[Expect | ExpectValue]] = {}
        last = None
        for index, statement in enumerate(statements):
            if isinstance(statement, Happens):
                last, expects[index] = index, []
            elif isinstance(statement, Expect | ExpectValue):
                if last is not None:
                    expects[last].append(statement)
                elif not self._broken:
                    self._early(statement)
        for index, statement in enumerate(statements):
            self._take(statement, expects.get(index, []))
        self._lint()
        return Case(title.value, tuple(self.sets.items()), tuple(self.happenings), self.item.span)

    @property
    def _broken(self) -> bool:
        """Whether a statement could not be read: what is missing may stand there."""
        return any(isinstance(statement, Broken) for statement in self.item.statements)

    def _early(self, statement: Expect | ExpectValue) -> None:
        self.report.error(
            "BPFC0735",
            "nothing has happened yet",
            statement.span,
            remedy="an expectation is about the event above it",
        )

    def _take(self, statement: Statement, expects: list[Expect | ExpectValue]) -> None:
        match statement:
            case GivenProcess():
                self._process(statement)
            case GivenSet():
                self._set(statement)
            case After():
                self.now += duration(statement.time, self.report) or 0
            case Happens():
                self._happens(statement, expects)

    # ------------------------------------------------------------ what is given

    def _fields(self) -> Fields:
        checker = self.checker
        return Fields(checker.catalogue, Values(self.report, checker.lists), self.report)

    def _process(self, item: GivenProcess) -> None:
        given = self._fields().of_process(item.values)
        parent = self._actor(item.parent) if item.parent else None
        if (before := self.actors.get(item.name.text)) is not None:
            self.report.error(
                "BPFC0727",
                f"a process of this test is called `{item.name.text}` already",
                item.name.span,
                related=(("the first one is here", before[1].span),),
            )
            return
        if "." in item.name.text:
            self.report.error(
                "BPFC0727",
                "the name of a process has no dots",
                item.name.span,
                remedy="leave them out",
            )
        if item.parent:
            self.used.add(item.parent.text)
        values = {name: several[0] for name, several in given.items()}
        process = actors.new(item.name.text, len(self.actors), parent, values, self.now)
        self.actors[item.name.text] = process, item.name
        self._born(process, item.span)

    def _born(self, process: Process, place: Span) -> None:
        """The fork that made a process, unless the test itself says it."""
        own = (s for s in self.item.statements if isinstance(s, Happens) and s.actor)
        first = next((s for s in own if s.actor and s.actor.text == process.name), None)
        event = self.checker.catalogue.event(actors.FORK)
        if event is None or (first is not None and first.event.text == actors.FORK):
            return
        if process.parent is None and not self.checker.ancestors:
            return  # it was there before
        hidden = ((h.event, h.actor) for h in self.happenings)
        if process.parent is None and (actors.FORK, "") not in hidden:
            self._hidden(event, "", dict(actors.INIT), place)
        self._hidden(event, process.name, actors.forked(process, event), place)

    def _hidden(self, event: Event, name: str, fields: Record, place: Span) -> None:
        """An event that follows from what is given."""
        occurrence = Occurrence(Happened(event.name, self.now, fields), frozenset())
        self.happenings.append(Happening(event.name, name, (occurrence,), (), place, True))

    def _set(self, item: GivenSet) -> None:
        checker = self.checker
        target = find_set(item.name, checker.sets, checker.lists, self.report)
        if target is None:
            return
        if target.name in self.sets:
            self.report.error(
                "BPFC0732",
                f"set `{target.name}` is given twice",
                item.name.span,
                remedy="join them",
            )
        values = Values(self.report, checker.lists)
        self.sets[target.name] = elements(item, target, values)

    def _actor(self, name: Name) -> Process | None:
        """The process of a name; None after a diagnostic."""
        known = self.actors.get(name.text)
        if known is None:
            if not self._broken:
                self.report.error(
                    "BPFC0726",
                    f"no process of this test is called `{shown(name.text)}`",
                    name.span,
                    suggestion=nearest(name.text, self.actors),
                    remedy=f"declare it above: given proc {shown(name.text)} {{ ... }}",
                )
            return None
        if known[0].ended:
            self.report.error(
                "BPFC0737",
                f"`{name.text}` has exited",
                name.span,
                remedy="let this happen before its process.exit, or declare another process",
            )
            return None
        return known[0]

    # ------------------------------------------------------------ what happens

    def _happens(self, item: Happens, expects: list[Expect | ExpectValue]) -> None:
        event = self._event(item)
        found = self._expectations(expects, event)
        actor = None
        if item.actor is not None:
            self.used.add(item.actor.text)
            actor = self._actor(item.actor)
        if event is None or not self._suits(item, event):
            return
        given = self._fields().of_event(event, item.values)
        times, every = self._repetition(item, given)
        if actor is None and event.has_process:
            return
        denied = any(isinstance(e, Expectation) and _prevents(e) for e in found)
        occurrences = []
        for index in range(times):
            self.now += every if index else 0
            values = {n: v[index] if len(v) > 1 else v[0] for n, v in given.items()}
            fields, assumed = (
                actors.happen(actor, event, values, not denied) if actor else (values, set())
            )
            happened = Happened(event.name, self.now, fields)
            occurrences.append(Occurrence(happened, frozenset(assumed)))
        name = actor.name if actor else ""
        self.happenings.append(
            Happening(event.name, name, tuple(occurrences), tuple(found), item.span)
        )

    def _event(self, item: Happens) -> Event | None:
        event = self.checker.catalogue.event(item.event.text)
        if event is None:
            known = [e.name for e in self.checker.catalogue.events]
            self.report.error(
                "BPFC0202",
                f"unknown event `{shown(item.event.text)}`",
                item.event.span,
                expected=some(known),
                suggestion=nearest(item.event.text, known),
            )
        return event

    def _suits(self, item: Happens, event: Event) -> bool:
        """Whether a process acts where one has to."""
        if event.has_process == (item.actor is not None):
            return True
        why = f"{event.name} has no process: {event.no_process}"
        self.report.error(
            "BPFC0736",
            f"whose {event.name} it is has to be said" if event.has_process else why,
            item.actor.span if item.actor else item.event.span,
            remedy=f"write: NAME: {event.name} {{ ... }}"
            if event.has_process
            else f"write: event {event.name} {{ ... }}",
        )
        return False

    def _repetition(self, item: Happens, given: Found) -> tuple[int, int]:
        """How often something happens, and nanoseconds in between."""
        repeated = item.repeated
        times: int | None = 1
        every = 0
        if repeated is not None:
            times = check_count(repeated.count, 1, MAX_EVENTS, self.report)
            every = (duration(repeated.every, self.report) or 0) if repeated.every else 0
        times = 1 if times is None else times
        for name, values in given.items():
            if len(values) > 1 and len(values) < times:
                self.report.error(
                    "BPFC0731",
                    f"`each` has {len(values)} values of `{name}` for {times} events",
                    item.span,
                    remedy="give as many values as there are events, or more",
                )
                return 0, 0
        self.count += times
        if self.count > MAX_EVENTS:
            if self.count - times <= MAX_EVENTS:
                self.report.error(
                    "BPFC0739",
                    f"the test has more than {MAX_EVENTS:,} events",
                    item.span,
                    remedy="repeat less often, or split the test",
                )
            return 0, 0
        return times, every

    def _expectations(
        self, expects: list[Expect | ExpectValue], event: Event | None
    ) -> list[Expectation | ValueExpectation]:
        checker = self.checker
        of = Expectations(checker.rules, checker.disabled, checker.complete, self.report).of
        return [found for each in expects if (found := of(each, event)) is not None]

    def _lint(self) -> None:
        """Warn of a test that proves nothing, and of processes that do nothing."""
        if self._broken:
            return
        expects = (s for s in self.item.statements if isinstance(s, Expect | ExpectValue))
        if next(expects, None) is None:
            self.report.warning(
                "BPFC0540",
                "the test expects nothing in particular: it cannot fail",
                self.item.span,
                remedy="add `expect alert by RULE`, `expect no alert by RULE` or `expect nothing`",
            )
        for name, (_, place) in self.actors.items():
            if name not in self.used:
                self.report.warning(
                    "BPFC0541",
                    f"nothing happens to process `{name}`",
                    place.span,
                    remedy="leave it out",
                )


def _prevents(item: Expectation) -> bool:
    """Whether an expectation says that the event is denied."""
    return item.effect == "deny" and not item.negated
