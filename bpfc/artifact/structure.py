"""What of a policy is structure: everything but contents and what is said about rules.

Two artifacts of one structure differ in content only. The runtime then writes the new content into
the idle buffer of the policy that is loaded, and flips; no program is loaded.
"""

import hashlib
import json
from collections.abc import Collection
from typing import Any

from attrs import asdict, fields

from bpfc.artifact.manifest import Manifest

# What may differ, of the manifest and of a half. All that is not named here is structure, so what
# is added to the manifest is structure until somebody says otherwise.
CONTENT = frozenset(
    {"compiler", "policy", "policy_version", "catalogue", "source_digest", "rules", "literals"}
)
HALF_CONTENT = frozenset({"contents"})
HALVES = ("linux", "windows")


def structure_of(manifest: Manifest, half: str) -> dict[str, Any] | None:
    """The structure, by what it is a part of.

    Args:
        manifest: a manifest.
        half: "linux" or "windows".

    Returns:
        The manifest's members without content and halves, then those of the half; None if it lacks
        that half.
    """
    own = getattr(manifest, half)
    if own is None:
        return None
    return {**_without(manifest, {*CONTENT, *HALVES}), **_without(own, HALF_CONTENT)}


def _without(value: Any, names: Collection[str]) -> dict[str, Any]:
    members = fields(type(value))
    return {m.name: getattr(value, m.name) for m in members if m.name not in names}


def structure_digest(manifest: Manifest, half: str, code: bytes) -> str:
    """SHA-256 over the structure: equal if and only if artifacts differ in content only.

    Args:
        manifest: a manifest.
        half: "linux" or "windows".
        code: digest of the half's programs: a manifest alone could claim another file's.

    Returns:
        64 hexadecimal digits, "" if it lacks that half.
    """
    found = structure_of(manifest, half)
    if found is None:
        return ""
    text = json.dumps(found, sort_keys=True, separators=(",", ":"), default=asdict)
    return hashlib.sha256(text.encode() + code).hexdigest()
