"""Random rules that count, on random events: the interpreter and the compiled core agree.

Every alert, denial and counter is compared. The table of all state is big enough that nothing is
forgotten here.
"""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.frontend import check
from dsl.interpreter import Event, Interpreter
from dsl.semantics import ABSENT, UNKNOWN
from dsl.typed import Policy
from tests.language.fixture import lines, record
from tests.language.kernel import outcomes, work
from tests.language.play import play

EVENTS = 120
SECOND = 10**9

KEYS = ("", "by proc", "by remote.ip", "by (proc, remote.port)", "by (proc.uid, remote.ip, proc)")
CONDITIONS = (
    "true",
    "remote.port == 1",
    "not proc.uid == 1",
    'not proc.exe.path == "/a"',
    'remote.port in [0, 1] or proc.exe.path == "/a"',
)
ACTIONS = ("", "deny", "deny on unknown", "kill", "deny mode audit", "silent deny")


@st.composite
def rules(draw: st.DrawFn) -> str:
    """One rule, with whatever counts in it."""
    parts = [f"on net.connect when {draw(st.sampled_from(CONDITIONS))}"]
    if draw(st.booleans()):
        parts.append(f"except when {draw(st.sampled_from(CONDITIONS[1:]))}")
    action = draw(st.sampled_from(ACTIONS))
    parts.append(action)
    count, within = draw(st.integers(2, 5)), draw(st.integers(1, 8))
    if draw(st.booleans()):
        distinct = draw(st.sampled_from(("", "distinct remote.ip", "distinct proc.uid")))
        key = draw(st.sampled_from(KEYS))
        parts.append(f"threshold {count} {distinct} within {within}s {key}")
    if "silent" not in action and draw(st.booleans()):
        key = draw(st.sampled_from(KEYS))
        parts.append(f"alert limit {draw(st.integers(1, 3))} per {within}s {key}")
    return " ".join(parts)


SHARED = ("true", "proc.uid == 1", "not proc.uid == 1", 'not proc.exe.path == "/a"')
STEP_KEYS = ("proc", "(proc.uid, proc)", "proc.uid")


@st.composite
def sequences(draw: st.DrawFn) -> str:
    """A rule on a sequence; every step has a name, and may be compared with the one before."""
    key, steps = draw(st.sampled_from(STEP_KEYS)), draw(st.integers(2, 4))
    found = []
    for number in range(steps):
        event = draw(st.sampled_from(("net.connect", "net.connect", "process.fork")))
        when = draw(st.sampled_from(SHARED))
        if number and draw(st.booleans()):
            when += f" and s{number}.proc.gid == s{number - 1}.proc.gid"
        found.append(f"[{event} as s{number} when {when}] by {key}")
    text = f"on sequence within {draw(st.integers(1, 8))}s {' '.join(found)}"
    if draw(st.booleans()):
        text += f" until [net.connect when {draw(st.sampled_from(CONDITIONS[1:]))}] by {key}"
    if draw(st.booleans()):
        text += f" except when {draw(st.sampled_from(SHARED[1:]))}"
    actions = ACTIONS if "net.connect" in found[-1] else ("", "kill")
    text += f" {draw(st.sampled_from(actions))}"
    if "silent" not in text and draw(st.booleans()):
        text += f" alert limit 1 per 2s by {key}"
    return text


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """A policy of some rules."""
    found = draw(st.lists(st.one_of(rules(), sequences()), min_size=1, max_size=6))
    text = "\n".join(f"rule r{n} {{ {rule} }}" for n, rule in enumerate(found))
    policy, problems = check([("random.det", f'policy "p" version "1" language 1\n{text}\n')])
    assert policy is not None, problems
    return policy


@st.composite
def events(draw: st.DrawFn) -> tuple[Event, ...]:
    """Connections and forks of a few processes, some of them not known well."""
    random = draw(st.randoms(use_true_random=False))
    time, found = 0, []
    for _ in range(EVENTS):
        time += random.choice((0, 0, 0, 1, SECOND // 2, SECOND, 3 * SECOND))
        event = random.choice(("net.connect", "net.connect", "process.fork"))
        fields: dict[str, Any] = record(event, {})
        fields["proc.pid"] = random.choice((1, 2, 2, 2, UNKNOWN))
        fields["proc.start_time"] = random.choice((5, 5, 6, ABSENT))
        fields["proc.uid"] = random.choice((0, 1, 1, 2, 3))
        fields["proc.gid"] = random.choice((0, 0, 1, UNKNOWN))
        if event == "net.connect":
            fields["remote.port"] = random.choice((0, 1, 1))
            text = random.choice(("10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "2001:db8::1"))
            fields["remote.ip"] = random.choice((ip_address(text), ip_address("10.9.9.9"), UNKNOWN))
        fields["proc.exe.path"] = random.choice((b"/a", b"/b", b"/b", UNKNOWN))
        found.append(Event(event, SECOND + time, fields))
    return tuple(found)


@pytest.mark.bpf
def test_random_rules(scale: int) -> None:
    @settings(max_examples=15 * scale, deadline=None, database=None, derandomize=True)
    @given(policies(), events())
    def run(policy: Policy, stream: tuple[Event, ...]) -> None:
        interpreter = Interpreter(policy)
        expected = [interpreter.consume(event) for event in stream]
        made = work(policy, stream)
        played = play(made)
        for index, found in enumerate(outcomes(made, played)):
            assert lines(found) == lines(expected[index]), f"event {index}"
        for rule, counts in zip(policy.rules, played.statistics, strict=True):
            undecided = sum(outcome.undecided.count(rule.name) for outcome in expected)
            assert counts[2] == undecided, rule.name
            assert counts[5:] == (0, 0), rule.name

    run()
