"""Random policies, updated in mid-stream, on random events: all oracles come to the same."""

from pathlib import Path

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.language.fixture import lines, read
from tests.oracle.examples import example_from
from tests.oracle.oracles import (
    CannotCompile,
    Example,
    compiled,
    differences,
    first_difference,
    linux_expected,
)
from tests.oracle.shrinking import shown, smallest, written

EVENTS = 20  # in each policy's time
POLICIES = 2  # of an example, at most
EXAMPLES = max(8, settings().max_examples // 12)


def short(seed: int) -> Example:
    """An example of few policies and events."""
    whole = example_from(f"suite {seed}", EVENTS)
    return Example(whole.sources[:POLICIES], whole.events[:POLICIES], whole.sets)


# What fails is made small below, by what an example consists of: a seed cannot be.
@pytest.mark.bpf
@settings(max_examples=EXAMPLES, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 1 << 32))
@example(0)
def test_all_oracles_agree(seed: int) -> None:
    found = short(seed)
    try:
        difference = next(differences(found, kernel=True), None)
    except CannotCompile:
        return
    if difference is not None:
        oracle = difference.oracle
        small = smallest(found, lambda other: first_difference(other, oracle) is not None)
        text = "\n".join(shown(small))
        pytest.fail(f"{first_difference(small, oracle)}\n{text}")


def test_what_fails_becomes_small_and_a_fixture(tmp_path: Path) -> None:
    whole = next(
        found for found in map(short, range(1000)) if len(found.sources) > 1 and alerts(found) > 3
    )
    small = smallest(whole, lambda other: alerts(other) > 0)
    assert len(small.sources) == len(small.sources[0].rules) == 1
    assert sum(map(len, small.events)) <= 3
    det, toml = written(small, tmp_path, "found")
    case = read("found", det.read_text("utf-8"), toml.read_text("utf-8"))
    (item,) = compiled(small)
    (expected,) = linux_expected([item], small.sets)
    assert case.expected == tuple(map(lines, expected.outcomes))
    assert [event.name for event in case.events] == [event.name for event in small.events[0]]


def alerts(found: Example) -> int:
    """How many alerts the policies of an example give, each begun anew."""
    try:
        items = compiled(found)
    except CannotCompile:
        return 0
    expected = [linux_expected([item], found.sets)[0] for item in items]
    return sum(len(outcome.alerts) for one in expected for outcome in one.outcomes)
