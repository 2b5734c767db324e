"""Which platform carries which rule, and how: the ladder of forms as data.

A ladder names, for an event on a platform, the way to reach each goal. A rule's forms are its
first goal and the weaker ones it allows itself (`deny ... else kill`); the runtime takes the first
one whose needs the machine has. Nothing weakens unless the rule says so.
"""

from collections.abc import Iterator, Mapping

from attrs import frozen

from bpfc.artifact.errnos import ERRNO
from bpfc.artifact.manifest import Form, RuleEvent
from bpfc.artifact.record import (
    ACT_ALERT,
    ACT_DENY,
    ACT_JUDGE,
    ACT_KILL,
    ACT_KILL_AGENT,
    ACT_KILL_PARENT,
    ACT_KILL_STEP,
    ACT_WOULD_DENY,
    ACT_WOULD_KILL,
)
from dsl.catalogue import Event, Field
from dsl.derived import Derived
from dsl.typed import Policy, Rule, parts_of
from dsl.walk import (
    carried_fields,
    confirm_tests,
    counted_fields,
    operands,
    rule_keys,
    rule_reads,
    rule_tests,
    shown_fields,
)

PLATFORMS = ("linux", "windows")


@frozen
class Rung:
    """One way to reach a goal.

    Args:
        stage: "before" or "after".
        needs: capabilities the machine must have.
        actions: ACT_* bits of the goal.
        label: for people; "{errno}" is the error's name.
        errno: the one error that the hook can give, or "" for the rule's own.
    """

    stage: str
    needs: tuple[str, ...]
    actions: int
    label: str
    errno: str = ""


@frozen
class Ladder:
    """How goals are reached on an event.

    Args:
        alert: only report.
        deny: the operation fails. None: it cannot.
        deny_late: deny where a condition reads what is only known after the decision.
        kill: `kill proc`. None: there is nothing left to kill.
    """

    alert: Rung
    deny: Rung | None
    deny_late: Rung | None
    kill: Rung | None


_KILLED = "killed before its first instruction"
_BY_AGENT = "killed by the agent (asynchronous)"
_PARENT_BY_AGENT = "parent killed by the agent (asynchronous)"
_STEPS_BY_AGENT = "processes of earlier steps killed by the agent (asynchronous)"
_STOPPED = "process start denied with STATUS_ACCESS_DENIED"

_RAW_TP, _LSM, _CGROUP = ("raw_tp",), ("bpf_lsm",), ("cgroup",)
_NTOS, _NETEBPF = ("ntosebpfext",), ("netebpfext",)

_EXEC_KILL = Rung("after", _RAW_TP, ACT_KILL, _KILLED)
_START_DENY = Rung("before", _NTOS, ACT_DENY, _STOPPED)

LADDERS: Mapping[tuple[str, str], Ladder] = {
    ("linux", "process.exec"): Ladder(
        alert=Rung("after", _RAW_TP, 0, "alert"),
        deny=Rung("before", _LSM, ACT_DENY, "denied with {errno}"),
        deny_late=_EXEC_KILL,
        kill=_EXEC_KILL,
    ),
    # The hook runs in the parent, so only the agent can kill the new process.
    ("linux", "process.fork"): Ladder(
        alert=Rung("after", _RAW_TP, 0, "alert"),
        deny=None,
        deny_late=None,
        kill=Rung("after", _RAW_TP, ACT_KILL_AGENT, _BY_AGENT),
    ),
    ("linux", "process.exit"): Ladder(
        alert=Rung("after", _RAW_TP, 0, "alert"), deny=None, deny_late=None, kill=None
    ),
    ("linux", "net.connect"): Ladder(
        alert=Rung("before", _CGROUP, 0, "alert"),
        deny=Rung("before", _CGROUP, ACT_DENY, "denied with {errno}", errno="EPERM"),
        deny_late=None,
        kill=Rung("before", _CGROUP, ACT_KILL_AGENT, _BY_AGENT),
    ),
    # The command line is known when the start can still be denied; to kill is to deny.
    ("windows", "process.exec"): Ladder(
        alert=Rung("before", _NTOS, 0, "alert"),
        deny=_START_DENY,
        deny_late=_START_DENY,
        kill=_START_DENY,
    ),
    ("windows", "net.connect"): Ladder(
        alert=Rung("before", _NETEBPF, 0, "alert"),
        deny=Rung("before", _NETEBPF, ACT_DENY, "connection denied"),
        deny_late=None,
        kill=Rung("before", _NETEBPF, ACT_KILL_AGENT, _BY_AGENT),
    ),
}

# What audit mode reports instead of doing.
_AUDIT = {
    ACT_DENY: ACT_WOULD_DENY,
    ACT_KILL: ACT_WOULD_KILL,
    ACT_KILL_AGENT: ACT_WOULD_KILL,
    ACT_KILL_PARENT: ACT_WOULD_KILL,
    ACT_KILL_STEP: ACT_WOULD_KILL,
}


@frozen
class Carriage:
    """A rule on one event and platform: its forms, or why there are none.

    Args:
        forms: in order of preference.
        reason: why there are none; "" if there are.
        unread: whether the reason is that this version has no adapter that reads what the
            platform does have.
    """

    forms: tuple[Form, ...]
    reason: str
    unread: bool = False


@frozen
class CoverageRow:
    """One line of the coverage table.

    Args:
        rule, event, platform: names.
        carried: whether the platform's half has the rule on this event.
        text: how it is carried out, strongest form first, or the reason why it is not.
        unread: as for `Carriage`.
    """

    rule: str
    event: str
    platform: str
    carried: bool
    text: str
    unread: bool = False


def ladder_of(event: Event, platform: str, testing: bool) -> Ladder | None:
    """How goals are reached on an event.

    Args:
        event: the event.
        platform: "linux" or "windows".
        testing: whether the test adapter judges the event where no other one reads it; goals are
            then reached as the catalogue's phases say.

    Returns:
        The ladder, or None if nothing reads the event there.
    """
    if platform not in event.platforms:
        return None
    known = LADDERS.get((platform, event.name))
    if known is not None or not testing or platform != "linux":
        return known
    seen = "after" if "after" in event.phases else "before"
    return Ladder(
        alert=Rung(seen, (), 0, "alert"),
        deny=Rung("before", (), ACT_DENY, "denied with {errno}")
        if "before" in event.phases
        else None,
        deny_late=None,
        kill=None if event.ended else Rung(seen, (), ACT_KILL_AGENT, _BY_AGENT),
    )


def carriage(rule: Rule, event: Event, platform: str, testing: bool = False) -> Carriage:
    """How a platform carries out a rule on one of its events.

    Args:
        rule: a checked rule.
        event: one of its events.
        platform: "linux" or "windows".
        testing: as for `ladder_of`.

    Returns:
        Its forms in order of preference, or the reason why it is not carried.
    """
    for step in _steps(rule):
        gap = _gap(step, step.events[0], platform, testing)
        if gap is not None:
            return gap
    gap = _gap(rule, event, platform, testing)
    if gap is not None:
        return gap
    ladder = ladder_of(event, platform, testing)
    assert ladder is not None
    rungs = [rung for rung in _rungs(rule, event, ladder) if rung is not None]
    if not rungs:
        return Carriage((), _impossible(rule, event))
    forms = [_form(rule, rung, ladder, rule.mode == "audit") for rung in rungs]
    return Carriage(tuple(_reachable(forms)), "")


def part_carriage(
    rule: Rule, part: Rule, event: Event, platform: str, testing: bool = False
) -> Carriage:
    """How a platform carries out a part of a rule: all parts of a sequence, or none.

    Args:
        rule: a checked rule.
        part: one of `parts_of` it.
        event, platform, testing: as for `carriage`.
    """
    if rule.sequence is not None:
        whole = carriage(rule, rule.events[0], platform, testing)
        if not whole.forms:
            return whole
    return carriage(part, event, platform, testing)


def _steps(rule: Rule) -> tuple[Rule, ...]:
    """All parts of a whole sequence."""
    return parts_of(rule) if rule.sequence and rule.turn is None else ()


def _gap(rule: Rule, event: Event, platform: str, testing: bool) -> Carriage | None:
    """Why a platform does not see what a rule needs of an event; None if it does."""
    if platform not in event.platforms:
        return Carriage((), f"{_NAMES[platform]} has no event {event.name}")
    missing = sorted({f.name for f in _read(rule, event) if platform not in f.platforms})
    if missing:
        return Carriage((), f"{_NAMES[platform]} has no {', '.join(missing)} on {event.name}")
    ladder = ladder_of(event, platform, testing)
    unread = () if testing else unread_names(rule, event, platform)
    if ladder is None or unread:
        verb = "are" if len(unread) > 1 else "is"
        what = f"{', '.join(unread or (event.name,))} {verb}"
        return Carriage((), f"{what} not read by any {_NAMES[platform]} adapter yet", True)
    return None


def rule_events(
    policy: Policy, platform: str, testing: bool = False
) -> tuple[tuple[RuleEvent, ...], ...]:
    """What the manifest says of every rule on one platform.

    Args:
        policy: the policy.
        platform: "linux" or "windows".
        testing: as for `ladder_of`.

    Returns:
        By rule, the events on which the platform carries it, in the rule's order; of a sequence
        those of all steps. The local index is the place among all rules and steps that listen on
        the event, carried or not.
    """
    count: dict[str, int] = {}
    result = []
    for rule in policy.rules:
        carried = []
        for part in parts_of(rule):
            for event in part.events:
                local = count.get(event.name, 0)
                count[event.name] = local + 1
                found = part_carriage(rule, part, event, platform, testing)
                if found.forms:
                    carried.append(RuleEvent(event.name, local, found.forms))
        result.append(tuple(carried))
    return tuple(result)


def coverage(policy: Policy, testing: bool = False) -> tuple[CoverageRow, ...]:
    """The table that `bpfc compile` prints: every rule, event and platform.

    Args:
        policy: a checked policy.
        testing: as for `ladder_of`.

    Returns:
        Rows by rule in source order, event, platform.
    """
    rows = []
    for rule in policy.rules:
        for event in rule.events:
            for platform in PLATFORMS:
                found = carriage(rule, event, platform, testing)
                text = ", else ".join(form.label for form in found.forms) or found.reason
                carried = bool(found.forms)
                rows.append(
                    CoverageRow(rule.name, event.name, platform, carried, text, found.unread)
                )
    return tuple(rows)


_NAMES = {"linux": "Linux", "windows": "Windows"}


def unread_names(rule: Rule, event: Event, platform: str) -> tuple[str, ...]:
    """What the platform has and no adapter of this version reads.

    Args:
        rule: a checked rule.
        event: one of its events, one that the platform has.
        platform: "linux" or "windows".

    Returns:
        The event's name, or names of fields that the rule's conditions, effects and keys read or
        its alert shows.
    """
    if platform not in event.readers:
        return (event.name,)
    named = (
        *shown_fields(rule),
        *carried_fields(rule),
        *(field for effect in rule.effects for field in effect.fields),
    )
    fields = [*_read(rule, event), *(event.field(f.name) or f for f in named)]
    unread = {f.name for f in fields if platform in f.platforms and platform not in f.readers}
    return tuple(sorted(unread))


def _read(rule: Rule, event: Event) -> Iterator[Field]:
    """The fields that a rule reads, as they are on the event, and what they compute."""
    for test in rule_tests(rule):
        for field in operands(test.field):
            yield event.field(field.name) or field
        if isinstance(test.field, Derived):
            yield test.field
    for test in confirm_tests(rule):
        yield event.as_confirmed.field(test.field.name) or test.field
    # Of a key's part the first field is needed; others may be absent.
    for key in rule_keys(rule):
        yield event.field(key.fields[0].name) or key.fields[0]


def _rungs(rule: Rule, event: Event, ladder: Ladder) -> tuple[Rung | None, ...]:
    """The rule's goals as rungs, strongest first; None where the event offers no way."""
    if rule.deny is None:
        return (ladder.kill if _kills_proc(rule) else ladder.alert,)
    read = (*rule_reads(rule), *counted_fields(rule))
    fields = (event.field(field.name) for field in read)
    late = any(field is not None and field.phase == "after" for field in fields)
    weaker = {"kill": (ladder.kill,), "alert": (ladder.alert,), "refuse": ()}
    return (ladder.deny_late if late else ladder.deny, *weaker[rule.deny.fallback])


def _kills_proc(rule: Rule) -> bool:
    return rule.kill is not None and "proc" in rule.kill.targets


def _impossible(rule: Rule, event: Event) -> str:
    if rule.deny is None:
        return f"at {event.name} there is no process left to kill"
    return f"{event.name} cannot be denied, and the rule allows nothing weaker"


def _form(rule: Rule, rung: Rung, ladder: Ladder, audit: bool) -> Form:
    """A rung with the rule's own options: kill, alert or silence, audit."""
    actions, label, errno = rung.actions, rung.label, 0
    if actions & ACT_DENY and rule.deny is not None:
        name = rung.errno or rule.deny.errno
        label, errno = label.format(errno=name), ERRNO[name]
        if rung.errno and rung.errno != rule.deny.errno and "{errno}" in rung.label:
            label += f" (this hook knows no other error; the rule names {rule.deny.errno})"
    elif actions & ACT_DENY:
        errno = ERRNO["EACCES"]
    if rule.deny is not None and _kills_proc(rule) and ladder.kill is not None:
        kills = ladder.kill.actions & (ACT_KILL | ACT_KILL_AGENT)
        if kills and not actions & (ACT_KILL | ACT_KILL_AGENT):
            actions, label = actions | kills, f"{label}, killed"
    if rule.kill is not None and "proc.parent" in rule.kill.targets:
        label = _PARENT_BY_AGENT if not rung.actions else f"{label}, {_PARENT_BY_AGENT}"
        actions |= ACT_KILL_PARENT
    if rule.kill is not None and rule.kill.steps:
        label = _STEPS_BY_AGENT if label == "alert" else f"{label}, {_STEPS_BY_AGENT}"
        actions |= ACT_KILL_STEP
    if audit and actions:
        label = f"audit, not done: {label}"
        for done, would in _AUDIT.items():
            if actions & done:
                actions = actions & ~done | would
    actions |= ACT_JUDGE | (0 if rule.silent else ACT_ALERT)
    if rule.turn is not None and rule.sequence is not None:
        label = (
            f"step {rule.turn} of {len(rule.sequence.steps)}" if rule.turn else "end of a sequence"
        )
    elif rule.silent:
        label = "no alert" if label == rung.label == "alert" else f"{label}, no alert"
    return Form(rung.stage, rung.needs, actions, errno, label)


def _reachable(forms: list[Form]) -> Iterator[Form]:
    """Without the forms that a machine never comes to, since an earlier one needs no more."""
    seen: list[set[str]] = []
    for form in forms:
        if not any(needs <= set(form.needs) for needs in seen):
            seen.append(set(form.needs))
            yield form
