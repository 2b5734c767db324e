"""The table of alerts: everything is there, folded to the width, nothing commands a terminal."""

import re

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bpfc.artifact.alert import Alert, AlertPolicy, AlertRule
from bpfc.artifact.alert_steps import AlertStep
from bpfc_cli.alerts import AlertTable, cells

ALERT = Alert(
    schema=1,
    time="2026-11-22T14:02:11.382000000Z",
    time_ns=1,
    host="h",
    boot_id="b",
    cpu=0,
    sequence=1,
    generation=1,
    artifact="00",
    policy=AlertPolicy("p", "1"),
    rule=AlertRule("forbidden_port", "id", 1, "high", None, (), {}),
    event="net.connect",
    stage="before",
    outcome="denied",
    errno="EPERM",
    certainty="certain",
    message="python may not connect to 127.0.0.1 port 47812",
    fields={"proc.exe.path": "/usr/bin/python3", "proc.pid": 4711, "proc.uid": 0},
    unknown=(),
    absent=(),
    truncated=(),
    more_rules=0,
    output={},
)


def test_who_what_and_outcome() -> None:
    time, rule, who, outcome, what = cells(ALERT)
    assert (time, rule) == ("14:02:11.382", "forbidden_port (high)")
    assert who == "/usr/bin/python3 pid 4711 uid 0"
    assert (outcome, what) == ("denied (EPERM)", ALERT.message)


def test_doubts_are_told() -> None:
    doubtful = evolve(ALERT, certainty="partial", unknown=("proc.cmdline",), more_rules=3)
    what = cells(doubtful)[-1]
    assert "certainty partial" in what and "proc.cmdline" in what and "3 more rules" in what


def test_values_that_the_rule_names_have_lines_of_their_own() -> None:
    output = {"user": 0, "tty": None, "arguments": ["sh", "a b"], "evil": "\x1b[2J\n"}
    lines = cells(evolve(ALERT, output=output))[-1].split("\n")
    assert lines == [
        ALERT.message, "user: 0", "tty: -", 'arguments: sh "a b"', r"evil: \x1b[2J\n"
    ]  # fmt: skip
    row = AlertTable(120, colour=False).row(evolve(ALERT, output=output))
    assert [line.rpartition("  ")[2] for line in row.split("\n")][-4:] == lines[1:]


def test_nothing_known_of_the_process() -> None:
    assert cells(evolve(ALERT, fields={}))[2] == "?"


@given(st.text(max_size=400), st.integers(20, 300))
def test_no_character_is_lost_and_no_line_is_too_long(message: str, width: int) -> None:
    table = AlertTable(width, colour=False)
    alert = evolve(ALERT, message=message)
    lines = table.row(alert).split("\n")
    heads = table.head().split("\n")
    start = heads[0].index("what")
    assert all(cell_len(line) <= len(heads[1]) for line in lines)
    shown = "".join(line[start:] for line in lines if line.isascii())
    if all(line.isascii() for line in lines):
        assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", cells(alert)[-1])


@pytest.mark.parametrize("colour", [True, False])
def test_only_our_own_colours_reach_the_terminal(colour: bool) -> None:
    row = AlertTable(120, colour).row(evolve(ALERT, message="\x1b[2J\x1b]0;owned\x07 \u202e"))
    ours = re.findall(r"\x1b\[\d*m", row)
    assert row.count("\x1b") == len(ours) == (2 if colour else 0)
    assert "\u202e" not in row and "\\x1b[2J" in row


def test_earlier_steps_have_lines_of_their_own() -> None:
    fields = {"proc.pid": 7, "proc.start_time": 5, "remote.port": 4444}
    step = AlertStep("w", "net.connect", "", 1_000, fields, (), (), "/usr/bin/curl")
    gone = evolve(step, fields={}, program=None)
    lines = cells(evolve(ALERT, time_ns=2_001_000, steps=(step, gone)))[-1].split("\n")
    assert lines == [
        ALERT.message,
        "after net.connect 2ms before by /usr/bin/curl pid 7, remote.port 4444",
        "after net.connect 2ms before by program no longer known pid ?",
    ]
