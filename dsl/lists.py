"""Lists from lists: sums and differences to plain values."""

from collections.abc import Hashable, Iterable, Mapping

from attrs import define

from dsl.cycles import report_cycles
from dsl.diagnostics import Collector, Diagnostic, nearest, shown
from dsl.span import Span
from dsl.syntax import (
    Broken,
    ListItem,
    Literal,
    Literals,
    Name,
    Network,
    Number,
    NumberRange,
    Text,
)

# Values that all lists with `+` or `-` have together: each of a chain of lists can repeat all
# values of the one before.
MAX_VALUES = 1_000_000

Values = dict[Hashable, Literal]


def mentioned(item: ListItem) -> Iterable[Name]:
    """Names of lists in a list.

    Args:
        item: as parsed.
    """
    return (term for _, term in item.terms if isinstance(term, Name))


def resolve_lists(
    lists: Mapping[str, ListItem],
    macros: Iterable[str],
    announced: frozenset[str],
    report: Collector,
) -> dict[str, tuple[Literal, ...]]:
    """The values of all lists.

    Args:
        lists: by name.
        macros: names of macros.
        announced: names of which nothing is said if they are unknown.
        report: takes diagnostics: unknown names, cycles, empty results.

    Returns:
        Values by name, in the order of the source; a list alone keeps values that stand in it
        twice, of several terms each value is kept once. Without values: the list was reported.
    """
    uses: dict[str, dict[str, Span]] = {}
    for name, item in lists.items():
        uses[name] = {}
        for used in mentioned(item):
            if used.text in lists:
                uses[name].setdefault(used.text, used.span)
            elif used.text in macros:
                report.error("BPFC0203", f"`{shown(used.text)}` is a macro, not a list", used.span)
            elif used.text not in announced:
                report.error(
                    "BPFC0203",
                    f"unknown list `{shown(used.text)}`",
                    used.span,
                    suggestion=nearest(used.text, lists),
                )
    names = {name: item.name for name, item in lists.items()}
    circular = report_cycles("list", "BPFC0222", names, uses, report)
    sums = _Sums(lists, report, {name: () for name in circular})
    for name in lists:
        sums.find(name, uses)
    return sums.found


@define
class _Sums:
    """Computes lists after the lists that they use."""

    lists: Mapping[str, ListItem]
    report: Collector
    found: dict[str, tuple[Literal, ...]]
    size: int = 0

    def find(self, name: str, uses: Mapping[str, Mapping[str, Span]]) -> None:
        """Compute one list; without recursion, since a chain can be as long as the file."""
        waiting = [name]
        while waiting:
            current = waiting[-1]
            missing = [used for used in uses[current] if used not in self.found]
            if current in self.found or not missing:
                waiting.pop()
                if current not in self.found:
                    self.found[current] = self._sum(self.lists[current])
            else:
                waiting += missing

    def _sum(self, item: ListItem) -> tuple[Literal, ...]:
        """The values of one list, those of the lists in it being known."""
        if not all(self.found.get(name.text) for name in mentioned(item)):
            return ()  # of something that was reported
        for _, term in item.terms:
            if isinstance(term, Literals):
                warn_of_repeated(term, self.report)
        first = item.terms[0][1]
        if len(item.terms) == 1 and isinstance(first, Literals):
            values = first.items
        else:
            values = self._terms(item)
        if not values:
            self.report.error(
                "BPFC0305",
                f"list `{shown(item.name.text)}` is empty",
                first.span,
                remedy="a test against no values is never true; remove the list and its uses",
            )
        return values

    def _values(self, term: Name | Literals) -> tuple[Literal, ...]:
        return term.items if isinstance(term, Literals) else self.found.get(term.text, ())

    def _terms(self, item: ListItem) -> tuple[Literal, ...]:
        """Sums and differences from left to right."""
        values: Values = {}
        for added, term in item.terms:
            found = self._values(term)
            self.size += len(found)
            if self.size > MAX_VALUES:
                self.report.error(
                    "BPFC0226",
                    f"the lists have more than {MAX_VALUES:,} values together",
                    item.name.span,
                    remedy="add to fewer lists, or put tests against several lists into a macro",
                )
                return ()
            if added:
                values.update((key, v) for v in found if (key := _key(v)) not in values)
            else:
                self._take(values, found, term)
        return tuple(values.values())

    def _take(self, values: Values, found: Iterable[Literal], term: Name | Literals) -> None:
        """Take values away; of one that is written out and not there, warn."""
        for value in found:
            there = values.pop(_key(value), None)
            if there is None and isinstance(term, Literals) and not isinstance(value, Broken):
                self.report.warning(
                    "BPFC0510",
                    "this is taken from a list that does not have it",
                    value.span,
                    remedy="leave it out, or write it exactly as in the list",
                )


def warn_of_repeated(literals: Literals, report: Collector) -> None:
    """Warn of values that stand in one pair of brackets twice.

    Args:
        literals: as parsed.
        report: takes the warnings.
    """
    first: Values = {}
    for value in literals.items:
        before = first.setdefault(_key(value), value)
        if before is not value:
            report.add(
                Diagnostic(
                    "BPFC0522",
                    "warning",
                    "this value is in the list already",
                    value.span,
                    remedy="remove it",
                    related=(("it is here", before.span),),
                )
            )


def _key(value: Literal) -> Hashable:
    """What two literals have in common if they are the same value."""
    match value:
        case Text():
            return value.value
        case Number():
            return value.value, value.unit
        case NumberRange():
            return _key(value.low), _key(value.high)
        case Network():
            return value.value
        case Name():
            return "name", value.text
        case Broken():
            return value.span
