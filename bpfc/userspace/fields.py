"""`Sources`: values of the second stage by the name of their source; `KNOWN`: which there are."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from bpfc.artifact.decode import State, Value
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.budget import Budget
from bpfc.userspace.cgroups import CgroupFinder, nowhere
from bpfc.userspace.containers import Containers
from bpfc.userspace.content import DIGESTS
from bpfc.userspace.counts import Counts, Work
from bpfc.userspace.inspecting import CONTAINER
from bpfc.userspace.locating import PathOpener, ProgramOpener, nobody, path_opener
from bpfc.userspace.names import DATABASES, Names
from bpfc.userspace.pe import PE
from bpfc.userspace.programs import Programs
from bpfc.userspace.reasons import Answer, Reason, Unknown
from bpfc.userspace.runtimes import SOCKETS, Runtimes

PROGRAM = ("path", "device", "inode", "pid", "start_time")
PROCESS = ("pid", "start_time", "cgroup_id")


@frozen
class Source:
    """Something that a value comes from.

    Args:
        name: as manifests name it.
        family: what looks it up: "name", "program" or "container".
        needs: what it has to be given, in this order: "id" of a user or group; of a process the
            "path", "device" (major << 20 | minor) and "inode" of its program file, its "pid" and
            "start_time" in nanoseconds since boot, and its "cgroup_id" (version 2 hierarchy).
        doc: what it gives, for people.
        kind: "string" or "bool".
    """

    name: str
    family: str
    needs: tuple[str, ...]
    doc: str
    kind: str = "string"

    @property
    def arity(self) -> int:
        """How many needs there are."""
        return len(self.needs)


def _known() -> Mapping[str, Source]:
    found = [Source(name, "name", ("id",), doc) for name, (_, doc) in DATABASES.items()]
    for table in (DIGESTS, PE):
        found += [Source(name, "program", PROGRAM, doc) for name, doc in table.items()]
    found += [
        Source(name, "container", PROCESS, doc, kind) for name, (kind, doc) in CONTAINER.items()
    ]
    return {source.name: source for source in found}


KNOWN: Mapping[str, Source] = _known()
"""Every source by its name."""


class _Family(Protocol):
    """What looks up the sources of a family."""

    def answer(self, source: str, needs: tuple[Value | State, ...]) -> Answer:
        """What a source says."""

    def begin(self) -> None:
        """Begin a batch."""


class Sources:
    """Looks up values that only user space knows. One for each reader of alerts; one thread."""

    def __init__(
        self,
        platform: str = "linux",
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        opener: ProgramOpener = nobody,
        open_path: PathOpener | None = None,
        cgroups: CgroupFinder = nowhere,
        sockets: Sequence[str] = SOCKETS,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            platform: "linux" or "windows": whose records these are.
            bounds: limits of size, time and memory.
            opener: opens the program that a process runs, given its id and start time:
                `Platform.open_program`. By default programs are found by their paths only.
            open_path: opens a file by the path of a record; the platform's own way by default.
            cgroups: finds the cgroups of a process: `Platform.cgroups`. By default they are not
                known, and containers neither.
            sockets: paths of container runtimes' sockets.
        """
        self.counts = Counts()
        where = path_opener(platform) if open_path is None else open_path
        self._work = Work(self.counts, Budget(bounds.seconds), Budget(bounds.seconds))
        runtimes = Runtimes(sockets, bounds.answer, bounds.answer_seconds)
        self._programs = Programs(platform, bounds, opener, where, self._work)
        self._families: dict[str, _Family] = {
            "name": Names(platform, bounds, self._work),
            "program": self._programs,
            "container": Containers(bounds, cgroups, runtimes, self._work),
        }

    def begin(self) -> None:
        """Begin a new batch of records: the time budget starts anew."""
        self._work.finding.begin()
        self._work.reading.begin()
        for family in self._families.values():
            family.begin()

    def happened(self, time_ns: int) -> None:
        """Say when the event happened that the next questions are about, until `begin`.

        A file that has been changed since is not taken for what ran then.

        Args:
            time_ns: nanoseconds since this machine booted, as in records.
        """
        # With the distance that the clocks have now: who sets the wall clock moves both.
        clock = getattr(time, "CLOCK_BOOTTIME", None)
        if clock is not None:
            self._programs.happened(time.time_ns() - time.clock_gettime_ns(clock) + time_ns)

    def value(self, source: str, needs: tuple[Value | State, ...]) -> Value | State:
        """A value.

        Args:
            source: a name in `KNOWN`.
            needs: values of the record's fields that it needs, as `Source.needs` lists them.

        Returns:
            The value; ABSENT if there is known to be none; UNKNOWN if it could not be found out
            (`counts` says why).

        Raises:
            KeyError: there is no such source.
            ValueError: it needs more or less than it was given.
        """
        known = KNOWN[source]
        if len(needs) != known.arity:
            raise ValueError(f"{source} needs {known.arity} values, not {len(needs)}")
        self.counts.looked_up += 1
        try:
            answer = self._families[known.family].answer(source, needs)
        except Unknown as unknown:
            answer = unknown.reason
        if isinstance(answer, Reason):
            self.counts.unknown[answer.value] += 1
            return State.UNKNOWN
        if answer is State.ABSENT:
            self.counts.absent += 1
        return answer
