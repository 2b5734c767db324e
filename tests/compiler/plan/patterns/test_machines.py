"""Automata over bytes find what the reference search finds, in both encodings, alone and joined."""

from functools import reduce

from hypothesis import assume, given
from hypothesis import strategies as st

from compiler.plan.patterns.acceptor import TooManyStates, acceptor_of, both
from compiler.plan.patterns.encode import ByteMachine, encoded
from compiler.plan.patterns.machine import joined
from compiler.plan.patterns.selection import whole
from dsl.patterns import regex
from dsl.patterns.search import found
from dsl.patterns.tree import Node
from tests.dsl.patterns.generate import BYTES, REGEXES, TEXTS

MANY = 60_000


def run(machine: ByteMachine, text: bytes, cut: bool) -> int:
    state, result = 0, 0
    for byte in text:
        state = machine.rows[state][machine.of_byte[byte]]
        result |= machine.found[state]
    return result if cut else result | machine.at_end[state]


def machines(nodes: list[Node], wide: bool) -> list[ByteMachine]:
    try:
        each = [whole(acceptor_of(node), 1 << n) for n, node in enumerate(nodes)]
    except TooManyStates:
        assume(False)
    result = [encoded(machine, wide, MANY) for machine in joined(each)]
    assert None not in result
    return [item for item in result if item]


def selective(patterns: list[str]) -> list[Node]:
    """Trees of the patterns that the checker takes: not every text satisfies them."""
    nodes = [regex.parse(pattern) for pattern in patterns]
    return [node for node in nodes if not found(node, b"", cut=True)]


def compare(patterns: list[str], texts: list[tuple[bytes, bytes]], wide: bool, cut: bool) -> None:
    """Machines find what the search does; texts are in UTF-8 and as the machines have them."""
    nodes = selective(patterns)
    automata = machines(nodes, wide) if nodes else []
    for text, encoded_text in texts:
        wanted = sum(1 << n for n, node in enumerate(nodes) if found(node, text, cut))
        assert sum(run(item, encoded_text, cut) for item in automata) == wanted


@given(
    st.lists(REGEXES, min_size=1, max_size=6),
    st.lists(BYTES, min_size=8, max_size=8),
    st.booleans(),
)
def test_utf8(patterns: list[str], texts: list[bytes], cut: bool) -> None:
    compare(patterns, [(text, text) for text in texts], False, cut)


@given(
    st.lists(REGEXES, min_size=1, max_size=6),
    st.lists(TEXTS, min_size=8, max_size=8),
    st.booleans(),
)
def test_utf16(patterns: list[str], texts: list[str], cut: bool) -> None:
    compare(patterns, [(text.encode(), text.encode("utf-16-le")) for text in texts], True, cut)


@given(
    st.lists(REGEXES, min_size=2, max_size=3),
    st.lists(BYTES, min_size=8, max_size=8),
    st.booleans(),
)
def test_several_at_once(patterns: list[str], texts: list[bytes], cut: bool) -> None:
    nodes = selective(patterns)
    assume(nodes)
    try:
        acceptor = reduce(both, map(acceptor_of, nodes))
    except TooManyStates:
        assume(False)
    machine = encoded(whole(acceptor, 1), False, MANY)
    assert machine
    for text in texts:
        assert run(machine, text, cut) == all(found(node, text, cut) for node in nodes)


def test_surrogates_that_stand_alone_are_characters() -> None:
    nodes = [regex.parse(p) for p in ("^..$", "^.😀$", "[^😀]b", "^[😀-😂]$")]
    automata = machines(nodes, True)
    for units, wanted in (
        ("d83dd83d", 0b0001),
        ("d83d3dd8", 0b0001),
        ("d83dd83dde00", 0b0011),
        ("d83dde000062", 0b0001),
        ("d83d0062", 0b0101),
        ("de000062", 0b0101),
        ("d83dde01", 0b1000),
        ("d83dde03", 0b0000),
    ):
        text = b"".join(bytes.fromhex(units[at : at + 4])[::-1] for at in range(0, len(units), 4))
        assert sum(run(item, text, False) for item in automata) == wanted, units


def test_half_a_surrogate_in_utf8_is_no_beginning_of_a_character() -> None:
    nodes = [regex.parse(pattern) for pattern in (r"\W", "^..$", "[^a]b")]
    automata = machines(nodes, False)
    for text, cut, wanted in (
        (b"\xed\xa0", True, 0b001),  # no third byte makes it valid
        (b"\xed\xa0", False, 0b011),
        (b"\xed\x9f", True, 0b000),  # could be U+D7FF
        (b"\xed\xa0b", True, 0b101),
        (b"\xed", True, 0b000),
    ):
        found_by_search = sum(1 << n for n, node in enumerate(nodes) if found(node, text, cut))
        assert sum(run(item, text, cut) for item in automata) == found_by_search == wanted


def test_patterns_without_gaps_share_one_automaton() -> None:
    nodes = [regex.parse(f"name{n:02}[a-z]+x") for n in range(50)]
    nodes += [regex.parse(f"^/opt/{n:02}/[a-z]*/run$") for n in range(50)]
    (machine,) = machines(nodes, False)
    assert len(machine.rows) < 1500


def test_patterns_with_gaps_are_dealt_out() -> None:
    nodes = [regex.parse(f"begin{n:02}.*end{n:02}") for n in range(40)]
    automata = machines(nodes, False)
    assert 2 < len(automata) < 12
    for n in range(40):
        text = b"begin%02d begin%02d .. end%02d" % (n, n, n)
        assert sum(run(item, text, False) for item in automata) == 1 << n
