"""How texts of alerts show values."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.decode import State, Value
from bpfc.artifact.wording import Wording, duration, headline, with_users

KINDS = {"list": "strings", "flags": "flags", "time": "time", "wait": "duration"}
MINUTE = 60_000_000_000


@pytest.mark.parametrize(
    ("name", "value", "cut", "words"),
    [
        ("text", "/usr/bin/sh", False, "/usr/bin/sh"),
        ("text", "/usr/bin/sh", True, "/usr/bin/sh..."),
        ("text", "", False, ""),
        ("text", State.ABSENT, False, "-"),
        ("text", State.UNKNOWN, False, "?"),
        ("missing", None, False, "-"),
        ("yes", True, False, "true"),
        ("number", 22, False, "22"),
        ("address", ip_address("2001:db8::1"), False, "2001:db8::1"),
        ("list", ("sh", "-c", "id"), False, "sh -c id"),
        ("list", ("sh", "-c", "a b", "", 'say "x"'), False, r'sh -c "a b" "" "say \"x\""'),
        ("list", ("sh", "-c"), True, "sh -c ..."),
        ("flags", ("chown", "kill"), False, "chown|kill"),
        ("flags", (), False, "none"),
        ("time", 5 * MINUTE, False, "5min"),
        ("wait", 1_500_000, False, "1.5ms"),
    ],
)
def test_words(name: str, value: Value | State | None, cut: bool, words: str) -> None:
    values = {} if value is None else {name: value}
    assert Wording(KINDS).shown(name, values, [name] if cut else []) == words


def test_sentence() -> None:
    parts = (("field", "a"), ("text", " and "), ("field", "b"), ("text", "."))
    assert Wording({}).sentence(parts, {"a": 1, "b": State.UNKNOWN}, ()) == "1 and ?."


@pytest.mark.parametrize(
    ("nanoseconds", "words"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5us"),
        (250_000_000, "250ms"),
        (1_001_999_999, "1.001s"),
        (59_999_999_999, "59.999s"),
        (MINUTE, "1min"),
        (5 * MINUTE + 20_900_000_000, "5min 20s"),
        (60 * MINUTE + 59, "1h"),
        ((3 * 24 + 4) * 60 * MINUTE + MINUTE, "3d 4h"),
        (-1_500, "-1.5us"),
    ],
)
def test_durations(nanoseconds: int, words: str) -> None:
    assert duration(nanoseconds) == words


@given(st.integers(0, 1 << 64))
def test_every_duration_is_short(nanoseconds: int) -> None:
    assert 2 <= len(duration(nanoseconds)) <= 12


def test_users_and_containers() -> None:
    names = {0: "root", 33: "www-data"}.get
    values: dict[str, Value | State] = {
        "proc.uid": 33,
        "setuid.euid": 5,
        "chown.owner": State.ABSENT,
    }
    assert with_users(values, names) == {**values, "proc.uid": "33 (www-data)"}
    assert with_users({"remote.port": 0}, names) == {"remote.port": 0}
    inside = {**values, "container.id": "0123abcd"}
    assert with_users(inside, names) == inside
    assert headline("title", "x did y", inside) == "title: x did y, in container 0123abcd"
    outside = {**values, "container.id": State.ABSENT}
    assert headline("title", "x did y", outside) == "title: x did y"
    assert headline("title", "", inside) == "title"
    assert with_users(outside, names)["proc.uid"] == "33 (www-data)"
