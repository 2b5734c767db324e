"""What an artifact writes into its maps before any program of it runs."""

from collections.abc import Sequence

from bpfc.artifact.consistency import rules_map
from bpfc.artifact.container import Artifact
from bpfc.artifact.manifest import Half
from bpfc.runtime.ladder import rule_entries
from bpfc.runtime.platform import ChosenForm


def content_values(
    artifact: Artifact, half: str, forms: Sequence[ChosenForm], counters: int
) -> dict[str, dict[int, bytes]]:
    """A policy's content.

    Args:
        artifact: the policy.
        half: "linux" or "windows".
        forms: how each rule is carried out.
        counters: entry of rule_stats in which the policy's first rule counts.

    Returns:
        Every entry that is not zero, by map and by key within a buffer. What stands at key 0 of the
        map `policy` are the buffer's gates.
    """
    found: dict[str, dict[int, bytes]] = {}
    own: Half = getattr(artifact.manifest, half)
    for content in own.contents:
        value = artifact.content[content.offset : content.offset + content.size]
        found.setdefault(content.map, {})[content.key] = value
    for event, entries in rule_entries(forms, counters).items():
        found[rules_map(event)] = dict(entries)
    return found
