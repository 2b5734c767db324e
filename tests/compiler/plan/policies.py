"""Typed policies and records for tests, made without the front end."""

from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address

from attrs import evolve

from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN
from compiler.plan.layout import layout_of
from dsl.catalogue import Event, Kind, load
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated
from dsl.span import Span
from dsl.typed import Deny, Except, Expr, Kill, Op, Policy, Rule, Test, Value
from tests.compiler.plan.executor import Raw, View

SPAN = Span("rules.det", 0, 1, 1, 1)


def event(name: str) -> Event:
    found = load().event(name)
    assert found is not None
    return found


CONNECT, EXEC, EXIT, FORK = map(
    event, ("net.connect", "process.exec", "process.exit", "process.fork")
)


def check(
    name: str,
    op: Op,
    *values: Value,
    on: Event = CONNECT,
    every: bool = False,
    nocase: bool = False,
    exact: bool = False,
) -> Test:
    """A test of a field; of its elements, where it is a list."""
    field = on.field(name)
    assert field is not None
    element = "any" if field.kind is Kind.STRINGS and op is not Op.EXISTS else None
    return Test(field, op, values, SPAN, every, nocase, exact, element)


def rule(
    when: Expr,
    *events: Event,
    name: str = "r",
    excepts: tuple[Expr, ...] = (),
    deny: str | None = None,
    fallback: str = "refuse",
    on_unknown: bool = False,
    kill: tuple[str, ...] = (),
    silent: bool = False,
    mode: str = "enforce",
) -> Rule:
    return Rule(
        name=name,
        metadata=(),
        events=events or (CONNECT,),
        when=when,
        excepts=tuple(Except(None, item, SPAN) for item in excepts),
        deny=Deny(deny, fallback, on_unknown, SPAN) if deny else None,
        kill=Kill(kill, SPAN) if kill else None,
        alert=None,
        silent=silent,
        mode=mode,
        span=SPAN,
        name_span=SPAN,
    )


def policy(*rules: Rule, mode: str = "enforce") -> Policy:
    named = tuple(evolve(item, name=f"{item.name}{n}") for n, item in enumerate(rules))
    return Policy("p", "1", 1, named, (("rules.det", ""),), mode)


def raw_of(on: Event, record: Record, platform: str, used: Collection[str] = ()) -> Raw:
    """A record as the kernel has it; fields that the record lacks are unknown."""
    layout = layout_of(on, used)
    numbers: dict[int, int | str] = {}
    for number in layout.numbers:
        value = record.get(number.name, UNKNOWN)
        if value is UNKNOWN or value is ABSENT:
            numbers[number.index] = "unknown" if value is UNKNOWN else "absent"
        elif number.words == 2:
            whole = address(value)
            numbers[number.index], numbers[number.index + 1] = whole >> 64, whole & (1 << 64) - 1
        else:
            assert isinstance(value, int)
            numbers[number.index] = value & (1 << 64) - 1
    views = {
        text.view: view_of(record.get(text.name, UNKNOWN), platform)
        for text in layout.texts
        if not text.part
    }
    return Raw(numbers, views)


def address(value: FieldValue) -> int:
    assert isinstance(value, IPv4Address | IPv6Address)
    return int(value) | (0xFFFF << 32 if value.version == 4 else 0)


def view_of(value: FieldValue, platform: str) -> View:
    if value is UNKNOWN:
        return View(b"", VIEW_UNKNOWN)
    if value is ABSENT:
        return View(b"", VIEW_ABSENT)
    text, flags = (value.prefix, VIEW_TRUNCATED) if isinstance(value, Truncated) else (value, 0)
    assert isinstance(text, bytes)
    if platform == "windows":
        text = text.decode("utf-8").encode("utf-16-le")
    return View(text, flags)
