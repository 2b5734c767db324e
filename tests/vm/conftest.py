"""Fixtures for scenarios in virtual machines.

    def test_something(machine):            # once per kernel
        result = machine.run(["python3", "-c", SCRIPT], files={"rules.o": artifact})

    @pytest.mark.parametrize("machine", ["5.10"], indirect=True)   # on that kernel only

One machine runs at a time and stays up between tests; tests are sorted by kernel so that each
kernel boots once. A test that boots machines itself takes the fixture `no_machine` instead.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.machine import Machine
from bpfc_cli.vm.table import KERNELS

# What a machine may lack; anything else is a fault.
LACKING = {"BPFC0802", "BPFC0803", "BPFC0804", "BPFC0805", "BPFC0807", "BPFC0808", "BPFC0814"}
FIXTURES = ("no_machine", "machine")


class Pool:
    """The one machine that is up, if any."""

    def __init__(self) -> None:
        self._owned = ExitStack()
        self._machine: Machine | None = None

    def get(self, series: str) -> Machine:
        """A machine with a kernel: the one that is up, or a new one in its place."""
        if self._machine is None or self._machine.series != series or not self._machine.alive:
            self.close()
            self._machine = self._owned.enter_context(Machine(series))
        return self._machine

    def close(self) -> None:
        """End the machine that is up."""
        self._machine = None
        self._owned.close()


@pytest.fixture(scope="session")
def machine_pool() -> Iterator[Pool]:
    """The machines of this run."""
    pool = Pool()
    yield pool
    pool.close()


@pytest.fixture(params=list(KERNELS))
def machine(request: pytest.FixtureRequest, machine_pool: Pool) -> Machine:
    """A running virtual machine; what a test changes in it, it undoes."""
    try:
        return machine_pool.get(request.param)
    except VmError as error:
        if error.code in LACKING:
            pytest.skip(str(error))
        raise


@pytest.fixture
def no_machine(machine_pool: Pool) -> None:
    """Leaves the host to a test that boots machines itself."""
    machine_pool.close()


def _order(item: pytest.Item) -> tuple[int, int]:
    """Tests with machines of their own first, then one kernel after the other."""
    callspec = getattr(item, "callspec", None)
    series = callspec.params.get("machine") if callspec else None
    return (1, list(KERNELS).index(series)) if series in KERNELS else (0, 0)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and sort the tests that need machines; all others keep their places."""
    places = [
        place
        for place, item in enumerate(items)
        if set(FIXTURES) & set(getattr(item, "fixturenames", ()))
    ]
    needy = sorted((items[place] for place in places), key=_order)
    for place, item in zip(places, needy, strict=True):
        item.add_marker(pytest.mark.vm)
        items[place] = item
