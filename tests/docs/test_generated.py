"""What is made from data says what the data says now."""

import re
import tomllib
from collections import Counter
from importlib.resources import files
from importlib.resources.abc import Traversable

import pytest

from bpfc_cli.explain import PARTS as PACKAGES
from bpfc_cli.explain import all_texts
from tests.docs.generated import PARTS, Part, pages
from tests.docs.grammar import ebnf
from tests.docs.limits import LIMITS, numbers, rows


@pytest.mark.parametrize("part", PARTS, ids=[f"{p.page.name} {p.name}".strip() for p in PARTS])
def test_a_part_is_current(part: Part) -> None:
    written = part.page.read_text("utf-8")
    assert part.within(written) == written, "run `make pages`"


def test_every_rule_of_the_grammar_is_defined_once() -> None:
    defined = re.findall(r"^(\w+) = ", ebnf(), re.MULTILINE)
    without_words = re.sub(r'"[^"]*"', "", ebnf())
    used = set(re.findall(r"\b[a-z_]+\b", without_words)) - {"start"}
    assert used == {name for name in defined if name.islower()} - {"start"}
    assert len(defined) == len(set(defined)) > 15


def test_terminals_are_defined_in_words() -> None:
    text = pages()[PARTS[1].page]
    terminals = set(re.findall(r"\b[A-Z]+\b", re.sub(r'"[^"]*"', "", ebnf())))
    defined = set(re.findall(r"^([A-Z]+) = ", ebnf(), re.MULTILINE))
    assert [name for name in sorted(terminals - defined) if f"| {name} |" not in text] == []


def test_every_limit_is_the_one_in_the_code() -> None:
    stated = rows()
    assert stated.keys() == LIMITS.keys(), "tests/docs/limits.py names every row of the table"
    wrong = {what: (cell, LIMITS[what]) for what, (cell, _) in stated.items()
             if numbers(cell) != LIMITS[what]}  # fmt: skip
    assert not wrong


def test_codes_of_limits_exist() -> None:
    codes = {c for _, other in rows().values() for c in re.findall(r"BPFC\d{4}", other)}
    assert codes and codes <= set(all_texts())


def test_no_code_is_given_twice() -> None:
    found = [c for part in PACKAGES for c in _codes(files(part).joinpath("codes.toml"))]
    assert len(found) > 150 and [c for c, number in Counter(found).items() if number > 1] == []


def _codes(source: Traversable) -> list[str]:
    return list(tomllib.loads(source.read_text("utf-8"))) if source.is_file() else []


def test_codes_that_pages_name_exist() -> None:
    for path in sorted({*PARTS[0].page.parent.glob("*.md")}):
        named = set(re.findall(r"BPFC\d{4}", path.read_text("utf-8"))) - {"BPFC0123"}
        assert named <= set(all_texts()), path.name
