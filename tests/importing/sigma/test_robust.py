"""Rules with something wrong in them end in reasons, never in a traceback or a wrong policy."""

from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

import yaml

from bpfc_cli.importing.sigma.translate import translated
from bpfc_cli.importing.source import policy_text
from dsl.frontend import check
from tests.importing.sigma.cases import cases

RULES = 150
WRONG: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, float("inf"), float("nan"), 10**400),
    *("", " ", "*", "?", "\\", "%x%", "a\0b", "é" * 3, "x" * 2000, "{field}", '"', "\n", "\u202e"),
    *([], {}, [[]], [None], {"a": None}, ["a", {"b": "c"}], {"a|contains": "b"}, {1: 2}),
    *("|", "a|b", "not", "1 of them", "a and", "()", "(?", "[[", "a{1001}", "(a|b)*" * 20),
    *("10.0.0.0/33", "::", "1h", "99999999999999d", "2026-01-01"),
)
FIELDS = (
    *("Image", "CommandLine", "User", "Hashes", "DestinationIp", "DestinationPort", "Protocol"),
    *("proc.tty", "proc.argv", "proc.caps.effective", 'proc.env["A"]', "proc.exe.in_memory"),
    *("file.mode", "proc.exe.file", "proc", "proc.start_time", "proc.ancestors[99].exe.name"),
    *("remote.ip is_private", "a b", ""),
)
MODIFIERS = (
    *("contains", "startswith", "endswith", "all", "re", "i", "cidr", "base64", "wide"),
    *("windash", "cased", "exists", "lt", "gte", "fieldref", "expand", "neq", "minute"),
)


def test_wrong_rules_end_in_reasons(scale: int) -> None:
    random = Random(4)
    rules = list(_rules())
    for _ in range(RULES * scale):
        rule = deepcopy(random.choice(rules))
        for _ in range(random.randint(1, 3)):
            _spoil(random, rule)
        text = yaml.safe_dump(rule, allow_unicode=True)
        found = translated([("wrong.yml", text.encode())], kernel_part=random.random() < 0.5)
        assert found and all(bool(item.detections or item.reasons) for item in found), text
        if any(item.names for item in found):
            policy, diagnostics = check([("wrong.det", policy_text("wrong", found))])
            assert policy is not None, (text, diagnostics)


def _rules() -> Iterator[dict[Any, Any]]:
    """All rules of the cases."""
    for case in cases():
        for document in yaml.safe_load_all(case.path.read_text("utf-8")):
            if isinstance(document, dict):
                yield document


def _places(value: Any) -> Iterator[tuple[Any, Any, bool]]:
    """Containers and keys in a value, and whether they are fields of a detection."""
    waiting = [(value, False)]
    while waiting:
        item, inside = waiting.pop()
        keys = list(item) if isinstance(item, dict) else range(len(item))
        for key in keys:
            yield item, key, inside
            if isinstance(item[key], dict | list):
                waiting.append((item[key], inside or key == "detection"))


def _spoil(random: Random, rule: dict[Any, Any]) -> None:
    """Change something."""
    item, key, inside = random.choice(list(_places(rule)) or [(rule, "title", False)])
    wrong = deepcopy(random.choice(WRONG))
    how = random.random()
    if isinstance(item, list) or how < 0.4:
        item[key] = wrong
    elif how < 0.5:
        del item[key]
    elif inside:
        value = item.pop(key)
        modifiers = random.sample(MODIFIERS, random.randint(0, 2))
        field = "|".join([random.choice(FIELDS), *modifiers])
        item[field] = value if random.random() < 0.6 else wrong
    else:
        rule[random.choice(list(rule))] = wrong
