"""What an artifact writes into its maps before any program of it runs."""

from collections.abc import Iterator, Mapping, Sequence

from bpfc.artifact.consistency import RULE_STATS_MAP, rules_map
from bpfc.artifact.container import Artifact
from bpfc.artifact.control import CONTENT_SCOPE
from bpfc.artifact.manifest import Half
from bpfc.runtime.ladder import rule_entries
from bpfc.runtime.platform import ChosenForm


def content_values(
    artifact: Artifact, half: str, forms: Sequence[ChosenForm], buffer: int
) -> dict[str, dict[int, bytes]]:
    """A policy's content.

    Args:
        artifact: the policy.
        half: "linux" or "windows".
        forms: how each rule is carried out.
        buffer: where it is to stand.

    Returns:
        Every entry that is not zero, by map and by key within a buffer. What stands at key 0 of the
        map `policy` are the buffer's gates.
    """
    found: dict[str, dict[int, bytes]] = {}
    own: Half = getattr(artifact.manifest, half)
    for content in own.contents:
        value = artifact.content[content.offset : content.offset + content.size]
        found.setdefault(content.map, {})[content.key] = value
    counters = first_entry(own, RULE_STATS_MAP, buffer)
    for event, entries in rule_entries(forms, counters).items():
        found[rules_map(event)] = dict(entries)
    return found


def whole_buffers(
    own: Half, values: Mapping[str, Mapping[int, bytes]], buffer: int
) -> Iterator[tuple[str, int, list[bytes]]]:
    """All that a buffer holds of a policy's content, zeros too.

    Args:
        own: what the manifest says of the half.
        values: from `content_values`.
        buffer: where it is to stand.

    Yields:
        A map's name, the entry at which the buffer begins in it, and the values from there on.
    """
    for info in own.maps:
        if info.scope == CONTENT_SCOPE:
            found, empty = values.get(info.name, {}), bytes(info.value_size)
            yield (
                info.name,
                buffer * info.room,
                [found.get(key, empty) for key in range(info.room)],
            )


def first_entry(own: Half, name: str, buffer: int) -> int:
    """Where a buffer begins in a map of content.

    Args:
        own: what the manifest says of the half.
        name: the map's.
        buffer: which one.
    """
    return buffer * next(info.room for info in own.maps if info.name == name)
