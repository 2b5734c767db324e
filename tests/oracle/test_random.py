"""The compiled core in this kernel means what the reference interpreter says: random policies,
random records."""

from collections.abc import Mapping
from ipaddress import ip_network

import pytest
from attrs import evolve
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from bpfc.artifact.record import RULES_MAX
from dsl.catalogue import Catalogue, load
from dsl.catalogue import Event as Kind
from dsl.interpreter import Event, Interpreter
from dsl.semantics import UNKNOWN, FieldValue
from dsl.typed import And, Deny, Kill, Not, Op, Range, Rule
from tests.compiler.plan.policies import EXEC, SPAN, check, policy, rule
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


def compare(items: list[Rule], happened: list[Event]) -> None:
    judged = evolve(policy(*items), sources=(("rules.det", "rule"),))
    try:
        given_to_core = work(judged, happened, CATALOGUE)
    except ValueError as error:
        # Too many alternatives, too many columns.
        assume(not any(code in str(error) for code in ("BPFC0651", "BPFC0652")))
        raise
    played = play(given_to_core)
    interpreter = Interpreter(judged, events=CATALOGUE)
    expected = [interpreter.consume(event) for event in happened]
    found = outcomes(given_to_core, played)
    assert list(map(lines, found)) == list(map(lines, expected))
    assert [outcome.alerts for outcome in found] == [outcome.alerts for outcome in expected]
    assert max(len(outcome.alerts) for outcome in expected) <= RULES_MAX
    undecided = [sum(o.undecided.count(each.name) for o in expected) for each in judged.rules]
    assert [row[2] for row in played.statistics] == undecided


@settings(max_examples=EXAMPLES)
@given(st.lists(acting_rules(), min_size=1, max_size=5), st.sampled_from([1, 1, 1, 5]), events())
def test_core_and_interpreter_agree(items: list[Rule], copies: int, happened: list[Event]) -> None:
    compare(items * copies, happened)


def crowd(count: int, seed: int) -> list[Rule]:
    """Many plain rules, few of which an event satisfies: rows of terms are looked at in chunks."""

    def near(n: int) -> Range:
        return Range(max(0, 3 * n - 4), 3 * n + 4)

    tests = [
        (
            lambda n: check("remote.port", Op.EQ, n),
            lambda n: check("proc.pid", Op.EQ, near(n)),
            lambda n: And((check("proc.pid", Op.EQ, n), check("remote.port", Op.GE, n))),
            lambda n: check("remote.ip", Op.EQ, ip_network(f"10.{n >> 8}.{n & 255}.0/24")),
            lambda n: And((check("proc.pid", Op.EQ, near(n)), Not(check("proc.pid", Op.LT, n)))),
        )[(n + seed) % 5](n)
        for n in range(count)
    ]
    return [rule(test, CONNECT) for test in tests]


# Not made smaller where it fails: an example takes seconds.
@settings(max_examples=max(3, EXAMPLES // 4), phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(acting_rules(), min_size=1, max_size=4),
    st.sampled_from([260, 600, 1100]),
    st.integers(0, 4),
    events(),
)
def test_in_a_crowd(items: list[Rule], count: int, seed: int, happened: list[Event]) -> None:
    others = crowd(count, seed)
    compare([*others[: count // 2], *items, *others[count // 2 :]], happened)
