"""A typed policy as text, for expected outputs in plain files; run it to write them anew."""

import sys
from datetime import date
from pathlib import Path

from attrs import asdict

from dsl.cases import Case, Expectation, ValueExpectation
from dsl.cases.typed import START
from dsl.diagnostics import render
from dsl.frontend import check
from dsl.membership import Add, Effect, RuntimeSet, Tag, Untag
from dsl.semantics import FieldValue, State, Truncated
from dsl.typed import (
    And,
    Constant,
    Except,
    Expr,
    Key,
    Not,
    Or,
    Policy,
    Range,
    Rule,
    Step,
    Test,
    Value,
)

TODAY = date(2026, 5, 1)
FIXTURES = Path(__file__).parent / "fixtures"


def outcome(path: Path) -> str:
    """What the front end says about a fixture: its diagnostics, then the policy if there is one."""
    data = path.read_bytes()
    sources: dict[str, str | bytes] = {path.name: data}

    def load(name: str) -> bytes:
        content = (path.parent / name).read_bytes()
        sources[name] = content
        return content

    policy, found = check([(path.name, data)], load=load, today=TODAY)
    parts = [render(item, sources) for item in found]
    parts += [policy_text(policy)] if policy else ["no policy"]
    return "\n\n".join(parts) + "\n"


def policy_text(policy: Policy) -> str:
    """A policy, one line a clause."""
    head = f"policy {policy.name} {policy.version} language {policy.language} {policy.mode}"
    sets = [_set(known) for known in policy.sets]
    return "\n\n".join([head, *sets, *map(_rule, policy.rules), *map(_case, policy.cases)])


def _case(case: Case) -> str:
    """A test, one line an event."""
    lines = [f"test {case.title}"]
    lines += [f"  set {name} {elements}" for name, elements in case.sets]
    for happening in case.happenings:
        for one in happening.occurrences[:3]:
            values = ", ".join(f"{n}={_given(v)}" for n, v in sorted(one.event.fields.items()))
            lines.append(f"  {(one.event.time - START) / 10**9}s {happening.event} {{{values}}}")
            lines += [f"    assumed {' '.join(sorted(one.assumed))}"] if one.assumed else []
        lines.append(f"    {len(happening.occurrences)} in all")
        lines += [f"    expect {_expected(item)}" for item in happening.expectations]
    return "\n".join(lines)


def _given(value: FieldValue) -> str:
    """A value of a record; of a long text the length."""
    if isinstance(value, Truncated):
        return f"{_given(value.prefix)}..."
    if isinstance(value, bytes):
        return repr(value)[1:] if len(value) < 60 else f"{len(value)} bytes"
    return value.name if isinstance(value, State) else str(value)


def _expected(item: Expectation | ValueExpectation) -> str:
    named = asdict(item, filter=lambda attribute, _: attribute.name != "span")
    return " ".join(f"{name}={value}" for name, value in named.items() if value not in ("", None))


def _set(item: RuntimeSet) -> str:
    """One run-time set."""
    return f"set {item.name} {' '.join(item.members)} {item.capacity} for {item.lifetime}"


def _rule(rule: Rule) -> str:
    """One rule."""
    lines = [f"rule {rule.name} {rule.mode}{' silent' if rule.silent else ''}"]
    lines += [f"  {key} {value}" for key, value in rule.metadata]
    lines.append(f"  on {' '.join(event.name for event in rule.events)}")
    lines.append(f"  when {expr_text(rule.when)}")
    lines += [f"  except {_details(e)} when {expr_text(e.when)}" for e in rule.excepts]
    if rule.deny:
        unknown = " on unknown" if rule.deny.on_unknown else ""
        lines.append(f"  deny {rule.deny.errno}{unknown} else {rule.deny.fallback}")
    if rule.kill:
        steps = (f"step{number}" for number in rule.kill.steps)
        lines.append(f"  kill {' '.join([*rule.kill.targets, *steps])}")
    if rule.sequence:
        lines.append(f"  sequence {rule.sequence.within}")
        lines += [_step(f"step {step.alias or '-'}", step) for step in rule.sequence.steps]
        lines += [_step("until", rule.sequence.until)] if rule.sequence.until else []
    if rule.threshold:
        distinct = rule.threshold.distinct
        what = f" distinct {_key((distinct,))}" if distinct else ""
        key = _key(rule.threshold.key)
        lines.append(f"  threshold {rule.threshold.count}{what} {rule.threshold.within} by {key}")
    lines += [f"  {_effect(effect)}" for effect in rule.effects]
    if rule.alert:
        parts = (p if isinstance(p, str) else f"<{p.name}>" for p in rule.alert.template)
        lines.append(f"  alert {''.join(parts)}")
        limit = rule.alert.limit
        lines += [f"  limit {limit.count} {limit.within} by {_key(limit.key)}"] if limit else []
    for value in rule.output:
        parts = (p if isinstance(p, str) else f"<{p.name}>" for p in value.parts)
        lines.append(f"  output {value.name} {'text ' if value.text else ''}{''.join(parts)}")
    return "\n".join(lines)


def _step(what: str, step: Step) -> str:
    """A step of a sequence."""
    joined = "".join(
        f" {word} {_key(key)}"
        for word, key in (("finds", step.before), ("leaves", step.after))
        if key
    )
    when = expr_text(step.when)
    return f"    {what} {step.event.name} when {when} by {_key(step.key)}{joined}"


def _key(key: Key) -> str:
    """What a key consists of."""
    parts = (f"{p.name}:{p.kind}={'+'.join(f.name for f in p.fields)}" for p in key)
    return f"({' '.join(parts)})"


def _effect(effect: Effect) -> str:
    """What a rule adds, tags or untags."""
    names = " ".join(field.name for field in effect.fields)
    match effect:
        case Add():
            return f"add {names} to {effect.set.name} for {effect.lifetime}"
        case Tag():
            inherited = " inherited" if effect.inherited else ""
            return f"tag {effect.subject} ({names}) {effect.tag}{inherited} for {effect.lifetime}"
        case Untag():
            return f"untag {effect.subject} ({names}) {effect.tag}"


def _details(item: Except) -> str:
    """An exception's name, owner and last day."""
    owner = f" owner {item.owner}" if item.owner else ""
    return f"{item.name or '-'}{owner}{f' until {item.until}' if item.until else ''}"


def expr_text(expr: Expr) -> str:
    """A condition as an S-expression."""
    match expr:
        case Constant():
            return str(expr.value).lower()
        case Not():
            return f"(not {expr_text(expr.item)})"
        case And():
            return f"(and {' '.join(map(expr_text, expr.items))})"
        case Or():
            return f"(or {' '.join(map(expr_text, expr.items))})"
        case Test():
            return _test(expr)


def _test(test: Test) -> str:
    """One test."""
    words = [test.field.name, test.element or "", test.op.value, "all" if test.every else ""]
    words += [_value(value) for value in test.values]
    words += ["nocase" if test.nocase else "", "exact" if test.exact else ""]
    return f"({' '.join(word for word in words if word)})"


def _value(value: Value) -> str:
    """One value."""
    match value:
        case bytes():
            return repr(value)[1:]
        case Range():
            return f"{value.low}..{value.high}"
        case _:
            return str(value)


if __name__ == "__main__":
    for fixture in sorted(FIXTURES.glob("*.det")):
        fixture.with_suffix(".txt").write_text(outcome(fixture), "utf-8")
        sys.stdout.write(f"{fixture.name}\n")
