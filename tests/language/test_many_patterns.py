"""Two thousand literals and two hundred patterns on one field: Python's `re` and the compiled core
find the same in random texts."""

import pytest

from dsl.frontend import check
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.many_patterns import ManyPatterns
from tests.language.play import play


@pytest.mark.bpf
def test_core(scale: int) -> None:
    many = ManyPatterns()
    policy, diagnostics = check([("many.det", many.source())])
    assert policy is not None and not diagnostics
    texts = list(many.texts(10_000 * scale))
    compiled = work(policy, [many.event(text) for text in texts])
    found = outcomes(compiled, play(compiled))
    matches = 0
    for text, outcome in zip(texts, found, strict=True):
        wanted = many.wanted(text)
        assert lines(outcome) == wanted, text
        matches += len(wanted)
    assert matches > len(texts) // 2
