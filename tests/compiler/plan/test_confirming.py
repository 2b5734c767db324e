"""A second stage means what the reference interpreter says: random conditions and records."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.confirm import flaw_of
from bpfc.artifact.confirming import SecondStage, Told
from bpfc.artifact.decode import Decoder, State, Value
from compiler.plan.confirming import agent_infos, confirm_info
from compiler.plan.layout import layout_of
from dsl.catalogue import Field, Kind
from dsl.diagnostics import Collector
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, evaluate
from dsl.typed import And, Confirm, Constant, Expr, Not, Op, Or
from dsl.typed import Test as Check
from dsl.walk import confirm_tests
from tests.artifact.test_decode import record_bytes
from tests.compiler.plan.policies import SPAN, raw_of, rule
from tests.compiler.plan.test_against_semantics import (
    EVENT,
    REGEXES,
    folded_paths,
    number_tests,
    records,
    text_tests,
    words,
)

NAMES = ("test.user", "test.product")
AGENT = {
    name: Field(
        name, Kind.STRING, False, 256, True, False, (), "", "", "before",
        ("linux", "windows"), 1, "", known_by=name, needs=("proc.pid",),
    )
    for name in NAMES
}  # fmt: skip


@st.composite
def agent_tests(draw: st.DrawFn) -> Check:
    field = AGENT[draw(st.sampled_from(NAMES))]
    op = draw(st.sampled_from((Op.EQ, Op.STARTSWITH, Op.ENDSWITH, Op.CONTAINS, Op.REGEX)))
    values = words("linux", 2) if op is not Op.REGEX else st.sampled_from(REGEXES).map(str.encode)
    several = tuple(draw(st.lists(values, min_size=1, max_size=3)))
    return Check(field, op, several, SPAN, every=draw(st.booleans()), nocase=draw(st.booleans()))


def conditions(platform: str) -> st.SearchStrategy[Expr]:
    return st.recursive(
        text_tests(platform) | number_tests() | agent_tests() | st.builds(Constant, st.booleans()),
        lambda inner: (
            st.builds(Not, inner)
            | st.lists(inner, min_size=1, max_size=3).map(lambda found: And(tuple(found)))
            | st.lists(inner, min_size=1, max_size=3).map(lambda found: Or(tuple(found)))
        ),
        max_leaves=6,
    )


@st.composite
def known(draw: st.DrawFn) -> dict[str, FieldValue]:
    """What the agent knows."""
    states = st.sampled_from([UNKNOWN, ABSENT])
    return {name: draw(words("linux") | states) for name in NAMES}


def compare(
    expr: Expr,
    on_unknown: bool,
    record: dict[str, FieldValue],
    told: dict[str, FieldValue],
    platform: str,
) -> None:
    item = evolve(rule(Constant(True), EVENT), confirm=Confirm(expr, on_unknown, SPAN))
    report = Collector()
    info = confirm_info(item, report)
    assert info is not None and not report.items
    used = [test.field.name for test in confirm_tests(item)]
    layout = layout_of(EVENT, used)
    assert flaw_of(info, used) == ""
    raw = raw_of(EVENT, record, platform, used)
    states = {"unknown": 0, "absent": 0}
    for index, number in raw.numbers.items():
        if isinstance(number, str):
            states[number] |= 1 << index
    data = record_bytes(
        layout,
        {index: n for index, n in raw.numbers.items() if isinstance(n, int)},
        {index: (view.text, view.flags) for index, view in raw.views.items()},
        (0,),
        **states,
    )
    decoded = Decoder((layout,), platform).decode(data)
    asked: list[str] = []

    def ask(source: str, needs: tuple[Value | State, ...]) -> Value | State:
        asked.append(source)
        assert len(needs) == 1
        value = told[source]
        if isinstance(value, bytes):
            return value.decode()
        return State.UNKNOWN if value is UNKNOWN else State.ABSENT

    fields = {field.name: field for field in agent_infos(item)}
    verdict = SecondStage(info, layout, platform).judge(Told(decoded, fields, ask))
    meant = folded_paths(expr) if platform == "windows" else expr
    fire, definite, possible = evaluate(meant, {**record, **told})
    assert (verdict.confirmed, verdict.definite, verdict.possible) == (
        fire or (on_unknown and possible),
        definite,
        possible,
    )
    assert len(asked) == len(set(asked)) and {*asked} <= {*fields}


def seen(platform: str) -> st.SearchStrategy[list[tuple[dict[str, FieldValue], ...]]]:
    """Records with what the agent knows: few would not meet the bounds of a condition."""
    return st.lists(st.tuples(records(platform), known()), min_size=3, max_size=3)


@given(conditions("linux"), st.booleans(), seen("linux"))
def test_linux(
    expr: Expr, on_unknown: bool, found: list[tuple[dict[str, FieldValue], ...]]
) -> None:
    for record, told in found:
        compare(expr, on_unknown, record, told, "linux")


@given(conditions("windows"), st.booleans(), seen("windows"))
def test_windows(
    expr: Expr, on_unknown: bool, found: list[tuple[dict[str, FieldValue], ...]]
) -> None:
    for record, told in found:
        compare(expr, on_unknown, record, told, "windows")
