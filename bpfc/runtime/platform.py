"""What the sensor asks of a platform, and how an installed platform is found.

A platform turns an artifact's half into programs that the running system has verified. The sensor
above it knows no operating system; `runtime_linux` implements this protocol for Linux.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

from attrs import frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.manifest import Form, Manifest
from bpfc.artifact.sets import SetInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.sets import Tables
from bpfc.userspace.cgroups import Cgroups

ENTRY_POINTS = "bpfc.platforms"


@frozen
class Capability:
    """One thing that this machine offers or does not.

    Args:
        name: as artifacts name it in `needs`.
        available: whether it was seen to work.
        detail: how that is known, or why not.
        enables: what a policy can do with it.
    """

    name: str
    available: bool
    detail: str
    enables: str


@frozen
class ProgramReport:
    """One program as the system's verifier saw it.

    Args:
        name: function name in the object.
        hook: for example "exec".
        role: "dispatcher" or "adapter".
        instructions: instructions the verifier walked through; 0 where the system does not say.
    """

    name: str
    hook: str
    role: str
    instructions: int


@frozen
class ChosenForm:
    """The form in which a rule is carried out on an event.

    Args:
        rule: the rule's name.
        index: its place in the manifest's rules.
        event: catalogue name.
        local: its index in rules_<event>.
        form: the first form whose needs this machine meets.
        place: which one of the rule's forms that is; 0 is what its author asked for first.
    """

    rule: str
    index: int
    event: str
    local: int
    form: Form
    place: int


@frozen
class HookRuns:
    """How often a hook ran, as the system accounts it.

    Args:
        hook: for example "exec".
        runs: invocations while accounting was on; 0 if it never was.
        time_ns: time in them, nanoseconds.
        skipped: invocations the system left out because of recursion: lost events.
    """

    hook: str
    runs: int
    time_ns: int
    skipped: int


@frozen
class KillResult:
    """What became of a kill that the agent does.

    Args:
        pid: the process.
        done: whether the signal was sent.
        reason: one phrase for people.
    """

    pid: int
    done: bool
    reason: str


@frozen
class Running:
    """A process that runs.

    Args:
        pid, start_ns: its id, and when it started, nanoseconds since boot.
        parent, parent_start_ns: of the process that it belongs to; 0 without one.
        texts: of its program, by catalogue name: bytes and VIEW_*.
    """

    pid: int
    start_ns: int
    parent: int
    parent_start_ns: int
    texts: Mapping[str, tuple[bytes, int]]


@frozen
class Boot:
    """The running system.

    Args:
        id: its identity, new at each boot.
        time_ns: wall clock at boot, nanoseconds since 1970, as of now.
    """

    id: str
    time_ns: int


class Loaded(Protocol):
    """A policy that is loaded beside the active one, into a slot of its own."""

    @property
    def generation(self) -> int:
        """Number in every record this policy writes."""

    @property
    def manifest(self) -> Manifest:
        """The artifact's manifest."""

    @property
    def programs(self) -> tuple[ProgramReport, ...]:
        """The programs that were loaded."""

    @property
    def forms(self) -> tuple[ChosenForm, ...]:
        """How each rule is carried out."""


@runtime_checkable
class Platform(Protocol):
    """An operating system that can carry policies. One caller at a time, except `wake`."""

    @property
    def name(self) -> str:
        """For example "linux"."""

    def capabilities(self) -> tuple[Capability, ...]:
        """What this machine offers; probed once."""

    def boot(self) -> Boot:
        """Which boot this is."""

    def verify(self, artifact: Artifact) -> tuple[ProgramReport, ...]:
        """Load everything the machine can carry, attach nothing, unload it."""

    def load(self, artifact: Artifact) -> Loaded:
        """Load a policy into a free slot; nothing that is active changes."""

    def revise(self, artifact: Artifact) -> Loaded | None:
        """Write a policy that differs from the active one by content only into the idle buffer;
        None if it has another structure."""

    def activate(self, loaded: Loaded) -> None:
        """Attach what is missing, make it the active policy, learn what already runs."""

    def switch_to(self, loaded: Loaded | None) -> None:
        """Make an attached policy the active one by one write; None: no policy."""

    def retire(self, loaded: Loaded) -> None:
        """Wait until nothing runs in it any more, free its slot and unload it; where the active
        policy differs by content only, its old content stays until the next `revise`."""

    def read(self, timeout: float | None) -> list[bytes]:
        """All records there are, oldest first; waits `timeout` seconds (None: any time) for one."""

    def produced(self) -> int:
        """Place in the ring behind the newest record."""

    def consumed(self) -> int:
        """Place in the ring up to which records were read."""

    def wake(self) -> None:
        """End a `read` that waits, from any thread or signal handler."""

    def counters(self) -> dict[str, int]:
        """The counters of `control.COUNTERS`, summed over all CPUs."""

    def rule_stats(
        self, loaded: Loaded, rules: Sequence[int] | None = None
    ) -> tuple[tuple[int, ...], ...]:
        """The numbers of `record.RULE_STATS` of each rule of the manifest, or of some by index."""

    def hook_runs(self) -> tuple[HookRuns, ...]:
        """Accounting of each attached hook."""

    def set_tables(self, loaded: Loaded, info: SetInfo) -> Tables:
        """The maps of a run-time set of a loaded policy."""

    def running(self) -> tuple[Running, ...]:
        """The processes that run; none where their ids here are not those in records."""

    def kill(self, pid: int, start_ns: int | None, before_ns: int) -> KillResult:
        """Kill a process that an alert named.

        Args:
            pid: its id.
            start_ns: when it started, nanoseconds since boot, if known.
            before_ns: when the event happened; whatever started later is another process.
        """

    def program(self, pid: int, start_ns: int) -> str | None:
        """The path of the program that a process runs.

        Args:
            pid: its id.
            start_ns: when it started, nanoseconds since boot.

        Returns:
            None if that process has ended, or its program is not known.
        """

    def open_program(self, pid: int, start_ns: int) -> int | None:
        """Open the program file that a process runs, for reading.

        Args:
            pid: its id.
            start_ns: when it started, nanoseconds since boot.

        Returns:
            A descriptor, to be closed by the caller; None if that process has ended or has none.
        """

    def cgroups(
        self, pid: int | None, start_ns: int | None, cgroup_id: int | None
    ) -> Cgroups | None:
        """The cgroups that a process is or was in.

        Args:
            pid, start_ns: its id and when it started, nanoseconds since boot, if known.
            cgroup_id: the id of its cgroup, if known.

        Returns:
            None if that cannot be found out any more, or there is no such thing on this system.
        """

    def close(self) -> None:
        """Detach and unload everything."""


def find_platform(names: Iterable[str] = ()) -> Platform:
    """The installed platform for this system.

    Args:
        names: names to look for; by default that of the running system.

    Returns:
        A new platform.

    Raises:
        SensorError: BPFC0714, no installed package registers one.
    """
    wanted = tuple(names) or (_system_name(),)
    for point in entry_points(group=ENTRY_POINTS):
        if point.name in wanted:
            platform = point.load()()
            if not isinstance(platform, Platform):
                raise TypeError(f"{point.value} is not a bpfc platform")
            return platform
    raise SensorError(
        "BPFC0714",
        f"no installed package carries bpfc policies on {' or '.join(wanted)}",
        "install bpfc itself (pip install bpfc), so that its platforms are registered; a source "
        "folder alone is not enough",
    )


def _system_name() -> str:
    return {"win32": "windows"}.get(sys.platform, sys.platform)
