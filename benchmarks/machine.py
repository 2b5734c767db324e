"""What benchmarks need of the machine: rights, accounting, programs."""

import ctypes
import fcntl
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Failed
from runtime_linux import syscalls

# include/uapi/linux/bpf.h, enum bpf_cmd and enum bpf_stats_type
BPF_ENABLE_STATS = 32
BPF_STATS_RUN_TIME = 0
PID_MAX = Path("/proc/sys/kernel/pid_max")


def need_root() -> None:
    """Refuse to go on without the right to load programs.

    Raises:
        Failed: this is not root.
    """
    if os.geteuid() != 0:
        raise Failed("this benchmark loads programs into the kernel: run it as root")


def need_program(name: str, package: str) -> str:
    """The path of a program.

    Args:
        name: what is looked for on PATH.
        package: which package usually has it.

    Returns:
        Its path.

    Raises:
        Failed: it is not there.
    """
    path = shutil.which(name)
    if path is None:
        raise Failed(f"{name} is not on PATH: install the package {package}")
    return os.path.realpath(path)


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other benchmark of this kind runs here, and keep others waiting.

    Two at the same time would see each other's events and denials.
    """
    with Path(tempfile.gettempdir(), "bpfc-benchmarks.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def accounting() -> Iterator[None]:
    """Have the kernel measure the run time of programs while the block runs.

    It measures as long as the descriptor is open, so it stops with the process at the latest, and
    nobody else's wish for it (kernel.bpf_stats_enabled) is touched.
    """
    attributes = ctypes.create_string_buffer(struct.pack("<I", BPF_STATS_RUN_TIME), 4)
    descriptor = syscalls.bpf(BPF_ENABLE_STATS, attributes)
    try:
        yield
    finally:
        os.close(descriptor)
