"""Cases with what the interpreter and the compiled core make of them."""

from functools import cache

from attrs import evolve

from compiler.plan.used import used_fields
from dsl.frontend import check
from dsl.interpreter import Event, Interpreter, Outcome
from dsl.interpreter.sets import Sets
from dsl.typed import Policy
from tests.language.documented import examples
from tests.language.fixture import CASES, POLICIES, Case, cases, complete, lines
from tests.language.kernel import outcomes, work
from tests.language.many_patterns import generated
from tests.language.play import Played, Work

ALL = {case.name: case for case in (*cases(CASES), *cases(POLICIES), *examples(), *generated())}


@cache
def policy_of(name: str) -> Policy:
    """A case's policy, checked."""
    case = ALL[name]
    policy, diagnostics = check([(f"{case.name}.det", case.source)], load=case.files.__getitem__)
    assert policy is not None, "\n".join(map(str, diagnostics))
    return policy


@cache
def events_of(name: str) -> tuple[Event, ...]:
    """A case's events, with all fields that its policy asks for."""
    used = used_fields(policy_of(name))
    return tuple(
        evolve(event, fields=complete(event.name, event.fields, used.get(event.name, ())))
        for event in ALL[name].events
    )


@cache
def interpreted(name: str, second_stage: bool = True) -> tuple[Outcome, ...]:
    """What the reference interpreter makes of a case's events, with or without the agent."""
    policy = policy_of(name)
    if not second_stage:
        policy = evolve(policy, rules=tuple(evolve(r, confirm=None) for r in policy.rules))
    interpreter = Interpreter(policy)
    (sets,) = (part for part in interpreter.parts if isinstance(part, Sets))
    for target, values in ALL[name].sets.items():
        sets.fill(target, values)
    return tuple(interpreter.consume(event) for event in events_of(name))


@cache
def compiled(name: str) -> Work:
    """A case, compiled for the test adapter."""
    return work(policy_of(name), events_of(name), sets=ALL[name].sets)


def compare(name: str, played: Played) -> None:
    """A core's verdicts are what the case says, its counters what the interpreter says."""
    found = outcomes(compiled(name), played)
    assert [lines(outcome) for outcome in found] == expected(ALL[name])
    assert [outcome.alerts for outcome in found] == [o.alerts for o in interpreted(name)]
    reference = interpreted(name, False)
    for index, rule in enumerate(policy_of(name).rules):
        fired, partial, undecided, *_ = played.statistics[index]
        alerts = [a for outcome in reference for a in outcome.alerts if a.rule == rule.name]
        if not rule.silent:
            assert (fired, partial) == (len(alerts), sum(a.partial for a in alerts)), rule.name
        assert undecided == sum(o.undecided.count(rule.name) for o in reference), rule.name


def expected(case: Case) -> list[tuple[str, ...]]:
    """What a case says of its events."""
    return list(case.expected)
