"""Test blocks have no part in what is compiled."""

from compiler.driver import compile_sources
from dsl.frontend import check

RULES = """policy "p" version "1" language 1

set blocked : cidr[16]

rule a {
  on net.connect
  when remote.ip in blocked
  alert
}
"""
TESTS = """
test "one" {
  given set blocked = [10.0.0.0/8]
  given proc p
  p: net.connect { remote.ip = 10.0.0.1 }
  expect alert by a
}

test "another" {
  given proc p
  p: net.connect
  expect nothing
}
"""


def _compiled(*sources: tuple[str, str]) -> bytes:
    artifact = compile_sources(sources).artifact
    assert artifact is not None
    return artifact.data


def test_tests_behind_the_rules_leave_no_trace() -> None:
    assert _compiled(("p.det", RULES + TESTS)) == _compiled(("p.det", RULES))


def test_a_file_of_tests_leaves_no_trace() -> None:
    assert _compiled(("p.det", RULES), ("p_test.det", TESTS)) == _compiled(("p.det", RULES))


def test_tests_in_front_of_rules_are_blank_lines() -> None:
    head, rest = RULES.split("\n\n", 1)
    blank = "\n".join("" for _ in TESTS.splitlines())
    assert _compiled(("p.det", f"{head}\n{TESTS}\n{rest}")) == _compiled(
        ("p.det", f"{head}\n{blank}\n\n{rest}")
    )


def test_other_rules_are_other_bytes() -> None:
    assert _compiled(("p.det", RULES)) != _compiled(("p.det", RULES.replace("alert", "deny")))


def test_tests_are_kept_beside_the_rules() -> None:
    policy, found = check([("p.det", RULES), ("p_test.det", TESTS)])
    assert policy is not None and not found
    assert [case.title for case in policy.cases] == ["one", "another"]
    assert [name for name, _ in policy.sources] == ["p.det"]
