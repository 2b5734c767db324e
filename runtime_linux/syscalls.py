"""System calls that neither libbpf 1.1 nor Python's standard library offers."""

import ctypes
import errno
import functools
import os
import platform
import struct
from typing import Any

# arch/x86/entry/syscalls/syscall_64.tbl; include/uapi/asm-generic/unistd.h (aarch64, riscv64);
# arch/s390/kernel/syscalls/syscall.tbl; arch/powerpc/kernel/syscalls/syscall.tbl
_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
_MEMBARRIER = {"x86_64": 324, "aarch64": 283, "riscv64": 283, "s390x": 356, "ppc64le": 365}
MEMBARRIER_CMD_QUERY = 0  # include/uapi/linux/membarrier.h
MEMBARRIER_CMD_GLOBAL = 1


@functools.cache
def _syscall() -> Any:
    function = ctypes.CDLL(None, use_errno=True).syscall
    function.restype = ctypes.c_long
    return function


@functools.cache
def bpf_number() -> int:
    """The number of bpf(2) here.

    Raises:
        OSError: ENOSYS on an architecture that is not in the table.
    """
    return _number(_BPF)


def _number(table: dict[str, int]) -> int:
    try:
        return table[platform.machine()]
    except KeyError:
        text = f"no system call numbers for {platform.machine()}"
        raise OSError(errno.ENOSYS, text) from None


def bpf(command: int, attributes: ctypes.Array[ctypes.c_char]) -> int:
    """bpf(2).

    Args:
        command: BPF_* of enum bpf_cmd.
        attributes: union bpf_attr as bytes.

    Returns:
        The call's result, a descriptor or 0.

    Raises:
        OSError: the call failed.
    """
    result = _syscall()(bpf_number(), command, ctypes.byref(attributes), len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def membarrier(command: int) -> int:
    """membarrier(2) without flags.

    Args:
        command: MEMBARRIER_CMD_*.

    Returns:
        The call's result.

    Raises:
        OSError: the call failed.
    """
    result = _syscall()(_number(_MEMBARRIER), command, 0, 0)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def open_by_handle(mount: int, kind: int, handle: bytes, flags: int) -> int:
    """open_by_handle_at(2).

    Args:
        mount: a descriptor of any file of the file system.
        kind: handle_type of struct file_handle.
        handle: f_handle of struct file_handle.
        flags: O_*; O_CLOEXEC is added.

    Returns:
        A descriptor.

    Raises:
        OSError: the call failed.
    """
    structure = struct.pack("=Ii", len(handle), kind) + handle
    function = ctypes.CDLL(None, use_errno=True).open_by_handle_at
    result = function(mount, ctypes.c_char_p(structure), flags | os.O_CLOEXEC)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
