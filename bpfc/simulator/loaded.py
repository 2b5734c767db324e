"""What is loaded into a simulated system: an object in a slot, and the contents of its buffers."""

import struct

from attrs import define, field

from bpfc.artifact.consistency import RULE_STATS_MAP
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import (
    BUFFERS,
    CONTENT_SCOPE,
    GATE_SIZE,
    POLICY_GATES,
    POLICY_MAP,
    control_word,
)
from bpfc.artifact.manifest import Half, Manifest, MapInfo, ProgramInfo
from bpfc.runtime.contents import content_values
from bpfc.runtime.platform import ChosenForm, ProgramReport
from bpfc.simulator.machine import Machine
from bpfc.simulator.maps import ArrayMap, Map

_POLICY = struct.Struct("<IIII")  # buffer, slot, generation of each buffer's content
assert _POLICY.size == POLICY_GATES


@define(eq=False)
class Unit:
    """Programs and maps in a slot; one of its contents judges.

    Args:
        machine: the object.
        generation: of its first content.
        slot: its place in every PROG_ARRAY.
        selected: the programs that can run.
        buffer: which buffer is in force.
        generations: what stands in each buffer, 0 for nothing.
        gates: of each buffer (control.GATE_SIZE).
    """

    machine: Machine
    generation: int
    slot: int
    selected: tuple[ProgramInfo, ...]
    buffer: int = 0
    generations: list[int] = field(factory=lambda: [0] * BUFFERS)
    gates: list[bytes] = field(factory=lambda: [bytes(GATE_SIZE)] * BUFFERS)

    def array(self, name: str) -> ArrayMap:
        """One of its arrays."""
        found = self.machine.maps[name]
        assert isinstance(found, ArrayMap)
        return found

    def write_policy(self) -> None:
        """Tell the programs which buffer judges, and which generation each one is."""
        head = _POLICY.pack(self.buffer, self.slot, *self.generations)
        self.array(POLICY_MAP).update(bytes(4), head + b"".join(self.gates))


@define(eq=False)
class SimulatedLoaded:
    """A policy that is loaded (bpfc.runtime.platform.Loaded): a unit and one content of it.

    Args:
        generation: number in its records.
        artifact: where it came from.
        half: which one of it.
        forms: how each rule is carried out.
        unit: programs and maps.
        buffer: where its content stands.
    """

    generation: int
    artifact: Artifact
    half: str
    forms: tuple[ChosenForm, ...]
    unit: Unit
    buffer: int = 0

    @property
    def manifest(self) -> Manifest:
        """The artifact's manifest."""
        return self.artifact.manifest

    @property
    def own(self) -> Half:
        """What the manifest says of its half."""
        found: Half = getattr(self.manifest, self.half)
        return found

    @property
    def programs(self) -> tuple[ProgramReport, ...]:
        """The programs that were loaded; nobody counted what a verifier walks through."""
        return tuple(ProgramReport(p.name, p.hook, p.role, 0) for p in self.unit.selected)

    @property
    def word(self) -> int:
        """The control word that makes it the active policy."""
        return control_word(self.unit.generation, self.unit.slot)

    def map(self, name: str) -> Map:
        """One of its maps."""
        return self.unit.machine.maps[name]

    def first_entry(self, name: str) -> int:
        """Where its buffer begins in a map of content."""
        (info,) = (one for one in self.own.maps if one.name == name)
        return self.buffer * info.room

    def write_content(self) -> None:
        """Write all of its content into its buffer; nothing that judges changes."""
        values = content_values(
            self.artifact, self.half, self.forms, self.first_entry(RULE_STATS_MAP)
        )
        self.unit.generations[self.buffer] = 0
        for info in self.own.maps:
            if info.scope == CONTENT_SCOPE:
                self._write(info, values.get(info.name, {}))
        self.unit.generations[self.buffer] = self.generation
        self.unit.gates[self.buffer] = values.get(POLICY_MAP, {}).get(0, bytes(GATE_SIZE))
        self.unit.write_policy()

    def _write(self, info: MapInfo, values: dict[int, bytes]) -> None:
        table, first = self.unit.array(info.name), self.buffer * info.room
        for key in range(info.room):
            table.replace(first + key, bytearray(values.get(key, bytes(info.value_size))))

    def put_in_force(self) -> None:
        """Let its content judge what begins from now on.

        Raises:
            ValueError: its buffer has been written over.
        """
        if self.unit.generations[self.buffer] != self.generation:
            raise ValueError(f"the content of generation {self.generation} is gone")
        self.unit.buffer = self.buffer
        self.unit.write_policy()
