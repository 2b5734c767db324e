"""The ladder: the first form that the machine can carry, and never one that nobody allowed."""

import pytest

from bpfc.artifact.manifest import Form, RuleEvent, RuleInfo
from bpfc.artifact.record import ACT_ALERT, ACT_DENY, ACT_JUDGE, ACT_KILL
from bpfc.runtime.errors import SensorError, explanations
from bpfc.runtime.ladder import choose_forms, rule_entries
from bpfc.runtime.platform import Capability

DENY = Form("before", ("bpf_lsm",), ACT_JUDGE | ACT_DENY, 13, "denied with EACCES")
KILL = Form("after", ("raw_tp",), ACT_JUDGE | ACT_KILL, 0, "killed before its first instruction")
ALERT = Form("after", ("raw_tp",), ACT_JUDGE | ACT_ALERT, 0, "observed")


def _rule(name: str, *forms: Form, local: int = 0, event: str = "process.exec") -> RuleInfo:
    at = (RuleEvent(event, local, forms),)
    return RuleInfo(name, (), (), False, "enforce", "a/rules.det", 12, at, ())


def _machine(*names: str) -> list[Capability]:
    every = ("bpf_lsm", "raw_tp", "cgroup")
    return [Capability(n, n in names, "as the test says", "") for n in every]


@pytest.mark.parametrize(
    ("machine", "label", "place"),
    [
        (("bpf_lsm", "raw_tp"), "denied with EACCES", 0),
        (("raw_tp",), "killed before its first instruction", 1),
    ],
)
def test_the_first_form_whose_needs_are_met_is_taken(
    machine: tuple[str, ...], label: str, place: int
) -> None:
    (chosen,) = choose_forms([_rule("r", DENY, KILL, ALERT)], "linux", _machine(*machine))
    assert (chosen.form.label, chosen.place) == (label, place)


def test_a_rule_without_a_form_is_refused_by_name() -> None:
    rules = [_rule("fine", ALERT), _rule("strict", DENY)]
    with pytest.raises(SensorError) as error:
        choose_forms(rules, "linux", _machine("raw_tp"))
    found = error.value
    assert (found.code, found.rules, found.file, found.line) == (
        "BPFC0708", ("strict",), "a/rules.det", 12,
    )  # fmt: skip
    assert "bpf_lsm (as the test says)" in found.message and "else alert" in found.remedy


def test_a_need_that_the_sensor_does_not_know_is_not_met() -> None:
    form = Form("after", ("teleport",), ACT_JUDGE, 0, "beamed")
    with pytest.raises(SensorError, match="teleport"):
        choose_forms([_rule("r", form)], "linux", _machine("raw_tp"))


def test_a_rule_that_the_half_does_not_carry_has_no_form() -> None:
    assert choose_forms([_rule("r", DENY)], "windows", []) == ()


def test_entries_hold_the_actions_at_their_stage_and_the_rule() -> None:
    rules = [
        _rule("a", DENY, local=3),
        _rule("b", ALERT, local=1),
        _rule("c", ALERT, event="net.connect"),
    ]
    chosen = choose_forms(rules, "linux", _machine("bpf_lsm", "raw_tp"))
    assert rule_entries(chosen) == {
        "process.exec": {
            3: bytes([0, ACT_JUDGE | ACT_DENY, 13, 0, 0, 0, 0, 0]),
            1: bytes([ACT_JUDGE | ACT_ALERT, 0, 0, 0, 1, 0, 0, 0]),
        },
        "net.connect": {0: bytes([ACT_JUDGE | ACT_ALERT, 0, 0, 0, 2, 0, 0, 0])},
    }


def test_every_code_that_is_raised_is_explained() -> None:
    import re
    from pathlib import Path

    import bpfc.runtime
    import bpfc.simulator
    import runtime_linux

    packages = (bpfc.runtime, bpfc.simulator, runtime_linux)
    folders = [Path(str(package.__file__)).parent for package in packages]
    used = {
        code
        for folder in folders
        for path in folder.glob("*.py")
        for code in re.findall(r'"(BPFC\d{4})"', path.read_text("utf-8"))
    }
    assert used == set(explanations())
