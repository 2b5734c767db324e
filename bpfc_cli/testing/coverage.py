"""What tests reach: rules that fired, tests of conditions that were true and false, exceptions."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import define, field, frozen

from bpfc_cli.testing.watch import Seen, Watched
from dsl.interpreter import Outcome
from dsl.semantics import evaluate, test
from dsl.span import Span
from dsl.typed import Policy, Rule, Test, parts_of
from dsl.walk import judged_tests

_TRUE, _FALSE = 1, 2
_BOTH = _TRUE | _FALSE
_BITS = {True: _TRUE, False: _FALSE, None: 0}
# A test within a rule: the rule's name, the step (None for the rule itself), its number there.
Place = tuple[str, int | None, int]
Tests = Mapping[tuple[str, int | None], tuple[Test, ...]]


@define
class Coverage:
    """What tests have reached so far.

    Args:
        fired: names of rules.
        tests: by place, whether it was true and whether it was false.
        used: exceptions that kept a rule from firing: the rule's name, number of the exception.
    """

    fired: set[str] = field(factory=set)
    tests: dict[Place, int] = field(factory=dict)
    used: set[tuple[str, int]] = field(factory=set)

    def add(self, tests: Tests, watched: Sequence[Watched], outcomes: Sequence[Outcome]) -> None:
        """Add what a test reached.

        Args:
            tests: those of the policy's conditions.
            watched: its events, with all rules.
            outcomes: what the core made of them.
        """
        self.fired |= {alert.rule for outcome in outcomes for alert in outcome.alerts}
        for one in watched:
            for seen in one.seen:
                self._add(tests, seen)

    def join(self, other: "Coverage") -> None:
        """Add what other tests reached."""
        self.fired |= other.fired
        self.used |= other.used
        for place, bits in other.tests.items():
            self.tests[place] = self.tests.get(place, 0) | bits

    def _add(self, tests: Tests, seen: Seen) -> None:
        rule = seen.rule
        if seen.last.fires and rule.turn is None:
            self.fired.add(rule.name)  # also without an alert
        part = (rule.name, rule.turn)
        for number, item in enumerate(tests[part]):
            place = (*part, number)
            known = self.tests.get(place, 0)
            if known != _BOTH:
                self.tests[place] = known | _BITS[test(item, seen.record)]
        if not rule.excepts or (rule.name, len(rule.excepts) - 1) in self.used:
            return
        if evaluate(rule.when, seen.record)[1]:
            for number, clause in enumerate(rule.excepts):
                if evaluate(clause.when, seen.record)[1]:
                    self.used.add((rule.name, number))


def tests_of(policy: Policy) -> Tests:
    """The tests of conditions, by the rule's name and the step (None for the rule itself).

    Args:
        policy: the policy.
    """
    parts = (part for rule in policy.rules for part in parts_of(rule))
    return {(part.name, part.turn): tuple(judged_tests(part)) for part in parts}


@frozen
class Gap:
    """Something that no test reaches.

    Args:
        rule: name of the rule.
        what: "never fired", "never true", "never false" or "exception never used".
        text: the test or the exception; "" of a rule.
        place: where it stands.
    """

    rule: str
    what: str
    text: str
    place: Span


@frozen
class CoverageReport:
    """What tests reach, in numbers, and what they do not.

    Args:
        rules, tests, exceptions: (reached, all); a test counts when it was both true and false.
        gaps: in source order.
    """

    rules: tuple[int, int]
    tests: tuple[int, int]
    exceptions: tuple[int, int]
    gaps: tuple[Gap, ...]


def report(policy: Policy, found: Coverage, texts: dict[str, str]) -> CoverageReport:
    """What tests reach of a policy.

    Args:
        policy: the policy.
        found: what they reached.
        texts: of all files, by name.
    """
    gaps: list[Gap] = []
    tests = reached = exceptions = 0
    for rule in policy.rules:
        if rule.name not in found.fired:
            gaps.append(Gap(rule.name, "never fired", "", rule.span))
        for what, text, place in _tests(rule, found, texts):
            tests += 1
            reached += not what
            gaps += [Gap(rule.name, what, text, place)] if what else []
        for number, clause in enumerate(rule.excepts):
            exceptions += 1
            if (rule.name, number) not in found.used:
                gaps.append(Gap(rule.name, "exception never used", clause.name or "", clause.span))
    unused = sum(gap.what == "exception never used" for gap in gaps)
    silent = sum(gap.what == "never fired" for gap in gaps)
    return CoverageReport(
        (len(policy.rules) - silent, len(policy.rules)),
        (reached, tests),
        (exceptions - unused, exceptions),
        tuple(gaps),
    )


def _tests(rule: Rule, found: Coverage, texts: dict[str, str]) -> Iterator[tuple[str, str, Span]]:
    """The tests of a rule: what is missing, the test, its place."""
    for part in parts_of(rule):
        for number, item in enumerate(judged_tests(part)):
            bits = found.tests.get((rule.name, part.turn, number), 0)
            what = {0: "never reached", _TRUE: "never false", _FALSE: "never true"}.get(bits, "")
            source = texts.get(item.span.file, "")[item.span.start : item.span.end]
            yield what, " ".join(source.split()), item.span
