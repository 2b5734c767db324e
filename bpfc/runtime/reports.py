"""What the sensor tells about its work, as immutable values."""

from collections.abc import Mapping

from attrs import Factory, frozen

from bpfc.runtime.platform import HookRuns, ProgramReport


@frozen
class RuleReport:
    """How a rule is carried out on an event.

    Args:
        rule: its name.
        event: catalogue name.
        stage: "before" or "after".
        label: the form in words, for example "denied with EACCES".
        fallback: whether it is not the form its author asked for first, but one that they allowed.
        file, line: place of the rule.
    """

    rule: str
    event: str
    stage: str
    label: str
    fallback: bool
    file: str
    line: int


@frozen
class Activation:
    """What an activation did.

    Args:
        generation: number in every record of this policy.
        policy, version: the policy's name and version.
        digest: SHA-256 of the artifact.
        rules: how each rule is carried out.
        left_out: rules that this platform's half does not carry.
        programs: what the system's verifier made of each program.
        replaced: generation of the policy before, None if there was none.
        content_only: whether it has the structure of the policy before: content was written and one
            flip made, and no program was loaded.
        seconds: what all of it took, up to the end of the last run in the policy before.
        carried: what the policy before remembered and this one goes on with ("set blocked").
        fresh: what this one remembers and begins anew.
        dropped: what the policy before remembered and this one has no use for.
    """

    generation: int
    policy: str
    version: str
    digest: str
    rules: tuple[RuleReport, ...]
    left_out: tuple[str, ...]
    programs: tuple[ProgramReport, ...]
    replaced: int | None
    content_only: bool
    seconds: float
    carried: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@frozen
class RuleStatistics:
    """Counts of a rule since its policy was activated.

    Args:
        rule: its name.
        fired: events on which it was true.
        partial: of these, with something unknown.
        unknown: events on which it could not be decided.
        denied: operations it denied.
        suppressed: alerts that its limit held back.
        evicted: keys that the table of all state had to forget to make room for this rule's.
        skipped: events on which it was not counted, since too many rules count on them.
        confirmed, refuted, undecided: of a rule with a second stage, candidates that became alerts,
            those that did not, and those about which the agent could not find out enough.
    """

    rule: str
    fired: int
    partial: int
    unknown: int
    denied: int
    suppressed: int = 0
    evicted: int = 0
    skipped: int = 0
    confirmed: int = 0
    refuted: int = 0
    undecided: int = 0


@frozen
class Statistics:
    """Counts of a sensor.

    Args:
        generation: the active policy's number, 0 without one.
        counters: the kernel side's, by name (control.COUNTERS), over all policies so far.
        rules: of the active policy.
        hooks: accounting of each hook.
        records: records that were read.
        alerts: alerts that were made of them.
        malformed: records that could not be read.
        kills: processes the agent killed.
        kills_refused: kills the agent did not do; `Sensor.kills` has the reasons.
        lookups: what became of the agent's questions for second stages and texts: "looked up",
            "from cache", "absent", and why others are unknown; empty as long as nothing was asked.
    """

    generation: int
    counters: Mapping[str, int]
    rules: tuple[RuleStatistics, ...]
    hooks: tuple[HookRuns, ...]
    records: int
    alerts: int
    malformed: int
    kills: int
    kills_refused: int
    lookups: Mapping[str, int] = Factory(dict)
