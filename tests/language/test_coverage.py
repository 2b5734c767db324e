"""Nothing of the language is without a case: words and productions of the grammar, operators,
types, errors, chapters of the specification."""

import re
from typing import ClassVar

import pytest

from dsl.automaton import Automaton
from dsl.catalogue import Kind
from dsl.frontend import check
from dsl.lexer import Token
from dsl.table import Production, load
from dsl.typed import Op
from dsl.walk import rule_tests
from dsl.words import DENY_ERRNOS, METADATA
from tests.language.documented import ROOT
from tests.language.results import ALL, expected, policy_of

# Left out, which is read and then refused with what was expected; and planned (BPFC0106).
REFUSED = {
    "capacity -> nothing of 0",
    "rule_name -> nothing of 1",
    "within -> nothing of 0",
}
FORTY = 40
OF_ERRORS = {"SKIPPED", "ITEM", "skipped"}
# Chapters that are about something else than what an event comes to.
REFERENCE = {
    "State",
    "What state costs, and what it can do",
    "Words, numbers and texts",
    "Messages",
    "Warnings",
    "Limits",
    "Diagnostics",
    "Grammar",
    "Not in this version",
}

Seen = set[str | Production]


class Recorder(Automaton):
    """An automaton that notes what it takes."""

    seen: ClassVar[Seen] = set()

    def feed(self, kind: str, token: Token) -> bool:
        """Take one token, noting it and the reductions that it asks for."""
        states = list(self.states)
        while isinstance(action := self.table.actions[states[-1]].get(kind), Production):
            self.seen.add(action)
            if action.size:
                del states[-action.size :]
            goto = self.table.actions[states[-1]][action.origin]
            assert isinstance(goto, int)
            states.append(goto)
        self.seen.add(kind)
        return super().feed(kind, token)


def _used(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Terminals and productions that the cases use, and the test blocks that `bpfc test` runs."""
    monkeypatch.setattr("dsl.parser.Automaton", Recorder)
    policy_of.cache_clear()
    for name in ALL:
        policy_of(name)
    for path in sorted((ROOT / "tests" / "cli" / "testing").glob("*.det")):
        assert check([(path.name, path.read_bytes())])[0], path
    return Recorder.seen


def _all() -> Seen:
    """Terminals and productions of the grammar."""
    table = load()
    found: Seen = set(table.keywords.values())
    for row in table.actions.values():
        found |= {kind for kind in row if kind.isupper()}
        found |= {action for action in row.values() if isinstance(action, Production)}
    return found


def _name(one: str | Production) -> str:
    return one if isinstance(one, str) else f"{one.origin} -> {one.method} of {one.size}"


def test_every_word_and_production_of_the_grammar_has_a_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missing = sorted(map(_name, _all() - _used(monkeypatch)))
    missing = [name for name in missing if not OF_ERRORS & set(name.split())]
    assert [name for name in missing if name not in REFUSED] == []


def test_every_operator_and_type_has_a_case() -> None:
    tests = [t for name in ALL for rule in policy_of(name).rules for t in rule_tests(rule)]
    assert {test.op for test in tests} == set(Op)
    assert {Kind.STRING, Kind.PATH, Kind.STRINGS} <= {t.field.kind for t in tests if t.nocase}


def test_every_error_and_key_has_a_case() -> None:
    rules = [rule for name in ALL for rule in policy_of(name).rules]
    denied = {line for case in ALL.values() for lines in expected(case) for line in lines}
    assert {f"deny {name}" for name in DENY_ERRNOS} <= denied
    assert {key for rule in rules for key, _ in rule.metadata} == set(METADATA)


def test_every_chapter_of_the_specification_has_a_case() -> None:
    text = (ROOT / "docs" / "language.md").read_text("utf-8")
    chapters = set(re.findall(r"^##+ (.+)$", text, re.MULTILINE))
    covered = {chapter for case in ALL.values() for chapter in case.about}
    assert covered <= chapters, "a case is `about` a chapter that does not exist"
