"""Rules written for the purpose become the policies, and the reasons, that stand beside them."""

import pytest

from bpfc_cli.importing.model import Code, Status
from bpfc_cli.importing.source import policy_text
from dsl.formatter import format_source
from dsl.frontend import check
from dsl.interpreter import Interpreter
from tests.importing.cases import Case, codes, report
from tests.importing.sigma.cases import cases
from tests.language.fixture import lines, read
from tests.language.kernel import outcomes, work
from tests.language.play import play

CASES = list(cases())
JUDGED = [case for case in CASES if case.expected(".toml")]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_rules_become_what_is_expected(case: Case) -> None:
    found = case.translated()
    text = policy_text(case.name, found)
    assert text == case.expected(".det")
    assert report(found) == case.expected(".txt")
    policy, diagnostics = check([("case.det", text)])
    assert policy is not None, "\n".join(map(str, diagnostics))
    assert format_source("case.det", text) == (text, ())
    assert len(policy.rules) == sum(len(item.names) for item in found)


@pytest.mark.bpf
@pytest.mark.parametrize("case", JUDGED, ids=[case.name for case in JUDGED])
def test_policies_say_of_events_what_is_expected(case: Case) -> None:
    text = case.expected(".det")
    stream = read(case.name, text, case.expected(".toml"))
    policy, _ = check([("case.det", text)])
    assert policy is not None
    interpreter = Interpreter(policy)
    found = [tuple(lines(interpreter.consume(event))) for event in stream.events]
    assert found == list(stream.expected)
    made = work(policy, stream.events)
    assert [tuple(lines(outcome)) for outcome in outcomes(made, play(made))] == found


def test_every_reason_is_expected_somewhere() -> None:
    reasons = {word for case in CASES for word in codes(case.expected(".txt"))}
    assert reasons == {code.value for code in Code}


def test_every_status_is_expected_somewhere() -> None:
    found = {item.status for case in CASES for item in case.translated()}
    assert found == set(Status)


def test_every_modifier_is_used() -> None:
    from sigma.modifiers import modifier_mapping

    text = "".join(case.path.read_text("utf-8") for case in CASES)
    # Parts of a date but one, and long names of flags.
    left_out = {"hour", "day", "week", "month", "year", "ignorecase", "multiline", "dotall"}
    unused = {name for name in modifier_mapping if f"|{name}" not in text}
    assert unused == left_out
