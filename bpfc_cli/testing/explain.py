"""Why a rule fired or did not: its condition, test by test, with what each came to."""

import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from bpfc_cli.testing.values import base_of, reading
from bpfc_cli.testing.watch import Seen, Watched
from dsl.catalogue import Event, load
from dsl.derived import AnyAncestor, Derived, fields_of
from dsl.interpreter.interpreter import condition, confirmed
from dsl.semantics import UNKNOWN, Record, evaluate
from dsl.span import Span
from dsl.typed import And, Constant, Expr, Not, Or, Rule, Test
from dsl.walk import tests_of

YES, NO, OPEN = "yes", "no", "?"
_NEGATED = re.compile(r"!=|\bnot\b")
_LONGEST = 120  # characters of a test that are shown

Texts = Mapping[str, str]


@frozen
class Line:
    """One line of an explanation.

    Args:
        depth: how far it is indented.
        mark: YES, NO or OPEN (undetermined); "" of what is neither.
        text: a test as the rule has it, or what holds several together.
        value: what it saw.
    """

    depth: int
    mark: str
    text: str
    value: str = ""


@frozen
class Explanation:
    """What a rule made of an event.

    Args:
        rule: its name.
        verdict: in words.
        lines: its condition and exceptions.
    """

    rule: str
    verdict: str
    lines: tuple[Line, ...]


def explain(rule: Rule, watched: Watched, texts: Texts) -> Explanation:
    """Explain what a rule made of an event.

    Args:
        rule: the rule.
        watched: the event.
        texts: of all files, by name.

    Returns:
        Its condition, test by test.
    """
    seen = watched.of(rule.name)
    name = watched.occurrence.event.name
    event = load().as_confirmed.event(name)
    if seen is None or event is None:
        judged = any(on.name == name for on in rule.events)
        why = f"not judged: {name} was denied before" if judged else f"not a rule on {name}"
        return Explanation(rule.name, why, ())
    scope = _Scope(seen.record, event, defaults_of(watched, event), texts)
    lines = list(scope.lines(seen.rule.when, 0))
    for clause in rule.excepts:
        named = f' "{clause.name}"' if clause.name else ""
        lines.append(Line(0, _mark(clause.when, seen.record), f"except{named}"))
        lines += scope.lines(clause.when, 1)
    if rule.confirm is not None:
        lines.append(Line(0, _mark(rule.confirm.when, seen.record), "confirm"))
        lines += scope.lines(rule.confirm.when, 1)
    return Explanation(rule.name, _verdict(seen), tuple(lines))


def defaults_of(watched: Watched, event: Event) -> frozenset[str]:
    """Names of fields of an event's record that the test does not give."""
    given = watched.occurrence.event.fields
    known = event.as_confirmed
    missing = {name for name in watched.record if name not in given and known.field(name)}
    return frozenset(missing | watched.occurrence.assumed)


def leaned(watched: Watched, seen: Seen) -> tuple[str, ...]:
    """The defaults on which a rule's condition depends.

    Args:
        watched: the event.
        seen: the rule.

    Returns:
        Names of fields without which the condition would be undetermined: each by itself, or else
        all together; none if it would not.
    """
    event = load().as_confirmed.event(watched.occurrence.event.name)
    if event is None or not (seen.first.definite or not seen.first.possible):
        return ()
    whole = condition(seen.rule)
    if seen.rule.confirm is not None:
        whole = And((whole, seen.rule.confirm.when))
    read = {base for test in tests_of(whole) for base in _bases(test, event)}
    names = sorted(read & defaults_of(watched, event))
    single = tuple(n for n in names if _is_open(whole, _without(seen.record, {n}, whole, event)))
    if single or len(names) < 2:
        return single
    together = _is_open(whole, _without(seen.record, set(names), whole, event))
    return tuple(names) if together else ()


def _is_open(expr: Expr, record: Record) -> bool:
    _, definite, possible = evaluate(expr, record)
    return possible and not definite


def _without(record: Record, names: set[str], expr: Expr, event: Event) -> Record:
    """A record in which some fields are unknown, and what is computed and looked up from them."""
    lost = dict(record)
    for test in tests_of(expr):
        if isinstance(test.field, Derived) and names & _bases(test, event):
            lost[test.field.name] = UNKNOWN
    return lost | dict.fromkeys(names, UNKNOWN)


def _bases(test: Test, event: Event) -> set[str]:
    return {base_of(field, event) for field in fields_of(test.field)}


def _verdict(seen: Seen) -> str:
    """What came of a condition, and why, in words."""
    first, rule = seen.first, seen.rule
    last = confirmed(seen.last, seen.record)
    if seen.last.fires and not last.fires:
        how = "could not be found out" if last.possible else "is false"
        return f"did not alert: its second stage {how}"
    if last.fires:
        how = "fired" if last.definite else "fired, partial: undetermined tests count for it"
        if not last.acts and (rule.deny or rule.kill):
            how += "; it does nothing else, since that is not certain"
        return how + ("" if last.alerts else "; its alert was held back by its limit")
    if not first.fires:
        return "undecided" if first.possible else "did not fire"
    if rule.sequence is not None:
        return "did not fire: its last step happened, but no run of the steps before waits for it"
    if rule.threshold is not None:
        return f"did not fire: counted, its threshold is {rule.threshold.count}"
    return "did not fire"


@frozen
class _Scope:
    """An event before which a condition is walked.

    Args:
        record: its fields and facts.
        event: the event.
        defaults: names of fields that are defaults.
        texts: of all files, by name.
    """

    record: Record
    event: Event
    defaults: frozenset[str]
    texts: Texts

    def lines(self, expr: Expr, depth: int) -> Iterator[Line]:
        """A condition, one test a line."""
        match expr:
            case Constant():
                yield Line(depth, YES if expr.value else NO, str(expr.value).lower())
            case Test():
                yield self._test(expr, expr, depth)
            case Not(item=Test() as test) if _NEGATED.search(self._source(test.span)):
                yield self._test(expr, test, depth)
            case Not():
                yield Line(depth, _mark(expr, self.record), "not")
                yield from self.lines(expr.item, depth + 1)
            case And() if depth == 0:
                for item in expr.items:
                    yield from self.lines(item, depth)
            case And() | Or():
                words = "all of" if isinstance(expr, And) else "any of"
                yield Line(depth, _mark(expr, self.record), words)
                for item in expr.items:
                    yield from self.lines(item, depth + 1)

    def _test(self, expr: Expr, test: Test, depth: int) -> Line:
        value = reading(test, self.record, self.event, self.defaults)
        whole = isinstance(test.field, Derived) and isinstance(test.field.source, AnyAncestor)
        text = test.field.name if whole else self._source(test.span)
        return Line(depth, _mark(expr, self.record), text, value)

    def _source(self, span: Span) -> str:
        """A place of a rule on one line."""
        return on_one_line(self.texts, span, _LONGEST)


def on_one_line(texts: Texts, span: Span, longest: int) -> str:
    """A place in a file as reports quote it.

    Args:
        texts: of all files, by name.
        span: the place.
        longest: characters; what is longer is cut visibly.
    """
    text = " ".join(texts.get(span.file, "")[span.start : span.end].split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _mark(expr: Expr, record: Record) -> str:
    _, definite, possible = evaluate(expr, record)
    return YES if definite else OPEN if possible else NO
