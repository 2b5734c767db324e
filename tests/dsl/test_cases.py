"""Test blocks by the reference interpreter: what processes, files and time come to."""

import pytest

from dsl.cases import Case, Expectation
from dsl.cases.defaults import complete, value_of
from dsl.catalogue import load
from dsl.frontend import check
from dsl.interpreter import Event, Interpreter
from dsl.semantics import ABSENT, UNKNOWN, Truncated
from dsl.typed import Policy

HEADER = 'policy "p" version "1" language 1\n'


def _policy(source: str) -> Policy:
    policy, found = check([("x.det", HEADER + source)])
    assert policy is not None, found
    return policy


def _alerts(policy: Policy, case: Case) -> list[str]:
    """What each event of a test comes to: its alerting rules."""
    interpreter, found = Interpreter(policy), []
    for happening in case.happenings:
        event = load().event(happening.event)
        assert event is not None
        for one in happening.occurrences:
            fields = complete(event, one.event.fields, (f.name for f in event.fields))
            outcome = interpreter.consume(Event(event.name, one.event.time, fields))
            alerts = " ".join(alert.rule for alert in outcome.alerts)
            found += [] if happening.given else [alerts]
    return found


@pytest.mark.parametrize(
    ("rule", "statements", "expected"),
    [
        (
            "on process.exec when proc.prev.exe.name == 'a' and proc.exe.name == 'b'",
            'given proc p { exe.path = "/a" } p: process.exec { exe.path = "/b" }'
            ' p: process.exec { exe.path = "/b" } p: process.exec { exe.path = "/c" }',
            ["r", "", ""],
        ),
        (
            "on process.exec when proc.parent.exe.name == 'b'",
            'given proc p { exe.path = "/a" } given proc c child of p c: process.exec'
            ' p: process.exec { exe.path = "/b" } c: process.exec p: process.exit c: process.exec',
            ["", "", "r", "", ""],
        ),
        (  # a denied exec leaves its process as it was
            "on process.exec when proc.prev.exe.name == 'b' deny",
            'given proc p { exe.path = "/a" } p: process.exec { exe.path = "/b" }'
            ' p: process.exec { exe.path = "/c" } expect deny p: process.exec { exe.path = "/d" }',
            ["", "r", "r"],
        ),
        (  # a new program has its own arguments, and keeps what is the process's
            "on process.exec when proc.cmdline == '/b' and proc.uid == 5",
            'given proc p { exe.path = "/a", cmdline = "a -x", uid = 5 }'
            ' p: process.exec { exe.path = "/b" }',
            ["r"],
        ),
        (
            "on process.setuid when setuid.uid == 0 and proc.prev.uid == 1000",
            "given proc p { uid = 1000 } p: process.setuid { setuid.uid = 0 } p: process.setuid",
            ["r", "r"],
        ),
        (  # the same path is the same file, in either spelling
            "on sequence within 30s [file.open_write as w] [process.exec as x when"
            " x.proc.exe.file == w.file]",
            'given proc p p: file.open_write { file.path = "/bin/u" } after 30s'
            ' p: process.exec { exe.path = "/usr/bin/u" } p: file.open_write after 31s'
            ' p: process.exec { exe.path = "/srv/file" }',
            ["", "r", "", ""],
        ),
        (
            "on net.connect when net.family == ipv6",
            "given proc p p: net.connect { remote.ip = 2001:db8::1 } p: net.connect",
            ["r", ""],
        ),
        (
            "on process.fork when proc.parent.uid == 7 and proc.ancestors[2].exe.name == 'a'",
            'given proc a { exe.path = "/a" } given proc b child of a { uid = 7 }'
            " given proc c child of b c: process.fork b: process.fork",
            ["r", ""],
        ),
        (
            "on net.connect when remote.port == 5 threshold 3 within 1s",
            "given proc p p: net.connect { remote.port = each(5, 5, 6, 5) } 4 times every 500ms"
            " p: net.connect { remote.port = 5 } 3 times",
            ["", "", "", "", "", "r", ""],
        ),
    ],
)
def test_stories(rule: str, statements: str, expected: list[str]) -> None:
    rule = rule.replace("'", '"')
    policy = _policy(f'rule r {{ {rule} }}\ntest "t" {{ {statements} }}')
    assert _alerts(policy, policy.cases[0]) == expected


@pytest.mark.parametrize(
    ("rule", "statements", "forks"),
    [
        ("on net.connect when true", "given proc p given proc c child of p c: net.connect", 1),
        ("on net.connect when true", "given proc p given proc c child of p c: process.fork", 0),
        ("on net.connect when true", "given proc p p: net.connect", 0),
        (  # the first process, this one, its child
            "on net.connect when proc.ancestors any exe.name == 'x'",
            "given proc p given proc c child of p c: net.connect",
            3,
        ),
    ],
)
def test_forks_that_follow_from_what_is_given(rule: str, statements: str, forks: int) -> None:
    rule = rule.replace("'", '"')
    policy = _policy(f'rule r {{ {rule} }}\ntest "t" {{ {statements} }}')
    hidden = [happening for happening in policy.cases[0].happenings if happening.given]
    assert [happening.event for happening in hidden] == ["process.fork"] * forks


def test_defaults() -> None:
    event = load().event("process.memory_exec")
    assert event is not None
    given = {"proc.exe.path": b"/usr/bin/abcdefghijklmnopqrst", "proc.uid": 5, "file.path": b"/x"}

    def value(name: str, given: dict[str, object] = given) -> object:
        field = event.field(name)
        assert field is not None
        return value_of(field, event, given)  # type: ignore[arg-type]

    assert value("proc.comm") == b"abcdefghijklmno"
    assert value("proc.euid") == value("proc.fsuid") == 5
    assert value("proc.cmdline") == given["proc.exe.path"]
    assert value("proc.tty") is ABSENT and value("proc.stdin") == 4
    assert value("file.inode") != value("proc.exe.file.inode")
    assert value("file.device") in (0, value("proc.exe.file.device"))
    assert value("file.inode", {}) is ABSENT
    assert value("file.inode", {"file.path": UNKNOWN}) is UNKNOWN
    assert value("proc.comm", {"proc.exe.path": Truncated(b"/a/b")}) is UNKNOWN


def test_no_name_in_a_test_means_two_fields() -> None:
    for event in load().events:
        own = [f.name for f in event.fields if not f.name.startswith("proc.")]
        assert not [name for name in own if event.field(f"proc.{name}")], event.name


def test_defaults_fit_their_fields() -> None:
    fields = {f.name: (f, e) for e in load().events for f in e.fields if f.default}
    for name, (field, event) in fields.items():
        value = value_of(field, event, {})
        assert isinstance(value, bytes) == field.kind.is_text, name
        if field.default and field.default.same:
            assert event.field(field.default.same), name


def test_expectations_belong_to_the_event_above() -> None:
    policy = _policy(
        "rule r { on net.connect when remote.port == 1 alert }\n"
        'test "t" { given proc p p: net.connect after 5s expect no alert'
        " given proc q q: net.connect { remote.port = 1 } expect alert by r 2 times }"
    )
    first, second = policy.cases[0].happenings
    assert [item.negated for item in first.expectations if isinstance(item, Expectation)] == [True]
    (item,) = second.expectations
    assert isinstance(item, Expectation) and (item.rule, item.count) == ("r", 2)
    assert second.occurrences[0].event.time - first.occurrences[0].event.time == 5 * 10**9
