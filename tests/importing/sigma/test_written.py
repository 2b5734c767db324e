"""The written rules on generated events: bpfc and another pySigma backend say the same."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import yaml

from tests.importing.sigma import judged, oracle, random_rules
from tests.importing.sigma.cases import CASES

EVENTS = 25  # for each rule
# What both sides mean differently, by intent (docs/import.md): case of two fields; names of
# constants as numbers; networks of IPv6, which SQLite takes for beginnings of texts.
_LEFT_OUT = ("two fields", "constants as numbers", "all addresses of a family")


def _rules() -> Iterator[Any]:
    """Rules whose events the oracle has, and that need no pipeline."""
    for name in ("strings", "logic", "numbers", "addresses", "regular", "encodings", "presence"):
        for rule in yaml.safe_load_all((CASES / f"{name}.yml").read_text("utf-8")):
            if rule["title"] not in _LEFT_OUT:
                yield pytest.param(rule, id=f"{name}: {rule['title']}")


@pytest.mark.parametrize("rule", list(_rules()))
def test_verdicts_agree_with_sqlite(rule: random_rules.Rule, scale: int) -> None:
    random = Random(3)
    (found,) = judged.translation([rule])
    events = random_rules.events(random, rule, EVENTS * scale)
    if "proc.script.path" in str(rule):
        events = [{**event, "proc.script.path": None} for event in events]
    policy = judged.policy_of([found])
    verdicts = [bool(names) for names in judged.verdicts(policy, events)]
    assert verdicts == oracle.verdicts(rule, events)
