"""Single rules on single records, sizes of tables, and what cannot be planned."""

import subprocess
import sys
from ipaddress import ip_address, ip_network

import pytest
from attrs import evolve

from bpfc.artifact.record import RULE_ENTRY_SIZE
from compiler.plan.model import SPECIAL_ROWS, EventPlan
from compiler.plan.planner import plan
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated
from dsl.typed import And, Constant, Expr, Not, Op, Or, Policy, Rule
from dsl.typed import Test as Check
from tests.compiler.plan.executor import judge, u64
from tests.compiler.plan.policies import (
    CONNECT,
    EXEC,
    FORK,
    check,
    policy,
    raw_of,
    rule,
)


def only(found: Policy) -> EventPlan:
    result, problems = plan(found)
    assert result is not None and problems == ()
    (matcher,) = result.events
    return matcher


def degree(condition: Expr, record: Record, platform: str = "linux") -> str:
    """How a record answers a condition: a letter each for fire, definite, possible."""
    found = judge(only(policy(rule(condition))), raw_of(CONNECT, record, platform), platform)
    return "".join(
        letter
        for letter, rules in zip("fdp", (found.fire, found.definite, found.possible), strict=True)
        if rules
    )


ARGV = check("proc.argv", Op.EQ, b"-r")
STARTS = check("proc.argv", Op.STARTSWITH, b"-r")
CMD = check("proc.cmdline", Op.CONTAINS, b"id x")
PATH = check("proc.exe.path", Op.EQ, b"/bin/sh")
NAME = check("proc.exe.name", Op.EQ, b"sh")
UNDER = check("proc.exe.path", Op.UNDER, b"/tmp/")
NOCASE = check("proc.comm", Op.EQ, b"Sh", nocase=True)
TTY = check("proc.tty", Op.EXISTS)
PATTERN = check("proc.cmdline", Op.REGEX, b"a.{40}b")
LAN = check("remote.ip", Op.EQ, ip_network("10.0.0.0/8"))
LOW = check("remote.port", Op.LT, 1024)
LONG = b"z" * 80
WIN = check("proc.exe.path", Op.UNDER, b"C:\\Users")


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        (ARGV, {"proc.cmdline": b"ls\0-r\0x"}, "fdp"),
        (ARGV, {"proc.cmdline": b"-r"}, "fdp"),
        (ARGV, {"proc.cmdline": b"ls\0-rx"}, ""),
        (ARGV, {"proc.cmdline": b"ls -r"}, ""),
        (ARGV, {"proc.cmdline": Truncated(LONG)}, "p"),
        (ARGV, {"proc.cmdline": Truncated(b"-r\0" + LONG)}, "fdp"),
        (ARGV, {"proc.cmdline": Truncated(LONG + b"\0-r")}, "p"),
        (STARTS, {"proc.cmdline": Truncated(LONG)}, "p"),
        (STARTS, {"proc.cmdline": Truncated(LONG + b"\0-r")}, "fdp"),
        (Not(STARTS), {"proc.cmdline": Truncated(LONG)}, "fp"),
        (CMD, {"proc.cmdline": b"sh\0id\0x"}, "fdp"),
        (CMD, {"proc.cmdline": Truncated(LONG)}, "p"),
        (CMD, {"proc.cmdline": UNKNOWN}, "p"),
        (Not(CMD), {"proc.cmdline": UNKNOWN}, "fp"),
        (Not(CMD), {"proc.cmdline": Truncated(b"id x" + LONG)}, ""),
        (PATH, {"proc.exe.path": b"/usr/bin/sh"}, "fdp"),
        (PATH, {"proc.exe.path": b"/bin/sh"}, "fdp"),
        (evolve(PATH, exact=True), {"proc.exe.path": b"/usr/bin/sh"}, ""),
        (PATH, {"proc.exe.path": b"/bin/SH"}, ""),
        (NAME, {"proc.exe.path": b"/opt/sh"}, "fdp"),
        (NAME, {"proc.exe.path": Truncated(LONG + b"/sh")}, "p"),
        (UNDER, {"proc.exe.path": b"/tmp"}, "fdp"),
        (UNDER, {"proc.exe.path": b"/tmp/x"}, "fdp"),
        (UNDER, {"proc.exe.path": b"/tmpx"}, ""),
        (NOCASE, {"proc.comm": b"sH"}, "fdp"),
        (TTY, {"proc.tty": b""}, "fdp"),
        (TTY, {"proc.tty": ABSENT}, ""),
        (Not(TTY), {"proc.tty": ABSENT}, "fdp"),
        (TTY, {"proc.tty": UNKNOWN}, "p"),
        (LAN, {"remote.ip": ip_address("10.255.255.255")}, "fdp"),
        (LAN, {"remote.ip": ip_address("::ffff:10.0.0.1")}, "fdp"),
        (LAN, {"remote.ip": ip_address("::a00:1")}, ""),
        (LAN, {"remote.ip": ip_address("11.0.0.0")}, ""),
        (LOW, {"remote.port": 1023}, "fdp"),
        (LOW, {"remote.port": 1024}, ""),
        (LOW, {"remote.port": ABSENT}, ""),
        (Not(LOW), {"remote.port": ABSENT}, "fdp"),
        (Constant(True), {}, "fdp"),
        (Constant(False), {}, ""),
        (And((LOW, LAN)), {"remote.port": 1, "remote.ip": UNKNOWN}, "p"),
        (Or((LOW, LAN)), {"remote.port": 1, "remote.ip": UNKNOWN}, "fdp"),
        (And((LOW, Not(LAN))), {"remote.port": 1, "remote.ip": UNKNOWN}, "fp"),
    ],
)
def test_linux(condition: Expr, record: dict[str, FieldValue], expected: str) -> None:
    assert degree(condition, record) == expected


@pytest.mark.parametrize(
    ("condition", "record", "expected"),
    [
        (WIN, {"proc.exe.path": b"c:\\USERS\\x.exe"}, "fdp"),
        (WIN, {"proc.exe.path": b"C:\\Users"}, "fdp"),
        (WIN, {"proc.exe.path": b"C:/Users/x"}, ""),
        (NAME, {"proc.exe.path": b"C:\\SH"}, "fdp"),
        (check("proc.cmdline", Op.CONTAINS, b"Id"), {"proc.cmdline": b"x id"}, ""),
        (check("proc.cmdline", Op.CONTAINS, b"Id"), {"proc.cmdline": Truncated(LONG)}, "p"),
        # Windows does not know the terminal: the rule is not carried there.
        (Or((LOW, TTY)), {"remote.port": 1}, ""),
    ],
)
def test_windows(condition: Expr, record: dict[str, FieldValue], expected: str) -> None:
    assert degree(condition, record, "windows") == expected


def test_sizes_follow_classes_not_contents() -> None:
    few = only(policy(rule(And((LAN, CMD, Or((LOW, PATH)))))))
    more = only(
        policy(
            rule(
                And(
                    (
                        check("remote.ip", Op.EQ, ip_network("10.64.0.0/10")),
                        check("proc.cmdline", Op.CONTAINS, b"curl", b"wget"),
                        Or((check("remote.port", Op.LT, 80), PATH)),
                    )
                )
            ),
            rule(And((check("remote.port", Op.LT, 80), PATH))),
        )
    )
    assert shape(few) == shape(more)


def shape(item: EventPlan) -> EventPlan:
    bare = [evolve(a.tables, linux=None, windows=None) for a in item.automata]
    automata = tuple(evolve(a, tables=t) for a, t in zip(item.automata, bare, strict=True))
    # Whether an adapter can rule events out early is for the adapter, not for the core.
    numbers = tuple(evolve(n, selective=False) for n in item.numbers)
    return evolve(item, linux=b"", windows=None, automata=automata, numbers=numbers, rules=())


def test_tables_hold_what_the_code_reaches() -> None:
    rules = [rule(And((check("remote.port", Op.EQ, n), CMD, PATH, Not(NAME)))) for n in range(150)]
    item = only(policy(*rules))
    assert item.windows is not None and len(item.linux) == len(item.windows) == item.size
    assert item.words == 4 and item.columns == 3 and item.rule_room == 256
    row = 8 * item.words
    for number in item.numbers:
        rows = number.bounds + 1 + len(SPECIAL_ROWS)
        # The code masks the offset of a row by the next power of two.
        assert number.rows_offset + (1 << (row * rows - 1).bit_length()) <= item.size
    (port,) = item.numbers
    bounds = u64(item.linux, port.bounds_offset, port.bounds)
    assert bounds == [*range(1, 151), *[(1 << 64) - 1] * (512 - 150)]  # none need touch another
    for automaton in item.automata:
        blocks = (item.columns + 1) * row
        assert max(automaton.unknown_offset, automaton.truncated_offset) + blocks <= item.size
    assert RULE_ENTRY_SIZE * item.rule_room == 2048


@pytest.mark.parametrize("op", [Op.EQ, Op.GT])
def test_number_tables_grow_with_the_rules(op: Op) -> None:
    def size(count: int) -> int:
        tests = [
            (check("proc.pid", op, 7 * n), check("remote.port", op, 3 * n)) for n in range(count)
        ]
        item = only(policy(*(rule(And(both)) for both in tests)))
        return len(item.linux) + sum(len(further.content) for further in item.number_maps)

    assert size(4000) < 5 * size(1000)


def test_plan_names_what_conditions_read() -> None:
    item = only(policy(rule(And((LOW, NAME))), rule(Not(TTY))))
    assert item.fields == ("proc.tty", "proc.exe.name", "remote.port")
    assert item.map == "m_net_connect" and item.rules_map == "rules_net_connect"
    assert [a.map for a in item.automata] == ["a_net_connect_0"]
    assert item.automata[0].view >= 16


def test_events_in_catalogue_order_and_local_rules() -> None:
    both = rule(Constant(True), CONNECT, EXEC)
    result, _ = plan(policy(rule(Constant(True), EXEC), both, rule(Constant(True), FORK)))
    assert result is not None
    found = [(item.layout.event, item.rules, item.windows is None) for item in result.events]
    assert found == [
        ("process.exec", (0, 1), False),
        ("process.fork", (2,), True),
        ("net.connect", (1,), False),
    ]


def test_deny_on_unknown_marks_its_terms() -> None:
    loose = rule(Or((LOW, LAN)), deny="EPERM", on_unknown=True)
    item = only(policy(rule(CMD), loose))
    assert u64(item.linux, item.unknown_denies_offset, 1) == [0b110]
    assert u64(item.linux, item.terms_offset, 1) == [0b111]


def many(count: int) -> tuple[Check, ...]:
    return tuple(check("proc.cmdline", Op.CONTAINS, b"w%d" % n) for n in range(count))


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (
            rule(
                And(
                    tuple(
                        Or((check("remote.port", Op.EQ, n), check("proc.pid", Op.EQ, n)))
                        for n in range(7)
                    )
                )
            ),
            "BPFC0651",
        ),
        (rule(And(many(16))), "BPFC0652"),
        (rule(PATTERN), "BPFC0660"),
    ],
)
def test_what_cannot_be_planned_is_said(bad: Rule, code: str) -> None:
    result, problems = plan(policy(rule(LOW), bad))
    assert result is None
    assert [problem.code for problem in problems] == [code]
    assert problems[0].severity == "error" and problems[0].remedy
    assert "r1" in problems[0].message or "a.{40}b" in problems[0].message


def test_as_many_text_tests_as_possible() -> None:
    record: dict[str, FieldValue] = {"proc.cmdline": b" ".join(b"w%d" % n for n in range(15))}
    assert degree(And(many(15)), record) == "fdp"
    assert degree(And((*many(14), check("proc.cmdline", Op.CONTAINS, b"no"))), record) == ""


SCRIPT = """
import hashlib
from tests.compiler.plan.test_matcher import *
conditions = [Or((And((LOW, c)), Not(PATH))) for c in (CMD, UNDER, LAN, NAME, NOCASE)]
item = only(policy(*[rule(condition) for condition in conditions]))
print(hashlib.sha256(repr(item).encode()).hexdigest())
"""


def test_the_same_plan_under_every_hash_seed() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1 and found != {""}
