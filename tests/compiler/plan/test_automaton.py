"""Automata find exactly the literals that are there, in every alphabet."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from compiler.plan.automaton import Needle
from compiler.plan.layout import layout_of
from compiler.plan.matcher import event_plan
from compiler.plan.model import AUTOMATON_HEADER, TextTables
from compiler.plan.tables import TABLE_MAX
from compiler.plan.texts import tables_of
from dsl.catalogue import Field
from dsl.diagnostics import Collector
from dsl.typed import Op, Or
from tests.compiler.plan.executor import outids, pairs
from tests.compiler.plan.policies import CONNECT, check, policy, rule

# Half of the letters' UTF-16 bytes are equal to another letter's, in the same or the other half.
LETTERS = "abAB \0\u0161\u0141\u6161\u4141\u6100\u0061"
NEEDLES = st.builds(
    Needle,
    st.text(LETTERS, min_size=1, max_size=5).map(str.encode),
    st.booleans(),
    st.booleans(),
)


def field(name: str) -> Field:
    found = CONNECT.field(name)
    assert found is not None
    return evolve(found, platforms=("linux", "windows"))


def found_by(tables: list[TextTables], text: str, platform: str, cut: bool) -> set[int]:
    """Bits of the words that the hits in a text set."""
    bits = set()
    for item in tables:
        content = item.linux if platform == "linux" else item.windows
        assert content is not None and len(content) == item.size <= TABLE_MAX
        raw = text.encode() if platform == "linux" else text.encode("utf-16-le")
        for outid in outids(item, content, raw, cut):
            for index, mask in pairs(item, content, outid):
                bits |= {64 * index + bit for bit in range(64) if mask >> bit & 1}
    return bits


def fold(text: str, nocase: bool) -> str:
    return "".join(c.lower() if nocase and c.isascii() else c for c in text)


def occurs(needle: Needle, text: str, cut: bool) -> bool:
    """Whether a needle is in a text, by string search with marks for the ends."""
    body = needle.text.decode()
    sought = ("\ue000" if needle.start else "") + body + ("\ue001" if needle.end else "")
    return sought in "\ue000" + text + ("" if cut else "\ue001")


def marked(needles: list[Needle]) -> dict[Needle, dict[int, int]]:
    return {needle: {n // 64: 1 << n % 64} for n, needle in enumerate(dict.fromkeys(needles))}


def expect(
    needles: list[Needle], text: str, cut: bool, nocase: bool, name: str, platform: str
) -> set[int]:
    fold_it = nocase or (platform == "windows" and name == "proc.exe.path")
    wanted = set()
    for n, needle in enumerate(dict.fromkeys(needles)):
        body, here = fold(needle.text.decode(), fold_it), fold(text, fold_it)
        if name == "proc.cmdline":
            body, here = body.replace("\0", " "), here.replace("\0", " ")
        folded = Needle(body.encode(), needle.start, needle.end)
        if name == "proc.argv":
            *complete, last = here.split("\0")
            hit = any(occurs(folded, element, False) for element in complete)
            hit = "\0" not in body and (hit or occurs(folded, last, cut))
        else:
            hit = occurs(folded, here, cut)
        if hit:
            wanted.add(n)
    return wanted


@given(
    st.lists(NEEDLES, min_size=1, max_size=80),
    st.lists(st.text(LETTERS, max_size=12), min_size=5, max_size=20),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["proc.exe.path", "proc.comm", "proc.cmdline", "proc.argv"]),
)
def test_finds_what_is_there(
    needles: list[Needle], texts: list[str], cut: bool, nocase: bool, name: str
) -> None:
    tables = tables_of(field(name), CONNECT, nocase, marked(needles))
    for platform in ("linux", "windows"):
        for text in texts:
            wanted = expect(needles, text, cut, nocase, name, platform)
            assert found_by(tables, text, platform, cut) == wanted


def test_no_match_begins_between_two_bytes() -> None:
    # U+6100 U+0061 has the bytes of U+6100 and 61 00; read one byte late they spell U+6161.
    needles = [Needle("\u6161".encode(), False, False)]
    tables = tables_of(field("proc.comm"), CONNECT, False, marked(needles))
    assert found_by(tables, "\u6100\u0061\u6100", "windows", False) == set()
    assert found_by(tables, "\u0061\u6161", "windows", False) == {0}


@pytest.mark.parametrize("text", ["xy\u0161", "xy\u0141", "xyb", "xyB", "x\u0141b", "yaB"])
def test_halves_of_units_fold_only_with_each_other(text: str) -> None:
    # Low byte 41 folds with 61 under high byte 00 and under no other.
    words = ("y\u0161", "xyc", "\u0161", "yb", "yab", "\u0141b")
    needles = [Needle(word.encode(), False, False) for word in words]
    tables = tables_of(field("proc.comm"), CONNECT, True, marked(needles))
    wanted = expect(needles, text, False, True, "proc.comm", "windows")
    assert found_by(tables, text, "windows", False) == wanted


def test_every_byte_value_has_a_class() -> None:
    needles = [Needle(bytes([byte]), False, False) for byte in range(256)]
    (tables,) = tables_of(field("proc.comm"), CONNECT, False, marked(needles))
    assert tables.class_bits == 9 and tables.linux is not None
    for byte in range(256):
        (outid,) = outids(tables, tables.linux, bytes([byte]), False)
        assert pairs(tables, tables.linux, outid) == [(byte // 64, 1 << byte % 64)]


def test_a_literal_that_is_not_utf8_is_never_found_on_windows() -> None:
    needles = [Needle(b"\xff\xfe", False, False), Needle(b"a", False, False)]
    tables = tables_of(field("proc.comm"), CONNECT, False, marked(needles))
    assert found_by(tables, "\ufeffa", "windows", False) == {1}


def test_small_automata_share_one_shape() -> None:
    few = tables_of(field("proc.comm"), CONNECT, False, marked([Needle(b"sh", True, True)]))
    more = tables_of(
        field("proc.comm"),
        CONNECT,
        False,
        marked([Needle(text, True, True) for text in (b"bash", b"dash", b"zsh")]),
    )
    shape = [evolve(item, linux=None, windows=None) for item in (*few, *more)]
    assert shape[0] == shape[1]
    assert few[0].linux is not None and not any(few[0].linux[12:AUTOMATON_HEADER])


@pytest.mark.parametrize(("count", "automata"), [(3000, 1), (9000, 2)])
def test_many_literals_have_sparse_tables(count: int, automata: int) -> None:
    names = [f"/opt/{n * 7919 % 100003:05}/{n * 104729 % 99991:05}.bin" for n in range(count)]
    needles = [Needle(name.encode(), True, True) for name in names]
    tables = tables_of(field("proc.exe.path"), CONNECT, False, marked(needles))
    assert len(tables) == automata and all(item.sparse for item in tables)
    for n in range(0, len(names), 137):
        assert found_by(tables, names[n], "linux", False) == {n}
        assert found_by(tables, names[n].upper(), "windows", False) == {n}
        assert found_by(tables, names[n] + "x", "linux", False) == set()


def test_a_literal_too_long_for_any_table() -> None:
    test = check("proc.cmdline", Op.CONTAINS, b"ab" * 150_000)
    found = Collector()
    assert event_plan(policy(rule(Or((test,)))), CONNECT, layout_of(CONNECT), found) is None
    (problem,) = found.items
    assert problem.code == "BPFC0654" and problem.span == test.span
    assert "300000 bytes" in problem.message
