"""What a platform has loaded: a unit in a slot, and the contents of its two buffers.

Content is written into the buffer that is not in force and put in force by one byte; control.py
says what the map `policy` holds.
"""

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import define, field

from bpfc.artifact.container import Artifact
from bpfc.artifact.control import BUFFERS, GATE_SIZE, POLICY_GATES, POLICY_MAP, control_word
from bpfc.artifact.manifest import Half, Manifest, ProgramInfo
from bpfc.runtime.contents import content_values, first_entry, whole_buffers
from bpfc.runtime.platform import ChosenForm, ProgramReport

_POLICY = struct.Struct("<IIII")  # buffer, slot, generation of each buffer's content
assert _POLICY.size == POLICY_GATES


@define(eq=False)
class Unit(ABC):
    """Programs and maps in a slot; one of its contents judges.

    Args:
        generation: of its first content.
        slot: its place in every PROG_ARRAY.
        selected: the programs that were loaded.
        programs: reports on them.

    Attributes:
        buffer: which buffer is in force.
        generations: what stands in each buffer, 0 for nothing that could be gone back to.
        gates: of each buffer (control.GATE_SIZE).
    """

    generation: int
    slot: int
    selected: tuple[ProgramInfo, ...]
    programs: tuple[ProgramReport, ...]
    buffer: int = field(init=False, default=0)
    generations: list[int] = field(init=False, factory=lambda: [0] * BUFFERS)
    gates: list[bytes] = field(init=False, factory=lambda: [bytes(GATE_SIZE)] * BUFFERS)

    @property
    def word(self) -> int:
        """The control word that makes it the active policy."""
        return control_word(self.generation, self.slot)

    @property
    def hooks(self) -> frozenset[str]:
        """Hooks that it has adapters for."""
        return frozenset(p.hook for p in self.selected if p.role == "adapter")

    @abstractmethod
    def write(self, name: str, first: int, values: Sequence[bytes]) -> None:
        """Write entries of one of its arrays.

        Args:
            name: the map's.
            first: the entry that takes the first value.
            values: one behind the other.

        Raises:
            SensorError: BPFC0713, the system refused.
        """

    def write_policy(self) -> None:
        """Tell the programs which buffer judges, and which generation each one is.

        Raises:
            SensorError: BPFC0713.
        """
        head = _POLICY.pack(self.buffer, self.slot, *self.generations)
        self.write(POLICY_MAP, 0, [head + b"".join(self.gates)])


U = TypeVar("U", bound=Unit)


@define(eq=False)
class LoadedPolicy(Generic[U]):
    """A policy that is loaded (bpfc.runtime.platform.Loaded): a unit and one content of it.

    Args:
        generation: number in its records.
        artifact: where it came from.
        half: "linux" or "windows".
        forms: how each rule is carried out.
        unit: programs and maps.
        buffer: where its content stands.
    """

    generation: int
    artifact: Artifact
    half: str
    forms: tuple[ChosenForm, ...]
    unit: U
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
    def hooks(self) -> frozenset[str]:
        """Hooks that it has adapters for."""
        return self.unit.hooks

    def first_entry(self, name: str) -> int:
        """Where its buffer begins in a map of content."""
        return first_entry(self.own, name, self.buffer)

    def write_content(self) -> None:
        """Write its content into its buffer, every entry of it, and enter its generation.

        Nothing that judges events changes: the buffer must not be in force, or the unit not be
        reachable yet.

        Raises:
            SensorError: BPFC0713.
        """
        unit, buffer = self.unit, self.buffer
        values = content_values(self.artifact, self.half, self.forms, buffer)
        unit.generations[buffer] = 0
        for name, first, entries in whole_buffers(self.own, values, buffer):
            unit.write(name, first, entries)
        unit.generations[buffer] = self.generation
        unit.gates[buffer] = values.get(POLICY_MAP, {}).get(0, bytes(GATE_SIZE))
        unit.write_policy()

    def put_in_force(self) -> None:
        """Let its content judge what begins from now on.

        Raises:
            ValueError: its buffer has been written over.
            SensorError: BPFC0713, the other buffer is still in force.
        """
        unit, before = self.unit, self.unit.buffer
        if unit.generations[self.buffer] != self.generation:
            raise ValueError(f"the content of generation {self.generation} is gone")
        if self.buffer == before:
            return
        unit.buffer = self.buffer
        try:
            unit.write_policy()
        except BaseException:
            unit.buffer = before
            raise
