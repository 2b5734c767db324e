"""Random policies from text, with state, on streams of events: the core in this kernel comes to
what the reference interpreter comes to."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dsl.interpreter import Event, Interpreter
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.play import play
from tests.oracle.sources import Features, checked, completed, sources, streams

pytestmark = pytest.mark.bpf

EXAMPLES = settings().max_examples // 4  # ten times as many in a long run
EVENTS = 40  # most of an example
FEATURES = Features(counting=True, sets=True, tags=True, sequences=True)


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_core_and_interpreter_agree(data: st.DataObject) -> None:
    source = data.draw(sources(FEATURES))
    policy = checked(source)
    events: list[Event] = completed(policy, data.draw(streams(EVENTS)))
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
