"""Whether the language and the compiler take what a translation says."""

from collections.abc import Iterable

from attrs import evolve

from bpfc_cli.importing.conditions import All, Not, halves, simplified
from bpfc_cli.importing.model import Code, Detection, Reason, Translation
from bpfc_cli.importing.source import named, rules_text
from bpfc_cli.importing.stages import apart
from compiler.plan.planner import plan
from dsl.diagnostics import Diagnostic
from dsl.frontend import check

_HEADER = 'policy "imported" version "1" language 1'
_COMPLICATED = "BPFC0651"  # too many alternatives
_MIXED = "BPFC0325"  # what only the kernel works out, as an alternative to what the agent knows
_DIVISIONS = 3  # of a rule with such alternatives: into eight rules at most


def checked(found: Iterable[Translation]) -> tuple[Translation, ...]:
    """Check each rule as a policy of its own.

    Rules of a policy do not hide one another, so together they are as right as alone; only names
    and ids have to be their own.

    Args:
        found: translations.

    Returns:
        The same; one whose alternatives do not go together as several rules; those that are
        refused, or whose id another rule has, with reasons in the place of detections.
    """
    ids: dict[str, Translation] = {}
    result = []
    for item in found:
        written = bool(item.detections) and not item.hidden
        reasons = _refusals(item) if written else ()
        if reasons and {reason.subject for reason in reasons} <= {_COMPLICATED, _MIXED}:
            parts = [_fitting(item, detection, _DIVISIONS) for detection in item.detections]
            if all(parts):
                item, reasons = _as_several(item, tuple(p for part in parts for p in part)), ()
        first = ids.setdefault(item.about.id, item) if written and item.about.id else item
        if first is not item:
            text = f"the rule at {first.origin} has the same id"
            reasons = (*reasons, Reason(Code.INVALID, "id", text))
        result.append(item.refused(*reasons) if reasons else item)
    return tuple(result)


def _as_several(item: Translation, parts: tuple[Detection, ...]) -> Translation:
    note = (
        f"its alternatives do not fit into one rule, so it is {len(parts)}; an event can match both"
    )
    note = note.replace("both", "several") if len(parts) > 2 else note
    return evolve(item, detections=parts, notes=(*item.notes, note))


def _fitting(item: Translation, detection: Detection, times: int) -> tuple[Detection, ...]:
    """A detection, or several that are taken; none if that does not help."""
    reasons = _refusals(evolve(item, detections=(detection,)))
    if not reasons:
        return (detection,)
    when = detection.when
    if detection.excepts:
        when = All((when, *(Not(condition) for _, condition in detection.excepts)))
    whole = simplified(when)
    mixed = _MIXED in (reason.subject for reason in reasons)
    parts = (apart(whole) if mixed else None) or halves(whole)
    if not times or parts is None or detection.threshold is not None:
        return ()
    found: list[Detection] = []
    for part in parts:
        several = _fitting(item, evolve(detection, when=part, excepts=()), times - 1)
        if not several:
            return ()
        found += several
    return tuple(found)


def _refusals(item: Translation) -> tuple[Reason, ...]:
    """What the front end or the planner says against a rule; each code once."""
    text = "\n".join([_HEADER, *item.needs, rules_text(*named([item]))])
    policy, found = check([("imported.det", text)])
    if policy is not None:
        # Also of events that no adapter reads yet: the limits are the same.
        _, found = plan(policy, testing=True)
    errors: dict[str, Diagnostic] = {}
    for diagnostic in found:
        if diagnostic.severity == "error":
            errors.setdefault(diagnostic.code, diagnostic)
    return tuple(Reason(Code.LIMIT, code, error.message) for code, error in errors.items())
