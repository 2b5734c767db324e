"""The platform that runs nowhere: whole policies, dispatcher to alert record, simulated.

A test calls a hook with a context of its own and gets what the hook's program returns; records go
into the ring, from which a `Sensor` reads them as from any other. Processes that it has not seen
start are unknown. Structures of the Linux kernel do not exist: an adapter that reads them ends in a
fault, unless the test lets all such reads fail (`System.nothing_readable`).
"""

import struct
from collections.abc import Sequence

from bpfc.artifact.consistency import RULE_STATS_MAP
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import (
    BUFFERS,
    CONTROL_LATCHING,
    CONTROL_MAP,
    CONTROL_SIZE,
    CONTROL_WORD,
    COUNTERS,
    COUNTERS_MAP,
    EVENTS_MAP,
    LATCHING_HOOK,
    OUTLIVING,
    SECRET_MAP,
    SLOTS,
)
from bpfc.artifact.manifest import Half, MapInfo, ProgramInfo
from bpfc.artifact.record import RULE_STATS, RULE_STATS_SIZE
from bpfc.artifact.sets import SetInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.ladder import choose_forms
from bpfc.runtime.platform import (
    Boot,
    Capability,
    HookRuns,
    KillResult,
    Loaded,
    ProgramReport,
    Running,
)
from bpfc.runtime.sets import Tables
from bpfc.simulator.loaded import SimulatedLoaded, SimulatedUnit
from bpfc.simulator.machine import INSTRUCTIONS, Machine
from bpfc.simulator.maps import ArrayMap, Map, Program, ProgramArray, Ring
from bpfc.simulator.runner import library_of
from bpfc.simulator.system import System
from bpfc.userspace.cgroups import Cgroups

# What each system offers where it offers everything.
OFFERS = {
    "linux": ("atomics", "bpf_lsm", "btf", "cgroup", "privileges", "raw_tp", "ringbuf"),
    "windows": ("netebpfext", "ntosebpfext"),
}
_NO_ATOMICS = "no_atomics"
_STATS = struct.Struct(f"<{len(RULE_STATS)}Q")
assert _STATS.size == RULE_STATS_SIZE


class SimulatedPlatform:
    """A simulated system that can carry policies (implements bpfc.runtime.platform.Platform).

    Args:
        half: "linux" or "windows".
        offers: names of the capabilities that it has; None for all.
        cpus: number of processors.
        instructions: as for `Machine`, for each run of a program.

    Attributes:
        system: clock, processor, current process.
    """

    def __init__(
        self,
        half: str = "linux",
        offers: Sequence[str] | None = None,
        *,
        cpus: int = 1,
        instructions: int = INSTRUCTIONS,
    ) -> None:
        self.name, self.system, self._instructions = half, System(cpus), instructions
        self._offers = frozenset(OFFERS[half] if offers is None else offers)
        self._shared: dict[str, Map] = {}
        self._infos: dict[str, MapInfo] = {}
        self._loaded: list[SimulatedLoaded] = []
        self._active: SimulatedLoaded | None = None
        self._hooks: dict[str, Program] = {}
        self._runs: dict[str, int] = {}
        self._generation = 0
        self.killed: list[int] = []

    # ------------------------------------------------------------ events

    def run(self, hook: str, context: bytes) -> int:
        """Let something happen at a hook.

        Args:
            hook: its name, for example "connect4".
            context: what its program is given, memory that it cannot write.

        Returns:
            What its program returns, 32 bits.

        Raises:
            ValueError: nothing is attached there.
            Fault: a program did what it must not, or what is not simulated.
        """
        if hook not in self._hooks:
            raise ValueError(f"nothing is attached to {hook}")
        self._runs[hook] = self._runs.get(hook, 0) + 1
        memory = self.system.memory
        address = memory.add(context)
        try:
            return Machine.follow(self._hooks[hook], self.system, address)
        finally:
            memory.drop(address)

    def maps(self) -> dict[str, Map]:
        """The maps that the active policy works with, by name."""
        return {} if self._active is None else dict(self._active.unit.machine.maps)

    # ------------------------------------------------------------ what platforms have

    def capabilities(self) -> tuple[Capability, ...]:
        """What this system offers."""
        known = sorted({*OFFERS[self.name], *self._offers})
        return tuple(Capability(n, n in self._offers, "as the test says", "") for n in known)

    def boot(self) -> Boot:
        """Which boot this is: it began when time did."""
        return Boot("simulated", 0)

    def verify(self, artifact: Artifact) -> tuple[ProgramReport, ...]:
        """Check every program, as far as the simulator can; nothing stays loaded."""
        machine = Machine(library_of(artifact, self.name))
        selected = self._selected(artifact)
        for program in selected:
            machine.program(program.name)
        return _reports(selected)

    def load(self, artifact: Artifact) -> SimulatedLoaded:
        """Load a policy into a free slot; nothing that is active changes.

        Raises:
            SensorError: a rule has no form here, a map has another shape than the one in use, or
                all slots are taken.
            Fault: a program does what it must not.
        """
        forms = choose_forms(artifact.manifest.rules, self.name, self.capabilities())
        slot, own = self._free_slot(), self._half(artifact)
        kept = {m.name: known for m in own.maps if (known := self._known(m)) is not None}
        library = library_of(artifact, self.name)
        machine = Machine(library, self.system, kept, instructions=self._instructions)
        selected = self._selected(artifact)
        try:
            entries = [(program, machine.program(program.name)) for program in selected]
        except BaseException:
            self._free(machine)
            raise
        self._generation += 1
        unit = SimulatedUnit(self._generation, slot, selected, _reports(selected), machine)
        loaded = SimulatedLoaded(self._generation, artifact, self.name, forms, unit)
        loaded.write_content()
        for info in own.maps:
            if info.scope in OUTLIVING:
                self._adopt(info, machine.maps[info.name])
        for program, entry in entries:
            if program.role == "adapter":
                self._programs(machine, program).programs[slot] = entry
        self._loaded.append(loaded)
        return loaded

    def revise(self, artifact: Artifact) -> SimulatedLoaded | None:
        """Write a policy that differs from the active one by content only into the idle buffer;
        None if it has another structure."""
        active = self._active
        if active is None or artifact.structure(self.name) != active.artifact.structure(self.name):
            return None
        forms = choose_forms(artifact.manifest.rules, self.name, self.capabilities())
        idle = (active.buffer + 1) % BUFFERS
        self._generation += 1
        loaded = SimulatedLoaded(self._generation, artifact, self.name, forms, active.unit, idle)
        loaded.write_content()
        self._loaded.append(loaded)
        return loaded

    def activate(self, loaded: Loaded) -> None:
        """Attach what is missing, and make it the active policy."""
        own = _own(loaded)
        if own not in self._loaded:
            self._loaded.append(own)  # gone back to
        for program in own.unit.selected:
            if program.role == "dispatcher" and program.hook not in self._hooks:
                self._hooks[program.hook] = own.unit.machine.program(program.name)
        self.switch_to(loaded)

    def switch_to(self, loaded: Loaded | None) -> None:
        """Make an attached policy the active one by one write; None: no policy."""
        own = None if loaded is None else _own(loaded)
        if own is not None:
            own.put_in_force()
        if CONTROL_MAP in self._shared:
            control = self._shared[CONTROL_MAP]
            value = bytearray(control.get(bytes(4)) or bytes(CONTROL_SIZE))
            struct.pack_into("<Q", value, CONTROL_WORD, 0 if own is None else own.unit.word)
            if own is not None and LATCHING_HOOK in own.hooks:
                value[CONTROL_LATCHING] = 1
            control.update(bytes(4), bytes(value))
        self._active = own

    def retire(self, loaded: Loaded) -> None:
        """Free its slot, unless the active policy differs by content only.

        Raises:
            ValueError: it is active.
        """
        own = _own(loaded)
        if own is self._active:
            raise ValueError(f"generation {loaded.generation} is active")
        self._loaded.remove(own)
        if any(one.unit is own.unit for one in self._loaded):
            return
        for program in own.unit.selected:
            if program.role == "adapter":
                self._programs(own.unit.machine, program).programs.pop(own.unit.slot, None)
        wanted = {p.hook for one in self._loaded for p in one.unit.selected}
        self._hooks = {hook: entry for hook, entry in self._hooks.items() if hook in wanted}
        identities = {m.identity for one in self._loaded for m in one.own.maps}
        for name, info in list(self._infos.items()):
            if info.identity and info.identity not in identities:
                del self._shared[name], self._infos[name]
        self._free(own.unit.machine)

    def read(self, timeout: float | None) -> list[bytes]:
        """All records there are, oldest first; there is nothing to wait for."""
        ring = self._shared.get(EVENTS_MAP)
        return ring.take() if isinstance(ring, Ring) else []

    def produced(self) -> int:
        """Place in the ring behind the newest record."""
        ring = self._shared.get(EVENTS_MAP)
        return ring.consumed + ring.used if isinstance(ring, Ring) else 0

    def consumed(self) -> int:
        """Place in the ring up to which records were read."""
        ring = self._shared.get(EVENTS_MAP)
        return ring.consumed if isinstance(ring, Ring) else 0

    def wake(self) -> None:
        """Nothing waits."""

    def counters(self) -> dict[str, int]:
        """The counters of control.COUNTERS, summed over all processors."""
        table = self._shared.get(COUNTERS_MAP)
        if not isinstance(table, ArrayMap):
            return dict.fromkeys(COUNTERS, 0)
        return {
            name: sum(int.from_bytes(value, "little") for value in table.values(at))
            for at, name in enumerate(COUNTERS)
        }

    def rule_stats(
        self, loaded: Loaded, rules: Sequence[int] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """The numbers of record.RULE_STATS of each rule of the manifest, or of some by index."""
        own = _own(loaded)
        table, first = own.map(RULE_STATS_MAP), own.first_entry(RULE_STATS_MAP)
        wanted = range(len(loaded.manifest.rules)) if rules is None else rules
        places = (struct.pack("<I", first + at) for at in wanted)
        return tuple(_STATS.unpack(table.get(place) or b"") for place in places)

    def hook_runs(self) -> tuple[HookRuns, ...]:
        """How often each attached hook ran; time means nothing here."""
        return tuple(HookRuns(hook, self._runs.get(hook, 0), 0, 0) for hook in self._hooks)

    def set_tables(self, loaded: Loaded, info: SetInfo) -> Tables:
        """The maps of a run-time set of a loaded policy."""
        own = _own(loaded)
        secret = own.map(SECRET_MAP).get(bytes(4)) or bytes(16)
        key = int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:16], "little")
        wide = self.name == "windows"
        return Tables(own.map(info.map), own.map(info.head), key, wide, lambda: self.system.time_ns)

    def kill(self, pid: int, start_ns: int | None, before_ns: int) -> KillResult:
        """Note that a process is to be killed (`killed`)."""
        self.killed.append(pid)
        return KillResult(pid, True, "simulated")

    def program(self, pid: int, start_ns: int) -> str | None:
        """Nobody knows the program of a process: there are none."""
        return None

    def open_program(self, pid: int, start_ns: int) -> int | None:
        """There are no processes."""
        return None

    def cgroups(
        self, pid: int | None, start_ns: int | None, cgroup_id: int | None
    ) -> Cgroups | None:
        """There are no cgroups."""
        return None

    def running(self) -> tuple[Running, ...]:
        """No process runs here."""
        return ()

    def close(self) -> None:
        """Detach and unload everything."""
        self.switch_to(None)
        self._hooks.clear()
        self._shared.clear()
        self._infos.clear()
        for machine in {one.unit.machine for one in self._loaded}:
            self._free(machine)
        self._loaded.clear()

    # ------------------------------------------------------------ parts

    def _half(self, artifact: Artifact) -> Half:
        own: Half | None = getattr(artifact.manifest, self.name)
        if own is None:
            raise SensorError(
                "BPFC0712",
                f"the artifact has no half for {self.name}",
                "compile rules that this system can carry",
            )
        return own

    def _selected(self, artifact: Artifact) -> tuple[ProgramInfo, ...]:
        variant = () if "atomics" in self._offers else (_NO_ATOMICS,)
        offered = {*self._offers, *variant}
        return tuple(p for p in self._half(artifact).programs if offered >= {*p.needs})

    def _known(self, info: MapInfo) -> Map | None:
        """The map in use that a policy's map stands for.

        Raises:
            SensorError: BPFC0709, it has another shape.
        """
        name = info.identity or info.name
        known = self._infos.get(name)
        if known is None or info.scope not in OUTLIVING:
            return None
        shapes = [(m.type, m.key_size, m.value_size, m.max_entries) for m in (known, info)]
        if shapes[0] != shapes[1]:
            raise SensorError(
                "BPFC0709",
                f"the artifact's map {info.name} has another shape than the one in use",
                "begin with a new platform",
            )
        return self._shared[name]

    def _free(self, machine: Machine) -> None:
        """Take away the maps of an object that nothing else has."""
        kept = {made.address for made in self._shared.values()}
        self.system.free_maps(m for m in machine.maps.values() if m.address not in kept)

    def _adopt(self, info: MapInfo, made: Map) -> None:
        name = info.identity or info.name
        if name not in self._shared:
            self._shared[name], self._infos[name] = made, info

    @staticmethod
    def _programs(machine: Machine, program: ProgramInfo) -> ProgramArray:
        found = machine.maps[program.progs]
        assert isinstance(found, ProgramArray)
        return found

    def _free_slot(self) -> int:
        taken = {loaded.unit.slot for loaded in self._loaded}
        for slot in range(1, SLOTS):
            if slot not in taken:
                return slot
        raise SensorError(
            "BPFC0711", f"all {SLOTS - 1} slots hold a policy", "retire one that is not active"
        )


def _reports(selected: Sequence[ProgramInfo]) -> tuple[ProgramReport, ...]:
    """Reports on programs; nobody counted what a verifier walks through."""
    return tuple(ProgramReport(p.name, p.hook, p.role, 0) for p in selected)


def _own(loaded: Loaded) -> SimulatedLoaded:
    if not isinstance(loaded, SimulatedLoaded):
        raise TypeError("a policy that another platform loaded")
    return loaded
