"""What the kernel tells about a loaded program (struct bpf_prog_info, include/uapi/linux/bpf.h)."""

import ctypes
import os

from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import HookRuns
from runtime_linux.library import libbpf

_INFO_BYTES = 224  # up to verified_insns; an older kernel fills less
_RUN_TIME, _RUN_COUNT, _SKIPPED = 192, 200, 208  # u64 run_time_ns, run_cnt, recursion_misses


def run_counts(hook: str, program: int) -> HookRuns:
    """Accounting of a program.

    Args:
        hook: its hook, for the result.
        program: its descriptor.

    Returns:
        Runs and time since accounting was turned on, and runs that were left out for recursion
        (counted from 5.12 on).

    Raises:
        SensorError: BPFC0713, the kernel does not say.
    """
    raw = ctypes.create_string_buffer(_INFO_BYTES)
    size = ctypes.c_uint32(_INFO_BYTES)
    result = libbpf().bpf_obj_get_info_by_fd(program, raw, ctypes.byref(size))
    if result < 0:
        message = f"cannot read the accounting of {hook}: {os.strerror(-result)}"
        raise SensorError("BPFC0713", message, "run with CAP_SYS_ADMIN or CAP_BPF")
    runs, time_ns, skipped = (
        int.from_bytes(raw.raw[at : at + 8], "little") for at in (_RUN_COUNT, _RUN_TIME, _SKIPPED)
    )
    return HookRuns(hook, runs, time_ns, skipped)
