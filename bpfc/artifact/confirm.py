"""The second stage of a rule, as the manifest has it: what the agent has to find before an alert.

A condition is a list of nodes, each behind those it consists of; the last one is the whole.
"""

from collections.abc import Collection
from itertools import pairwise

from attrs import frozen

# What a node is, and how many items it has at least: indices of tests, or of earlier nodes.
NODES = {"test": 1, "not": 1, "and": 0, "or": 0}
# How a test compares: numbers with ranges or with bits, texts with texts or with automata.
NUMBER_TESTS = ("range", "any bits", "all bits")
TEXT_TESTS = ("==", "startswith", "endswith", "contains", "under")
TESTS = (*NUMBER_TESTS, *TEXT_TESTS, "found", "exists")
# Where a test of texts folds ASCII letters.
FOLDS = ("", "windows", "always")


@frozen
class AgentField:
    """A field that only the agent knows.

    Args:
        name: catalogue name.
        kind: catalogue kind.
        source: what finds it out (bpfc.userspace).
        needs: fields of the event out of which it is found.
    """

    name: str
    kind: str
    source: str
    needs: tuple[str, ...]


@frozen
class Automaton:
    """A pattern, as a deterministic automaton over classes of code points; state 0 is the first.

    Args:
        starts: first code point of each interval, ascending from 0.
        classes: class of each interval.
        rows: by state, the next state of each class.
        final: states in which a text may end.
        sure: the state in which the pattern has been found whatever follows; None without one.
    """

    starts: tuple[int, ...]
    classes: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]
    final: tuple[int, ...]
    sure: int | None


@frozen
class ConfirmTest:
    """One test.

    Args:
        field: catalogue name, of the event or of the rule's agent fields.
        op: one of TESTS.
        texts: what texts are compared with, all spellings of paths among them; of "under" the
            directories with a separator behind them.
        numbers: ranges, both ends included; bits twice. Addresses are 128-bit numbers, IPv4 as
            ::ffff:a.b.c.d.
        patterns: of "found", the automaton of each pattern on Linux and on Windows.
        groups: how many of the texts are spellings of each value; with `every` one of each is
            wanted.
        every: whether all values are wanted, not any.
        folds: one of FOLDS.
        element: "" for the whole, "any", "all", "count" or a position in a list.
    """

    field: str
    op: str
    texts: tuple[str, ...]
    numbers: tuple[tuple[int, int], ...]
    patterns: tuple[tuple[int, int], ...]
    groups: tuple[int, ...]
    every: bool
    folds: str
    element: str


@frozen
class ConfirmNode:
    """A node of a condition.

    Args:
        kind: one of NODES; "and" of nothing is true, "or" of nothing is false.
        items: of "test" the index of the test, else of earlier nodes.
    """

    kind: str
    items: tuple[int, ...]


@frozen
class ConfirmInfo:
    """A second stage.

    Args:
        on_unknown: whether there is an alert if the agent cannot find out.
        tests: in the order of the source.
        nodes: of the condition.
        automata: of patterns.
    """

    on_unknown: bool
    tests: tuple[ConfirmTest, ...]
    nodes: tuple[ConfirmNode, ...]
    automata: tuple[Automaton, ...]


def flaw_of(info: ConfirmInfo, known: Collection[str] | None) -> str:
    """What is wrong with a second stage of which each value is within its limits.

    Args:
        info: the second stage.
        known: names of the fields that it can ask for; None if that is not known.

    Returns:
        The flaw in words, "" if there is none.
    """
    if not info.nodes:
        return "has no condition"
    for number, node in enumerate(info.nodes):
        most = len(info.tests) if node.kind == "test" else number
        few = len(node.items) < NODES[node.kind]
        if few or (NODES[node.kind] and len(node.items) > 1) or any(i >= most for i in node.items):
            return f"has a node {number} that leads nowhere"
    for test in info.tests:
        if known is not None and test.field not in known:
            return f"asks for the field {test.field}"
        if sum(test.groups) != len(test.texts) or any(
            number >= len(info.automata) for pair in test.patterns for number in pair
        ):
            return f"compares {test.field} with what is not there"
    if any(map(_damaged, info.automata)):
        return "has an automaton that is not whole"
    return ""


def _damaged(automaton: Automaton) -> bool:
    """Whether a text could lead out of an automaton."""
    starts, states = automaton.starts, len(automaton.rows)
    width = len(automaton.rows[0]) if states else 0
    targets = {target for row in automaton.rows for target in row}
    return (
        not width
        or any(len(row) != width for row in automaton.rows)
        or len(starts) != len(automaton.classes)
        or starts[:1] != (0,)
        or any(low >= high for low, high in pairwise(starts))
        or max(automaton.classes) >= width
        or max(targets | set(automaton.final) | {automaton.sure or 0}) >= states
    )
