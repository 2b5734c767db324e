"""What a Sigma rule says of itself, and where it stands."""

from collections.abc import Iterable

from attrs import evolve
from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from bpfc_cli.importing.conditions import Any
from bpfc_cli.importing.mitre import sorted_tags
from bpfc_cli.importing.model import About, Detection, Origin, Translation
from dsl.words import STATUSES

Rule = SigmaRule | SigmaCorrelationRule
_LEVELS = {"informational": "info"}  # all others have the language's own words


def origin_of(rule: Rule | SigmaFilter) -> Origin:
    """The file and line of a rule or a filter."""
    place = rule.source
    return Origin(str(place.path), place.line or 1) if place is not None else Origin("rule", 1)


def about_of(rule: Rule) -> About:
    """Title, references and whatever else does not change what a rule looks for."""
    level = str(rule.level) if rule.level is not None else ""
    status = str(rule.status) if rule.status is not None else ""
    mitre, tags = sorted_tags(map(str, rule.tags))
    return About(
        title=rule.title,
        id=str(rule.id or ""),
        description=(rule.description or "").strip(),
        severity=_LEVELS.get(level, level),
        status=status if status in STATUSES else "",
        mitre=mitre,
        references=tuple(map(str, rule.references)),
        authors=(rule.author,) if rule.author else (),
        tags=tags,
        false_positives=tuple(map(str, rule.falsepositives)),
    )


def together(found: Iterable[Translation]) -> tuple[Translation, ...]:
    """What the conditions of each rule have become, as one translation of the rule.

    Args:
        found: a translation for each condition, those of a rule behind one another.

    Returns:
        A translation for each rule: plain conditions are joined, any of them.
    """
    result: list[Translation] = []
    for item in found:
        before = result[-1] if result else None
        if before is None or (before.origin, before.about) != (item.origin, item.about):
            result.append(item)
            continue
        notes = tuple(dict.fromkeys((*before.notes, *item.notes)))
        parts = _joined((*before.detections, *item.detections))
        reasons = tuple(dict.fromkeys((*before.reasons, *item.reasons)))
        result[-1] = evolve(before, detections=parts, notes=notes, reasons=reasons)
    return tuple(result)


def _joined(found: tuple[Detection, ...]) -> tuple[Detection, ...]:
    """Plain conditions on the same events as one."""
    result: list[Detection] = []
    for item in found:
        before = result[-1] if result else None
        plain = item.threshold is None and item.sequence is None
        if plain and before == evolve(item, when=before.when if before else item.when):
            result[-1] = evolve(item, when=Any((before.when, item.when)))
        else:
            result.append(item)
    return tuple(result)
