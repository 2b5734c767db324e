"""Names of users and groups, and what `Sources` promises of any source."""

import grp
import pwd

import pytest

from bpfc.artifact.decode import State
from bpfc.userspace import names
from bpfc.userspace.bounds import Bounds
from bpfc.userspace.fields import KNOWN, Sources

NOBODY = next(n for n in range(3_000_000, 3_100_000) if n not in {u.pw_uid for u in pwd.getpwall()})


def test_names_of_users_and_groups() -> None:
    sources = Sources()
    for user in pwd.getpwall():
        assert sources.value("user", (user.pw_uid,)) == pwd.getpwuid(user.pw_uid).pw_name
    for group in grp.getgrall():
        assert sources.value("group", (group.gr_gid,)) == grp.getgrgid(group.gr_gid).gr_name
    assert sources.value("user", (0,)) == "root"
    assert sources.counts.from_cache >= 1


@pytest.mark.parametrize("number", [NOBODY, 0xFFFFFFFF, 1 << 64, -1])
@pytest.mark.parametrize("source", ["user", "group"])
def test_ids_without_a_name_are_absent(source: str, number: int) -> None:
    sources = Sources()
    assert [sources.value(source, (number,)) for _ in range(2)] == [State.ABSENT] * 2
    assert sources.counts.absent == 2 and sources.counts.from_cache == 1


def test_ids_that_are_not_there() -> None:
    sources = Sources()
    assert sources.value("user", (State.ABSENT,)) is State.ABSENT
    assert sources.value("user", (State.UNKNOWN,)) is State.UNKNOWN
    assert sources.value("group", ("wheel",)) is State.UNKNOWN
    assert sources.counts.unknown["not recorded"] == 2
    assert Sources("windows").value("user", (0,)) is State.UNKNOWN


def test_names_are_looked_up_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    called, now = ["old"], [0.0]
    monkeypatch.setattr(names, "DATABASES", {"user": (lambda number: called[0], "")})
    monkeypatch.setattr("bpfc.userspace.names.monotonic", lambda: now[0])
    sources = Sources(bounds=Bounds(names_seconds=300))
    assert sources.value("user", (5,)) == "old"
    called[0] = "new"
    now[0] = 299
    assert sources.value("user", (5,)) == "old"
    now[0] = 300
    assert sources.value("user", (5,)) == "new"


def test_a_directory_that_is_slow_uses_up_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(number: int) -> str:
        now[0] += 1.5
        return f"user{number}"

    monkeypatch.setattr(names, "DATABASES", {"user": (slow, "")})
    monkeypatch.setattr("bpfc.userspace.budget.monotonic", lambda: now[0])
    sources = Sources()
    answers = [sources.value("user", (number,)) for number in (1, 2, 3, 1)]
    assert answers == ["user1", "user2", State.UNKNOWN, "user1"]
    assert sources.counts.unknown["budget"] == 1
    sources.begin()
    assert sources.value("user", (3,)) == "user3"


def test_what_is_asked_has_to_be_known() -> None:
    with pytest.raises(KeyError):
        Sources().value("nonsense", ())
    with pytest.raises(ValueError, match="md5 needs 5 values, not 1"):
        Sources().value("md5", ("/bin/sh",))
    assert all(source.arity == len(source.needs) and source.doc for source in KNOWN.values())
    assert {"user", "group", "md5", "sha1", "sha256", "imphash", "pe.company"} <= set(KNOWN)
