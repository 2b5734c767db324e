"""The cases of the language, judged by the compiled core on released kernels."""

import pickle
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import pytest

from bpfc_cli.vm.machine import Machine
from tests.language.play import Played, Work
from tests.language.results import ALL, compare, compiled

ROOT = Path(__file__).parents[2]
SCRIPT = "tests/language/play.py"
TIMEOUT_S = 300.0  # ten times what it takes


@pytest.fixture(scope="session")
def played() -> dict[str, dict[str, Played] | None]:
    """What became of the cases, by kernel and name."""
    return {}


def _works() -> dict[str, Work]:
    """The cases that can be compiled; the tests of the others say why they cannot."""
    works = {}
    for name in ALL:
        with suppress(ValueError, AssertionError):
            works[name] = compiled(name)
    return works


@pytest.fixture
def results(machine: Machine, played: dict[str, dict[str, Played] | None]) -> dict[str, Played]:
    """What a guest made of the cases; it plays all of them on first use."""
    if machine.series not in played:
        works = _works()
        played[machine.series] = None  # a guest that does not answer is not asked again
        result = machine.run(
            ["python3", "-c", "from tests.language.play import main; main()"],
            files={SCRIPT: (ROOT / SCRIPT).read_bytes()},
            stdin=pickle.dumps(list(works.values())),
            cwd="/tmp/language",
            timeout=TIMEOUT_S,
        )
        assert result.exit_code == 0, result.stderr
        found = pickle.loads(b64decode(result.stdout))
        played[machine.series] = dict(zip(works, found, strict=True))
    answers = played[machine.series]
    assert answers is not None, "the guest did not answer"
    return answers


@pytest.mark.parametrize("machine", ["5.10"], indirect=True)
@pytest.mark.parametrize("name", ALL)
def test_core(name: str, results: dict[str, Played]) -> None:
    compiled(name)
    compare(name, results[name])


@pytest.mark.long
@pytest.mark.parametrize("machine", ["6.1", "6.12"], indirect=True)
@pytest.mark.parametrize("name", ALL)
def test_core_on_newer_kernels(name: str, results: dict[str, Played]) -> None:
    compiled(name)
    compare(name, results[name])
