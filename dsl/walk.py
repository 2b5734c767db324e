"""Ways through a typed rule."""

from collections.abc import Iterator

from dsl.catalogue import Field
from dsl.derived import fields_of
from dsl.typed import And, Expr, Key, KeyPart, Not, Or, Part, Rule, Step, Test


def tests_of(expr: Expr) -> Iterator[Test]:
    """All tests of a condition, in source order."""
    match expr:
        case Test():
            yield expr
        case Not():
            yield from tests_of(expr.item)
        case And() | Or():
            for item in expr.items:
                yield from tests_of(item)


def rule_tests(rule: Rule) -> Iterator[Test]:
    """All tests of a rule, those of its exceptions included."""
    yield from tests_of(rule.when)
    for clause in rule.excepts:
        yield from tests_of(clause.when)


def confirm_tests(rule: Rule) -> Iterator[Test]:
    """All tests that the agent makes for a rule."""
    if rule.confirm is not None:
        yield from tests_of(rule.confirm.when)


def judged_tests(rule: Rule) -> Iterator[Test]:
    """All tests of a rule or a step, those that the agent makes behind the others."""
    yield from rule_tests(rule)
    yield from confirm_tests(rule)


def agent_fields(rule: Rule) -> tuple[Field, ...]:
    """What a rule wants of the agent, for its second stage and its alerts, each field once."""
    named = (*(test.field for test in confirm_tests(rule)), *_named(rule))
    return tuple({field.name: field for field in named if field.known_by}.values())


def effect_reads(rule: Rule) -> Iterator[Field]:
    """All fields of the catalogue that a rule's effects read, in source order."""
    for effect in rule.effects:
        yield from effect.fields


def operands(field: Field) -> tuple[Field, ...]:
    """The fields of the event that a tested field stands for: itself, or those that it is computed
    or looked up from."""
    return fields_of(field)


def rule_reads(rule: Rule) -> Iterator[Field]:
    """All fields of the catalogue that a rule's conditions read, in source order; of a computed
    value those that it is computed from."""
    for test in rule_tests(rule):
        yield from operands(test.field)


def rule_keys(rule: Rule) -> Iterator[KeyPart]:
    """By what a rule tells things apart: the parts of the keys of its limit and its threshold, and
    what it wants to be different."""
    for counted in (rule.alert.limit if rule.alert else None, rule.threshold):
        yield from counted.key if counted else ()
    if rule.threshold and rule.threshold.distinct:
        yield rule.threshold.distinct
    if (step := step_of(rule)) is not None:
        yield from (*step.key, *step.before, *step.after)


def shown_fields(rule: Rule) -> Iterator[Field]:
    """The fields of the event that a rule's alerts show in their text and as named values."""
    yield from (field for field in _named(rule) if not field.known_by)


def _named(rule: Rule) -> Iterator[Field]:
    yield from (part for part in shown_parts(rule) if isinstance(part, Field))


def shown_parts(rule: Rule) -> Iterator[Part]:
    """What the texts and named values of a rule's alerts consist of."""
    yield from rule.alert.template if rule.alert else ()
    for value in rule.output:
        yield from value.parts


def rule_fields(rule: Rule) -> Iterator[Field]:
    """All fields of the event that a rule reads or shows, or that its second stage is about."""
    yield from rule_reads(rule)
    yield from shown_fields(rule)
    yield from (test.field for test in confirm_tests(rule) if not test.field.known_by)
    yield from needed_fields(rule)
    for effect in rule.effects:
        yield from effect.fields
    for key in rule_keys(rule):
        yield from key.fields
    yield from carried_fields(rule)


def needed_fields(rule: Rule) -> Iterator[Field]:
    """The fields out of which the agent finds what a rule wants of it."""
    names = {name for field in agent_fields(rule) for name in field.needs}
    for event in rule.events:
        yield from event.ordered(names)


def carried_fields(rule: Rule) -> tuple[Field, ...]:
    """What a step of a sequence remembers for the alert of the last one."""
    step = step_of(rule)
    return step.carried if step is not None else ()


def counted_fields(rule: Rule) -> Iterator[Field]:
    """The fields without which a rule cannot be judged: what its threshold counts by, and what a
    step is found by."""
    if rule.threshold is not None:
        distinct = rule.threshold.distinct
        yield from key_fields((*rule.threshold.key, *([distinct] if distinct else [])))
    if (step := step_of(rule)) is not None:
        yield from key_fields((*step.key, *step.before))


def step_of(rule: Rule) -> Step | None:
    """The step of a sequence that a rule or a part of it stands for; None without a sequence."""
    if rule.sequence is None:
        return None
    if rule.turn == 0:
        return rule.sequence.until
    return rule.sequence.steps[(rule.turn or 0) - 1]


def key_fields(key: Key) -> Iterator[Field]:
    """The numbers that a key consists of."""
    for part in key:
        yield from part.fields


def enforces(rule: Rule) -> bool:
    """Whether a rule does more than to alert."""
    return bool(rule.deny or rule.kill or rule.effects)
