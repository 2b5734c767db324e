"""Every case comes to what it says, by the interpreter and by the compiled core.

`tests/vm/test_language.py` has the same cases judged by released kernels.
"""

import pytest

from tests.language.fixture import lines
from tests.language.play import play
from tests.language.results import ALL, compare, compiled, expected, interpreted


@pytest.mark.parametrize("name", ALL)
def test_interpreter(name: str) -> None:
    assert [lines(outcome) for outcome in interpreted(name)] == expected(ALL[name])
    for outcome, steps in zip(interpreted(name), ALL[name].steps, strict=False):
        seen = {alert.rule: alert.steps for alert in outcome.alerts}
        assert {rule: seen.get(rule) for rule in steps} == steps


@pytest.mark.bpf
@pytest.mark.parametrize("name", ALL)
def test_core(name: str) -> None:
    compare(name, play(compiled(name)))
