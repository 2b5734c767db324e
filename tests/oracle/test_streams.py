"""Random policies from text, with state, on streams of events: the core in this kernel comes to
what the reference interpreter comes to."""

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsl.interpreter import Event, Interpreter
from dsl.semantics import FieldValue
from dsl.typed import Policy
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.play import play
from tests.oracle.sources import Features, checked, completed, sources, streams

pytestmark = pytest.mark.bpf

EXAMPLES = settings().max_examples // 4  # ten times as many in a long run
EVENTS = 40  # most of an example
FEATURES = Features(counting=True, sets=True, tags=True, sequences=True)


ANCESTRY = Features(tags=True, ancestors=True, sequences=True)


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_core_and_interpreter_agree(data: st.DataObject) -> None:
    source = data.draw(sources(FEATURES))
    policy = checked(source)
    _compare(source, policy, completed(policy, data.draw(streams(EVENTS))))


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_ancestors(data: st.DataObject) -> None:
    source = data.draw(sources(ANCESTRY))
    policy = checked(source)
    events = completed(policy, data.draw(streams(EVENTS, known=True)))
    _compare(source, policy, _lived(policy, events))


def _compare(source: str, policy: Policy, events: list[Event]) -> None:
    try:
        given_to_core = work(policy, events)
    except ValueError as error:
        assume("BPFC0651" not in str(error))  # too many alternatives
        raise
    played = play(given_to_core)
    interpreter = Interpreter(policy)
    expected = [interpreter.consume(event) for event in events]
    found = outcomes(given_to_core, played)
    assert list(map(lines, found)) == list(map(lines, expected)), source
    assert [o.alerts for o in found] == [o.alerts for o in expected], source


def _lived(policy: Policy, events: list[Event]) -> list[Event]:
    """The events, where a process that forks hands on the program that it runs: the one of its last
    exec that was not denied."""
    interpreter, programs, found = Interpreter(policy), dict[FieldValue, FieldValue](), []
    for event in events:
        record = dict(event.fields)
        program = record["proc.exe.path"]
        if event.name == "process.fork":
            program = programs.setdefault(record["proc.ppid"], program)
            record["proc.exe.path"] = program
        event = evolve(event, fields=record)
        denied = interpreter.consume(event).deny
        if event.name == "process.fork" or (event.name == "process.exec" and not denied):
            programs[record["proc.pid"]] = program
        found.append(event)
    return found
