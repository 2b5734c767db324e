"""Content: written into the buffer that is not in force, put in force by one byte."""

import struct

from bpfc.artifact.consistency import RULE_STATS_MAP
from bpfc.artifact.control import CONTENT_SCOPE, GATE_SIZE, POLICY_GATES, POLICY_MAP
from bpfc.artifact.manifest import MapInfo
from bpfc.runtime.contents import content_values
from runtime_linux.loaded import LinuxLoaded, Unit
from runtime_linux.maps import u32

_POLICY = struct.Struct("<IIII")  # buffer, slot, generation of each buffer's content
assert _POLICY.size == POLICY_GATES


def write_content(loaded: LinuxLoaded) -> None:
    """Write a policy's content into its buffer, every entry of it, and enter its generation.

    Nothing that judges events changes.

    Args:
        loaded: its buffer must not be in force, or its unit not be reachable yet.

    Raises:
        SensorError: BPFC0713.
    """
    loaded.unit.generations[loaded.buffer] = 0
    counters = first_entry(loaded, loaded.info(RULE_STATS_MAP))
    values = content_values(loaded.artifact, "linux", loaded.forms, counters)
    for info in loaded.manifest.linux.maps:
        if info.scope == CONTENT_SCOPE:
            _write(loaded, info, values.get(info.name, {}))
    loaded.unit.generations[loaded.buffer] = loaded.generation
    loaded.unit.gates[loaded.buffer] = values.get(POLICY_MAP, {}).get(0, bytes(GATE_SIZE))
    _write_policy(loaded.unit)


def put_in_force(loaded: LinuxLoaded) -> None:
    """Let a policy's content judge what begins from now on.

    Args:
        loaded: what stands in its buffer must be its own.

    Raises:
        ValueError: the buffer has been written over.
        SensorError: BPFC0713, the other buffer is still in force.
    """
    unit, before = loaded.unit, loaded.unit.buffer
    if unit.generations[loaded.buffer] != loaded.generation:
        raise ValueError(f"the content of generation {loaded.generation} is gone")
    if loaded.buffer == before:
        return
    unit.buffer = loaded.buffer
    try:
        _write_policy(unit)
    except BaseException:
        unit.buffer = before
        raise


def first_entry(loaded: LinuxLoaded, info: MapInfo) -> int:
    """Where a policy's buffer begins in a map of content."""
    return loaded.buffer * info.room


def _write_policy(unit: Unit) -> None:
    head = _POLICY.pack(unit.buffer, unit.slot, *unit.generations)
    unit.object.map(POLICY_MAP).update(u32(0), head + b"".join(unit.gates))


def _write(loaded: LinuxLoaded, info: MapInfo, values: dict[int, bytes]) -> None:
    target, first, empty = loaded.map(info.name), first_entry(loaded, info), bytes(info.value_size)
    target.update_batch([(u32(first + key), values.get(key, empty)) for key in range(info.room)])
