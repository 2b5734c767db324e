"""What all programs of a simulated machine have in common: memory, processors, clock, who runs."""

import random
from collections.abc import Iterable

from bpfc.artifact.manifest import MapInfo
from bpfc.simulator.faults import Refusal
from bpfc.simulator.maps import Map, make_map
from bpfc.simulator.memory import OFFSET_BITS, Memory


class System:
    """A simulated system.

    Args:
        cpus: number of processors.

    Attributes:
        memory: all memory.
        cpu: the processor that runs.
        time_ns: what all clocks say, nanoseconds since boot.
        pid_tgid: process (upper half) and thread that runs.
        uid_gid: group (upper half) and user.
        comm: its name.
        cgroup: its control group.
        task: address of its structure in the kernel, where nothing stands.
        nothing_readable: whether reading structures of the kernel, or memory of processes, fails as
            it can on a real system; else the simulator refuses to go on there.
        image_path: on Windows: of the process that starts, None if it cannot be told.
        signals: what programs have sent to it.
        tail_calls: of the program that runs.
    """

    def __init__(self, cpus: int = 1) -> None:
        self.memory, self.cpus, self.cpu = Memory(), cpus, 0
        self.time_ns = self.pid_tgid = self.uid_gid = self.cgroup = self.tail_calls = 0
        self.comm, self.nothing_readable = b"", False
        self.task = self.memory.reserve(1) << OFFSET_BITS
        self.image_path: bytes | None = None
        self.signals: list[int] = []
        self._random = random.Random(0)
        self._maps: dict[int, Map] = {}
        self._kept: frozenset[int] = frozenset()

    def add_map(self, info: MapInfo) -> Map:
        """Make a map.

        Args:
            info: its shape.

        Raises:
            Fault: maps of that type are not simulated.
        """
        made = make_map(info, self.memory, self.cpus)
        self._maps[made.address] = made
        return made

    def map_at(self, address: int) -> Map:
        """The map that a program holds.

        Raises:
            Refusal: it is none.
        """
        if address not in self._maps:
            raise Refusal(f"{address:#x} is no map")
        return self._maps[address]

    def free_maps(self, maps: Iterable[Map]) -> None:
        """Take maps away with all that they hold: no program that still runs has them.

        Args:
            maps: from `add_map`; one that is gone already may be among them.
        """
        for found in maps:
            self._maps.pop(found.address, None)
            found.free()

    def random(self) -> int:
        """32 bits that are the same in every run."""
        return self._random.getrandbits(32)

    def settle(self) -> None:
        """Nothing runs any more that could point to what was taken out of maps."""
        for found in self._maps.values():
            found.settle()

    def keep(self) -> None:
        """Let what maps hold by now be what `rewind` goes back to."""
        self._kept = frozenset(self.memory.regions)

    def rewind(self) -> None:
        """Forget all values that maps were given since `keep`; those from before stay as they are
        now."""
        for number in self.memory.regions.keys() - self._kept:
            del self.memory.regions[number]
        for found in self._maps.values():
            found.rewind()
