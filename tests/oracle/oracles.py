"""One policy, or several of one structure one after the other, put to all oracles.

The reference interpreter says what events come to. The compiled core has to say the same: in the
simulator, of the Linux half and of the Windows half (for what that carries), and in the kernel.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attrs import evolve, frozen

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import RULES_MAX
from bpfc.runtime.judging import CoreRunner, Verdict
from bpfc.simulator import Fault, SimulatedCore
from bpfc_cli.testing.records import Records
from compiler.driver import compile_policy
from dsl.frontend import check
from dsl.interpreter import Event, Interpreter, Outcome
from dsl.interpreter.sets import Sets
from dsl.typed import Policy
from runtime_linux.testrun import KernelRunner
from tests.language.fixture import lines
from tests.language.play import Played, Work, play
from tests.oracle.sources import Source
from tests.oracle.streams import completed
from tests.oracle.windows import (
    can_be_compared,
    for_the_interpreter,
    happens_on_windows,
    on_windows,
    windows_catalogue,
    windows_lines,
)


@frozen
class Example:
    """Policies of one shape, and what happens while each of them is in force.

    Args:
        sources: the policies.
        events: as many streams.
        sets: what run-time sets hold at first.
    """

    sources: tuple[Source, ...]
    events: tuple[tuple[Event, ...], ...]
    sets: dict[str, tuple[Any, ...]]


@frozen
class Compiled:
    """A policy of an example with its artifact and the events that it judges."""

    policy: Policy
    artifact: Artifact
    events: tuple[Event, ...]


@frozen
class Difference:
    """Two oracles that do not agree.

    Args:
        oracle: which one says something else than the interpreter.
        text: about what, and what each says.
    """

    oracle: str
    text: str


class CannotCompile(Exception):
    """The policy is refused: it has too many alternatives, say."""


def compiled(example: Example) -> list[Compiled]:
    """The policies of an example, compiled for tests, both halves.

    Raises:
        CannotCompile: the compiler refuses one of them; the error is the first diagnostic.
    """
    found = []
    for source, events in zip(example.sources, example.events, strict=True):
        policy, diagnostics = check([("random.det", source.text)])
        if policy is None:
            raise CannotCompile(next(str(d) for d in diagnostics if d.severity == "error"))
        result = compile_policy(policy, testing=True, windows=True)
        if result.artifact is None:
            raise CannotCompile(str(result.diagnostics[0]))
        found.append(Compiled(policy, result.artifact, tuple(completed([policy], [*events]))))
    return found


def runs(items: Sequence[Compiled]) -> Iterator[list[Compiled]]:
    """Policies that go over into each other by a change of content, together and in their order."""
    alike: dict[tuple[str, str], list[Compiled]] = {}
    for item in items:
        structure = item.artifact.structure("linux"), item.artifact.structure("windows")
        alike.setdefault(structure, []).append(item)
    yield from alike.values()


@frozen
class Expected:
    """What the interpreter says of one policy's time in force.

    Args:
        outcomes: by event.
        elements: of each set behind the last event.
        first: by event, without second stages.
    """

    outcomes: tuple[Outcome, ...]
    elements: tuple[int, ...]
    first: tuple[Outcome, ...]


def linux_expected(run: Sequence[Compiled], sets: dict[str, tuple[Any, ...]]) -> list[Expected]:
    """What the interpreter says of a run."""
    return _interpreted([(item.policy, item.events) for item in run], sets, Interpreter)


def _interpreted(
    run: Sequence[tuple[Policy, Sequence[Event]]],
    sets: dict[str, tuple[Any, ...]],
    make: Callable[[Policy], Interpreter],
) -> list[Expected]:
    whole = _judged(run, sets, make)
    if any(rule.confirm for policy, _ in run for rule in policy.rules):
        first = _judged([(_first_stage(policy), events) for policy, events in run], sets, make)
    else:
        first = whole
    return [
        Expected(judged, elements, alone)
        for (judged, elements), (alone, _) in zip(whole, first, strict=True)
    ]


def _first_stage(policy: Policy) -> Policy:
    """A policy without second stages."""
    return evolve(policy, rules=tuple(evolve(rule, confirm=None) for rule in policy.rules))


def _judged(
    run: Sequence[tuple[Policy, Sequence[Event]]],
    sets: dict[str, tuple[Any, ...]],
    make: Callable[[Policy], Interpreter],
) -> list[tuple[tuple[Outcome, ...], tuple[int, ...]]]:
    """Outcomes by event, and elements of sets behind the last one."""
    interpreter = make(run[0][0])
    memory = next(part for part in interpreter.parts if isinstance(part, Sets))
    for name, values in sets.items():
        memory.fill(name, values)
    found = []
    for policy, events in run:
        if policy is not interpreter.policy:
            interpreter.revise(policy)
        judged = tuple(interpreter.consume(event) for event in events)
        elements = tuple(len(memory.elements[known.name]) for known in policy.sets)
        found.append((judged, elements))
    return found


def work_of(run: Sequence[Compiled], sets: dict[str, tuple[Any, ...]], half: str = "linux") -> Work:
    """A run as runners take it."""
    works = []
    for item in run:
        events: Iterable[Event] = item.events
        if half == "windows":
            events = filter(None, map(happens_on_windows, events))
        records = Records(item.artifact, half)
        # The file itself is not needed any more; a guest gets the object.
        artifact = evolve(item.artifact, data=b"")
        works.append(Work(artifact, tuple(map(records.step, events)), dict(sets)))
    return evolve(works[0], revised=tuple(works[1:]))


def differences(example: Example, kernel: bool) -> Iterator[Difference]:
    """Put an example to all oracles.

    Args:
        example: the example.
        kernel: whether the running kernel is one of them.

    Yields:
        The first difference of each oracle.

    Raises:
        CannotCompile: there is nothing to compare.
    """
    for run in runs(compiled(example)):
        yield from run_differences(run, example.sets, kernel)


def first_difference(example: Example, oracle: str) -> Difference | None:
    """What one oracle says otherwise, None if nothing or if the example cannot be compiled.

    Args:
        example: the example.
        oracle: its name.
    """
    try:
        found = differences(example, oracle == "kernel")
        return next((one for one in found if one.oracle == oracle), None)
    except CannotCompile:
        return None


def run_differences(
    run: Sequence[Compiled], sets: dict[str, tuple[Any, ...]], kernel: bool
) -> Iterator[Difference]:
    """The same for policies of one structure."""
    expected, work = linux_expected(run, sets), work_of(run, sets)
    oracles: dict[str, Callable[[Artifact], CoreRunner]] = {"simulator": SimulatedCore}
    if kernel:
        oracles["kernel"] = KernelRunner
    for name, core in oracles.items():
        yield from linux_differences(name, run, work, expected, _played(work, core))
    if run[0].artifact.windows is not None and all(can_be_compared(i.policy) for i in run):
        yield from _windows_differences(run, sets)


def _played(work: Work, core: Callable[[Artifact], CoreRunner]) -> Played:
    try:
        return play(work, core)
    except Fault as fault:
        return Played((), (), str(fault))


def linux_differences(
    oracle: str, run: Sequence[Compiled], work: Work, expected: Sequence[Expected], played: Played
) -> Iterator[Difference]:
    """What a core of the Linux half says otherwise than the interpreter.

    Args:
        oracle: its name.
        run: the policies.
        work: what the core was given.
        expected: what the interpreter says.
        played: what the core says.
    """
    if played.problem:
        yield Difference(oracle, played.problem)
        return
    parts = zip(run, (work, *work.revised), expected, (played, *played.revised), strict=True)
    for number, (item, own, wanted, found) in enumerate(parts):
        for text in _part_differences(item.policy, own, wanted, found, "linux"):
            yield Difference(oracle, f"policy {number}: {text}")
            return


def _windows_differences(
    run: Sequence[Compiled], sets: dict[str, tuple[Any, ...]]
) -> Iterator[Difference]:
    work = work_of(run, sets, "windows")
    policies = [on_windows(item.policy, item.artifact.manifest) for item in run]
    events = [
        [for_the_interpreter(e) for e in map(happens_on_windows, item.events) if e is not None]
        for item in run
    ]
    expected = _interpreted(
        list(zip(policies, events, strict=True)),
        sets,
        lambda policy: Interpreter(policy, events=windows_catalogue()),
    )
    played = _played(work, lambda artifact: SimulatedCore(artifact, "windows"))
    if played.problem:
        yield Difference("simulator, Windows", played.problem)
        return
    parts = zip(policies, (work, *work.revised), expected, (played, *played.revised), strict=True)
    for number, (policy, own, wanted, found) in enumerate(parts):
        for text in _part_differences(policy, own, wanted, found, "windows"):
            yield Difference("simulator, Windows", f"policy {number}: {text}")
            return


def _part_differences(
    policy: Policy,
    work: Work,
    expected: Expected,
    played: Played,
    half: str,
) -> Iterator[str]:
    """Differences while one policy was in force: outcomes, then counters, then state."""
    shown = windows_lines if half == "windows" else lines
    records = Records(work.artifact, half)
    found = [records.outcome(s, v) for s, v in zip(work.steps, played.verdicts, strict=True)]
    for at, (one, other) in enumerate(zip(found, expected.outcomes, strict=True)):
        if any(verdict.more for verdict in played.verdicts[at]):
            problem = _more_differs(played.verdicts[at], one, expected.first[at])
            if problem:
                yield f"event {at}: {problem}"
                return
            one, other = _without_list(one), _without_list(other)
        if shown(one) != shown(other) or one.alerts != other.alerts:
            step = work.steps[at]
            yield f"event {at}, {step.event}: {shown(one)}, the interpreter: {shown(other)}"
            return
    yield from _counter_differences(policy, work, expected.first, played)
    if played.entries != expected.elements:
        yield f"elements of sets: {played.entries}, the interpreter: {expected.elements}"


def _more_differs(verdicts: Sequence[Verdict], found: Outcome, expected: Outcome) -> str:
    """What is wrong with the list of rules of an event on which more alert than it has room for."""
    number = sum(len(verdict.rules) + verdict.more for verdict in verdicts)
    if number != len(expected.alerts):
        return f"{number} alerts, the interpreter: {len(expected.alerts)}"
    if any(verdict.more and len(verdict.rules) < RULES_MAX for verdict in verdicts):
        return "rules that did not fit, and room for them"
    if not {alert.rule for alert in found.alerts} <= {alert.rule for alert in expected.alerts}:
        return f"{shown_rules(found)}, the interpreter: {shown_rules(expected)}"
    return ""


def shown_rules(outcome: Outcome) -> str:
    """The rules that alert."""
    return ", ".join(alert.rule for alert in outcome.alerts)


def _without_list(outcome: Outcome) -> Outcome:
    """More rules alerted than a record names; which ones it names depends on their kind."""
    return evolve(outcome, alerts=())


def _counter_differences(
    policy: Policy, work: Work, expected: Sequence[Outcome], played: Played
) -> Iterator[str]:
    names = {rule.name: at for at, rule in enumerate(work.artifact.manifest.rules)}
    for rule in policy.rules:
        fired, partial, undecided, *_ = played.statistics[names[rule.name]]
        alerts = [a for outcome in expected for a in outcome.alerts if a.rule == rule.name]
        wanted = (len(alerts), sum(alert.partial for alert in alerts))
        if not rule.silent and (fired, partial) != wanted:
            yield f"{rule.name} fired, partial: {fired, partial}, the interpreter: {wanted}"
        count = sum(outcome.undecided.count(rule.name) for outcome in expected)
        if undecided != count:
            yield f"{rule.name} undecided: {undecided}, the interpreter: {count}"
