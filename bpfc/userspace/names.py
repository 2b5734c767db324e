"""What this machine calls users and groups."""

from collections.abc import Callable, Mapping
from time import monotonic

from bpfc.artifact.decode import State, Value
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.counts import Work
from bpfc.userspace.lru import Lru
from bpfc.userspace.reasons import Answer, Reason
from bpfc.userspace.users import find_group, find_user

DATABASES: Mapping[str, tuple[Callable[[int], str | None], str]] = {
    "user": (find_user, "Name of the user with an id, as this machine knows it."),
    "group": (find_group, "Name of the group with an id, as this machine knows it."),
}


class Names:
    """Names by id, kept for a while: looking one up may ask a directory in the network."""

    def __init__(self, platform: str, bounds: Bounds, work: Work) -> None:
        """Prepare.

        Args:
            platform: "linux" or "windows": whose ids these are.
            bounds: limits.
            work: what it costs is charged to this.
        """
        self._windows = platform == "windows"
        self._bounds = bounds
        self._counts = work.counts
        self._budget = work.reading
        self._kept: Lru[tuple[str, int], tuple[float, Answer]] = Lru(bounds.names)

    def begin(self) -> None:
        """Nothing is remembered for a batch only."""

    def answer(self, source: str, needs: tuple[Value | State, ...]) -> Answer:
        """A name.

        Args:
            source: of `DATABASES`.
            needs: the id.

        Returns:
            ABSENT if there is no such user or group, or no such id in the record.

        Raises:
            Unknown: the time was used up.
        """
        (number,) = needs
        if number is State.ABSENT:
            return State.ABSENT
        if self._windows:
            return Reason.ELSEWHERE
        if type(number) is not int:
            return Reason.NOT_RECORDED
        now = monotonic()
        kept = self._kept.get((source, number))
        if kept is not None and now - kept[0] < self._bounds.names_seconds:
            self._counts.from_cache += 1
            return kept[1]
        with self._budget.spending():
            name = DATABASES[source][0](number)
        found: Answer = State.ABSENT if name is None else name
        self._kept.put((source, number), (now, found))
        return found
