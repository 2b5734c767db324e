"""The reference evaluation: a table of cases, and laws that hold for all."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsl.frontend import check
from dsl.paths import aliases, directory, separator
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Record, Truncated, evaluate
from dsl.typed import Expr

YES, NO = (True, True, True), (False, False, False)
# Only as good as the unknown: a positive test, a negated one.
MAYBE, UNLESS = (False, False, True), (True, False, True)

BASE: dict[str, FieldValue] = {
    "proc.pid": 100,
    "proc.uid": 0,
    "proc.exe.in_memory": 0,
    "proc.exe.path": b"/usr/bin/dash",
    "proc.argv": (b"sh", b"-c", b"ID /tmp/x"),
    "proc.tty": ABSENT,
    "proc.comm": UNKNOWN,
    "proc.parent.exe.path": Truncated(b"/opt/" + b"a" * 100),
    "proc.parent.cmdline": Truncated(b"nginx\0-g\0daemon"),
    "remote.ip": ip_address("::ffff:10.1.2.3"),
    "remote.port": 443,
    "net.protocol": 6,
}


def _expr(condition: str) -> Expr:
    """A condition on a connection, checked."""
    text = f'policy "p" version "1" language 1 rule a {{ on net.connect when {condition} }}'
    policy, found = check([("a.det", text)])
    assert policy is not None, found
    return policy.rules[0].when


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("true", YES),
        ("not true", NO),
        ("proc.pid == 100", YES),
        ("proc.pid in [1..99, 101]", NO),
        ("proc.pid in [1..100]", YES),
        ("proc.pid < 100 or proc.pid > 100", NO),
        ("proc.pid <= 100 and proc.pid >= 100", YES),
        ("proc.exe.in_memory", NO),
        ("remote.ip == 10.1.2.3", YES),
        ("remote.ip in [10.0.0.0/8]", YES),
        ("remote.ip in [::ffff:10.0.0.0/104]", YES),
        ("remote.ip in [2001:db8::/32]", NO),
        ("remote.ip in [::/0]", YES),
        ("remote.port in [22, 400..500]", YES),
        ("net.protocol == tcp", YES),
        # Texts, derived fields.
        ('proc.exe.name == "dash"', YES),
        ('proc.exe.name == "DASH"', NO),
        ('proc.exe.name == "DASH" nocase', YES),
        ('proc.exe.path endswith ["x", "/dash"]', YES),
        ('proc.cmdline == "sh -c ID /tmp/x"', YES),
        ('proc.cmdline contains all ["sh", "id"] nocase', YES),
        ('proc.cmdline contains all ["sh", "id"]', NO),
        # Elements.
        ('proc.argv any == "-c"', YES),
        ('proc.argv any == "c"', NO),
        ('proc.argv any startswith "i" nocase', YES),
        ('proc.argv any endswith "h"', YES),
        ('proc.argv any contains "h -"', NO),
        ('proc.argv any in ["x", "sh"]', YES),
        # Directories, aliases.
        ('proc.exe.path under "/usr"', YES),
        ('proc.exe.path under "/usr/"', YES),
        ('proc.exe.path under "/us"', NO),
        ('proc.exe.path under "/usr/bin/dash"', YES),
        ('proc.exe.path == "/bin/dash"', YES),
        ('proc.exe.path == "/BIN/Dash" nocase', YES),
        ('proc.exe.path == "/bin/dash" exact', NO),
        ('proc.exe.path startswith "/bin/d"', YES),
        ('proc.exe.path startswith "/bin/d" exact', NO),
        ('proc.exe.path under ["/bin"]', YES),
        ('proc.exe.path under ["/bin"] exact', NO),
        ('proc.exe.path contains "/bin/"', YES),
        # Absent: every test but `exists` is false.
        ("proc.tty exists", NO),
        ("proc.tty not exists", YES),
        ('proc.tty == "pts0"', NO),
        ('proc.tty != "pts0"', YES),
        # Unknown, and polarity.
        ('proc.comm == "sh"', MAYBE),
        ('proc.comm != "sh"', UNLESS),
        ('proc.comm == "sh" and proc.uid == 1', NO),
        ('proc.comm == "sh" or proc.uid == 0', YES),
        ('proc.uid == 0 and proc.comm != "sh"', UNLESS),
        ('not (proc.comm == "sh" and proc.uid == 0)', UNLESS),
        # Truncated: what is seen is seen.
        ('proc.parent.exe.path startswith "/opt/"', YES),
        ('proc.parent.exe.path startswith "/usr/"', NO),
        ('proc.parent.exe.path under "/opt"', YES),
        ('proc.parent.exe.path contains "/opt"', YES),
        ('proc.parent.exe.path contains "b"', MAYBE),
        ('proc.parent.exe.path endswith "a"', MAYBE),
        ('proc.parent.exe.path == "/opt/a"', MAYBE),
        ('proc.parent.exe.name == "a"', MAYBE),
        ('not proc.parent.exe.path contains "b"', UNLESS),
        ('proc.parent.cmdline contains "x -g d"', YES),
    ],
)
def test_cases(condition: str, expected: tuple[bool, bool, bool]) -> None:
    assert evaluate(_expr(condition), BASE) == expected


@pytest.mark.parametrize(
    ("argv", "condition", "expected"),
    [
        (Truncated(b"tar\0-x"), 'proc.argv any == "tar"', YES),
        (Truncated(b"tar\0-x"), 'proc.argv any == "-x"', MAYBE),
        (Truncated(b"tar\0-x"), 'proc.argv any startswith "-x"', YES),
        (Truncated(b"tar\0-x"), 'proc.argv any == "zip"', MAYBE),
        (Truncated(b"tar\0-x"), 'not proc.argv any == "zip"', UNLESS),
        (Truncated(b"tar\0-x"), 'proc.argv any endswith "r"', YES),
        (b"tar\0-x", 'proc.argv any == "-x"', YES),
        ((), 'proc.argv any == ""', YES),
        ((b"", b"x"), 'proc.argv any == ""', YES),
        (UNKNOWN, 'proc.argv any == "x"', MAYBE),
        (UNKNOWN, 'proc.cmdline == "x"', MAYBE),
    ],
)
def test_lists(argv: FieldValue, condition: str, expected: tuple[bool, bool, bool]) -> None:
    assert evaluate(_expr(condition), {"proc.argv": argv}) == expected


def test_a_field_that_is_not_in_the_record_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"remote\.ip"):
        evaluate(_expr("remote.ip == 10.0.0.1"), {})


CONDITIONS = [
    "proc.pid == 1 and not proc.uid == 1",
    "proc.pid == 1 or not (proc.uid == 1 and proc.gid == 1)",
    "not (proc.pid == 1 or proc.uid != 0) or proc.gid < 1",
    "proc.pid in [0, 2] and (proc.uid == 1 or proc.gid == 1) and not proc.gid == 2",
]
FIELDS = ("proc.pid", "proc.uid", "proc.gid")
NUMBERS = st.integers(0, 2)


@given(st.sampled_from(CONDITIONS), st.tuples(*[st.one_of(NUMBERS, st.just(UNKNOWN))] * 3))
def test_definite_implies_fire_implies_possible(condition: str, values: tuple[int, ...]) -> None:
    fire, definite, possible = evaluate(_expr(condition), dict(zip(FIELDS, values, strict=True)))
    assert (not definite or fire) and (not fire or possible)


@given(st.sampled_from(CONDITIONS), st.tuples(*[NUMBERS] * 3), st.sets(st.sampled_from(FIELDS)))
def test_knowing_more_never_contradicts(
    condition: str, values: tuple[int, ...], hidden: set[str]
) -> None:
    known: Record = dict(zip(FIELDS, values, strict=True))
    partly = {name: UNKNOWN if name in hidden else value for name, value in known.items()}
    expr = _expr(condition)
    (truth, _, _), (_, definite, possible) = evaluate(expr, known), evaluate(expr, partly)
    assert (not definite or truth) and (not truth or possible)


OPERATORS = ("==", "startswith", "endswith", "contains", "under")
LETTERS = st.text("/ab", min_size=1, max_size=3)


@given(st.sampled_from(OPERATORS), LETTERS.filter(lambda s: s.strip("/") != ""), LETTERS, LETTERS)
def test_a_truncated_text_never_contradicts_the_whole(
    op: str, pattern: str, head: str, tail: str
) -> None:
    expr = _expr(f'proc.comm {op} "{pattern}"')
    # The examined part is longer than any pattern, as capacities are.
    seen = (head * 4)[: max(4, len(head))].encode()
    truth, _, _ = evaluate(expr, {"proc.comm": seen + tail.encode()})
    _, definite, possible = evaluate(expr, {"proc.comm": Truncated(seen)})
    assert (not definite or truth) and (not truth or possible)


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (b"/bin/sh", (b"/bin/sh", b"/usr/bin/sh")),
        (b"/usr/sbin", (b"/usr/sbin", b"/sbin")),
        (b"/lib64/", (b"/lib64/", b"/usr/lib64/")),
        (b"/var/run/x", (b"/var/run/x", b"/run/x")),
        (b"/run", (b"/run", b"/var/run")),
        (b"/binary", (b"/binary",)),
        (b"/opt/bin/sh", (b"/opt/bin/sh",)),
        (b"", (b"",)),
    ],
)
def test_aliases(literal: bytes, expected: tuple[bytes, ...]) -> None:
    assert aliases(literal) == expected


def test_windows_paths_have_their_own_separator() -> None:
    assert separator(rb"C:\Users") == separator(rb"\\host\share") == b"\\"
    assert separator(b"/usr") == b"/"
    assert directory(b"C:\\Users\\") == rb"C:\Users"
    assert directory(b"/tmp//") == b"/tmp"
