"""From a case to what a compiled core is given, and from its verdicts to outcomes."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from bpfc_cli.testing.play import Played, Work
from bpfc_cli.testing.records import Records, made, steps
from compiler.driver import compile_policy
from dsl.catalogue import Catalogue
from dsl.interpreter import Event, Outcome
from dsl.typed import Policy

__all__ = ["made", "outcomes", "work"]


def work(
    policy: Policy,
    events: Sequence[Event],
    known: Catalogue | None = None,
    sets: Mapping[str, tuple[Any, ...]] | None = None,
) -> Work:
    """Compile a policy for the test adapter and lay out the events' records.

    Args:
        policy: a checked policy.
        events: what happens.
        known: the catalogue; None for the one that ships with this version.

    Raises:
        ValueError: the policy cannot be compiled.
    """
    result = compile_policy(policy, testing=True)
    if result.artifact is None:
        raise ValueError("\n".join(map(str, result.diagnostics)))
    # The file itself is not needed any more; a guest gets the object.
    artifact = evolve(result.artifact, data=b"")
    return Work(artifact, steps(artifact, events, known), dict(sets or {}))


def outcomes(work: Work, played: Played) -> tuple[Outcome, ...]:
    """What the core made of each event.

    Raises:
        AssertionError: it made nothing of them.
    """
    assert not played.problem, played.problem
    records = Records(work.artifact)
    pairs = zip(work.steps, played.verdicts, strict=True)
    return tuple(records.outcome(step, verdicts) for step, verdicts in pairs)
