"""The compiled core in this kernel means what the reference interpreter says: random policies,
random records."""

from collections.abc import Mapping

import pytest
from attrs import evolve
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bpfc.artifact.record import RULES_MAX
from dsl.catalogue import Catalogue, load
from dsl.catalogue import Event as Kind
from dsl.interpreter import Event, Interpreter
from dsl.semantics import UNKNOWN, FieldValue
from dsl.typed import Deny, Kill, Rule
from tests.compiler.plan.policies import EXEC, SPAN, policy
from tests.compiler.plan.test_against_semantics import EVENT as CONNECT
from tests.compiler.plan.test_against_semantics import records, rules
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.play import play

pytestmark = pytest.mark.bpf

# An exec has two stages, and fields that only the second one knows.
PROGRAM = evolve(
    EXEC, fields=(*EXEC.fields, *(f for f in CONNECT.fields if EXEC.field(f.name) is None))
)
EVENTS = (CONNECT, PROGRAM)
CATALOGUE = Catalogue(load().version, EVENTS)
EXAMPLES = settings().max_examples // 4  # ten times as many in a long run
RECORDS = 12  # most of an example
ERRORS = st.sampled_from(["EPERM", "EACCES", "ENOENT"])
TARGETS = st.sampled_from([("proc",), ("proc.parent",), ("proc", "proc.parent")])


@st.composite
def acting_rules(draw: st.DrawFn) -> Rule:
    """Rules with any actions, on one event or both."""
    denies = draw(st.none() | st.tuples(ERRORS, st.booleans()))
    kills = draw(st.none() | TARGETS)
    return evolve(
        draw(rules("linux")),
        events=draw(st.sampled_from([(CONNECT,), (PROGRAM,), EVENTS])),
        deny=Deny(denies[0], "refuse", denies[1], SPAN) if denies else None,
        kill=Kill(kills, SPAN) if kills else None,
        silent=draw(st.booleans()) and bool(denies or kills),
        mode=draw(st.sampled_from(["enforce", "enforce", "audit"])),
    )


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    """Events of both kinds; what the records leave out is unknown."""
    found = []
    for time, record in enumerate(draw(st.lists(records("linux"), min_size=1, max_size=RECORDS))):
        kind: Kind = draw(st.sampled_from(EVENTS))
        values: dict[str, FieldValue] = {f.name: UNKNOWN for f in kind.fields if not f.part}
        found.append(Event(kind.name, time, {**values, **record, **_small(record)}))
    return found


def _small(record: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Ports and protocols as no adapter makes them larger: the core counts on that."""
    values = {name: record[name] for name in ("remote.port", "net.protocol")}
    return {name: value & 0xFFFF for name, value in values.items() if isinstance(value, int)}


@settings(max_examples=EXAMPLES)
@given(st.lists(acting_rules(), min_size=1, max_size=5), st.sampled_from([1, 1, 1, 5]), events())
def test_core_and_interpreter_agree(items: list[Rule], copies: int, happened: list[Event]) -> None:
    judged = evolve(policy(*items * copies), sources=(("rules.det", "rule"),))
    try:
        given_to_core = work(judged, happened, CATALOGUE)
    except ValueError as error:
        assume("BPFC0651" not in str(error) and "BPFC0652" not in str(error))
        raise
    played = play(given_to_core)
    interpreter = Interpreter(judged, events=CATALOGUE)
    expected = [interpreter.consume(event) for event in happened]
    found = outcomes(given_to_core, played)
    assert list(map(lines, found)) == list(map(lines, expected))
    assert max(len(outcome.alerts) for outcome in expected) <= RULES_MAX
    undecided = [sum(o.undecided.count(rule.name) for o in expected) for rule in judged.rules]
    assert [row[2] for row in played.statistics] == undecided
