"""What the kernel tells about a loaded program (struct bpf_prog_info, include/uapi/linux/bpf.h)."""

import ctypes
import os

from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import HookRuns
from runtime_linux.library import libbpf

_INFO_BYTES = 224  # up to verified_insns; an older kernel fills less
_JITED_LENGTH = 16  # u32 jited_prog_len
_RUN_TIME, _RUN_COUNT, _SKIPPED = 192, 200, 208  # u64 run_time_ns, run_cnt, recursion_misses


def is_compiled(program: int) -> bool:
    """Whether the kernel's JIT made machine code of a program.

    Args:
        program: its descriptor.

    Returns:
        False where it would be interpreted.

    Raises:
        SensorError: BPFC0713, the kernel does not say.
    """
    return int.from_bytes(_info(program)[_JITED_LENGTH : _JITED_LENGTH + 4], "little") > 0


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
    info = _info(program)
    runs, time_ns, skipped = (
        int.from_bytes(info[at : at + 8], "little") for at in (_RUN_COUNT, _RUN_TIME, _SKIPPED)
    )
    return HookRuns(hook, runs, time_ns, skipped)


def _info(program: int) -> bytes:
    raw = ctypes.create_string_buffer(_INFO_BYTES)
    size = ctypes.c_uint32(_INFO_BYTES)
    result = libbpf().bpf_obj_get_info_by_fd(program, raw, ctypes.byref(size))
    if result < 0:
        message = f"cannot read what the kernel knows of a program: {os.strerror(-result)}"
        raise SensorError("BPFC0713", message, "run with CAP_SYS_ADMIN or CAP_BPF")
    return raw.raw
