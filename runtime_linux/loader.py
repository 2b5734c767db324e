"""From an artifact to programs in a free slot; nothing that is active changes.

`load_object` makes libbpf load what was selected, with verifier logs turned into one diagnostic;
`fill` writes everything that the programs read before they can run.
"""

import errno
import os
from collections.abc import Callable, Sequence

from bpfc.artifact.container import Artifact
from bpfc.artifact.control import OUTLIVING
from bpfc.artifact.lines import line_places
from bpfc.artifact.manifest import Half, ProgramInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import ProgramReport
from runtime_linux.diagnostics import load_error
from runtime_linux.loaded import LinuxLoaded, LinuxUnit
from runtime_linux.maps import MAP_TYPES, possible_cpus, u32
from runtime_linux.objects import BpfObject, LoadFailure
from runtime_linux.program_info import is_compiled
from runtime_linux.shared import SharedMaps


def load_object(
    artifact: Artifact, selected: Sequence[ProgramInfo], shared: SharedMaps
) -> tuple[BpfObject, tuple[ProgramReport, ...]]:
    """Load programs and make maps.

    Args:
        artifact: what to load.
        selected: the programs.
        shared: maps to use instead of making them.

    Returns:
        The loaded object, for the caller to close, and a report on each program.

    Raises:
        SensorError: nothing is left loaded.
    """
    names = frozenset(program.name for program in selected)
    try:
        source, sizes = _attempt(artifact, shared, lambda o: o.choose(names))
    except LoadFailure as failure:
        raise load_error(
            _with_full_log(artifact, shared, failure, names),
            artifact.manifest.rules,
            line_places(artifact.linux),
        ) from None
    source.forget_logs()
    reports = tuple(ProgramReport(p.name, p.hook, p.role, sizes.get(p.name, 0)) for p in selected)
    return source, reports


def _attempt(
    artifact: Artifact, shared: SharedMaps, choose: Callable[[BpfObject], None]
) -> tuple[BpfObject, dict[str, int]]:
    source = BpfObject(artifact.linux)
    try:
        _check_parts(source, artifact.manifest.linux)
        choose(source)
        cpus = possible_cpus()
        for info in artifact.manifest.linux.maps:
            if info.scope in OUTLIVING and shared.offer(source, info):
                continue
            if info.per_cpu:
                source.resize(info.name, info.per_cpu * cpus)
        return source, source.load()
    except BaseException:
        source.close()
        raise


def _with_full_log(
    artifact: Artifact, shared: SharedMaps, failure: LoadFailure, names: frozenset[str]
) -> LoadFailure:
    """The same failure again, with the refused program's whole log: it quotes source lines."""
    if not failure.program:
        return failure
    try:
        source, _ = _attempt(artifact, shared, lambda o: o.choose(names, failure.program))
    except LoadFailure as second:
        return second
    source.close()  # it was loaded this time: the first failure was one of memory or time
    return failure


def _check_parts(source: BpfObject, half: Half) -> None:
    """The object has what the manifest says, in the sizes it says: the manifest is not trusted."""
    for program in half.programs:
        if program.name not in source.programs:
            raise _contradiction(f"program {program.name}")
    for info in half.maps:
        shape = (MAP_TYPES[info.type], info.key_size, info.value_size, info.max_entries)
        if info.name not in source.maps or source.map_shape(info.name) != shape:
            raise _contradiction(f"map {info.name}")


def _contradiction(what: str) -> SensorError:
    return SensorError(
        "BPFC0712",
        f"the artifact's manifest and its object do not agree on {what}",
        "compile the rules again",
    )


def fill(loaded: LinuxLoaded, shared: SharedMaps) -> None:
    """Write what the programs read, then make them reachable from the dispatchers.

    Args:
        loaded: a policy that no control word names yet.
        shared: the shared maps.

    Raises:
        SensorError: BPFC0713, BPFC0715.
    """
    loaded.write_content()
    for program in loaded.selected:
        if program.role == "adapter":
            descriptor = loaded.object.program_fd(program.name)
            result = shared[program.progs].try_update(u32(loaded.slot), u32(descriptor))
            if result < 0:
                raise _not_entered(program, descriptor, result)


def _not_entered(program: ProgramInfo, descriptor: int, result: int) -> SensorError:
    """Why a program cannot take its place behind the dispatcher."""
    if result == -errno.EINVAL and not is_compiled(descriptor):
        return SensorError(
            "BPFC0715",
            f"the kernel could not turn program {program.name} into machine code",
            "report it with the rules; until then change the shape of a rule a little",
        )
    return SensorError(
        "BPFC0713",
        f"cannot enter program {program.name}: {os.strerror(-result)}",
        "look for another program that changes this sensor's maps",
    )


def unload(unit: LinuxUnit, shared: SharedMaps) -> None:
    """Take programs out of their slot and unload them; a second call does nothing.

    Args:
        unit: what nothing runs in any more, or never ran.
        shared: the shared maps.
    """
    if unit.source is None:
        return
    for program in unit.selected:
        if program.role == "adapter" and program.progs in shared:
            shared[program.progs].delete(u32(unit.slot))
    unit.source.close()
    unit.source = None
