"""Which forms a rule has on which platform: the cases stand in coverage.txt."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact import record
from bpfc.artifact.manifest import Form
from compiler.coverage import carriage, coverage, rule_events
from dsl.frontend import check as front_end
from dsl.typed import And, Constant, Not, Op, Rule
from tests.compiler.plan.policies import CONNECT, EXEC, EXIT, FORK, check, policy, rule

EVENTS = {event.name: event for event in (CONNECT, EXEC, EXIT, FORK)}
ACTIONS = ("ALERT", "DENY", "KILL", "KILL_AGENT", "KILL_PARENT", "WOULD_DENY", "WOULD_KILL")
CASES = Path(__file__).with_name("coverage.txt")


def cases() -> Iterator[tuple[str, list[str]]]:
    for block in CASES.read_text("utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if lines:
            yield lines[0], lines[1:]


def made(text: str) -> Rule:
    _, event, *words = text.split()
    options = dict(word.partition("=")[::2] for word in words)
    on = EVENTS[event]
    condition = check("proc.exe.path", Op.EQ, b"/x", on=on)
    if "late" in options:
        condition = check("proc.cmdline", Op.EQ, b"x", on=on)
    if "linux-field" in options:
        tty = Not(check("proc.tty", Op.EXISTS, on=on))
        whole = And((condition, tty))
        return rule(whole, on, excepts=(check("proc.uid", Op.EQ, 0, on=on),))
    return rule(
        condition,
        on,
        deny=options.get("deny"),
        fallback=options.get("else", "refuse"),
        kill=tuple(filter(None, options.get("kill", "").split(","))),
        silent="silent" in options,
        mode="audit" if "audit" in options else "enforce",
    )


def shown(form: Form) -> str:
    assert form.actions & record.ACT_JUDGE
    names = [name for name in ACTIONS if form.actions & getattr(record, f"ACT_{name}")]
    needs, actions = ",".join(form.needs), "+".join(names) or "-"
    return f'{form.stage} {needs} {actions} {form.errno} "{form.label}"'


@pytest.mark.parametrize(("text", "expected"), list(cases()), ids=lambda case: str(case)[:60])
def test_forms(text: str, expected: list[str]) -> None:
    item = made(text)
    lines = []
    for platform in ("linux", "windows"):
        found = carriage(item, item.events[0], platform)
        assert bool(found.forms) != bool(found.reason)
        lines += [f"{platform}: {shown(form)}" for form in found.forms] or [
            f"{platform}: {found.reason}"
        ]
    assert lines == expected


def test_a_place_for_each_rule_on_each_event() -> None:
    both = rule(Constant(True), EXEC, FORK)
    not_windows = rule(check("proc.uid", Op.EQ, 0, on=EXEC), EXEC)
    found = policy(not_windows, both, rule(Constant(True), EXEC))
    places = {
        platform: [[(e.event, e.local) for e in events] for events in rule_events(found, platform)]
        for platform in ("linux", "windows")
    }
    assert places == {
        "linux": [
            [("process.exec", 0)],
            [("process.exec", 1), ("process.fork", 0)],
            [("process.exec", 2)],
        ],
        "windows": [[], [("process.exec", 1)], [("process.exec", 2)]],
    }


@pytest.mark.parametrize(
    "last",
    [
        '[net.connect as b when proc.comm == "x"]',
        '[net.connect as b]\n except when proc.comm == "x"',
        "[net.connect as b] until [process.exit]",
    ],
)
def test_a_sequence_is_carried_as_a_whole_or_not_at_all(last: str) -> None:
    text = f"""policy "p" version "1" language 1
    rule a {{ on sequence within 1s [net.connect as a when remote.port == 443] {last} }}
    rule b {{ on net.connect when remote.port == 22 }}"""
    found, problems = front_end([("p.det", text)])
    assert found is not None, problems
    carried = [[(e.event, e.local) for e in events] for events in rule_events(found, "windows")]
    assert carried[0] == [] and [event for event, _ in carried[1]] == ["net.connect"]


def test_the_table_for_people() -> None:
    rows = coverage(
        policy(made("rule process.exec deny=EACCES else=kill"), rule(Constant(True), FORK))
    )
    assert [(row.rule, row.event, row.platform, row.carried, row.text) for row in rows] == [
        (
            "r0",
            "process.exec",
            "linux",
            True,
            "denied with EACCES, else killed before its first instruction",
        ),
        (
            "r0",
            "process.exec",
            "windows",
            True,
            "process start denied with STATUS_ACCESS_DENIED",
        ),
        ("r1", "process.fork", "linux", True, "alert"),
        ("r1", "process.fork", "windows", False, "Windows has no event process.fork"),
    ]
