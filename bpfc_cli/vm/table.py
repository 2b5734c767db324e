"""`kernels.toml` as values."""

import platform
import sys
import tomllib
from importlib.resources import files
from typing import Any

from attrs import frozen

from bpfc_cli.vm.errors import VmError


@frozen
class Kernel:
    """A kernel series and where it comes from.

    Args:
        series: for example "6.1".
        release: number of the Debian release.
        codename: its name on the mirror.
    """

    series: str
    release: int
    codename: str


@frozen
class Architecture:
    """What one processor architecture needs.

    Args:
        debian: Debian's name of it.
        package: the package that depends on the newest cloud kernel.
        qemu: the emulator's command.
        qemu_package: Debian package with the emulator.
        machine: the emulator's machine type.
        cpu: the emulator's processor.
        console: the kernel's name of the first serial port.
    """

    debian: str
    package: str
    qemu: str
    qemu_package: str
    machine: str
    cpu: str
    console: str


@frozen
class Guest:
    """What every guest gets; `kernels.toml` says what each is for."""

    lsm: str
    memory_mib: int
    cpus: int
    modules: tuple[str, ...]
    project: str
    site: str
    tools: tuple[str, ...]
    distributions: tuple[str, ...]
    stdlib_without: tuple[str, ...]


_DATA = tomllib.loads(files("bpfc_cli.vm").joinpath("kernels.toml").read_text("utf-8"))

KERNELS: dict[str, Kernel] = {
    series: Kernel(series, **entry) for series, entry in _DATA["kernels"].items()
}
ARCHITECTURES: dict[str, Architecture] = {
    name: Architecture(**entry) for name, entry in _DATA["architectures"].items()
}


def _guest(entry: dict[str, Any]) -> Guest:
    """The guest's row, its lists as tuples."""
    fixed: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    return Guest(**fixed)


GUEST = _guest(_DATA["guest"])


def kernel(series: str) -> Kernel:
    """The table's row of a kernel series.

    Args:
        series: for example "6.1".

    Returns:
        The row.

    Raises:
        VmError: BPFC0801, there is none.
    """
    if series not in KERNELS:
        raise VmError(
            "BPFC0801",
            f"no virtual machine has kernel {series!r}",
            f"name one or more of {', '.join(KERNELS)}",
        )
    return KERNELS[series]


def architecture() -> Architecture:
    """What this machine's architecture needs; the guest runs the host's Python, so it is the same.

    Returns:
        The row.

    Raises:
        VmError: BPFC0802, there is none, or this system is not Linux.
    """
    name = platform.machine()
    if sys.platform != "linux" or name not in ARCHITECTURES:
        raise VmError(
            "BPFC0802",
            f"virtual machines do not work on {sys.platform} on {name}",
            f"use Linux on {' or '.join(ARCHITECTURES)}",
        )
    return ARCHITECTURES[name]
