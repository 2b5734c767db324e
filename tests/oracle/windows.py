"""A policy and events as Windows means them, for the reference interpreter.

The interpreter is written for Linux. What differs on Windows is put into the policy and the events:
paths have backslashes and fold case, everything is known before the decision, fields that Windows
lacks are absent, a process is stopped by a denial, and rules that are not carried are left out.
"""

from collections.abc import Iterator
from functools import cache

from attrs import evolve

from bpfc.artifact.manifest import Manifest
from dsl import catalogue
from dsl.catalogue import Catalogue, Field, Kind
from dsl.interpreter import Event, Outcome
from dsl.membership import LONGEST_TEXT
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated
from dsl.typed import And, Deny, Expr, Kill, Not, Op, Or, Policy, Rule, Step, Test
from dsl.walk import judged_tests
from tests.language.fixture import lines
from tests.simulator.windows import early

PARTS = ("name", "directory", "extension")


@cache
def windows_catalogue() -> Catalogue:
    """The catalogue, with everything known before the decision."""
    known = early()
    return evolve(known, events=tuple(e for e in known.events if "windows" in e.platforms))


def can_be_compared(policy: Policy) -> bool:
    """Whether the interpreter knows what a policy means on Windows: not globs on paths, where two
    characters separate there, nor lengths, which count units of UTF-16."""
    tests = [test for _, rule in policy.parts for test in judged_tests(rule)]
    globs = any(test.op is Op.GLOB and test.field.kind is Kind.PATH for test in tests)
    return not globs and not any("length(" in test.field.name for test in tests)


def on_windows(policy: Policy, manifest: Manifest) -> Policy:
    """The policy as Windows carries it.

    Args:
        policy: as it was written.
        manifest: of its artifact.
    """
    rules: list[Rule] = []
    for rule, info in zip(policy.rules, manifest.rules, strict=True):
        carried = {at.event for at in info.windows}
        rules += _carried(rule, carried)
    return evolve(policy, rules=tuple(rules))


def _carried(rule: Rule, carried: set[str]) -> Iterator[Rule]:
    """A rule on the events that are carried; to kill a process that starts is to deny it."""
    if rule.sequence is not None and not carried:
        return
    for event in rule.events:
        if event.name in carried:
            found = evolve(_folded_rule(rule), events=(_event(event.name),))
            if event.name == "process.exec" and rule.kill and "proc" in rule.kill.targets:
                others = tuple(target for target in rule.kill.targets if target != "proc")
                found = evolve(
                    found,
                    deny=rule.deny or Deny("EPERM", "refuse", False, rule.span),
                    kill=Kill(others, rule.span) if others else None,
                )
            yield found


def _event(name: str) -> catalogue.Event:
    found = windows_catalogue().event(name)
    assert found is not None
    return found


def _folded_rule(rule: Rule) -> Rule:
    """A rule whose tests of paths fold case."""
    excepts = tuple(evolve(item, when=_folded(item.when)) for item in rule.excepts)
    sequence = rule.sequence
    if sequence is not None:
        sequence = evolve(
            sequence,
            steps=tuple(map(_folded_step, sequence.steps)),
            until=_folded_step(sequence.until) if sequence.until else None,
        )
    confirm = rule.confirm and evolve(rule.confirm, when=_folded(rule.confirm.when))
    return evolve(
        rule, when=_folded(rule.when), excepts=excepts, sequence=sequence, confirm=confirm
    )


def _folded_step(step: Step) -> Step:
    return evolve(step, when=_folded(step.when), event=_event(step.event.name))


def _folded(expr: Expr) -> Expr:
    match expr:
        case Test():
            path = expr.field.kind is Kind.PATH or expr.field.part in PARTS
            return evolve(expr, nocase=True) if path else expr
        case Not():
            return Not(_folded(expr.item))
        case And():
            return And(tuple(map(_folded, expr.items)))
        case Or():
            return Or(tuple(map(_folded, expr.items)))
    return expr


def happens_on_windows(event: Event) -> Event | None:
    """An event with what Windows tells of it; None if it has no such event."""
    kind = windows_catalogue().event(event.name)
    if kind is None:
        return None
    fields = dict(event.fields)
    for field in kind.fields:
        if field.name in fields and not field.part:
            fields[field.name] = _value(field, fields[field.name])
        elif "windows" not in field.platforms:
            fields[field.name] = ABSENT
    told = {field.name for field in kind.agent_fields if "windows" in field.platforms}
    for name in fields.keys() - {field.name for field in kind.fields} - told:
        fields[name] = ABSENT
    return evolve(event, fields=fields)


def _value(field: Field, value: FieldValue) -> FieldValue:
    if "windows" not in field.platforms:
        return ABSENT
    if isinstance(value, Truncated):
        return Truncated(_text(field, value.prefix))
    return _text(field, value) if isinstance(value, bytes) else value


def _text(field: Field, value: bytes) -> bytes:
    """A text without what UTF-16 cannot spell; a command line is one text.

    Texts that only one of the systems takes into a set (their longest one is in bytes there, in
    units of UTF-16 here) are cut to what both take.
    """
    text = value.decode("utf-8", "replace").replace("\0", " ")
    sizes = [len(text.encode(encoding)) for encoding in ("utf-8", "utf-16-le")]
    if len({(size < LONGEST_TEXT, size <= LONGEST_TEXT) for size in sizes}) > 1:
        text = text[: LONGEST_TEXT // 4 - 1]  # no character has more than four bytes
    value = text.encode()
    return value.replace(b"/", b"\\") if field.kind is Kind.PATH else value


def for_the_interpreter(event: Event) -> Event:
    """A Windows event with parts of paths, which the interpreter takes apart at slashes."""
    kind, fields = _event(event.name), dict(event.fields)
    for field in kind.fields:
        if field.kind is Kind.PATH and not field.part and field.name in fields:
            fields[field.name] = _lower(fields[field.name])
    for field in kind.fields:
        base = kind.field(field.base) if field.part in PARTS else None
        if base is not None and base.kind is Kind.PATH and base.name in fields:
            fields[field.name] = _part(fields[base.name], field.part)
    return evolve(event, fields=fields)


def _lower(value: FieldValue) -> FieldValue:
    if isinstance(value, Truncated):
        return Truncated(value.prefix.lower())
    return value.lower() if isinstance(value, bytes) else value


def _part(path: FieldValue, part: str) -> FieldValue:
    if isinstance(path, Truncated):
        return UNKNOWN
    if not isinstance(path, bytes):
        return path
    head, separator, name = path.rpartition(b"\\")
    if part == "name":
        return name
    if part == "directory":
        return head or separator
    stem, _, extension = name.rpartition(b".")
    return extension if stem.strip(b".") else b""


def windows_lines(outcome: Outcome) -> tuple[str, ...]:
    """What an outcome comes to, without error numbers, which Windows does not have; a process that
    is denied is ended, and the other way round."""
    kill = outcome.kill - {"proc"} if outcome.deny else outcome.kill
    return tuple(
        line.rpartition(" ")[0] if line.removeprefix("would ").startswith("deny ") else line
        for line in lines(evolve(outcome, kill=kill))
    )
