"""What rules compare with, in the language's own spelling: for people who compare artifacts."""

from collections.abc import Iterator

from attrs import frozen

from bpfc.artifact.wording import duration
from dsl.ancestry import ancestors_in
from dsl.spelling import asked, values
from dsl.typed import Expr, Key, Policy, Rule, Step, Threshold
from dsl.walk import tests_of

# All lists of a policy together, in characters; beyond it none is kept, and a comparison of
# artifacts says that values are not known.
LITERALS_BYTES = 8 * 1024 * 1024


@frozen
class Described:
    """The values that a policy's rules compare with.

    Args:
        literals: each list once.
        tests: for each rule what is compared, and the index of the list.
    """

    literals: tuple[tuple[str, ...], ...]
    tests: tuple[tuple[tuple[str, int], ...], ...]


def described(policy: Policy) -> Described:
    """Describe the conditions of all rules.

    Args:
        policy: a checked policy.

    Returns:
        Values as the language writes them; nothing where they pass LITERALS_BYTES.
    """
    places: dict[tuple[str, ...], int] = {}
    tests = tuple(
        tuple((what, places.setdefault(values, len(places))) for what, values in _conditions(rule))
        for rule in policy.rules
    )
    if sum(len(value) for values in places for value in values) > LITERALS_BYTES:
        return Described((), ((),) * len(policy.rules))
    return Described(tuple(places), tests)


def _conditions(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each test of a rule and its values; those of exceptions and steps say so. Then how often it
    takes, and lets through."""
    if rule.sequence is None:
        yield from _tests(rule.when, "")
    else:
        yield "sequence within", (duration(rule.sequence.within),)
        for number, step in enumerate(rule.sequence.steps, 1):
            yield from _step(step, f"step {number}")
        if rule.sequence.until is not None:
            yield from _step(rule.sequence.until, "until")
    for clause in rule.excepts:
        head = f'except "{clause.name}": ' if clause.name else "except: "
        yield from _tests(clause.when, head)
    if rule.confirm is not None:
        yield from _tests(rule.confirm.when, "confirm: ")
        if rule.confirm.on_unknown:
            yield "confirm", ("on unknown",)
    if rule.threshold is not None:
        yield "threshold", (_threshold(rule.threshold),)
    if rule.alert is not None and rule.alert.limit is not None:
        limit = rule.alert.limit
        yield "limit", (f"{limit.count} per {duration(limit.within)}{_by(limit.key)}",)


def _tests(expr: Expr, head: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The tests of a condition; in the place of one on ancestors those that it consists of."""
    for test in tests_of(expr):
        inner = next(ancestors_in(iter((test,))), None)
        if inner is None:
            yield head + asked(test), values(test)
        else:
            yield from _tests(inner.when, f"{head}proc.ancestors any: ")


def _step(step: Step, head: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield head, (f"{step.event.name}{_by(step.key)}",)
    yield from _tests(step.when, f"{head}: ")


def _threshold(threshold: Threshold) -> str:
    distinct = f" distinct {threshold.distinct.name}" if threshold.distinct else ""
    within = duration(threshold.within)
    return f"{threshold.count}{distinct} within {within}{_by(threshold.key)}"


def _by(key: Key) -> str:
    names = ", ".join(part.name for part in key)
    return f" by {names}" if names else ""
