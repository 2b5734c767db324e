"""Named values of alerts: the clause `output`."""

from dsl import templates, typed
from dsl.diagnostics import Collector, shown
from dsl.span import Span
from dsl.syntax import Name, NamedValue, Output, Text

MAX_VALUES = 32  # of one rule


def check_output(
    clause: Output | None, find: templates.Find, report: Collector
) -> tuple[typed.Output, ...]:
    """Check `output { name = FIELD, name = "text {field}" }`.

    Args:
        clause: as parsed, if there is one.
        find: finds the fields of the rule.
        report: takes diagnostics.

    Returns:
        The values in source order, those that could be checked.
    """
    if clause is None:
        return ()
    first: dict[str, Span] = {}
    for value in clause.values:
        _check_name(value.name, first, report)
    if len(clause.values) > MAX_VALUES:
        report.error(
            "BPFC0321",
            f"an output has at most {MAX_VALUES} values, not {len(clause.values):,}",
            clause.values[MAX_VALUES].span,
            remedy="alerts have all fields of their event in any case",
        )
    found = [_value(value, find, report) for value in clause.values]
    return tuple(value for value in found if value is not None)


def _check_name(name: Name, first: dict[str, Span], report: Collector) -> None:
    """Report a name that another value has, or that looks like a field's."""
    before = first.setdefault(name.text, name.span)
    if before is not name.span:
        report.error(
            "BPFC0320",
            f"another value of this output is called `{shown(name.text)}`",
            name.span,
            remedy="give each its own name",
            related=(("it is here", before),),
        )
    if "." in name.text:
        report.error(
            "BPFC0320",
            f"`{shown(name.text)}` would look like a field: names of values have no dots",
            name.span,
            suggestion=name.text.replace(".", "_"),
        )


def _value(value: NamedValue, find: templates.Find, report: Collector) -> typed.Output | None:
    """One value."""
    name = value.name.text
    if isinstance(value.value, Name):
        field = find(value.value)
        return None if field is None else typed.Output(name, (field,), False)
    if not isinstance(value.value, Text):
        return None
    parts = templates.parse(value.value, find, report)
    return None if parts is None else typed.Output(name, parts, True)
