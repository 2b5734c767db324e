"""Syntax nodes of `test` blocks."""

from attrs import frozen

from dsl.literal_syntax import Broken, Literal, Name, Number, Text
from dsl.span import Span


@frozen
class Made:
    """`repeat("a", 30000)`: a value that a function makes."""

    function: Name
    arguments: tuple["Sum | GivenList", ...]
    span: Span


@frozen
class Sum:
    """`"a" + repeat("b", 3)`; of one part only where nothing is joined."""

    parts: tuple[Literal | Made, ...]
    span: Span


@frozen
class GivenTuple:
    """`("/usr/bin/curl", 443)`: an element of a set of tuples."""

    items: tuple[Sum, ...]
    span: Span


@frozen
class GivenList:
    """`["sh", "-c", "id"]`."""

    items: tuple[Sum | GivenTuple | Broken, ...]
    span: Span


@frozen
class Assignment:
    """`exe.path = "/usr/sbin/nginx"`."""

    name: Name
    value: Sum | GivenList
    span: Span


@frozen
class GivenProcess:
    """`given proc NAME child of PARENT { FIELD = VALUE }`."""

    name: Name
    parent: Name | None
    values: tuple[Assignment, ...]
    span: Span


@frozen
class GivenSet:
    """`given set NAME = [...]`: what a run-time set holds before the first event."""

    name: Name
    elements: GivenList
    span: Span


@frozen
class After:
    """`after 10s`."""

    time: Number | Broken
    span: Span


@frozen
class Repeated:
    """`20 times every 1s`."""

    count: Number | Broken
    every: Number | Broken | None
    span: Span


@frozen
class Happens:
    """`ACTOR: EVENT { FIELD = VALUE } 20 times`.

    Args:
        actor: None of an event that has no process.
        event: its name.
        values: what it brings.
        repeated: None if it happens once.
        span: from the actor or the keyword to the end.
    """

    actor: Name | None
    event: Name
    values: tuple[Assignment, ...]
    repeated: Repeated | None
    span: Span


@frozen
class Expect:
    """`expect [no] EFFECT [by RULE]`.

    Args:
        effect: "alert", "deny", "kill", "would deny", "would kill" or "nothing".
        negated: whether it is not to happen.
        detail: error of a denial, process that is killed.
        rule: whose doing it is to be, None for anyone's.
        certainty: "partial" or "certain", None for either; of alerts.
        count: how many alerts there are to be; None for one or more.
        span: the whole.
    """

    effect: str
    negated: bool
    detail: Name | None
    rule: Name | None
    certainty: Name | None
    count: Number | Broken | None
    span: Span


@frozen
class ExpectValue:
    """`expect alert.FIELD == VALUE by RULE`."""

    name: Name
    operator: Name
    value: Literal
    rule: Name | None
    span: Span


Statement = GivenProcess | GivenSet | After | Happens | Expect | ExpectValue | Broken


@frozen
class TestItem:
    """`test "title" { ... }`.

    Args:
        title: its name in reports.
        statements: in source order.
        span: its first line, up to the title.
        whole: from the keyword to the closing brace.
    """

    __test__ = False  # of pytest

    title: Text | Broken
    statements: tuple[Statement, ...]
    span: Span
    whole: Span
