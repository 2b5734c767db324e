"""Record layouts of the catalogue's events."""

import pytest
from attrs import evolve

from bpfc.artifact.layout import digest_of
from bpfc.artifact.record import NUMBERS_MAX, VIEWS_MAX
from compiler.plan.layout import layout_of
from dsl.catalogue import Event, Kind, load
from tests.compiler.plan.policies import CONNECT


@pytest.mark.parametrize("event", load().events, ids=lambda event: event.name)
def test_every_field_has_its_place(event: Event) -> None:
    layout = layout_of(event)
    assert [n.name for n in layout.numbers] == [f.name for f in event.fields if not f.kind.is_text]
    assert [t.name for t in layout.texts] == [f.name for f in event.fields if f.kind.is_text]
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
