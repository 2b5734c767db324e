"""What is loaded: an object in a slot, and the contents of its two buffers."""

from attrs import define, field

from bpfc.artifact.container import Artifact
from bpfc.artifact.control import BUFFERS, GATE_SIZE, control_word
from bpfc.artifact.manifest import Manifest, MapInfo, ProgramInfo
from bpfc.runtime.platform import ChosenForm, ProgramReport
from runtime_linux.maps import Map, possible_cpus
from runtime_linux.objects import BpfObject


@define(eq=False)
class Unit:
    """Programs and maps in a slot; one of its contents judges.

    Args:
        generation: of its first content.
        slot: its place in every PROG_ARRAY.
        selected: the programs that were loaded.
        programs: reports on them.
        source: libbpf's object; None once it was unloaded.
        buffer: which buffer is in force.
        generations: what stands in each buffer, 0 for nothing that could be gone back to.
        gates: of each buffer (control.GATE_SIZE).
    """

    generation: int
    slot: int
    selected: tuple[ProgramInfo, ...]
    programs: tuple[ProgramReport, ...]
    source: BpfObject | None
    buffer: int = 0
    generations: list[int] = field(factory=lambda: [0] * BUFFERS)
    gates: list[bytes] = field(factory=lambda: [bytes(GATE_SIZE)] * BUFFERS)

    @property
    def object(self) -> BpfObject:
        """libbpf's object.

        Raises:
            ValueError: it was unloaded.
        """
        if self.source is None:
            raise ValueError(f"generation {self.generation} was retired")
        return self.source

    @property
    def word(self) -> int:
        """The control word that makes it the active policy."""
        return control_word(self.generation, self.slot)

    @property
    def hooks(self) -> frozenset[str]:
        """Hooks that it has adapters for."""
        return frozenset(p.hook for p in self.selected if p.role == "adapter")


@define(eq=False)
class LinuxLoaded:
    """A policy that is loaded (bpfc.runtime.platform.Loaded): a unit and one content of it.

    Args:
        generation: number in its records.
        artifact: where it came from.
        forms: how each rule is carried out.
        unit: programs and maps.
        buffer: where its content stands.
    """

    generation: int
    artifact: Artifact
    forms: tuple[ChosenForm, ...]
    unit: Unit
    buffer: int = 0

    @property
    def manifest(self) -> Manifest:
        """The artifact's manifest."""
        return self.artifact.manifest

    @property
    def slot(self) -> int:
        """Its place in every PROG_ARRAY."""
        return self.unit.slot

    @property
    def selected(self) -> tuple[ProgramInfo, ...]:
        """The programs that were loaded."""
        return self.unit.selected

    @property
    def programs(self) -> tuple[ProgramReport, ...]:
        """Reports on them."""
        return self.unit.programs

    @property
    def object(self) -> BpfObject:
        """libbpf's object.

        Raises:
            ValueError: it was unloaded.
        """
        return self.unit.object

    @property
    def hooks(self) -> frozenset[str]:
        """Hooks that it has adapters for."""
        return self.unit.hooks

    def info(self, name: str) -> MapInfo:
        """What the manifest says of a map."""
        return next(m for m in self.manifest.linux.maps if m.name == name)

    def map(self, name: str) -> Map:
        """One of its maps."""
        per_cpu = self.info(name).type.startswith("percpu_")
        return self.object.map(name, possible_cpus() if per_cpu else 1)
