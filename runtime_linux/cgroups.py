"""Paths of cgroups: by their id, or by a process that is in them."""

import os
import struct
from contextlib import suppress
from pathlib import Path

from bpfc.artifact.control import PRIMED_TICK_NS
from bpfc.userspace.cgroups import Cgroups
from runtime_linux import procfs
from runtime_linux.syscalls import open_by_handle

_FILEID_KERNFS = 0xFE  # enum fid_type, include/linux/exportfs.h: the id of a kernfs node, u64
_MOST = 1 << 16  # bytes of /proc/PID/cgroup; there are at most 14 hierarchies of 4 KiB each
_DELETED = " (deleted)"


def cgroups(pid: int | None, start_ns: int | None, cgroup_id: int | None) -> Cgroups | None:
    """The cgroups that a process is or was in.

    Args:
        pid, start_ns: its id in the initial pid namespace and when it started, nanoseconds since
            boot, if known.
        cgroup_id: of its cgroup in the version 2 hierarchy, if known.

    Returns:
        None if neither the cgroup nor the process is there any more, or if the process is in
        another cgroup by now.
    """
    unified = cgroup_id is not None and _unified()
    mount = procfs.cgroup2_mount() if unified else None
    if cgroup_id is not None and mount is not None:
        with suppress(OSError):
            return Cgroups((path_of(cgroup_id, mount),), True)
    if pid is None or start_ns is None:
        return None
    try:
        paths = _of_process(pid, start_ns)
        if mount is not None and os.stat(f"{mount}{paths[0]}").st_ino != cgroup_id:
            return None
    except (OSError, LookupError):
        return None
    return Cgroups(paths, mount is not None)


def path_of(cgroup_id: int, mount: Path) -> str:
    """The path of a cgroup of the version 2 hierarchy.

    Args:
        cgroup_id: its id.
        mount: where the hierarchy is mounted.

    Returns:
        Its path below the mount, beginning with a slash.

    Raises:
        OSError: there is no such cgroup any more, or this process may not look.
    """
    root = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        found = open_by_handle(root, _FILEID_KERNFS, struct.pack("=Q", cgroup_id), os.O_PATH)
        try:
            path = os.readlink(f"/proc/self/fd/{found}")
        finally:
            os.close(found)
    finally:
        os.close(root)
    below = "/" + os.path.relpath(path, mount)
    return "/" if below == "/." else below


def _unified() -> bool:
    """Whether there is the version 2 hierarchy only, so that containers are told apart in it."""
    try:
        return Path("/proc/self/cgroup").read_bytes().count(b"\n") == 1
    except OSError:
        return False


def _of_process(pid: int, start_ns: int) -> tuple[str, ...]:
    """Paths in all hierarchies, version 2 first; LookupError if the process is another one."""
    if not procfs.in_initial_pid_namespace():
        raise LookupError("process ids here are not those of records")
    with open(f"/proc/{pid}/cgroup", "rb", buffering=0) as file:
        text = file.read(_MOST).decode(errors="surrogateescape")
    if procfs.start_of(pid) != start_ns // PRIMED_TICK_NS * PRIMED_TICK_NS:
        raise LookupError("the process has ended")
    # proc(5): hierarchy, controllers, path; the version 2 hierarchy is number 0.
    lines = [line.split(":", 2) for line in text.splitlines()]
    lines.sort(key=lambda line: line[0] != "0")
    return tuple(line[2].removesuffix(_DELETED) for line in lines)
