"""Which container a process is in, by its cgroups, and what the container's runtime says of it."""

import re
from time import monotonic

from attrs import frozen

from bpfc.artifact.decode import State, Value
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.cgroups import CgroupFinder
from bpfc.userspace.counts import Work
from bpfc.userspace.inspecting import DIGEST, IDENTITY, container_answers, digest_of
from bpfc.userspace.lru import Lru
from bpfc.userspace.reasons import Answer, Reason, Unknown
from bpfc.userspace.runtimes import Runtimes

# How runtimes name the cgroup of a container: one component of its path. With systemd as the
# driver a scope, with cgroupfs the id alone or behind the runtime's name.
_ID = r"(?P<id>[0-9a-f]{64})"
FORMS = tuple(
    re.compile(form.replace("ID", _ID))
    for form in (
        r"docker-ID\.scope",
        r"cri-containerd-ID\.scope",
        r"[^/]*:cri-containerd:ID",  # containerd told to use cgroupfs, Kubernetes systemd
        r"nerdctl-ID\.scope",
        r"crio-ID(\.scope)?",
        r"libpod-(payload-)?ID(\.scope)?",
        r"ID",  # /docker/ID, /kubepods/burstable/podUID/ID
    )
)
# Below these a user makes cgroups of whatever names (rootless runtimes do).
_OF_USERS = re.compile(r"user@\d+\.service")


@frozen
class Container:
    """A container as cgroups name it.

    Args:
        id: 64 hexadecimal digits.
        claimed: a user without rights may have made that name up; the system's runtimes are not
            asked about it.
    """

    id: str
    claimed: bool


@frozen
class _Failed:
    """What was asked for in vain.

    Args:
        reason: why.
        until: when it is asked for again, by the monotonic clock.
    """

    reason: Reason
    until: float


def container_of(paths: tuple[str, ...]) -> Container | None:
    """The container that cgroups belong to.

    Below a container's cgroup its own processes may make others, of whatever names; so of several
    names in a path the first one counts, which is the container that this system's runtime started.

    Args:
        paths: of cgroups, each beginning with a slash.

    Returns:
        None outside containers.
    """
    for path in paths:
        claimed = False
        for component in path.split("/"):
            claimed = claimed or _OF_USERS.fullmatch(component) is not None
            for form in FORMS:
                if found := form.fullmatch(component):
                    return Container(found["id"], claimed)
    return None


class Containers:
    """Values of containers, kept by container, and containers by cgroup."""

    def __init__(
        self, bounds: Bounds, cgroups: CgroupFinder, runtimes: Runtimes, work: Work
    ) -> None:
        """Prepare.

        Args:
            bounds: limits.
            cgroups: finds cgroups.
            runtimes: answer questions about containers.
            work: what it costs is charged to this.
        """
        self._bounds = bounds
        self._cgroups = cgroups
        self._runtimes = runtimes
        self._work = work
        self._by_cgroup: Lru[int, Container | State] = Lru(bounds.containers)
        self._batch: Lru[tuple[Value | State, ...], Container | State | Reason] = Lru(
            bounds.containers
        )
        self._known: Lru[str, dict[str, Answer]] = Lru(bounds.containers)
        self._failed: Lru[str, _Failed] = Lru(bounds.containers)

    def begin(self) -> None:
        """Look again where processes are."""
        self._batch.clear()

    def answer(self, source: str, needs: tuple[Value | State, ...]) -> Answer:
        """What a source says of the container that a process is in.

        Args:
            source: of `inspecting.CONTAINER`.
            needs: process id, start time and cgroup id.

        Raises:
            Unknown: the container or its values cannot be found out.
        """
        kept = self._kept(needs)
        found = self._find(needs) if kept is None else kept
        if isinstance(found, Reason):
            return found
        if isinstance(found, State) or source == IDENTITY:
            self._work.counts.from_cache += kept is not None
            return found if isinstance(found, State) else found.id
        return self._told(source, found)

    def _kept(self, needs: tuple[Value | State, ...]) -> Container | State | Reason | None:
        cgroup = needs[2]
        found = self._by_cgroup.get(cgroup) if type(cgroup) is int else None
        return found or self._batch.get(needs)

    def _find(self, needs: tuple[Value | State, ...]) -> Container | State | Reason:
        pid, start, cgroup = (one if type(one) is int else None for one in needs)
        if cgroup is None and (pid is None or start is None):
            return Reason.NOT_RECORDED
        with self._work.finding.spending():
            cgroups = self._cgroups(pid, start, cgroup)
        found: Container | State | Reason
        if cgroups is None:
            found = Reason.GONE
        else:
            found = container_of(cgroups.paths) or State.ABSENT
            if cgroups.exact and cgroup is not None:
                self._by_cgroup.put(cgroup, found)
        self._batch.put(needs, found)
        return found

    def _told(self, source: str, container: Container) -> Answer:
        """What the runtime says, or said."""
        if container.claimed:
            return Reason.NO_RUNTIME
        answers = self._known.get(container.id)
        if answers is not None and source in answers:
            self._work.counts.from_cache += 1
            return answers[source]
        failed = self._failed.get(container.id)
        if failed is not None and monotonic() < failed.until:
            return failed.reason
        try:
            with self._work.reading.spending():
                return self._ask(source, container.id, answers)
        except Unknown as unknown:
            if unknown.reason is not Reason.BUDGET:
                until = monotonic() + self._bounds.retry_seconds
                self._failed.put(container.id, _Failed(unknown.reason, until))
            raise

    def _ask(self, source: str, number: str, answers: dict[str, Answer] | None) -> Answer:
        if answers is None:
            told = self._runtimes.ask(f"/containers/{number}/json", self._work.reading)
            answers = container_answers(told, number, self._bounds.text)
            self._known.put(number, answers)
        if source == DIGEST and source not in answers:
            image, name = answers["container.image.id"], answers["container.image"]
            if not isinstance(image, str) or not isinstance(name, str):
                raise Unknown(Reason.BROKEN)
            told = self._runtimes.ask(f"/images/{image}/json", self._work.reading)
            answers[source] = digest_of(told, name, self._bounds.text)
        return answers[source]
