"""Names of fields in tests, relative to the process that acts, and what is given for them."""

from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from dsl.case_syntax import Assignment
from dsl.cases.values import Values, call_of
from dsl.catalogue import Catalogue, Event, Field
from dsl.diagnostics import Collector, nearest
from dsl.missing import report_missing
from dsl.semantics import FieldValue
from dsl.syntax import Name

SUBJECT = "proc."
# Parts of the context that belong to other processes or another time.
ELSEWHERE = ("proc.parent.", "proc.ancestors[", "proc.prev.")

# By name of the field that has the value: its values in turn, one of them for ever.
Found = dict[str, tuple[FieldValue, ...]]


@frozen
class Fields:
    """Resolves what stands between braces.

    Args:
        catalogue: all events.
        values: makes values.
        report: takes diagnostics.
    """

    catalogue: Catalogue
    values: Values
    report: Collector

    def of_event(self, event: Event, given: Sequence[Assignment]) -> Found:
        """What an event brings.

        Args:
            event: the event.
            given: as parsed.

        Returns:
            Values by field, without those that are wrong.
        """
        return self._all(event, given)

    def of_process(self, given: Sequence[Assignment]) -> Found:
        """What is said of a process, which has to be so at any time."""
        event = next(e for e in self.catalogue.events if e.has_process)
        context = tuple(f for f in event.fields if f.context)
        lasting = evolve(event, fields=context, agent_fields=())
        found = self._all(lasting, given)
        for item in given:
            if call_of(item.value, "each") is not None:
                self.report.error(
                    "BPFC0731",
                    "`each` is for events that happen several times",
                    item.span,
                    remedy="give one value",
                )
        return found

    def _all(self, event: Event, given: Sequence[Assignment]) -> Found:
        found: Found = {}
        places: dict[str, Assignment] = {}
        for item in given:
            field = self._field(item.name, event)
            if field is None:
                continue
            base = (event.field(field.base) if field.part else None) or field
            if field.part and field.part != "elements":
                self._part(item, field, base)
            elif base.name in found:
                self._twice(item, places[base.name], base)
            else:
                places[base.name] = item
                values = self.values.of(item.value, field, base)
                if values is not None:
                    found[base.name] = values
        return found

    def _field(self, name: Name, event: Event) -> Field | None:
        """The field of a name, relative or not; None after a diagnostic."""
        event = event.as_confirmed
        field = event.field(SUBJECT + name.text) or event.field(name.text)
        if field is not None:
            return field
        whole = next((n for n in _spellings(name.text) if self._known(n)), None)
        if whole is not None and all(f.context for f in event.fields):
            self.report.error(
                "BPFC0729",
                f"`{whole}` belongs to an event, not to a process",
                name.span,
                remedy="give it where the event happens: NAME: EVENT { FIELD = VALUE }",
            )
            return None
        if whole is not None:
            report_missing(Name(whole, name.span), [event], self.catalogue, (), self.report)
            return None
        short = [f.name.removeprefix(SUBJECT) for f in event.fields if not f.parameter]
        near = nearest(name.text, short)
        if near and not name.text.startswith(SUBJECT):
            self.report.error(
                "BPFC0201", f"unknown field `{name.text}`", name.span, suggestion=near
            )
        else:
            report_missing(name, [event], self.catalogue, short, self.report)
        return None

    def _known(self, name: str) -> bool:
        return any(event.field(name) for event in self.catalogue.as_confirmed.events)

    def _part(self, item: Assignment, field: Field, base: Field) -> None:
        """BPFC0729: a value that follows from another one."""
        self.report.error(
            "BPFC0729",
            f"`{field.name}` follows from `{base.name}`",
            item.name.span,
            suggestion=base.name.removeprefix(SUBJECT),
            remedy=f"give `{base.name}`",
        )

    def _twice(self, item: Assignment, first: Assignment, base: Field) -> None:
        """BPFC0732."""
        self.report.error(
            "BPFC0732",
            f"`{base.name}` is given twice",
            item.name.span,
            remedy="a list and its joined text are one value",
            related=(("the first one is here", first.name.span),),
        )


def _spellings(name: str) -> Iterable[str]:
    return (SUBJECT + name, name)
