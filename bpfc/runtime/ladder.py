"""The ladder: which form of each rule this machine carries. Pure functions over the manifest."""

import struct
from collections.abc import Collection, Mapping, Sequence

from bpfc.artifact.limits import U8_MAX
from bpfc.artifact.manifest import Form, RuleEvent, RuleInfo
from bpfc.artifact.record import (
    ACT_KILL_STEP,
    ENTRY_KILL_STEP,
    RULE_ENTRY_SIZE,
    STAGE_AFTER,
    STAGE_BEFORE,
)
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import Capability, ChosenForm

STAGES = {"after": STAGE_AFTER, "before": STAGE_BEFORE}
_ENTRY = struct.Struct("<BBHI")
assert _ENTRY.size == RULE_ENTRY_SIZE


def choose_forms(
    rules: Sequence[RuleInfo], half: str, capabilities: Sequence[Capability]
) -> tuple[ChosenForm, ...]:
    """The first form of each rule and event whose needs are met.

    Args:
        rules: of the manifest.
        half: "linux" or "windows".
        capabilities: what the machine offers.

    Returns:
        One entry for each rule and event that the half carries.

    Raises:
        SensorError: BPFC0708, a rule has no form that this machine can carry out.
    """
    known = {capability.name: capability for capability in capabilities}
    chosen = []
    for index, rule in enumerate(rules):
        carried: tuple[RuleEvent, ...] = getattr(rule, half)
        for at in carried:
            place = _first(at.forms, known)
            if place is None:
                raise _refusal(rule, at, known)
            chosen.append(ChosenForm(rule.name, index, at.event, at.local, at.forms[place], place))
    return tuple(chosen)


def rule_entries(chosen: Sequence[ChosenForm], counters: int = 0) -> dict[str, dict[int, bytes]]:
    """What to write into the rules_<event> maps.

    Args:
        chosen: from `choose_forms`.
        counters: entry of rule_stats in which the policy's first rule counts.

    Returns:
        By event, by local index, the entry (record.py, RULE_ENTRY_SIZE).
    """
    entries: dict[str, dict[int, bytes]] = {}
    for one in chosen:
        actions = [0, 0]
        actions[STAGES[one.form.stage]] = one.form.actions & U8_MAX
        errno = one.form.errno | ENTRY_KILL_STEP * bool(one.form.actions & ACT_KILL_STEP)
        at = counters + one.index
        entry = _ENTRY.pack(actions[STAGE_AFTER], actions[STAGE_BEFORE], errno, at)
        entries.setdefault(one.event, {})[one.local] = entry
    return entries


def _missing(needs: Collection[str], known: Mapping[str, Capability]) -> list[str]:
    return [need for need in needs if need not in known or not known[need].available]


def _first(forms: Sequence[Form], known: Mapping[str, Capability]) -> int | None:
    for place, form in enumerate(forms):
        if not _missing(form.needs, known):
            return place
    return None


def _refusal(rule: RuleInfo, at: RuleEvent, known: Mapping[str, Capability]) -> SensorError:
    reasons = []
    for form in at.forms:
        for need in _missing(form.needs, known):
            detail = (
                known[need].detail
                if need in known
                else "this version of the sensor does not know it"
            )
            reasons.append(f'"{form.label}" needs {need} ({detail})')
    why = "; ".join(dict.fromkeys(reasons)) or "the artifact names no way to carry it out"
    return SensorError(
        "BPFC0708",
        f"rule {rule.name} cannot be carried out on {at.event} here: {why}",
        "provide what is missing, or let the rule name a weaker form itself, for example "
        "`deny EACCES else alert`; the sensor does not weaken a rule on its own",
        rules=(rule.name,),
        file=rule.file,
        line=rule.line,
    )
