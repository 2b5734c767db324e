"""The two sides that are compared: a compiled rule, and the C programmer's sensor.c for it.

Both are attached the same way, by one link a hook, so that each block can attach them in another
order.
"""

import os
import secrets
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from attrs import define, field, frozen

from benchmarks import machine
from benchmarks.report import Failed
from bpfc.artifact.control import SECRET_SIZE, control_word
from compiler.driver import compile_sources
from runtime_linux.loaded import LinuxLoaded
from runtime_linux.maps import possible_cpus, u32
from runtime_linux.objects import BpfObject, Link, LoadFailure
from runtime_linux.platform import LinuxPlatform
from runtime_linux.procfs import cgroup2_mount
from runtime_linux.program_info import run_counts
from runtime_linux.ring import Ring

SOURCE = Path(__file__).parent / "c" / "sensor.c"
SLOT = 1
HOOKS = ("fork", "exec", "exit", "connect4")
# C names that a C library keeps for itself.
_C_PROGRAMS = {"exit": "exit_"}
RING_BYTES = 4 << 20


@frozen
class Account:
    """Accounting of one program: runs, and nanoseconds in them."""

    runs: int
    time_ns: int

    def __add__(self, other: "Account") -> "Account":
        return Account(self.runs + other.runs, self.time_ns + other.time_ns)

    def __sub__(self, other: "Account") -> "Account":
        return Account(self.runs - other.runs, self.time_ns - other.time_ns)

    @property
    def mean(self) -> float:
        """Nanoseconds a run."""
        return self.time_ns / self.runs


class Side(Protocol):
    """Something to attach and measure."""

    @property
    def source(self) -> BpfObject:
        """The loaded object."""

    def program(self, hook: str) -> str:
        """Name of the program that is attached to a hook."""

    def drain(self) -> int:
        """Empty the ring; returns how many records there were."""


@define
class Compiled:
    """A compiled policy.

    Args:
        platform: to load with.
        loaded: the policy.
    """

    platform: LinuxPlatform
    loaded: LinuxLoaded

    @property
    def source(self) -> BpfObject:
        """The loaded object."""
        return self.loaded.object

    def program(self, hook: str) -> str:
        """The dispatcher of a hook."""
        return f"dispatch_{hook}"

    def drain(self) -> int:
        """Empty the ring."""
        return len(self.platform.read(0))


def compiled(platform: LinuxPlatform, name: str, text: str) -> Compiled:
    """Compile and load a policy and make it active; nothing is attached.

    Args:
        platform: to load with.
        name: of the rule file.
        text: its text.

    Returns:
        The side.

    Raises:
        Failed: it does not compile.
    """
    result = compile_sources([(name, text)])
    if result.artifact is None:
        raise Failed("\n".join(d.message for d in result.diagnostics))
    loaded = platform.load(result.artifact)
    platform.switch_to(loaded)
    return Compiled(platform, loaded)


@define
class Native:
    """sensor.c."""

    source: BpfObject
    ring: Ring

    def program(self, hook: str) -> str:
        """The dispatcher of a hook."""
        return f"dispatch_{hook}"

    def drain(self) -> int:
        """Empty the ring."""
        return len(self.ring.wait(0))

    def close(self) -> None:
        """Unload it."""
        self.ring.close()
        self.source.close()


@define
class Empty:
    """Programs that do nothing: what accounting itself takes."""

    source: BpfObject

    def program(self, hook: str) -> str:
        """The empty program of a hook."""
        return f"empty_{hook}"

    def drain(self) -> int:
        """There are no records."""
        return 0


def native(definitions: Sequence[str]) -> Native:
    """Compile sensor.c with clang, load it and make it active; nothing is attached.

    Args:
        definitions: preprocessor definitions, as `NAME` or `NAME=VALUE`.

    Returns:
        The side, for the caller to close.

    Raises:
        Failed: there is no clang, or the kernel refuses the programs.
    """
    source = BpfObject(_clang(definitions), "sensor")
    try:
        source.load()
    except LoadFailure as failure:
        source.close()
        raise Failed("the kernel refuses sensor.c: " + "; ".join(failure.messages)) from None
    source.map("secret").update(u32(0), secrets.token_bytes(SECRET_SIZE))
    source.map("policy").update(u32(0), u32(1) + bytes(12))
    for hook in HOOKS:
        program = source.program_fd(_C_PROGRAMS.get(hook, hook))
        source.map(f"progs_{hook}").update(u32(SLOT), u32(program))
    control = source.map("control")
    control.update(u32(0), control_word(1, SLOT).to_bytes(control.value_size, "little"))
    return Native(source, Ring(source.map("events").fd, RING_BYTES))


def _clang(definitions: Sequence[str]) -> bytes:
    clang = machine.need_program("clang", "clang")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "sensor.o")
        options = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror"]
        options += [f"-D{d}" for d in (*definitions, f"CPUS={possible_cpus()}")]
        command = [clang, *options, "-c", str(SOURCE), "-o", str(output)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"clang does not compile {SOURCE.name}:\n{done.stderr}")
        return output.read_bytes()


@define(eq=False)
class Attached:
    """The links of one side.

    Args:
        side: what to attach.
        hooks: where.
    """

    side: Side
    hooks: tuple[str, ...]
    _links: list[Link] = field(init=False, factory=list)

    def attach(self) -> None:
        """Attach it behind whatever is attached."""
        for hook in self.hooks:
            cgroup = _cgroup() if hook == "connect4" else None
            try:
                self._links.append(self.side.source.attach(self.side.program(hook), cgroup))
            finally:
                if cgroup is not None:
                    os.close(cgroup)

    def detach(self) -> None:
        """Detach it; a second call does nothing."""
        while self._links:
            self._links.pop().destroy()

    def accounts(self) -> dict[str, Account]:
        """Accounting by hook, since it was loaded."""
        found = {}
        for hook in self.hooks:
            runs = run_counts(hook, self.side.source.program_fd(self.side.program(hook)))
            found[hook] = Account(runs.runs, runs.time_ns)
        return found


def _cgroup() -> int:
    mount = cgroup2_mount()
    if mount is None:
        raise Failed("no cgroup2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup")
    return os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
