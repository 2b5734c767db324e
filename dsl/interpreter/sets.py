"""Run-time sets in the reference interpreter (docs/language.md, Run-time sets)."""

from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from dsl.derived import Derived
from dsl.interpreter.judgement import Judgement
from dsl.interpreter.outcome import Event
from dsl.membership import LONGEST_TEXT, Add, Member, RuntimeSet
from dsl.paths import canonical
from dsl.semantics import (
    ABSENT,
    UNKNOWN,
    FieldValue,
    Record,
    State,
    Truncated,
    address_number,
    address_range,
    value_of,
)
from dsl.typed import Policy
from dsl.walk import rule_tests

NEVER = 0  # the end of an element's life that has none
Part = int | bytes | IPv4Address | IPv6Address | IPv4Network | IPv6Network
Element = tuple[Part, ...]


class OutOfSets(Exception):
    """A value that no set holds: absent, or too long."""


class Sets:
    """The sets of a policy.

    Args:
        policy: a checked policy.
    """

    def __init__(self, policy: Policy) -> None:
        self.elements: dict[str, dict[Element, int]] = {}
        self.revised(policy)

    def revised(self, policy: Policy) -> None:
        """Sets of the same name keep their elements."""
        self.sets = {known.name: known for known in policy.sets}
        self.elements = {name: self.elements.get(name, {}) for name in self.sets}
        self.questions = _questions(policy)

    def fill(self, name: str, values: Iterable[object]) -> None:
        """Add elements from outside, as an agent does.

        Args:
            name: of the set.
            values: texts, numbers, addresses as text; lists of them for a set of tuples.
        """
        target = self.sets[name]
        for value in values:
            several = value if isinstance(value, list | tuple) else (value,)
            element = tuple(map(_given, several, target.members))
            self._add(target, element, NEVER)

    def facts(self, event: Event, record: Record) -> Record:
        """The answers to all questions of rules about membership, by their text."""
        found: dict[str, FieldValue] = {}
        for name, question in self.questions.items():
            with suppress(KeyError):  # not on this event
                found[name] = self._member(question, record, event.time)
        return found

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Add what the rule adds; it is there from the next event on."""
        for effect in judgement.rule.effects if judgement.acts else ():
            if isinstance(effect, Add):
                try:
                    element = _element(effect.set, [value_of(f, record) for f in effect.fields])
                except OutOfSets:
                    continue
                if not isinstance(element, State):
                    end = event.time + effect.lifetime if effect.lifetime else NEVER
                    self._add(effect.set, element, end)
        return judgement

    def _member(self, question: Member, record: Record, now: int) -> FieldValue:
        try:
            values = [value_of(field, record) for field in question.fields]
            element = _element(question.set, values)
        except OutOfSets:
            return 0
        if isinstance(element, State):
            return element
        known = self.elements[question.set.name]
        return int(
            any(
                all(map(_same, element, other))
                for other, end in known.items()
                if end == NEVER or now < end
            )
        )

    def _add(self, target: RuntimeSet, element: Element, end: int) -> None:
        """Add an element, or let one that is there live longer; a full set stays as it is."""
        known = self.elements[target.name]
        if target.members == ("cidr",):
            element = tuple(ip_network(part) for part in element if not isinstance(part, bytes))
        if element in known:
            before = known[element]
            known[element] = NEVER if NEVER in (before, end) else max(before, end)
        elif len(known) < target.capacity:
            known[element] = end


def _questions(policy: Policy) -> dict[str, Member]:
    """What conditions ask of sets, by its text."""
    fields = (test.field for _, rule in policy.parts for test in rule_tests(rule))
    asked = (field for field in fields if isinstance(field, Derived))
    return {f.name: f.source for f in asked if isinstance(f.source, Member)}


def _element(target: RuntimeSet, values: Iterable[FieldValue]) -> Element | State:
    """Values of fields as an element; UNKNOWN if one of them is.

    Raises:
        OutOfSets: one of them is absent or too long, and none is unknown.
    """
    parts = [_part(value, member) for value, member in zip(values, target.members, strict=True)]
    if any(part is UNKNOWN for part in parts):
        return UNKNOWN
    if any(part is ABSENT for part in parts):
        raise OutOfSets
    return tuple(part for part in parts if not isinstance(part, State))


def _part(value: FieldValue, member: str) -> Part | State:
    """A value as a part of an element; ABSENT if no set holds it."""
    if isinstance(value, Truncated):
        return UNKNOWN if len(value.prefix) < LONGEST_TEXT else ABSENT
    if isinstance(value, bytes):
        if len(value) > LONGEST_TEXT:
            return ABSENT
        text = value.replace(b"\0", b" ")
        return canonical(text) if member == "path" else text
    if isinstance(value, IPv4Address | IPv6Address):
        return _plain(value)
    assert not isinstance(value, tuple)
    return value


def _given(value: object, member: str) -> Part:
    """A part of an element as an agent gives it."""
    match member:
        case "path":
            return canonical(str(value).encode())
        case "string":
            return str(value).encode()
        case "ip":
            return _plain(ip_address(str(value)))
        case "cidr":
            return ip_network(str(value))
    assert isinstance(value, int)
    return value


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address also where it was written as ::ffff:a.b.c.d."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _same(part: Part, other: Part) -> bool:
    """Whether a value is what an element has in its place; of a network, one of its addresses."""
    if isinstance(part, IPv4Address | IPv6Address) and isinstance(other, IPv4Network | IPv6Network):
        low, high = address_range(other)
        return low <= address_number(part) <= high
    return part == other
