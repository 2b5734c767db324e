"""Random rules on events near them: bpfc and another pySigma backend say the same."""

from random import Random

import pytest

from bpfc_cli.importing.model import Code, Status, Translation
from tests.importing.sigma import judged, oracle, random_rules
from tests.importing.sigma.random_rules import Event, Rule
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.play import play

EVENTS = 40  # for each rule
RULES = 25  # ten times as many, and so 10,000 pairs, in a long run
TOGETHER = 8  # rules of a policy that the kernel's core judges
# What random rules ask for and addresses, numbers and the language do not have.
EXPECTED = {Code.NEVER, Code.OPERATOR, Code.LIMIT}


def _drawn(random: Random, number: int) -> tuple[Rule, list[Event], Translation]:
    rule = random_rules.rule(random, number)
    (found,) = judged.translation([rule])
    return rule, random_rules.events(random, rule, EVENTS), found


def test_verdicts_agree_with_sqlite(scale: int) -> None:
    random = Random(1)
    pairs = matches = number = second = 0
    while pairs < RULES * EVENTS * scale:
        rule, events, found = _drawn(random, number)
        number += 1
        expected = oracle.verdicts(rule, events)
        if any(reason.code is Code.NEVER for reason in found.reasons):
            assert not any(expected), rule
        if not found.detections:
            assert {reason.code for reason in found.reasons} <= EXPECTED, found.reasons
            continue
        policy = judged.policy_of([found])
        assert [bool(v) for v in judged.verdicts(policy, events)] == expected, (rule, events)
        pairs += len(events)
        matches += sum(expected)
        second += found.status is Status.SECOND_STAGE
    assert second > 0.15 * number  # the agent has a part in many rules
    assert 0.2 < matches / pairs < 0.8  # neither side is right by luck
    assert number < 1.3 * pairs / EVENTS  # few rules are left out


@pytest.mark.bpf
def test_the_kernel_s_core_agrees_with_the_interpreter(scale: int) -> None:
    random = Random(2)
    for _ in range(scale):
        drawn = [_drawn(random, number) for number in range(TOGETHER)]
        rules = [rule for rule, _, found in drawn if found.detections]
        policy = judged.policy_of(judged.translation(rules))
        events = [judged.happened(event) for _, all_events, _ in drawn for event in all_events]
        made = work(policy, events)
        found = outcomes(made, play(made))
        expected = judged.outcomes(policy, events)
        assert [lines(outcome) for outcome in found] == [lines(outcome) for outcome in expected]
