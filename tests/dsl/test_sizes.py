"""What is too long is said at its place, and what is not can be written into an artifact."""

import pytest

from bpfc.artifact import limits
from compiler.driver import compile_sources
from dsl import sizes
from dsl.frontend import check

HEADER = 'policy "p" version "1" language 1\n'
CASES = {
    "alert": ('alert "{}"', "x" * 16_384),
    "title": ('title "{}"', "x" * 16_384),
    "fields": ('alert "{}"', "a{proc.uid}" * 127),
    "value": ("output {{ {} = proc.uid }}", "a" * 255),
    "text of a value": ('output {{ a = "{}" }}', "x" * 16_384),
    "metadata": ("tag [{}]", ", ".join('"x"' for _ in range(256))),
}


def _rule(clause: str) -> str:
    return f"{HEADER}rule a {{ on process.exec when proc.uid == 0 {clause} }}"


@pytest.mark.parametrize("name", CASES)
def test_the_longest_is_taken_and_a_longer_one_refused(name: str) -> None:
    clause, value = CASES[name]
    assert compile_sources([("x.det", _rule(clause.format(value)))]).artifact is not None
    longer = f'{value}, "y"' if name == "metadata" else value + value[:11]
    policy, found = check([("x.det", _rule(clause.format(longer)))])
    assert policy is None and [item.code for item in found] == ["BPFC0322"]


def test_names_of_rules_and_policies() -> None:
    long = _rule("").replace("rule a", f"rule {'a' * 256}").replace('"p"', f'"{"p" * 16_385}"')
    assert [item.code for item in check([("x.det", long)])[1]] == ["BPFC0322"] * 2


def test_the_limits_are_those_of_artifacts() -> None:
    assert (sizes.MAX_NAME, sizes.MAX_TEXT) == (limits.NAME_MAX, limits.TEXT_MAX)
    assert (sizes.MAX_PARTS, sizes.MAX_METADATA) == (limits.TEMPLATE_MAX, limits.METADATA_MAX)
