"""What the front end says about the files in `fixtures/`, against the text files next to them.

`python -m tests.dsl.summary` writes the expected texts anew.
"""

import pytest

from tests.dsl.summary import FIXTURES, outcome


@pytest.mark.parametrize("name", sorted(path.stem for path in FIXTURES.glob("*.det")))
def test_fixture(name: str) -> None:
    source = FIXTURES / f"{name}.det"
    assert outcome(source) == source.with_suffix(".txt").read_text("utf-8")


def test_there_are_fixtures() -> None:
    assert len(list(FIXTURES.glob("*.det"))) == len(list(FIXTURES.glob("*.txt"))) > 10
