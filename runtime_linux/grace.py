"""Waiting until every program run that began earlier has ended.

All programs here run inside an RCU read section, so one RCU grace period is enough.
"""

import os

from runtime_linux import instructions, syscalls
from runtime_linux.maps import MAP_TYPES, Map, u32


def wait_grace_period() -> None:
    """Return once no program is running that ran at the time of the call.

    Raises:
        OSError: the kernel offers neither way.
    """
    try:
        offered = syscalls.membarrier(syscalls.MEMBARRIER_CMD_QUERY)
        if offered & syscalls.MEMBARRIER_CMD_GLOBAL:
            syscalls.membarrier(syscalls.MEMBARRIER_CMD_GLOBAL)
            return
    except OSError:
        pass  # not built in, or filtered in a container
    wait_by_map()


def wait_by_map() -> None:
    """The way where membarrier(2) is missing (nohz_full kernels, for example).

    A change of a map of maps returns after a grace period (maybe_wait_bpf_programs,
    kernel/bpf/syscall.c).

    Raises:
        OSError: the kernel refused the maps.
    """
    inner = instructions.create_map(MAP_TYPES["array"], 4, 8, 1)
    try:
        outer = instructions.create_map(MAP_TYPES["array_of_maps"], 4, 4, 1, inner)
        try:
            Map("grace", outer, 4, 4, 1).update(u32(0), u32(inner))
        finally:
            os.close(outer)
    finally:
        os.close(inner)
