"""`given set NAME = [...]`: elements of run-time sets as an agent would add them."""

from dsl.case_syntax import GivenSet, Sum
from dsl.cases.typed import Element, Part
from dsl.cases.values import Values, element_of, network_text
from dsl.membership import LONGEST_TEXT, RuntimeSet
from dsl.span import Span
from dsl.syntax import Broken, Literal, Network, Number, Text
from dsl.values import MAX_PORT

LEAST, GREATEST = -(1 << 63), (1 << 64) - 1


def elements(item: GivenSet, target: RuntimeSet, values: Values) -> tuple[Element, ...]:
    """The elements of a set, those that are right.

    Args:
        item: as parsed.
        target: the set.
        values: takes diagnostics.
    """
    found: list[Element] = []
    for given in item.elements.items:
        if isinstance(given, Broken):
            continue
        parts = element_of(given)
        if parts is None or len(parts) != len(target.members):
            _wrong(given.span, target, values)
            continue
        pairs = zip(parts, target.members, strict=True)
        made = [_part(part, member, values) for part, member in pairs]
        complete = tuple(part for part in made if part is not None)
        if len(complete) < len(parts):
            _wrong(given.span, target, values)
        else:
            found.append(complete if len(target.members) > 1 else complete[0])
    if len(found) > target.capacity:
        values.report.error(
            "BPFC0720",
            f"`{target.name}` has room for {target.capacity:,} elements, not {len(found):,}",
            item.span,
            related=(("it is declared here", target.span),),
        )
    return tuple(found)


def _part(given: Sum, member: str, values: Values) -> Part | None:
    """A part of an element; None if it is not of the set's type."""
    if member in ("string", "path"):
        text = values.text(given, None) if not _literal_of(given, _NOT_TEXT) else None
        return text.decode("utf-8", "replace") if text and len(text) <= LONGEST_TEXT else None
    literal = _literal_of(given, (Number, Network, Text))
    if literal is None:
        return None
    if member in ("ip", "cidr"):
        network = network_text(literal)
        return None if network is None or (member == "ip" and "/" in network) else network
    low, high = (0, MAX_PORT) if member == "port" else (LEAST, GREATEST)
    fits = isinstance(literal, Number) and not literal.unit and low <= literal.value <= high
    return literal.value if fits and isinstance(literal, Number) else None


_NOT_TEXT = (Number, Network)


def _literal_of(given: Sum, kinds: tuple[type, ...]) -> Literal | None:
    """The one literal that a value is, if it is of these kinds."""
    part = given.parts[0] if len(given.parts) == 1 else None
    return part if isinstance(part, kinds) else None  # type: ignore[return-value]


def _wrong(span: Span, target: RuntimeSet, values: Values) -> None:
    """BPFC0720."""
    several = len(target.members) > 1
    example = ", ".join(_EXAMPLES[member] for member in target.members)
    values.report.error(
        "BPFC0720",
        f"this is no element of `{target.name}`, a set of {', '.join(target.members)}",
        span,
        remedy=f"write elements such as {f'({example})' if several else example}",
        related=(("it is declared here", target.span),),
    )


_EXAMPLES = {
    "string": '"text"',
    "path": '"/usr/bin/id"',
    "ip": "192.0.2.1",
    "cidr": "192.0.2.0/24",
    "port": "443",
    "int": "1000",
}
