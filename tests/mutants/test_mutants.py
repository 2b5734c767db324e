"""Deliberate breaks of the compiler are noticed."""

import pytest

from tests.mutants.breaking import mutants
from tests.mutants.running import run

ALL = mutants()
FEW = ("less_or_equal", "lost_negation", "polarity", "threshold", "latched_buffer", "end_anchor")


@pytest.mark.parametrize("name", FEW)
def test_mutant(name: str) -> None:
    assert run(ALL[name]).by


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in ALL if name not in FEW])
def test_every_mutant(name: str) -> None:
    assert run(ALL[name]).by


def test_there_are_enough() -> None:
    assert len(ALL) >= 28
