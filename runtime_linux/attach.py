"""The dispatchers that are attached, by hook.

A dispatcher is attached once and stays while policies come and go. Everything ends with the
process; a later version may pin the links, which are all kept here.
"""

import os
from collections.abc import Iterable

from attrs import define, field, frozen

from bpfc.artifact.manifest import ProgramInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import HookRuns
from runtime_linux.objects import BpfObject, Link
from runtime_linux.procfs import cgroup2_mount
from runtime_linux.program_info import run_counts

# These keep the process table, so they come first: a process that begins while the others are being
# attached, or while /proc is read, is entered by them.
UPKEEP = ("fork", "exec", "exit")
CGROUP_SECTION = "cgroup/"


@frozen
class Attachment:
    """An attached dispatcher: its link, and a descriptor of the program for its accounting."""

    hook: str
    link: Link
    program: int


def in_order(programs: Iterable[ProgramInfo]) -> list[ProgramInfo]:
    """Programs in the order in which they are attached: upkeep first, the rest as they stand."""
    return sorted(programs, key=lambda p: UPKEEP.index(p.hook) if p.hook in UPKEEP else len(UPKEEP))


@define
class Attachments:
    """All attached dispatchers of this process."""

    _attached: dict[str, Attachment] = field(init=False, factory=dict)

    @property
    def hooks(self) -> frozenset[str]:
        """Hooks that have a dispatcher."""
        return frozenset(self._attached)

    def attach(self, source: BpfObject, program: ProgramInfo) -> None:
        """Attach a dispatcher.

        Args:
            source: the loaded object that holds it.
            program: which.

        Raises:
            SensorError: BPFC0707.
        """
        if program.section.startswith(CGROUP_SECTION):
            link = self._attach_cgroup(source, program)
        else:
            link = source.attach(program.name)
        descriptor = os.dup(source.program_fd(program.name))
        self._attached[program.hook] = Attachment(program.hook, link, descriptor)

    def _attach_cgroup(self, source: BpfObject, program: ProgramInfo) -> Link:
        mount = cgroup2_mount()
        if mount is None:
            raise SensorError(
                "BPFC0707",
                f"{program.name} cannot be attached: no cgroup2 hierarchy is mounted",
                "mount one (mount -t cgroup2 none /sys/fs/cgroup)",
            )
        descriptor = os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return source.attach(program.name, descriptor)
        finally:
            os.close(descriptor)

    def detach(self, hook: str) -> None:
        """Detach a hook's dispatcher, if there is one."""
        attached = self._attached.pop(hook, None)
        if attached is not None:
            attached.link.destroy()
            os.close(attached.program)

    def runs(self) -> tuple[HookRuns, ...]:
        """Accounting of every hook."""
        return tuple(run_counts(one.hook, one.program) for one in self._attached.values())

    def close(self) -> None:
        """Detach everything, the last attached first."""
        for hook in reversed(tuple(self._attached)):
            self.detach(hook)
