"""A policy's core in the simulator: on any system, with either half, without privileges."""

from collections import OrderedDict
from collections.abc import Sequence

from bpfc.artifact.container import Artifact
from bpfc.artifact.control import POLICY_MAP, SCRATCH_MAP
from bpfc.artifact.manifest import Half
from bpfc.artifact.record import STAGE_AFTER
from bpfc.artifact.testing import AGAIN, BEFORE, BEHIND, NOT_KNOWN, Judge
from bpfc.runtime.contents import content_values
from bpfc.runtime.judging import SLOT, CoreRunner, Event
from bpfc.runtime.platform import Capability
from bpfc.simulator.image import Image
from bpfc.simulator.library import Library
from bpfc.simulator.machine import INSTRUCTIONS, Machine
from bpfc.simulator.maps import ArrayMap, Map

_KEPT = 16  # halves of which translations are kept
_libraries: OrderedDict[tuple[str, str], Library] = OrderedDict()


def library_of(artifact: Artifact, half: str) -> Library:
    """The functions of a half; what was translated is kept for the next one who asks.

    Args:
        artifact: an artifact that has the half.
        half: "linux" or "windows".
    """
    data = artifact.linux if half == "linux" else artifact.windows_object()
    own: Half = getattr(artifact.manifest, half)
    key = (half, artifact.digest)
    if key not in _libraries:
        _libraries[key] = Library(Image(data, f"the {half.capitalize()} half"), half, own.maps)
        if len(_libraries) > _KEPT:
            _libraries.popitem(last=False)
    _libraries.move_to_end(key)
    return _libraries[key]


class SimulatedCore(CoreRunner):
    """A policy's core in the simulator.

    Args:
        artifact: any artifact.
        half: "linux" or "windows".
        capabilities: what rules are carried out as if the machine offered; None for everything.
        instructions: as for `Machine`, for each function that is called for an event.

    Raises:
        ValueError: the artifact has no such half.
        SensorError: BPFC0708, a rule has no form under `capabilities`.
        Fault: the half cannot be loaded.
    """

    def __init__(
        self,
        artifact: Artifact,
        half: str = "linux",
        capabilities: Sequence[Capability] | None = None,
        *,
        instructions: int = INSTRUCTIONS,
    ) -> None:
        super().__init__(artifact, half, capabilities)
        library = library_of(artifact, half)
        self.machine = Machine(library, instructions=instructions)
        self._functions = frozenset(library.code.functions)
        for name, values in content_values(artifact, half, self.forms, 0).items():
            if name != POLICY_MAP:  # its gates are the adapters'
                table = self._array(name)
                for key, value in values.items():
                    table.replace(key, bytearray(value))
        self.machine.system.keep()
        self._kept = artifact

    def reset(self) -> None:
        """Forget everything; content and translated functions stay."""
        self.machine.system.rewind()
        if self.artifact is not self._kept:  # what `revise` wrote is gone, too
            self._write_content()

    def close(self) -> None:
        """Nothing outlives the runner."""

    def remember(self, event: str, made: Event) -> None:
        """Have the core note what an event says of processes, without judging it.

        Args:
            event: catalogue name; nothing happens if the policy remembers nothing at such events.
            made: the record.
        """
        if event in self._judges:
            judge, _, slot = self._laid_out(event, made, STAGE_AFTER)
            self._array(SCRATCH_MAP).replace(SLOT, slot)
            self._upkeep(BEFORE.get(judge.event, ()))
            self._upkeep(BEHIND.get(judge.event, ()))

    def _array(self, name: str) -> ArrayMap:
        found = self._table(name)
        assert isinstance(found, ArrayMap)
        return found

    def _table(self, name: str) -> Map:
        return self.machine.maps[name]

    def _run(self, judge: Judge, words: Sequence[int], slot: bytearray) -> tuple[int, bytes]:
        self._array(SCRATCH_MAP).replace(SLOT, slot)
        verdict, core = 0, f"core_{judge.symbol}"
        self._upkeep(BEFORE.get(judge.event, ()))
        if core in self._functions:
            verdict = self.machine.call(core, SLOT)
            if verdict == AGAIN:
                self.machine.call(NOT_KNOWN, SLOT)
                verdict = self.machine.call(core, SLOT)
        if words[0] == STAGE_AFTER:
            self._upkeep(BEHIND.get(judge.event, ()))
        return verdict & 0xFFFFFFFF, bytes(slot)

    def _upkeep(self, functions: Sequence[str]) -> None:
        """Call those functions that the core has."""
        for function in functions:
            if function in self._functions:
                self.machine.call(function, SLOT)
