"""Second stages from a hostile manifest: refused, or judged without harm."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.confirm import (
    AgentField,
    Automaton,
    ConfirmInfo,
    ConfirmNode,
    ConfirmTest,
    flaw_of,
)
from bpfc.artifact.confirming import SecondStage, StageCounts, Told, Verdict
from bpfc.artifact.decode import Decoder, State
from tests.artifact import samples
from tests.artifact.test_codec import CONFIRM_TESTS
from tests.artifact.test_decode import GOOD

FIELDS = ("proc.pid", "proc.exe.path", "proc.cmdline", "known")
TEST = ConfirmTest("known", "==", ("a",), (), (), (1,), False, "", "")
LEAF = ConfirmNode("test", (0,))
ONE = ConfirmInfo(False, (TEST,), (LEAF,), ())
PATTERN = Automaton((0,), (0,), ((0,),), (0,), None)
KNOWN = {"known": AgentField("known", "string", "user", ("proc.pid",))}
RECORD = Decoder(samples.manifest().layouts).decode(GOOD)


def told(value: str | State = "a") -> Told:
    return Told(RECORD, KNOWN, lambda _source, _needs: value)


def stage(info: ConfirmInfo) -> SecondStage:
    return SecondStage(info, samples.EXEC, "linux")


@given(st.lists(CONFIRM_TESTS, min_size=1, max_size=3), st.sampled_from(FIELDS), st.booleans())
def test_what_is_taken_can_be_judged(tests: list[ConfirmTest], name: str, on_unknown: bool) -> None:
    leaves = tuple(ConfirmNode("test", (number,)) for number in range(len(tests)))
    last = len(leaves)
    nodes = (*leaves, ConfirmNode("or", tuple(range(last))), ConfirmNode("not", (last,)))
    named = tuple(evolve(test, field=name) for test in tests)
    info = ConfirmInfo(on_unknown, named, nodes, (PATTERN,) * 3)
    if flaw_of(info, FIELDS) == "":
        assert isinstance(stage(info).judge(told()), Verdict)


def test_flaws() -> None:
    assert flaw_of(ONE, FIELDS) == ""
    nodes = {
        "has no condition": (),
        "has a node 0 that leads nowhere": (ConfirmNode("not", (0,)),),
        "has a node 1 that leads nowhere": (LEAF, ConfirmNode("and", (0, 1))),
    }
    for text, found in nodes.items():
        assert flaw_of(ConfirmInfo(False, (TEST,), found, ()), FIELDS) == text
    assert flaw_of(ConfirmInfo(False, (), (LEAF,), ()), FIELDS) == "has a node 0 that leads nowhere"
    assert flaw_of(ONE, ("proc.pid",)) == "asks for the field known"
    short = ConfirmTest("known", "==", ("a",), (), (), (2,), False, "", "")
    assert "compares known with" in flaw_of(ConfirmInfo(False, (short,), (LEAF,), ()), FIELDS)
    search = ConfirmTest("known", "found", (), (), ((0, 0),), (), False, "", "")
    assert "compares known with" in flaw_of(ConfirmInfo(False, (search,), (LEAF,), ()), FIELDS)
    assert flaw_of(ConfirmInfo(False, (search,), (LEAF,), (PATTERN,)), FIELDS) == ""
    for damaged in (
        Automaton((), (), (), (), None),
        Automaton((1,), (0,), ((0,),), (), None),
        Automaton((0,), (1,), ((0,),), (), None),
        Automaton((0,), (0,), ((1,),), (), None),
        Automaton((0,), (0,), ((0,),), (1,), None),
        Automaton((0,), (0,), ((0,),), (), 1),
        Automaton((0, 0), (0, 0), ((0,),), (), None),
        Automaton((0,), (0,), ((0,), (0, 0)), (), None),
    ):
        info = ConfirmInfo(False, (search,), (LEAF,), (damaged,))
        assert flaw_of(info, FIELDS) == "has an automaton that is not whole"


def test_counts() -> None:
    counts = StageCounts()
    for value in ("a", "b", State.UNKNOWN, State.ABSENT):
        counts.add(stage(ONE).judge(told(value)))
    assert counts == StageCounts(confirmed=1, refuted=2, undecided=1)
    doubtful = ConfirmInfo(True, (TEST,), (LEAF,), ())
    assert stage(doubtful).judge(told(State.UNKNOWN)) == Verdict(True, False, True)


def test_what_nobody_finds_out_is_unknown() -> None:
    assert stage(ONE).judge(Told(RECORD, KNOWN, None)) == Verdict(False, False, True)


def test_half_a_character_and_bytes_that_are_no_text() -> None:
    path = ConfirmTest("proc.exe.path", "endswith", ("h",), (), (), (1,), False, "", "")
    info = ConfirmInfo(False, (path,), (LEAF,), ())
    texts = ("/usr/bin/dash".encode("utf-16-le") + b"\xd8", *RECORD.texts[1:])
    odd = Told(RECORD._replace(texts=texts), {}, None)
    assert SecondStage(info, samples.EXEC, "windows").judge(odd).confirmed
    for value in ("\udcff", "\ud800"):
        assert not stage(ONE).judge(told(value)).possible


def test_a_long_list_of_hashes() -> None:
    values = tuple(f"{number:064x}" for number in range(200_000))
    test = ConfirmTest("known", "==", values, (), (), (1,) * len(values), False, "", "")
    many = stage(ConfirmInfo(False, (test,), (LEAF,), ()))
    for number in range(2_000):
        assert many.judge(told(f"{number:064x}")).confirmed
    assert not many.judge(told("0" * 63)).possible
