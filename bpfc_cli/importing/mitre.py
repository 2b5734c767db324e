"""Tags that other systems give to rules, as ids of MITRE ATT&CK and the rest."""

import re
from collections.abc import Iterable

# Tactics of ATT&CK for enterprises (attack.mitre.org/tactics/enterprise).
_TACTICS = {
    "reconnaissance": "TA0043",
    "resource-development": "TA0042",
    "initial-access": "TA0001",
    "execution": "TA0002",
    "persistence": "TA0003",
    "privilege-escalation": "TA0004",
    "defense-evasion": "TA0005",
    "credential-access": "TA0006",
    "discovery": "TA0007",
    "lateral-movement": "TA0008",
    "collection": "TA0009",
    "command-and-control": "TA0011",
    "exfiltration": "TA0010",
    "impact": "TA0040",
}
_ID = re.compile(r"TA\d{4}|T\d{4}(?:\.\d{3})?")
_PREFIX = re.compile(r"(?:attack\.|mitre_|mitre\.)(.+)", re.IGNORECASE)


def sorted_tags(tags: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part tags into ids of ATT&CK and others.

    Args:
        tags: such as "attack.t1059.004", "attack.defense-evasion", "mitre_execution", "T1059".

    Returns:
        Ids of tactics and techniques, and the tags that are neither; each once, in order.
    """
    ids: dict[str, None] = {}
    others: dict[str, None] = {}
    for tag in tags:
        prefixed = _PREFIX.fullmatch(tag)
        word = prefixed[1] if prefixed else tag
        name = _TACTICS.get(word.lower().replace("_", "-"), "") if prefixed else ""
        if name or _ID.fullmatch(word.upper()):
            ids[name or word.upper()] = None
        else:
            others[tag] = None
    return tuple(ids), tuple(others)
