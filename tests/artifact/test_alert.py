"""Alerts: schema version 1, outcomes, messages, and output that is always safe to print."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.alert import Alert, AlertContext, Alerter, alerts_of, printable, to_json
from bpfc.artifact.decode import Decoder
from bpfc.artifact.errnos import ERRNO, errno_name
from bpfc.artifact.errors import RecordError
from bpfc.artifact.record import (
    ACT_ALERT,
    ACT_DENY,
    ACT_KILL,
    ACT_KILL_AGENT,
    ACT_KILL_PARENT,
    ACT_WOULD_DENY,
    RULE_PARTIAL,
    STAGE_BEFORE,
    VIEW_TRUNCATED,
    VIEW_UNKNOWN,
)
from tests.artifact import samples
from tests.artifact.test_decode import GOOD, record_bytes

DECODER = Decoder(samples.manifest().layouts)
CONTEXT = AlertContext("host1", "0d9f", 1_700_000_000_000_000_000, "cd" * 32)
SCHEMA = Path(__file__).parents[2] / "docs" / "alert-schema.md"


def _alerts(data: bytes) -> tuple[Alert, ...]:
    return alerts_of(DECODER.decode(data), samples.manifest(), CONTEXT)


def _connect(rules: tuple[int, ...], actions: int, **header: int) -> tuple[Alert, ...]:
    numbers = {0: 9, 1: 0, 2: 0xFFFF_C000_0201, 3: 443, 4: 6}
    texts = {0: (b"/usr/bin/curl", 0)}
    header = {"stage": STAGE_BEFORE, "actions": actions, **header}
    return _alerts(record_bytes(samples.CONNECT, numbers, texts, rules, **header))


def test_one_line_of_json_is_exactly_this() -> None:
    first, second = _alerts(GOOD)
    assert to_json(first) == (Path(__file__).parent / "data" / "alert.json").read_text().strip()
    assert second.rule.name == "second"
    assert (first.certainty, second.certainty) == ("certain", "partial")
    assert second.message == "second: /usr/bin/dash (pid 77)"


def test_page_describes_every_member() -> None:
    page = SCHEMA.read_text("utf-8")
    alert = json.loads(to_json(_alerts(GOOD)[0]))
    for name in [*alert, *alert["rule"], *alert["policy"]]:
        assert f"`{name}`" in page, f"docs/alert-schema.md does not describe {name}"


@pytest.mark.parametrize(
    ("actions", "outcome", "errno"),
    [
        (ACT_ALERT, "observed", None),
        (ACT_ALERT | ACT_DENY, "denied", "EACCES"),
        (ACT_DENY | ACT_KILL, "denied", "EACCES"),
        (ACT_KILL, "killed", None),
        (ACT_KILL_AGENT, "kill requested", None),
        (ACT_KILL_PARENT, "kill requested", None),
    ],
)
def test_outcomes(actions: int, outcome: str, errno: str | None) -> None:
    (alert,) = _connect((0,), actions, errno=13)
    assert (alert.outcome, alert.errno) == (outcome, errno)


def test_audit_outcome_belongs_to_the_rule_that_asked() -> None:
    enforced, audited = _connect((0, 1), ACT_ALERT | ACT_WOULD_DENY, errno=1)
    assert (enforced.outcome, enforced.errno) == ("observed", None)
    assert (audited.outcome, audited.errno) == ("would deny", "EPERM")


def test_default_message_names_the_other_side() -> None:
    (alert,) = _connect((0,), ACT_ALERT)
    assert alert.message == "second: /usr/bin/curl connects to 192.0.2.1"


def test_fields_without_a_value_are_listed_apart() -> None:
    data = record_bytes(
        samples.EXEC,
        {0: 1},
        {0: (b"", VIEW_UNKNOWN), 1: (b"a\0b", VIEW_TRUNCATED)},
        absent=0b100,
        rules_more=7,
        sequence=3 << 48 | 11,
        cpu=3,
    )
    (alert,) = _alerts(data)
    assert alert.unknown == ("proc.exe.path", "proc.exe.name", "proc.exe.directory")
    assert alert.absent == ("proc.exe.in_memory",)
    assert alert.truncated == ("proc.cmdline", "proc.argv")
    assert "proc.exe.path" not in alert.fields
    assert alert.message == "? started by 1"
    assert alert.output == {"program": None, "who": "1!"}
    assert (alert.more_rules, alert.cpu, alert.sequence) == (7, 3, 11)


def test_records_without_rules_or_with_unknown_ones() -> None:
    assert _alerts(record_bytes(samples.EXEC, {}, {}, ())) == ()
    with pytest.raises(RecordError):
        _alerts(record_bytes(samples.EXEC, {}, {}, (3,)))


def test_windows_rules_have_places_of_their_own() -> None:
    alerter = Alerter(samples.manifest(), evolve(CONTEXT, platform="windows"))
    record = DECODER.decode(record_bytes(samples.EXEC, {}, {}, (0,)))
    assert [a.rule.name for a in alerter.alerts(record)] == ["first"]
    with pytest.raises(RecordError):
        alerter.alerts(DECODER.decode(record_bytes(samples.EXEC, {}, {}, (1,))))


@given(st.binary(max_size=60), st.integers(0, (1 << 64) - 1))
def test_output_is_always_one_line_of_ascii_json(raw: bytes, time_ns: int) -> None:
    texts = {0: (raw, 0), 1: (raw, 0)}
    data = record_bytes(samples.EXEC, {}, texts, (0, 1 | RULE_PARTIAL), time_ns=time_ns)
    for alert in _alerts(data):
        line = to_json(alert)
        assert line.isascii()
        assert line.isprintable()
        assert json.loads(line)["message"] == alert.message
        assert printable(alert.message).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 漢", "plain ü 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
    ],
)
def test_text_cannot_command_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_error_names() -> None:
    assert (ERRNO["EPERM"], ERRNO["EACCES"], ERRNO["ENOSYS"]) == (1, 13, 38)
    assert (ERRNO["ELOOP"], ERRNO["ECONNREFUSED"], ERRNO["EHWPOISON"]) == (40, 111, 133)
    assert [errno_name(n) for n in (13, 41, 999)] == ["EACCES", "41", "999"]
