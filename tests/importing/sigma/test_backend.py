"""The backend and the pipelines as other Sigma tools use them."""

import pytest
from sigma.collection import SigmaCollection
from sigma.processing.resolver import ProcessingPipelineResolver

from bpfc_cli.importing.sigma.backend import NotTranslated, bpfcBackend
from bpfc_cli.importing.sigma.pipelines import bpfc_linux, bpfc_windows
from dsl.frontend import check
from tests.importing.sigma.cases import CASES

SSHD = "title: a\nlogsource: {service: sshd}\ndetection: {a: [b], condition: a}"
HEADER = 'policy "other" version "1" language 1\n'


def _rules(name: str) -> SigmaCollection:
    return SigmaCollection.from_yaml((CASES / f"{name}.yml").read_text("utf-8"))


def _pipeline() -> ProcessingPipelineResolver:
    return ProcessingPipelineResolver({"bpfc_linux": bpfc_linux, "bpfc_windows": bpfc_windows})


def _converted(name: str, form: str = "default", **options: object) -> str:
    pipeline = _pipeline().resolve(["bpfc_linux", "bpfc_windows"], "bpfc")
    text: str = bpfcBackend(pipeline, **options).convert(_rules(name), form)
    return text


@pytest.mark.parametrize(
    "name", ["strings", "encodings", "numbers", "addresses", "regular", "windows"]
)
def test_a_collection_becomes_a_policy(name: str) -> None:
    text = _converted(name)
    expected = (CASES / f"{name}.det").read_text("utf-8").replace(f'"{name}"', '"sigma"', 1)
    # There is no file here.
    assert _without_places(text) == _without_places(expected)


def _without_places(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("# from ")]


def test_rules_without_a_header() -> None:
    policy, diagnostics = check([("rules.det", HEADER + _converted("logic", "rules"))])
    assert policy is not None, diagnostics


def test_what_has_no_translation_is_an_error() -> None:
    with pytest.raises(NotTranslated, match="no event of bpfc"):
        bpfcBackend(bpfc_linux()).convert(SigmaCollection.from_yaml(SSHD))


def test_errors_are_collected() -> None:
    rules = _rules("kernel_part")
    backend = bpfcBackend(_pipeline().resolve(["bpfc_linux"]), collect_errors=True)
    rules.rules = [rule for rule in rules.rules if "correlation" not in rule.title]
    text = backend.convert(rules)
    assert [type(error) for _, error in backend.errors] == [NotTranslated] * 5
    assert text.startswith('policy "sigma"')


def test_an_option_keeps_the_kernel_s_part() -> None:
    rules = _rules("kernel_part")
    rules.rules = rules.rules[1:2]
    backend = bpfcBackend(_pipeline().resolve(["bpfc_linux"]), kernel_part="true")
    assert 'when proc.cmdline == "b" nocase' in backend.convert(rules)


def test_correlations_are_converted() -> None:
    first = (CASES / "correlations.yml").read_text("utf-8").partition("title: more often")[0]
    rules = SigmaCollection.from_yaml(first.rstrip("-\n "))
    text = bpfcBackend(_pipeline().resolve(["bpfc_linux"])).convert(rules)
    assert "threshold 10 within 5min by proc.uid" in text
    assert "rule often {" in text and "rule a_login_tool {" not in text
