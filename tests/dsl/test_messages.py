"""What alerts say by default: every event says who, and shows fields that its records have."""

import tomllib

import pytest

from dsl.catalogue import Event, load
from dsl.messages import default_message
from tests.house.table import ROOT

EVENTS = load().events


@pytest.mark.parametrize("event", EVENTS, ids=[event.name for event in EVENTS])
def test_fields_are_in_every_record_of_the_event(event: Event) -> None:
    always = {field.name for field in event.in_record(())}
    fields = [text for kind, text in default_message(event) if kind == "field"]
    assert set(fields) <= always
    if "proc.exe.path" in always:
        assert fields[:4] == ["proc.exe.path", "proc.pid", "proc.uid", "proc.parent.exe.path"]


def test_messages_are_of_events_and_families_that_exist() -> None:
    data = tomllib.loads((ROOT / "dsl" / "messages.toml").read_text("utf-8"))
    assert set(data["event"]) <= {event.name for event in EVENTS}
    assert set(data["family"]) <= {event.name.partition(".")[0] for event in EVENTS}


def test_a_message_in_parts() -> None:
    event = load().event("net.connect")
    assert event is not None
    text = "".join(t if kind == "text" else f"<{t}>" for kind, t in default_message(event))
    assert text == (
        "<proc.exe.path> (pid <proc.pid>, user <proc.uid>, parent <proc.parent.exe.path>) "
        "connects to <remote.ip> port <remote.port> (<net.protocol>)"
    )
