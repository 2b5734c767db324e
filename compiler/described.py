"""What rules compare with, in the language's own spelling: for people who compare artifacts."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from attrs import frozen

from bpfc.artifact.wording import duration
from dsl.catalogue import Field, Kind
from dsl.typed import Key, Op, Policy, Range, Rule, Step, Test, Threshold, Value
from dsl.walk import tests_of

# All lists of a policy together, in characters; beyond it none is kept, and a comparison of
# artifacts says that values are not known.
LITERALS_BYTES = 8 * 1024 * 1024

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


@frozen
class Described:
    """The values that a policy's rules compare with.

    Args:
        literals: each list once.
        tests: for each rule what is compared, and the index of the list.
    """

    literals: tuple[tuple[str, ...], ...]
    tests: tuple[tuple[tuple[str, int], ...], ...]


def described(policy: Policy) -> Described:
    """Describe the conditions of all rules.

    Args:
        policy: a checked policy.

    Returns:
        Values as the language writes them; nothing where they pass LITERALS_BYTES.
    """
    places: dict[tuple[str, ...], int] = {}
    tests = tuple(
        tuple((what, places.setdefault(values, len(places))) for what, values in _conditions(rule))
        for rule in policy.rules
    )
    if sum(len(value) for values in places for value in values) > LITERALS_BYTES:
        return Described((), ((),) * len(policy.rules))
    return Described(tuple(places), tests)


def _conditions(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each test of a rule and its values; those of exceptions and steps say so. Then how often it
    takes, and lets through."""
    if rule.sequence is None:
        for test in tests_of(rule.when):
            yield _what(test), _values(test)
    else:
        yield "sequence within", (duration(rule.sequence.within),)
        for number, step in enumerate(rule.sequence.steps, 1):
            yield from _step(step, f"step {number}")
        if rule.sequence.until is not None:
            yield from _step(rule.sequence.until, "until")
    for clause in rule.excepts:
        head = f'except "{clause.name}": ' if clause.name else "except: "
        for test in tests_of(clause.when):
            yield head + _what(test), _values(test)
    if rule.threshold is not None:
        yield "threshold", (_threshold(rule.threshold),)
    if rule.alert is not None and rule.alert.limit is not None:
        limit = rule.alert.limit
        yield "limit", (f"{limit.count} per {duration(limit.within)}{_by(limit.key)}",)


def _step(step: Step, head: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield head, (f"{step.event.name}{_by(step.key)}",)
    for test in tests_of(step.when):
        yield f"{head}: {_what(test)}", _values(test)


def _threshold(threshold: Threshold) -> str:
    distinct = f" distinct {threshold.distinct.name}" if threshold.distinct else ""
    within = duration(threshold.within)
    return f"{threshold.count}{distinct} within {within}{_by(threshold.key)}"


def _by(key: Key) -> str:
    names = ", ".join(part.name for part in key)
    return f" by {names}" if names else ""


def _what(test: Test) -> str:
    """Field and operator; `==` is `in` with one value, so that a list may shrink to one."""
    operator = "in" if test.op is Op.EQ and test.field.kind is not Kind.BOOL else test.op.value
    element = f"[{test.element}]" if test.element and test.element.isdecimal() else test.element
    words = [test.field.name, element, operator, "all" if test.every else None]
    marks = [name for name in ("nocase", "exact") if getattr(test, name)]
    return " ".join(word for word in [*words, *marks] if word)


def _values(test: Test) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_spelled(value, test.field) for value in test.values))


def _spelled(value: Value, field: Field) -> str:
    match value:
        case bytes():
            text = value.decode("utf-8", "backslashreplace")
            return f'"{"".join(_escaped(c) for c in text)}"'
        case Range():
            return f"{value.low}..{value.high}"
        case IPv4Network() | IPv6Network():
            single = value.prefixlen == value.max_prefixlen
            return str(value.network_address if single else value)
        case _:
            names = {number: name for name, number in field.constants}
            if field.kind is Kind.BOOL:
                return "true" if value else "false"
            return names.get(value, str(value))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
