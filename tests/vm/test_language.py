"""The cases of the language, judged by the compiled core on released kernels."""

from contextlib import suppress

import pytest

from bpfc_cli.testing.guests import play_in
from bpfc_cli.testing.play import Played, Work
from bpfc_cli.vm.machine import Machine
from tests.language.results import ALL, compare, compiled


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
        found = play_in(machine, list(works.values()))
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
