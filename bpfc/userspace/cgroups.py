"""What a platform tells about the cgroups of a process."""

from collections.abc import Callable

from attrs import frozen


@frozen
class Cgroups:
    """The cgroups that a process is in.

    Args:
        paths: below the root of each hierarchy, that of version 2 first.
        exact: they follow from the id of the cgroup, whichever process asked for it.
    """

    paths: tuple[str, ...]
    exact: bool


CgroupFinder = Callable[[int | None, int | None, int | None], Cgroups | None]
"""From process id, start time and cgroup id, as far as they are known, to the process's cgroups."""


def nowhere(pid: int | None, start_ns: int | None, cgroup_id: int | None) -> Cgroups | None:
    """A `CgroupFinder` that knows nothing."""
    return None
