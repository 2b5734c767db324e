"""The Linux platform: puts loading, attaching, flipping, priming and reading together."""

import time
from collections.abc import Sequence

from bpfc.artifact.consistency import RULE_STATS_MAP
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import (
    BUFFERS,
    CONTROL_MAP,
    COUNTERS,
    COUNTERS_MAP,
    EVENTS_MAP,
    LATCH_BUFFER,
    LATCH_MAP,
    LATCHING_HOOK,
    OUTLIVING,
    PROCESSES_MAP,
    SECRET_MAP,
    SLOTS,
    STRINGS_LONG_MAP,
    STRINGS_SHORT_MAP,
)
from bpfc.artifact.record import RULE_STATS
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
from bpfc.userspace.cgroups import Cgroups
from runtime_linux import capabilities, grace, procfs
from runtime_linux.attach import UPKEEP, Attachments, in_order
from runtime_linux.cgroups import cgroups
from runtime_linux.kill import kill_process
from runtime_linux.loaded import LinuxLoaded, LinuxUnit
from runtime_linux.loader import fill, load_object, unload
from runtime_linux.maps import Map, u32
from runtime_linux.priming import Primed, ProcessTable, running
from runtime_linux.programs import program_of
from runtime_linux.ring import Ring
from runtime_linux.selection import check_base, check_upkeep, select
from runtime_linux.shared import SharedMaps
from runtime_linux.switch import Switch
from runtime_linux.tables import MapTable

_HALF = "linux"
_LATCH_WAIT_S = 0.2  # an exec is between its two hooks for much less
_LATCH_STEP_S = 0.005
_GENERATION_MAX = (1 << 32) - 1


class LinuxPlatform:
    """Policies in the running Linux kernel (implements bpfc.runtime.platform.Platform).

    Nothing is pinned: programs, links and maps end with `close`, or with the process.

    Args:
        probed: capabilities to go by instead of probing, to try how rules fare on a lesser machine.
    """

    name = _HALF

    def __init__(self, probed: Sequence[Capability] | None = None) -> None:
        self._capabilities = None if probed is None else tuple(probed)
        self._shared = SharedMaps()
        self._attachments = Attachments()
        self._loaded: list[LinuxLoaded] = []
        self._active: LinuxLoaded | None = None
        self._generation = 0
        self._switch: Switch | None = None
        self._ring: Ring | None = None
        self.primed: Primed | None = None

    def capabilities(self) -> tuple[Capability, ...]:
        """What this machine offers; probed once.

        Raises:
            SensorError: BPFC0701 or BPFC0702, there is no libbpf.
        """
        if self._capabilities is None:
            self._capabilities = capabilities.probe()
        return self._capabilities

    def boot(self) -> Boot:
        """Which boot this is, and when it was."""
        wall, since = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return Boot(procfs.BOOT_ID.read_text().strip(), wall - since)

    def verify(self, artifact: Artifact) -> tuple[ProgramReport, ...]:
        """Load everything this machine can carry, attach nothing, unload it.

        Args:
            artifact: what to load.

        Returns:
            A report on each program.

        Raises:
            SensorError: a program was refused, or the machine cannot load programs.
        """
        known = self.capabilities()
        check_base(artifact.manifest, known)
        selected = select(artifact.manifest.linux.programs, self._available(), ())
        source, reports = load_object(artifact, selected, SharedMaps())
        source.close()
        return reports

    def load(self, artifact: Artifact) -> LinuxLoaded:
        """Load a policy into a free slot.

        Args:
            artifact: what to load.

        Returns:
            The policy; `retire` unloads it.

        Raises:
            SensorError: nothing has changed.
        """
        known, half = self.capabilities(), artifact.manifest.linux
        check_base(artifact.manifest, known)
        forms = choose_forms(artifact.manifest.rules, _HALF, known)
        check_upkeep(half.programs, select(half.programs, self._available(), ()), known)
        slot = self._free_slot()
        selected = select(half.programs, self._available(), self._attachments.hooks)
        source, reports = load_object(artifact, selected, self._shared)
        number = self._next_generation()
        unit = LinuxUnit(number, slot, selected, reports, source)
        loaded = LinuxLoaded(number, artifact, _HALF, forms, unit)
        try:
            self._adopt(loaded)
            fill(loaded, self._shared)
        except BaseException:
            unload(unit, self._shared)
            self._forget()
            raise
        self._loaded.append(loaded)
        return loaded

    def revise(self, artifact: Artifact) -> LinuxLoaded | None:
        """Write a policy that differs from the active one by content only into the idle buffer.

        What stood there can no longer be gone back to.

        Args:
            artifact: the policy.

        Returns:
            The policy, loaded; None if it has another structure than the active one.

        Raises:
            SensorError: the active policy has not changed.
        """
        active = self._active
        if active is None or artifact.structure(_HALF) != active.artifact.structure(_HALF):
            return None
        forms = choose_forms(artifact.manifest.rules, _HALF, self.capabilities())
        idle = (active.buffer + 1) % BUFFERS
        loaded = LinuxLoaded(self._next_generation(), artifact, _HALF, forms, active.unit, idle)
        loaded.write_content()
        self._loaded.append(loaded)
        return loaded

    def _next_generation(self) -> int:
        self._generation = self._generation % _GENERATION_MAX + 1
        return self._generation

    def _adopt(self, loaded: LinuxLoaded) -> None:
        for info in loaded.manifest.linux.maps:
            if info.scope in OUTLIVING:
                self._shared.adopt(info, loaded.map(info.name))
        if self._switch is None:
            self._switch = Switch(self._shared_map(CONTROL_MAP).fd)
        if self._ring is None:
            events = self._shared_map(EVENTS_MAP)
            self._ring = Ring(events.fd, events.max_entries)

    def activate(self, loaded: Loaded) -> None:
        """Attach what is missing, make it the active policy, enter what already runs.

        Hooks that an active policy lacks are attached before the flip. On the first activation the
        process table is filled before anything that reads it is attached.

        Args:
            loaded: from `load`.

        Raises:
            SensorError: the policy that was active still is, and what was attached is detached.
        """
        before, attached, own = self._active, self._attachments.hooks, _own(loaded)
        if own not in self._loaded:
            self._loaded.append(own)  # gone back to
        missing = in_order(
            p
            for p in own.selected
            if p.role == "dispatcher" and p.hook not in attached and p.hook in own.hooks
        )
        upkeep = [p for p in missing if p.hook in UPKEEP]
        others = [p for p in missing if p.hook not in UPKEEP]
        try:
            for program in upkeep:
                self._attachments.attach(own.object, program)
            if upkeep:
                self.switch_to(loaded)
                self._prime()
            for program in others:
                self._attachments.attach(own.object, program)
            self.switch_to(loaded)
        except BaseException:
            self.switch_to(before)
            for program in missing:
                self._attachments.detach(program.hook)
            raise

    def switch_to(self, loaded: Loaded | None) -> None:
        """Make an attached policy the active one by one map write.

        Args:
            loaded: the policy, None for none.

        Raises:
            SensorError: BPFC0713, nothing has changed.
        """
        own = None if loaded is None else _own(loaded)
        if own is not None:
            # Of the active policy this is the flip; any other one judges nothing yet.
            own.put_in_force()
            if self._switch is not None and LATCHING_HOOK in own.hooks:
                self._switch.latch()
        word = 0 if own is None else own.unit.word
        if self._switch is not None and self._switch.word != word:
            self._switch.write(word)
        self._active = own

    def retire(self, loaded: Loaded) -> None:
        """Wait until nothing runs in it any more, free its slot and unload it.

        Dispatchers whose hook no loaded policy has are detached. Where the active policy differs
        by content only, slot and programs are its own and stay; so does the old content, in the
        idle buffer, until the next `revise`.

        Args:
            loaded: a policy that is not active.

        Raises:
            ValueError: it is active.
        """
        own = _own(loaded)
        if own is self._active:
            raise ValueError(f"generation {loaded.generation} is active")
        grace.wait_grace_period()
        self._loaded.remove(own)
        shares = any(one.unit is own.unit for one in self._loaded)
        self._wait_for_latches(own, whole=not shares)
        if shares:
            return
        for hook in self._attachments.hooks - {h for one in self._loaded for h in one.hooks}:
            self._attachments.detach(hook)
        unload(own.unit, self._shared)
        self._forget()

    def _forget(self) -> None:
        """Let go of what only policies had that are unloaded."""
        maps = (info for one in self._loaded for info in one.manifest.linux.maps)
        self._shared.forget(info.identity for info in maps)

    def _wait_for_latches(self, loaded: LinuxLoaded, whole: bool) -> None:
        """Execs that were judged by a policy at their first hook go through their second one.

        An exec that failed in between leaves its latch behind, hence the limit; what is left then
        goes, so that no later generation in the same slot is taken for the old one.
        """
        if LATCH_MAP not in self._shared:
            return
        latches, word = self._shared[LATCH_MAP], bytearray(loaded.unit.word.to_bytes(8, "little"))

        def held() -> list[bytes]:
            """Threads with its latch; `whole`: with one of either of its unit's contents."""
            found = []
            for thread, value in latches.items():
                word[LATCH_BUFFER] = value[LATCH_BUFFER] if whole else loaded.buffer + 1
                if value[:8] == word:
                    found.append(thread)
            return found

        end = time.monotonic() + _LATCH_WAIT_S
        while time.monotonic() < end and held():
            time.sleep(_LATCH_STEP_S)
        for thread in held():
            latches.delete(thread)

    def read(self, timeout: float | None) -> list[bytes]:
        """All records there are, oldest first.

        Args:
            timeout: seconds to wait for one, None without limit; before the first `load` it
                does not wait.

        Returns:
            Their bytes.
        """
        return [] if self._ring is None else self._ring.wait(timeout)

    def produced(self) -> int:
        """Place in the ring behind the newest record."""
        return 0 if self._ring is None else self._ring.produced

    def consumed(self) -> int:
        """Place in the ring up to which records were read."""
        return 0 if self._ring is None else self._ring.consumed

    def wake(self) -> None:
        """End a `read` that waits, from any thread or signal handler."""
        if self._ring is not None:
            self._ring.wake()

    def counters(self) -> dict[str, int]:
        """The counters of control.COUNTERS, summed over all CPUs."""
        if COUNTERS_MAP not in self._shared:
            return dict.fromkeys(COUNTERS, 0)
        table = self._shared[COUNTERS_MAP]
        return {name: table.lookup_sum(u32(at), 1)[0] for at, name in enumerate(COUNTERS)}

    def rule_stats(
        self, loaded: Loaded, rules: Sequence[int] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """The numbers of record.RULE_STATS of each rule of the manifest, or of some by index."""
        own, width = _own(loaded), len(RULE_STATS)
        table, first = own.map(RULE_STATS_MAP), own.first_entry(RULE_STATS_MAP)
        wanted = range(len(loaded.manifest.rules)) if rules is None else rules
        return tuple(table.lookup_sum(u32(first + at), width) for at in wanted)

    def hook_runs(self) -> tuple[HookRuns, ...]:
        """Accounting of each attached hook."""
        return self._attachments.runs()

    def kill(self, pid: int, start_ns: int | None, before_ns: int) -> KillResult:
        """Kill a process that an alert named; see `kill.kill_process`."""
        return kill_process(pid, start_ns, before_ns)

    def program(self, pid: int, start_ns: int) -> str | None:
        """The program of a process, by the process table."""
        names = (PROCESSES_MAP, STRINGS_SHORT_MAP, STRINGS_LONG_MAP)
        if any(name not in self._shared for name in names):
            return None
        processes, short, long = (self._shared[name] for name in names)
        return program_of(processes, short, long, pid, start_ns)

    def open_program(self, pid: int, start_ns: int) -> int | None:
        """The program file of a process, by /proc; see `procfs.open_program`."""
        return procfs.open_program(pid, start_ns)

    def cgroups(
        self, pid: int | None, start_ns: int | None, cgroup_id: int | None
    ) -> Cgroups | None:
        """The cgroups of a process; see `cgroups.cgroups`."""
        return cgroups(pid, start_ns, cgroup_id)

    def set_tables(self, loaded: Loaded, info: SetInfo) -> Tables:
        """The maps of a run-time set of a loaded policy."""
        own = _own(loaded)
        elements, head = (MapTable(own.map(name)) for name in (info.map, info.head))
        return Tables(elements, head, self._secret(), False, _since_boot)

    def _secret(self) -> tuple[int, int]:
        """The key of the text hash."""
        secret = self._shared_map(SECRET_MAP).lookup(u32(0)) or b""
        return int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:16], "little")

    def close(self) -> None:
        """Detach and unload everything; a second call does nothing."""
        self.switch_to(None)
        self._attachments.close()
        for loaded in self._loaded:
            unload(loaded.unit, self._shared)
        self._loaded.clear()
        if self._ring is not None:
            self._ring.close()
            self._ring = None
        self._switch = None
        self._shared.close()

    def running(self) -> tuple[Running, ...]:
        """See `Platform.running`."""
        return running() if procfs.in_initial_pid_namespace() else ()

    def _prime(self) -> None:
        needed = (PROCESSES_MAP, STRINGS_SHORT_MAP, STRINGS_LONG_MAP, SECRET_MAP)
        if (
            not all(name in self._shared for name in needed)
            or not procfs.in_initial_pid_namespace()
        ):
            return
        processes, short, long = (self._shared[name] for name in needed[:3])
        self.primed = ProcessTable(processes, short, long, self._secret()).prime()

    def _available(self) -> frozenset[str]:
        return frozenset(c.name for c in self.capabilities() if c.available)

    def _free_slot(self) -> int:
        """The slot after the newest one's: a slot rests as long as possible before its next use."""
        taken = {loaded.slot for loaded in self._loaded}
        first = self._generation % (SLOTS - 1)
        for step in range(SLOTS - 1):
            slot = (first + step) % (SLOTS - 1) + 1
            if slot not in taken:
                return slot
        raise SensorError(
            "BPFC0711",
            f"all {SLOTS - 1} slots hold a policy",
            "retire one that is not active",
        )

    def _shared_map(self, name: str) -> Map:
        if name not in self._shared:
            raise SensorError(
                "BPFC0712", f"the artifact has no shared map {name}", "compile the rules again"
            )
        return self._shared[name]


def _since_boot() -> int:
    """Nanoseconds since boot, suspended time included: the clock of events."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _own(loaded: Loaded) -> LinuxLoaded:
    if not isinstance(loaded, LinuxLoaded):
        raise TypeError("a policy that another platform loaded")
    return loaded
