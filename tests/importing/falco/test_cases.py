"""Falco's rules become the policies, reasons and verdicts that stand beside them."""

import re

import pytest

from bpfc_cli.importing.falco.exceptions import OPERATORS
from bpfc_cli.importing.falco.tables import tables
from bpfc_cli.importing.model import Code, Status
from bpfc_cli.importing.source import policy_text
from dsl.formatter import format_source
from dsl.frontend import check
from dsl.interpreter import Interpreter
from tests.importing.cases import Case, codes, report
from tests.importing.falco.cases import cases
from tests.language.fixture import lines, read
from tests.language.kernel import outcomes, work
from tests.language.play import play

CASES = list(cases())
SAMPLE = ("conditions", "fields", "second_stage")  # what the kernel's core judges, too
JUDGED = [case for case in CASES if case.expected(".toml")]
# What is for logs, plugins, addresses in text and filters: Code has them for other systems.
ELSEWHERE = {Code.KEYWORD, Code.PLACEHOLDER, Code.CORRELATION, Code.FILTER}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_rules_become_what_is_expected(case: Case) -> None:
    found = case.translated()
    text = policy_text(case.name, found)
    assert text == case.expected(".det")
    assert report(found) == case.expected(".txt")
    policy, diagnostics = check([("case.det", text)])
    assert policy is not None, "\n".join(map(str, diagnostics))
    assert format_source("case.det", text) == (text, ())
    off = sum(len(item.names) for item in found if item.disabled)
    assert len(policy.rules) == sum(len(item.names) for item in found) - off


@pytest.mark.parametrize("case", JUDGED, ids=[case.name for case in JUDGED])
def test_rules_mean_what_falco_means(case: Case) -> None:
    written = read(case.name, case.expected(".det"), case.expected(".toml"))
    policy, _ = check([("case.det", written.source)])
    assert policy is not None
    interpreter = Interpreter(policy)
    found = [lines(interpreter.consume(event)) for event in written.events]
    assert found == [*map(tuple, written.expected)]


@pytest.mark.bpf
@pytest.mark.parametrize("name", SAMPLE)
def test_the_kernel_s_core_says_the_same(name: str) -> None:
    (case,) = (case for case in JUDGED if case.name == name)
    written = read(case.name, case.expected(".det"), case.expected(".toml"))
    policy, _ = check([("case.det", written.source)])
    assert policy is not None
    made = work(policy, written.events)
    assert [lines(o) for o in outcomes(made, play(made))] == [*map(tuple, written.expected)]


def test_every_rule_of_judged_cases_alerts_once_at_least() -> None:
    for case in JUDGED:
        names = {n for item in case.translated() if not item.disabled for n in item.names}
        alerts = set(re.findall(r'"alert (\w+)', case.expected(".toml")))
        assert alerts == names, case.name


def test_every_reason_is_expected_somewhere() -> None:
    reasons = {word for case in CASES for word in codes(case.expected(".txt"))}
    assert reasons == {code.value for code in Code} - {code.value for code in ELSEWHERE}


def test_every_status_is_expected_somewhere() -> None:
    assert {item.status for case in CASES for item in case.translated()} == set(Status)


def test_every_operator_and_transformer_is_used() -> None:
    text = " ".join(case.path.read_text("utf-8") for case in CASES)
    transformers = ("tolower(", "toupper(", "b64(", "basename(", "len(", "val(")
    assert not [word for word in transformers if word not in text]
    assert {word for word in OPERATORS if f" {word} " not in text} == {"bstartswith"}


def test_every_event_is_used() -> None:
    text = " ".join(case.expected(".det") for case in CASES)
    assert not [t.event.name for t in tables() if not re.search(rf"\b{t.event.name}\b", text)]
