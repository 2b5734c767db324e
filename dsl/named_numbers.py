"""Names that stand for numbers in calculations: constants of flags, and lists of one number."""

from collections.abc import Iterator, Sequence

from attrs import frozen

from dsl.catalogue import Event, Kind
from dsl.diagnostics import Collector, shown
from dsl.resolver import Names
from dsl.syntax import Calculation, Call, Flag, Name, Number, Signed


@frozen
class NamedNumbers:
    """Finds what a name in a calculation stands for.

    Args:
        events: of the rule.
        names: the policy's lists.
        report: takes diagnostics.
        beside: fields of the same comparison: their constants can be named.
    """

    events: Sequence[Event]
    names: Names
    report: Collector
    beside: frozenset[str] = frozenset()

    def knows(self, name: Name) -> bool:
        """Whether a name is one of these, and no field's."""
        if any(event.field(name.text) for event in self.events):
            return False
        return name.text in self.names.lists or bool(self._constants(name.text))

    def value(self, name: Name) -> Number | None:
        """The number that a name stands for.

        Args:
            name: one that is known.

        Returns:
            The number, or None after a diagnostic.
        """
        if name.text in self.names.lists:
            return self._list(name)
        found = self._constants(name.text)
        if len(found) == 1:
            return Number(found.pop(), "", name.span)
        self.report.error(
            "BPFC0498",
            f"`{shown(name.text)}` is {' or '.join(map(str, sorted(found)))}: fields of this"
            " comparison have it with different values",
            name.span,
            remedy="write the number",
        )
        return None

    def _list(self, name: Name) -> Number | None:
        self.names.used.add(name.text)
        values = self.names.values.get(name.text, ())
        if len(values) == 1 and isinstance(values[0], Number):
            return Number(values[0].value, values[0].unit, name.span)
        if values:  # of a list that is wrong it was said
            what = "is no number" if len(values) == 1 else f"has {len(values):,} values"
            self.report.error(
                "BPFC0498",
                f"list `{shown(name.text)}` {what}: a list of one can be calculated with",
                name.span,
                remedy=f"write `... in {shown(name.text)}`, or give the number a list of its own",
            )
        return None

    def _constants(self, name: str) -> set[int]:
        """The values of a constant of that name."""
        fields = (event.field(field) for event in self.events for field in self.beside)
        return {
            value
            for field in fields
            if field is not None and field.kind is Kind.FLAGS
            for constant, value in field.constants
            if constant == name
        }


def fields_in(part: object) -> Iterator[str]:
    """Names of the fields in a calculation, and of what may be one."""
    match part:
        case Flag():
            yield part.field.text
        case Name():
            yield part.text
        case Call():
            for item in part.arguments:
                yield from fields_in(item)
        case Signed():
            yield from fields_in(part.item)
        case Calculation():
            yield from fields_in(part.left)
            yield from fields_in(part.right)
