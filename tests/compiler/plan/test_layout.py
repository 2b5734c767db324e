"""Record layouts of the catalogue's events."""

import pytest
from attrs import evolve

from bpfc.artifact.layout import digest_of
from bpfc.artifact.record import NUMBERS_MAX, VIEWS_MAX
from compiler.plan.layout import layout_of
from compiler.plan.planner import plan
from dsl.catalogue import Event, Kind, load
from dsl.typed import And, Constant, Op
from dsl.typed import Test as Check
from tests.compiler.plan.policies import CONNECT, FORK, SPAN, policy, rule


@pytest.mark.parametrize("event", load().events, ids=lambda event: event.name)
def test_every_field_has_its_place(event: Event) -> None:
    layout = layout_of(event)
    fields = event.in_record(())
    assert [n.name for n in layout.numbers] == [f.name for f in fields if not f.kind.is_text]
    assert [t.name for t in layout.texts] == [f.name for f in fields if f.kind.is_text]
    words = [w for n in layout.numbers for w in range(n.index, n.index + n.words)]
    assert words == list(range(len(words)))
    whole = [text for text in layout.texts if not text.part]
    assert [text.view for text in whole] == list(range(len(whole)))


def test_net_connect() -> None:
    layout = layout_of(CONNECT)
    texts = {text.name: text for text in layout.texts}
    assert texts["proc.exe.name"].view == texts["proc.exe.path"].view
    assert texts["proc.argv"].view == texts["proc.cmdline"].view
    joined = {text.name for text in layout.texts if text.joined}
    assert joined == {"proc.cmdline", "proc.parent.cmdline"}
    ip = next(number for number in layout.numbers if number.name == "remote.ip")
    port = next(number for number in layout.numbers if number.name == "remote.port")
    assert (ip.words, port.index) == (2, ip.index + 2)
    protocol = next(number for number in layout.numbers if number.name == "net.protocol")
    assert ("tcp", 6) in protocol.constants
    assert layout.digest == digest_of(layout.event, layout.number, layout.numbers, layout.texts)


def test_digest_changes_with_the_fields() -> None:
    less = evolve(CONNECT, fields=CONNECT.fields[:-1])
    assert layout_of(less).digest != layout_of(CONNECT).digest


@pytest.mark.parametrize(("kind", "most"), [(Kind.INT, NUMBERS_MAX), (Kind.STRING, VIEWS_MAX)])
def test_a_record_has_limits(kind: Kind, most: int) -> None:
    field = evolve(CONNECT.fields[0], kind=kind, base="", part="")
    fields = tuple(evolve(field, name=f"f{n}") for n in range(most + 1))
    layout_of(evolve(CONNECT, fields=fields[:-1]))
    with pytest.raises(ValueError, match="a record holds"):
        layout_of(evolve(CONNECT, fields=fields))


def test_a_part_needs_its_base() -> None:
    fields = tuple(field for field in CONNECT.fields if field.name != "proc.exe.path")
    with pytest.raises(ValueError, match="not a text"):
        layout_of(evolve(CONNECT, fields=fields))


def unrecorded(event: Event, *names: str) -> Event:
    """The event with these number fields, context, that only the policies that use them record."""
    base = next(field for field in event.fields if field.name == "proc.pid")
    more = tuple(evolve(base, name=name, recorded=False) for name in names)
    return evolve(event, fields=(*more, *event.fields))


def test_other_fields_are_recorded_where_they_are_used() -> None:
    event = unrecorded(CONNECT, "proc.a", "proc.b")
    assert layout_of(event) == layout_of(CONNECT)
    used = layout_of(event, {"proc.b", "unheard.of"})
    assert [n.name for n in used.numbers][:2] == ["proc.b", "proc.pid"]
    assert used.digest != layout_of(CONNECT).digest


def test_context_has_the_same_place_in_all_records_of_a_policy() -> None:
    connect, fork = unrecorded(CONNECT, "proc.a", "proc.b"), unrecorded(FORK, "proc.a", "proc.b")
    field = connect.field("proc.b")
    assert field is not None
    one = rule(Check(field, Op.EQ, (1,), SPAN), connect)
    two = rule(Constant(True), fork)
    found, problems = plan(policy(one, two))
    assert found is not None and not problems
    for event in found.events:
        assert event.layout.numbers[: len(found.context.numbers)] == found.context.numbers
        assert event.layout.texts[: len(found.context.texts)] == found.context.texts
        assert event.layout.numbers[0].name == "proc.b"


def test_a_full_record_is_said() -> None:
    event = unrecorded(CONNECT, *(f"proc.x{n}" for n in range(NUMBERS_MAX)))
    tests = (Check(f, Op.EQ, (1,), SPAN) for f in event.fields[:NUMBERS_MAX])
    found, problems = plan(policy(rule(Constant(True)), rule(And(tuple(tests)), event)))
    assert found is None
    assert [problem.code for problem in problems] == ["BPFC0696"]
    assert "61 words of numbers and 8 texts" in problems[0].message
