"""Random rules on events near them: the policy says what Falco's rule means."""

from random import Random

import pytest
import yaml

from bpfc_cli.importing.falco.translate import translated
from bpfc_cli.importing.model import Code, Status, Translation
from bpfc_cli.importing.source import policy_text
from dsl.frontend import check
from dsl.interpreter import Interpreter
from dsl.typed import Policy
from tests.importing.falco.random_rules import Rule, events
from tests.language.fixture import lines
from tests.language.kernel import outcomes, work
from tests.language.play import play

EVENTS = 40  # for each rule
TOGETHER = 8  # rules of a policy that the kernel's core judges
RULES = 25  # ten times as many, and so 10,000 pairs, in a long run
# What random rules ask for and the language or bpfc's events do not have.
EXPECTED = {Code.NEVER, Code.LIMIT, Code.FIELD}


def test_verdicts_agree_with_falco_s_meaning(scale: int) -> None:
    random = Random(1)
    pairs = matches = number = second = 0
    while pairs < RULES * EVENTS * scale:
        rule = Rule(random, number)
        number += 1
        drawn = events(random, EVENTS)
        expected = [rule.holds(falco) for falco, _ in drawn]
        found = _translation(rule)
        if not found.detections:
            assert {reason.code for reason in found.reasons} <= EXPECTED, (rule.items(), found)
            if any(reason.code is Code.NEVER for reason in found.reasons):
                assert not any(expected), rule.items()
            continue
        policy = _policy(found)
        for (falco, happened), wanted in zip(drawn, expected, strict=True):
            alerts = [a for event in happened for a in Interpreter(policy).consume(event).alerts]
            assert bool(alerts) == wanted, (rule.items(), policy_text("random", [found]), falco)
            assert not any(alert.partial for alert in alerts)
        pairs += len(drawn)
        matches += sum(expected)
        second += found.status is Status.SECOND_STAGE
    assert second > 0.1 * number  # the agent has a part in many rules
    assert 0.05 < matches / pairs < 0.8  # neither side is right by luck
    assert number < 1.5 * pairs / EVENTS  # few rules are left out


@pytest.mark.bpf
def test_the_kernel_s_core_agrees_with_the_interpreter(scale: int) -> None:
    random = Random(2)
    for _ in range(scale):
        rules = [Rule(random, number) for number in range(TOGETHER)]
        drawn = [event for _ in rules for event in events(random, EVENTS)]
        policy = _policy(*_translations(*rules))
        happened = [event for _, both in drawn for event in both]
        made = work(policy, happened)
        interpreter = Interpreter(policy)
        expected = [lines(interpreter.consume(event)) for event in happened]
        assert [lines(outcome) for outcome in outcomes(made, play(made))] == expected


def _translation(rule: Rule) -> Translation:
    (found,) = _translations(rule)
    return found


def _translations(*rules: Rule) -> tuple[Translation, ...]:
    items = [item for rule in rules for item in rule.items()]
    text = yaml.safe_dump(items, allow_unicode=True, sort_keys=False)
    return translated([("random.yaml", text.encode())])


def _policy(*found: Translation) -> Policy:
    policy, diagnostics = check([("random.det", policy_text("random", found))])
    assert policy is not None, "\n".join(map(str, diagnostics))
    return policy
