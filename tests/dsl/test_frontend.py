"""The front end as a whole: several files, sizes, depth, kinds of fields, warnings and errors."""

import pytest
from attrs import evolve

from dsl import catalogue
from dsl.catalogue import Catalogue, Event, Field, Kind
from dsl.diagnostics import LIMIT, Collector, Diagnostic
from dsl.frontend import MAX_FILE, check
from dsl.parser import parse
from dsl.typed import Policy
from tests.dsl.summary import expr_text

HEADER = 'policy "p" version "1" language 1\n'


def _codes(found: tuple[Diagnostic, ...]) -> list[str]:
    return [item.code for item in found]


def _check(text: str) -> tuple[Policy | None, list[str]]:
    policy, found = check([("a.det", HEADER + text)])
    return policy, _codes(found)


def test_several_files_are_one_policy() -> None:
    files: list[tuple[str, str | bytes]] = [
        ("one.det", HEADER + 'list shells = ["sh"]'),
        ("two.det", b"rule a { on process.exec when proc.exe.name in shells }"),
    ]
    policy, found = check(files)
    assert found == ()
    assert policy is not None
    assert [name for name, _ in policy.sources] == ["one.det", "two.det"]
    assert policy.rules[0].span.file == "two.det"


def test_a_name_is_unique_over_files_and_the_second_is_reported() -> None:
    rule = "rule a { on process.exec when true }"
    policy, found = check([("one.det", HEADER + rule), ("two.det", rule)])
    assert policy is None
    assert [(d.code, d.span.file, d.related[0][1].file) for d in found] == [
        ("BPFC0206", "two.det", "one.det")
    ]


def test_a_file_that_cannot_be_read_says_nothing_about_the_others() -> None:
    policy, found = check([("one.det", b"\xff"), ("two.det", "rule a { on process.exec when x }")])
    assert policy is None
    assert _codes(found) == ["BPFC0001"]


def test_warnings_do_not_keep_the_policy_back() -> None:
    policy, codes = _check('list a = ["x"] rule r { on process.exec when true }')
    assert policy is not None
    assert codes == ["BPFC0501"]


def test_no_warnings_about_unused_lists_in_a_file_that_was_not_understood() -> None:
    _, codes = _check('list a = ["x"] rule r { on process.exec when proc.exe.name ? a }')
    assert codes == ["BPFC0102"]


@pytest.mark.parametrize("size", [MAX_FILE + 1, 10_000_000])
@pytest.mark.parametrize("kind", [bytes, str])
def test_a_big_file_is_one_diagnostic(size: int, kind: type) -> None:
    _, found = check([("a.det", b"(" * size if kind is bytes else "(" * size)])
    assert _codes(found) == ["BPFC0002"]


@pytest.mark.parametrize("text", ["(", "[", "{", "rule x {", "not ", "a ", "}"])
def test_a_file_of_garbage_is_few_diagnostics(text: str) -> None:
    _, found = check([("a.det", text * 50_000)])
    assert 1 <= len(found) <= LIMIT + 1


@pytest.mark.parametrize(
    ("depth", "codes"), [(64, []), (65, ["BPFC0107"]), (100_000, ["BPFC0107"])]
)
def test_parentheses(depth: int, codes: list[str]) -> None:
    condition = "(" * depth + "proc.uid == 1" + ")" * depth
    assert _check(f"rule a {{ on process.exec when {condition} }}")[1] == codes


def test_mixed_nesting_never_exhausts_the_stack() -> None:
    condition = "not (true and proc.uid == 1 or " * 64 + "proc.uid == 2" + ")" * 64
    policy, codes = _check(f"rule a {{ on process.exec when {condition} }}")
    assert policy is not None
    assert set(codes) == {"BPFC0502"}


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_long_chain_is_flat(word: str) -> None:
    operator = "!=" if word == "and" else "=="  # nothing that contradicts itself
    chain = f" {word} ".join(f"proc.uid {operator} {number}" for number in range(5_000))
    policy, codes = _check(f"rule a {{ on process.exec when {chain} }}")
    assert policy is not None
    assert codes == ["BPFC0532"]  # more than are examined: that is said, and all are kept
    assert len(getattr(policy.rules[0].when, "items", ())) == 5_000


def test_negations_collapse() -> None:
    for count, expected in ((10_000, "(proc.uid == 1)"), (10_001, "(not (proc.uid == 1))")):
        policy, _ = _check(f"rule a {{ on process.exec when {'not ' * count}proc.uid == 1 }}")
        assert policy is not None
        assert expr_text(policy.rules[0].when) == expected


def test_the_number_of_findings_is_limited_and_says_so() -> None:
    _, found = check([("a.det", HEADER + "rule a { on process.exec when x == 1 }\n" * 300)])
    assert len(found) == LIMIT + 1
    assert found[-1].code == "BPFC0111"


def test_errors_are_not_hidden_by_warnings() -> None:
    lists = "".join(f"list a{i} = [1]\n" for i in range(300))
    _, found = check([("a.det", HEADER + lists + "rule a { on process.exec when x == 1 }")])
    assert _codes(found) == ["BPFC0201", "BPFC0111"]


def test_findings_are_in_source_order() -> None:
    _, found = check([("b.det", "rule a { when @ }"), ("a.det", "rule b { when @ } rule a { }")])
    assert [d.span.file for d in found] == sorted((d.span.file for d in found), reverse=True)
    starts = [d.span.start for d in found if d.span.file == "a.det"]
    assert starts == sorted(starts)


def _field(name: str, kind: Kind, **changes: object) -> Field:
    base = catalogue.load().events[0].fields[0]
    return evolve(base, name=name, kind=kind, **changes)  # type: ignore[arg-type]


@pytest.fixture
def custom() -> Catalogue:
    """A catalogue with kinds of fields that language 1 knows and no event has yet."""
    fields = (
        _field("f.flags", Kind.FLAGS, constants=(("read", 4), ("write", 2), ("exec", 1))),
        _field("f.signed", Kind.INT, signed=True),
        _field("f.age", Kind.DURATION),
    )
    event = Event("file.test", 99, fields, ("after",), ("linux",), 1, "A test.")
    return Catalogue(version=1, events=(event,))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("f.flags has any [read, write]", "(f.flags has any 4 2)"),
        ("f.flags has all [read, 1]", "(f.flags has all all 4 1)"),
        ("f.flags has exec", "(f.flags has any 1)"),
        ("f.flags == read", "(f.flags == 4)"),
        ("f.signed in [-5..-1, 7]", "(f.signed == -5..-1 7)"),
        ("f.signed >= -9223372036854775807", "(f.signed >= -9223372036854775807)"),
        ("f.age < 90s", "(f.age < 90000000000)"),
        ("f.age in [0..1d]", "(f.age == 0..86400000000000)"),
    ],
)
def test_kinds_of_fields(custom: Catalogue, condition: str, expected: str) -> None:
    text = f"{HEADER}rule a {{ on file.test when {condition} }}"
    policy, found = check([("a.det", text)], custom)
    assert found == ()
    assert policy is not None
    assert expr_text(policy.rules[0].when) == expected


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("f.flags has [read, write]", "BPFC0302"),
        ("f.flags has any [reed]", "BPFC0204"),
        ("f.flags < 5", "BPFC0302"),
        ("f.signed == 9223372036854775808", "BPFC0303"),
        ("f.signed < -9223372036854775808", "BPFC0502"),
        ("f.age < 90", "BPFC0301"),
        ("f.age < 90KiB", "BPFC0301"),
    ],
)
def test_wrong_values_of_kinds(custom: Catalogue, condition: str, code: str) -> None:
    text = f"{HEADER}rule a {{ on file.test when {condition} }}"
    assert _codes(check([("a.det", text)], custom)[1]) == [code]


@pytest.mark.parametrize(
    ("rule", "suggestion"),
    [
        ("rule a { on net.conect when true }", "net.connect"),
        ("rule a { on net.connect when remote.prot == 1 }", "remote.port"),
        ("rule a { on net.connect when net.protocol == TCP }", "tcp"),
        ("rule a { on process.exec when proc.exe.name in shel }", "shells"),
        ("rule a { on process.exec when true deny EPREM }", "EPERM"),
        ("rule a {\n severty low\n on process.exec when true }", "severity"),
        ("rule a { severity hihg on process.exec when true }", "high"),
        ("rule a { on process.exec when true kill proc.parnt }", "proc.parent"),
        ("rule a { on process.exec when proc.exe.name = 1 }", "=="),
        ("rule a { on net.connect when remote.ip in [10.9.8.7/16] }", "10.9.0.0/16"),
        ("rule a { on net.connect when proc.exe.name == bash }", '"bash"'),
        ("rule a { on net.connect when proc.exe.name == 'bash' }", '"bash"'),
        ("rule a { on net.connect when proc.exe.name contians 'bash' }", "contains"),
    ],
)
def test_suggestions(rule: str, suggestion: str) -> None:
    use = 'list shells = ["sh"] rule z { on process.exec when proc.exe.name in shells }\n'
    _, found = check([("a.det", HEADER + use + rule)])
    assert suggestion in [item.suggestion for item in found]


def test_a_syntax_tree_is_given_for_what_could_be_read() -> None:
    report = Collector()
    text = "rule a { on process.exec when @ alert }\nlist b = [1, , 3]\nrule c {\n on process.fork"
    tree = parse("a.det", text, report)
    assert tree is not None
    kinds = [type(item).__name__ for item in tree.items]
    assert kinds == ["Rule", "ListItem", "Rule"]
    assert tree.announced == {"b"} and not tree.headed
    assert [d.code for d in report.items] == ["BPFC0102", "BPFC0101", "BPFC0110"]
