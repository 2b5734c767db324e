"""What is loaded into a simulated system: a machine in a slot, under what its buffers hold."""

from collections.abc import Sequence

from attrs import define

from bpfc.runtime.loaded import LoadedPolicy, Unit
from bpfc.simulator.machine import Machine
from bpfc.simulator.maps import ArrayMap, Map


@define(eq=False)
class SimulatedUnit(Unit):
    """Programs and maps in a slot.

    Args:
        machine: the object.
    """

    machine: Machine

    def write(self, name: str, first: int, values: Sequence[bytes]) -> None:
        """Write entries of one of its arrays."""
        table = self.machine.maps[name]
        assert isinstance(table, ArrayMap)
        for key, value in enumerate(values, first):
            table.replace(key, bytearray(value))


@define(eq=False)
class SimulatedLoaded(LoadedPolicy[SimulatedUnit]):
    """A policy that is loaded into a simulated system."""

    def map(self, name: str) -> Map:
        """One of its maps."""
        return self.unit.machine.maps[name]
