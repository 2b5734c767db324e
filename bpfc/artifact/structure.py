"""What of a policy is structure: everything but contents and what is said about rules.

Two artifacts of one structure differ in content only. The runtime then writes the new content into
the idle buffer of the policy that is loaded, and flips; no program is loaded.
"""

import hashlib
import json
from typing import Any

from attrs import asdict

from bpfc.artifact.manifest import Manifest

# What may differ, of the manifest and of a half. All that is not named here is structure, so what
# is added to the manifest is structure until somebody says otherwise.
CONTENT = frozenset({"compiler", "policy", "policy_version", "catalogue", "source_digest", "rules"})
HALF_CONTENT = frozenset({"contents"})
HALVES = ("linux", "windows")


def structure_of(manifest: Manifest) -> dict[str, Any]:
    """The structure as plain values, by what it is a part of.

    Args:
        manifest: a manifest.

    Returns:
        The manifest's members without content; of the halves likewise.
    """
    value = {k: v for k, v in asdict(manifest).items() if k not in CONTENT}
    for half in HALVES:
        if value[half] is not None:
            value[half] = {k: v for k, v in value[half].items() if k not in HALF_CONTENT}
    return value


def structure_digest(manifest: Manifest, code: bytes) -> str:
    """SHA-256 over the structure: equal if and only if artifacts differ in content only.

    Args:
        manifest: a manifest.
        code: digest of the programs themselves: a manifest alone could claim another file's.

    Returns:
        64 hexadecimal digits.
    """
    text = json.dumps(structure_of(manifest), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode() + code).hexdigest()
