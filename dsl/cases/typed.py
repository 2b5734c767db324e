"""Checked test blocks: what happens in them, and what is expected of it."""

from attrs import frozen

from dsl.interpreter.outcome import Event
from dsl.span import Span

START = 3600 * 10**9  # nanoseconds since boot at which the clock of a test stands at first

# An element of a run-time set as an agent gives it: addresses and networks as text.
Part = str | int
Element = Part | tuple[Part, ...]


@frozen
class Expectation:
    """`expect [no] EFFECT [by RULE]`.

    Args:
        effect: "alert", "deny", "kill", "would deny", "would kill" or "nothing".
        negated: whether it is not to happen.
        detail: error of a denial, process that is killed; "" for any.
        rule: whose doing it is to be; "" for anyone's.
        certainty: of an alert: "partial", "certain", or "" for either.
        count: how many alerts there are to be; None for one or more.
        span: the expectation.
    """

    effect: str
    negated: bool
    detail: str
    rule: str
    certainty: str
    count: int | None
    span: Span


@frozen
class ValueExpectation:
    """`expect alert.NAME OPERATOR VALUE by RULE`.

    Args:
        name: a field of the event, "output.NAME", a key of metadata, "message" or "certainty".
        operator: "==", "!=", "contains", "startswith" or "endswith".
        value: as alerts show it: text, number, truth.
        rule: whose alert it is; "" for anyone's.
        span: the expectation.
    """

    name: str
    operator: str
    value: str | int | bool
    rule: str
    span: Span


@frozen
class Occurrence:
    """One event of a test.

    Args:
        event: what the rules are to judge; fields that the test says nothing about are left out.
        assumed: names of fields that are there although the test does not give them: they follow
            from defaults of other fields.
    """

    event: Event
    assumed: frozenset[str]


@frozen
class Happening:
    """A statement that says what happens, once or several times.

    Args:
        event: catalogue name.
        actor: who does it; "" for nobody.
        occurrences: in order of time, at least one.
        expectations: of all of them together.
        span: the statement.
        given: whether it only follows from what is given: the fork of a process.
    """

    event: str
    actor: str
    occurrences: tuple[Occurrence, ...]
    expectations: tuple[Expectation | ValueExpectation, ...]
    span: Span
    given: bool = False


@frozen
class Case:
    """A checked `test` block.

    Args:
        title: unique among the tests of a policy.
        sets: what run-time sets hold at first, by name.
        happenings: in order.
        span: first line of the block.
    """

    title: str
    sets: tuple[tuple[str, tuple[Element, ...]], ...]
    happenings: tuple[Happening, ...]
    span: Span
