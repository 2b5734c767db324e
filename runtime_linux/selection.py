"""Which of an artifact's programs this machine loads. Pure functions over the manifest."""

from collections.abc import Collection, Iterable, Sequence

from bpfc.artifact.control import SHARED_VERSION
from bpfc.artifact.manifest import Manifest, ProgramInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import Capability

# What programs of the variant for kernels without value-returning atomics need.
NO_ATOMICS = "no_atomics"
# Without these no policy can be carried at all, in the order in which they are worth naming.
BASE = ("privileges", "btf", "ringbuf")


def check_base(manifest: Manifest, capabilities: Sequence[Capability]) -> None:
    """Refuse a machine or an artifact with which nothing would work.

    Args:
        manifest: the artifact's.
        capabilities: what the machine offers.

    Raises:
        SensorError: BPFC0703, BPFC0710 or BPFC0718.
    """
    if manifest.shared_version != SHARED_VERSION:
        raise SensorError(
            "BPFC0710",
            f"the artifact was compiled for version {manifest.shared_version} of the shared maps; "
            f"this sensor has version {SHARED_VERSION}",
            "compile the rules again with the bpfc version of the sensor",
        )
    for capability in capabilities:
        if capability.name not in BASE or capability.available:
            continue
        if capability.name == "privileges":
            message = f"programs cannot be loaded: {capability.detail}"
            raise SensorError("BPFC0703", message, "run as root")
        raise SensorError(
            "BPFC0718",
            f"this machine lacks {capability.name}: {capability.detail}",
            "use a kernel from 5.10 on with BTF and BPF, as all larger distributions ship",
        )


def select(
    programs: Iterable[ProgramInfo], available: Collection[str], attached: Collection[str]
) -> tuple[ProgramInfo, ...]:
    """The programs to load.

    Args:
        programs: of the manifest's half.
        available: names of the capabilities there are.
        attached: hooks that have a dispatcher already.

    Returns:
        Those whose needs are met, in the right variant; dispatchers only where one is missing.
    """
    atomic = "atomics" in available
    offered = {*available} if atomic else {*available, NO_ATOMICS}
    variant = "atomic" if atomic else "plain"
    return tuple(
        program
        for program in programs
        if program.variant in ("any", variant)
        and offered.issuperset(program.needs)
        and not (program.role == "dispatcher" and program.hook in attached)
    )


def check_upkeep(
    programs: Iterable[ProgramInfo],
    chosen: Collection[ProgramInfo],
    capabilities: Sequence[Capability],
) -> None:
    """Refuse a machine on which the process table could not be kept.

    Args:
        programs: of the manifest's half.
        chosen: from `select`, with no hook attached.
        capabilities: what the machine offers.

    Raises:
        SensorError: BPFC0718.
    """
    loaded = {program.hook for program in chosen if program.role == "adapter"}
    details = {c.name: c.detail for c in capabilities if not c.available}
    for program in programs:
        if program.events or program.role != "adapter" or program.hook in loaded:
            continue
        why = "; ".join(f"{need} ({details[need]})" for need in program.needs if need in details)
        raise SensorError(
            "BPFC0718",
            f"the table of processes cannot be kept: {program.name} needs {why or 'more'}",
            "`bpfc doctor` shows what this machine offers",
        )
