"""What is loaded into the kernel: an object of libbpf in a slot, under what its buffers hold."""

from collections.abc import Sequence

from attrs import define

from bpfc.artifact.manifest import MapInfo
from bpfc.runtime.loaded import LoadedPolicy, Unit
from runtime_linux.maps import Map, possible_cpus, u32
from runtime_linux.objects import BpfObject


@define(eq=False)
class LinuxUnit(Unit):
    """Programs and maps in a slot.

    Args:
        source: libbpf's object; None once it was unloaded.
    """

    source: BpfObject | None

    @property
    def object(self) -> BpfObject:
        """libbpf's object.

        Raises:
            ValueError: it was unloaded.
        """
        if self.source is None:
            raise ValueError(f"generation {self.generation} was retired")
        return self.source

    def write(self, name: str, first: int, values: Sequence[bytes]) -> None:
        """Write entries of one of its arrays."""
        entries = [(u32(key), value) for key, value in enumerate(values, first)]
        self.object.map(name).update_batch(entries)


@define(eq=False)
class LinuxLoaded(LoadedPolicy[LinuxUnit]):
    """A policy that is loaded into the kernel."""

    @property
    def object(self) -> BpfObject:
        """libbpf's object.

        Raises:
            ValueError: it was unloaded.
        """
        return self.unit.object

    def info(self, name: str) -> MapInfo:
        """What the manifest says of a map."""
        return next(m for m in self.own.maps if m.name == name)

    def map(self, name: str) -> Map:
        """One of its maps."""
        per_cpu = self.info(name).type.startswith("percpu_")
        return self.object.map(name, possible_cpus() if per_cpu else 1)
