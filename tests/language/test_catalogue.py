"""Every field of every event can be asked for, by the interpreter and by the compiled core."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from attrs import frozen

from dsl.catalogue import Event as EventKind
from dsl.catalogue import Field, Kind, load
from dsl.frontend import check
from dsl.interpreter import Event, Interpreter
from dsl.semantics import ABSENT, UNKNOWN, FieldValue
from tests.language.fixture import complete, lines
from tests.language.kernel import outcomes, work
from tests.language.play import play

CONTEXT_ON = "process.exec"  # where the process context is asked for
FIELDS = 10  # of one policy
PATH = b"/x/y.z"
PARTS = {"": "/x/y.z", "name": "y.z", "directory": "/x", "extension": "z", "elements": "/x/y.z"}
NUMBER = 7


@frozen
class Question:
    """A test of one field.

    Args:
        text: the test.
        field: what it asks for; the name has a parameter in it, if the field has one.
        yes, no: a value that satisfies it, and one that does not.
    """

    text: str
    field: Field
    yes: FieldValue
    no: FieldValue


def question(row: Field, kind: EventKind) -> Question:
    """A test of a field."""
    name = row.name
    if row.parameter:
        name = name.replace("*", "PATH" if row.parameter == "text" else "2")
    field = kind.field(name)
    assert field is not None
    if field.kind.is_text:
        element = "any " if field.kind is Kind.STRINGS else ""
        return Question(f'{name} {element}== "{PARTS[field.part]}"', field, PATH, b"/a/b.c")
    if field.kind is Kind.IP:
        return Question(f"{name} == 192.0.2.7", field, ip_address("192.0.2.7"), ip_address("::7"))
    if field.kind is Kind.BOOL:
        return Question(name, field, 1, 0)
    if field.constants:
        constant, value = field.constants[-1]
        return Question(f"{name} == {constant}", field, value, value ^ 1)
    unit = "ms" if field.kind in (Kind.TIME, Kind.DURATION) else ""
    value = NUMBER * (1_000_000 if unit else 1)
    return Question(f"{name} == {NUMBER}{unit}", field, value, value + 1)


def chunks(kind: EventKind) -> Iterator[list[Question]]:
    """All tests of an event's fields, some at a time; the process context once only."""
    rows = [f for f in kind.fields if not f.context or kind.name == CONTEXT_ON]
    asked = [question(row, kind) for row in rows] or [question(kind.fields[0], kind)]
    for start in range(0, len(asked), FIELDS):
        yield asked[start : start + FIELDS]


def happened(kind: EventKind, asked: list[Question]) -> Iterator[tuple[Event, set[str]]]:
    """Events, and the fields whose tests they satisfy."""
    names = {item.field.base or item.field.name for item in asked}
    base = {name: field for name in names if (field := kind.field(name))}
    yes = {item.field.base or item.field.name: item.yes for item in asked}
    no = {item.field.base or item.field.name: item.no for item in asked}
    unknown: dict[str, FieldValue] = dict.fromkeys(names, UNKNOWN)
    absent = {n: ABSENT if base[n].optional else no[n] for n in names}
    every = {item.field.name for item in asked}
    for values, found in ((yes, every), (no, set()), (unknown, set()), (absent, set())):
        fields = complete(kind.name, values, (f.name for f in kind.fields))
        yield Event(kind.name, 1, fields), found


@pytest.mark.bpf
@pytest.mark.parametrize("name", [event.name for event in load().events])
def test_every_field_of_an_event(name: str) -> None:
    kind = load().event(name)
    assert kind is not None
    for asked in chunks(kind):
        rules = [f"rule r{n} {{ on {name} when {item.text} }}" for n, item in enumerate(asked)]
        source = 'policy "p" version "1" language 1\n' + "\n".join(rules)
        policy, diagnostics = check([("p.det", source)])
        assert policy is not None, diagnostics
        pairs = list(happened(kind, asked))
        events = [event for event, _ in pairs]
        expected = [
            tuple(f"alert r{n}" for n, item in enumerate(asked) if item.field.name in found)
            for _, found in pairs
        ]
        interpreter = Interpreter(policy)
        assert [lines(interpreter.consume(event)) for event in events] == expected
        compiled = work(policy, events)
        assert [lines(o) for o in outcomes(compiled, play(compiled))] == expected
