"""Rules on a process of which nothing is known: what fires, what is only counted, what is done."""

import os
from collections.abc import Iterator

import pytest
from attrs import frozen

from bpfc.artifact.alert import Alert
from bpfc.artifact.control import PROCESSES_MAP
from runtime_linux.maps import u32
from tests.linux.live import Live, active
from tests.linux.programs import Held, connect, interpreter

pytestmark = [pytest.mark.bpf, pytest.mark.root]

PORT = 45_000
UNKNOWN = 'proc.exe.name == "curl"'  # false of this process, undetermined without its entry
KNOWN = "proc.uid < 4294967295"  # true of every process


@frozen
class Case:
    """A rule, and what becomes of it for a process that is known and one that is not.

    Args:
        rule: everything behind the event.
        known: certainty of the alert, None for none.
        unknown: likewise.
        undecided: whether the unknown one is counted as undecided.
        denied: whether each is denied.
    """

    rule: str
    known: str | None
    unknown: str | None
    undecided: bool = False
    denied: tuple[bool, bool] = (False, False)


CERTAIN, PARTIAL = "certain", "partial"
CASES = {
    "positive": Case(f"when {UNKNOWN} alert", None, None, undecided=True),
    "positive_true": Case(
        f'when proc.exe.path == "{interpreter()}" alert', CERTAIN, None, undecided=True
    ),
    "negated": Case(f"when not {UNKNOWN} alert", CERTAIN, PARTIAL),
    "known": Case(f"when {KNOWN} alert", CERTAIN, CERTAIN),
    "either": Case(f"when {UNKNOWN} or {KNOWN} alert", CERTAIN, CERTAIN),
    "both": Case(f"when {UNKNOWN} and {KNOWN} alert", None, None, undecided=True),
    "settled": Case(f"when {UNKNOWN} and not {KNOWN} alert", None, None),
    "double": Case(f"when not not {UNKNOWN} alert", None, None, undecided=True),
    "excepted": Case(f"when {KNOWN} except when {UNKNOWN} alert", CERTAIN, PARTIAL),
    "excepted_known": Case(f"when {KNOWN} except when {KNOWN} alert", None, None),
    "excepted_either": Case(
        f"when {KNOWN} except when {UNKNOWN} or proc.uid == 61234 alert", CERTAIN, PARTIAL
    ),
    "flag": Case("when proc.exe.in_memory alert", None, None, undecided=True),
    "no_flag": Case("when not proc.exe.in_memory alert", CERTAIN, PARTIAL),
    "parent": Case('when not proc.parent.exe.name == "curl" alert', CERTAIN, CERTAIN),
    "script": Case("when proc.script.path exists alert", None, None, undecided=True),
    "element": Case('when not proc.argv any == "--nothing" alert', CERTAIN, PARTIAL),
    "called": Case('when not proc.invoked_as startswith "zz" alert', CERTAIN, PARTIAL),
    "deny_positive": Case(f"when {UNKNOWN} deny", None, None, undecided=True),
    "deny_negated": Case(f"when not {UNKNOWN} deny", CERTAIN, PARTIAL, denied=(True, False)),
    "deny_excepted": Case(
        f"when {KNOWN} except when {UNKNOWN} deny", CERTAIN, PARTIAL, denied=(True, False)
    ),
    "deny_both": Case(f"when not {UNKNOWN} deny on unknown", CERTAIN, None, denied=(True, True)),
    "deny_on_unknown": Case(f"when {UNKNOWN} deny on unknown", None, None, denied=(False, True)),
    "deny_silent": Case(f"when not {UNKNOWN} deny silent", None, None, denied=(True, False)),
}
PORTS = {name: PORT + number for number, name in enumerate(CASES)}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A rule for each of CASES, on a port of its own."""
    rules = []
    for name, case in CASES.items():
        condition, *rest = case.rule.removeprefix("when ").split(" except ")
        actions = ("alert", "deny on unknown", "deny silent", "deny")
        action = next(a for a in actions if case.rule.endswith(" " + a))
        condition = condition.removesuffix(" " + action)
        clauses = "".join(f" except {e.removesuffix(' ' + action)}" for e in rest)
        rules.append(
            f"rule {name} {{ on net.connect when remote.port == {PORTS[name]} and ({condition})"
            f"{clauses} {action} }}"
        )
    with active("\n".join(rules)) as one:
        yield one


def _connect(live: Live, port: int, forget: bool) -> tuple[bool, list[Alert]]:
    """A child connects, after its entry was taken out of the process table if wanted."""
    live.drain()
    with Held(lambda: connect("127.0.0.1", port)) as child:
        if forget:
            assert live.table(PROCESSES_MAP).delete(u32(child.pid))
        code = child.go()
    assert code in (0, 1)
    return code == 1, live.alerts(child.pid)


@pytest.mark.parametrize("name", CASES)
def test_of_a_process_that_is_known(name: str, live: Live) -> None:
    case, before = CASES[name], live.statistics(name)
    denied, alerts = _connect(live, PORTS[name], forget=False)
    assert denied == case.denied[0]
    assert [(a.rule.name, a.certainty) for a in alerts] == (
        [(name, case.known)] if case.known else []
    )
    assert {a.outcome for a in alerts} <= {"denied" if denied else "observed"}
    after = live.statistics(name)
    assert (after.unknown, after.partial) == (before.unknown, before.partial)
    assert after.denied - before.denied == int(denied)


@pytest.mark.parametrize("name", CASES)
def test_of_a_process_that_is_unknown(name: str, live: Live) -> None:
    case, before = CASES[name], live.statistics(name)
    denied, alerts = _connect(live, PORTS[name], forget=True)
    after = live.statistics(name)
    assert denied == case.denied[1]
    assert after.denied - before.denied == int(denied)
    if "on unknown" in case.rule:
        # A denial for lack of knowledge is told, whatever it is called.
        assert [(a.rule.name, a.outcome) for a in alerts] == [(name, "denied")]
        return
    assert [(a.rule.name, a.certainty, a.outcome) for a in alerts] == (
        [(name, case.unknown, "observed")] if case.unknown else []
    )
    assert after.unknown - before.unknown == int(case.undecided)
    assert after.partial - before.partial == int(case.unknown == PARTIAL or name == "deny_silent")
    for alert in alerts:
        assert {"proc.exe.path", "proc.exe.name", "proc.cmdline", "proc.argv"} <= set(alert.unknown)
        assert not set(alert.unknown) & set(alert.fields)
        assert alert.fields["proc.uid"] == os.getuid()


def test_a_template_names_what_is_unknown() -> None:
    rule = f'rule shown {{ on net.connect when remote.port == {PORT} alert "{{proc.exe.path}}!" }}'
    with active(rule) as live:
        _, alerts = _connect(live, PORT, forget=True)
        assert [a.message for a in alerts] == ["?!"]
