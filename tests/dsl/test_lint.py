"""What the linter calls certain is so, by the reference interpreter, on generated conditions."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.frontend import check
from dsl.lint.search import MAX_QUESTIONS, Judge
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated, evaluate
from dsl.typed import And, Expr, Not, Or

HEADER = 'policy "p" version "1" language 1\n'
# Values at and between everything that the tests below compare with.
VALUES: dict[str, tuple[FieldValue, ...]] = {
    "proc.uid": (0, 1, 2, 3, 9, UNKNOWN),
    "remote.port": (0, 1, 22, 23, 65535, UNKNOWN),
    "remote.ip": (*map(ip_address, ("10.0.0.1", "10.1.2.3", "::1", "fe80::1")), UNKNOWN),
    "proc.exe.in_memory": (0, 1, UNKNOWN),
    "proc.tty": (b"a", b"ab", b"/dev/tty1", ABSENT, UNKNOWN),
    "proc.exe.path": (
        b"/usr/bin/sh", b"/bin/sh", b"/BIN/sh", b"/tmp", b"/tmp/x", b"/tmpx", b"/", UNKNOWN,
        Truncated(b"/usr/bin/sh"), Truncated(b"/tmp/x"),
    ),
}  # fmt: skip
TESTS = {
    "proc.uid": [
        "+ 1 == 2", "* 2 > 3", "== remote.port", "< remote.port", "& 1 == 1",
        "== 0", "!= 1", "< 2", "<= 1", "> 1", ">= 2", "in [0, 1]", "in 1..3", "not in [2, 9]",
    ],
    "remote.port": ["== 22", "in 0..65535", "in 1..22", "> 22", "!= 22", "< 23", "in [22, 23]"],
    "remote.ip": [
        "== 10.0.0.1", "in [10.0.0.0/8]", "in [10.0.0.0/16, ::/64]", "not in [10.1.0.0/16]",
    ],
    "proc.exe.in_memory": ["", "== false"],
    "length(proc.tty)": ["== 2", "> 0", "in 1..3", "== proc.uid"],
    "remote.ip is_private": [""],
    "proc.tty": ["exists", "not exists", '== "a"', 'startswith "a"', 'contains "b"', '!= "ab"'],
    "proc.exe.path": [
        '== "/bin/sh"', '== "/bin/sh" exact', '== "/bin/SH" nocase', '!= "/usr/bin/sh"',
        'startswith "/usr/bin"', 'startswith "/tm"', 'under "/tmp"', 'under "/usr"',
        'endswith "sh"', 'endswith "h"', 'contains "bin"', 'contains all ["b", "sh"]',
        'contains ["in", "x"] nocase', 'in ["/bin/sh", "/tmp"]', 'under ["/tmp", "/usr/bin"]',
        'startswith ["/b", "/usr/bin/s"] nocase', 'glob "/usr/**"', 'glob "/*"', 'regex "sh$"',
        'regex "^/bin/[a-z]+" nocase',
    ],
}  # fmt: skip

_tests = st.sampled_from([f"{field} {rest}" for field, rows in TESTS.items() for rest in rows])
_conditions = st.recursive(
    _tests,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
    ),
    max_leaves=6,
)


def _typed(condition: str) -> Expr:
    policy, found = check([("x.det", f"{HEADER}rule a {{ on net.connect when {condition} }}")])
    assert policy is not None, found
    return policy.rules[0].when


def _records(condition: str, random: Random) -> Iterator[tuple[Record, bool]]:
    """Records with combinations of values, some if there are many; whether all are known."""
    names = [name for name in VALUES if name in condition]
    combinations = list(product(*(VALUES[name] for name in names)))
    for values in random.sample(combinations, min(len(combinations), 200)):
        known = not any(value is UNKNOWN or isinstance(value, Truncated) for value in values)
        yield dict(zip(names, values, strict=True)), known


@given(_conditions, st.randoms(use_true_random=False))
def test_what_is_certain_holds(condition: str, random: Random) -> None:
    expr = _typed(condition)
    verdict = Judge().judge(expr)
    if verdict.value is None:
        return
    for record, known in _records(condition, random):
        if known or verdict.whenever:
            assert evaluate(expr, record)[0] is verdict.value, (record, verdict)


@given(_tests, _tests, st.randoms(use_true_random=False))
def test_what_follows_follows(one: str, other: str, random: Random) -> None:
    first, second = _typed(one), _typed(other)
    follows = Judge().follows(first, second)
    together = Judge().judge(And((first, second)))
    either = Judge().judge(Or((first, second)))
    for record, known in _records(f"{one} {other}", random):
        a, b = evaluate(first, record)[0], evaluate(second, record)[0]
        assert not (follows and a and not b), record
        assert not (together.value is False and (known or together.whenever) and a and b), record
        assert either.value is not True or a or b or not (known or either.whenever), record


@pytest.mark.parametrize(
    ("condition", "value"),
    [
        ("proc.uid == 0 and proc.uid == 1", False),
        ("proc.uid == 0 and not proc.uid < 3", False),
        ("proc.uid < 3 or proc.uid > 1", True),
        ("remote.port in 0..65535", True),
        ("remote.ip in [10.0.0.0/8] and remote.ip == 10.0.0.1", None),
        ("remote.ip in [10.0.0.0/8] and remote.ip == 11.0.0.1", False),
        ('proc.tty exists or proc.tty == "x"', None),
        ('proc.tty not exists and proc.tty == "x"', False),
        ('proc.exe.path under "/tmp" and proc.exe.path startswith "/usr"', False),
        ('proc.exe.path == "/bin/sh" and proc.exe.path startswith "/usr/bin"', None),
        ('proc.exe.path == "/bin/sh" exact and proc.exe.path startswith "/usr" exact', False),
        ('proc.argv any == "a" and proc.argv any == "b"', None),
    ],
)
def test_what_is_found_out(condition: str, value: bool | None) -> None:
    assert Judge().judge(_typed(condition)).value is value


def test_a_search_that_takes_too_long_is_given_up() -> None:
    fields = ["proc.uid", "proc.gid", "proc.euid", "proc.pid", "proc.ppid", "remote.port"]
    wide = " or ".join(" and ".join(f"{f} != {n}" for f in fields) for n in range(8))
    expr = _typed(wide)
    judge = Judge()
    assert judge.judge(And((expr, Not(expr)))).value in (None, False)
    for _ in range(300):
        judge.judge(And((expr, Not(expr))))
    assert judge.questions <= 0
    assert judge.judge(_typed("proc.uid == 0 and proc.uid == 1")).value is None
    assert judge.exhausted


def test_what_was_not_examined_is_said() -> None:
    rule = "rule r{n} {{ on process.exec when proc.uid > {n} and proc.uid != 70000 alert }}"
    for count, codes in ((10, []), (2 * MAX_QUESTIONS, ["BPFC0532"])):
        lines = ['policy "many" version "1" language 1', *(rule.format(n=n) for n in range(count))]
        policy, found = check([("many.det", "\n".join(lines))])
        assert policy is not None
        assert [d.code for d in found] == codes
