"""What to say of a field that an event does not have."""

from collections.abc import Iterable, Sequence

from dsl.ancestry import image, report_unknown
from dsl.catalogue import Catalogue, Event, form_of
from dsl.diagnostics import Collector, nearest, shown
from dsl.syntax import Name

_SHOWN = 8  # events that a message names


def report_missing(
    name: Name,
    events: Sequence[Event],
    catalogue: Catalogue,
    others: Iterable[str],
    report: Collector,
) -> None:
    """Report a field that not all of a rule's events have.

    Args:
        name: as written.
        events: the rule's; all there are, if it names none.
        catalogue: all events.
        others: names that would have been right too.
        report: takes the diagnostic.
    """
    if image() in events:
        report_unknown(name, report)
        return
    having = [event for event in catalogue.events if event.field(name.text)]
    if not having and any(event.agent_field(name.text) for event in events):
        report.error(
            "BPFC0323",
            f"`{name.text}` is known to the agent, not to the kernel",
            name.span,
            remedy="put the test into `confirm when`, or show the field in the text of the alert",
        )
        return
    if not having:
        _unknown(name, events, catalogue, others, report)
        return
    lacking = [event for event in events if event.field(name.text) is None]
    lonely = [event for event in lacking if not event.has_process]
    field = having[0].field(name.text)
    if lonely and field is not None and field.context:
        report.error(
            "BPFC0346",
            f"{lonely[0].name} has no process, so there is no `{name.text}`:"
            f" {lonely[0].no_process}",
            name.span,
            remedy=_instead(lonely[0], catalogue),
        )
        return
    report.error(
        "BPFC0205",
        f"`{name.text}` does not exist on {' and '.join(event.name for event in lacking)}",
        name.span,
        expected=some([event.name for event in having]),
        remedy="write a rule of its own for the events that have it",
    )


def _instead(event: Event, catalogue: Catalogue) -> str:
    """Events of the same family that have a process."""
    family = event.name.partition(".")[0] + "."
    near = [e.name for e in catalogue.events if e.name.startswith(family) and e.has_process]
    where = f", for example {' or '.join(near[:2])}" if near else ""
    return f"test the process on an event that is seen where it runs{where}"


def some(names: Sequence[str]) -> tuple[str, ...]:
    """Names for a message: a few of them, and how many more there are.

    Args:
        names: all of them.

    Returns:
        What to show.
    """
    more = len(names) - _SHOWN
    return tuple(names) if more <= 1 else (*names[:_SHOWN], f"{more} more")


def _unknown(
    name: Name,
    events: Sequence[Event],
    catalogue: Catalogue,
    others: Iterable[str],
    report: Collector,
) -> None:
    forms = {f.name: f.parameter for e in catalogue.events for f in e.fields if f.parameter}
    form = form_of(name.text)
    found = next((f for f in forms if f.replace('"', "") == form.replace('"', "")), None)
    if "[" in form and found:
        text = forms[found] == "text"
        report.error(
            "BPFC0348",
            f"`{shown(name.text)}` is not a field: "
            + ("a name is missing in its brackets" if text else "there is no such position"),
            name.span,
            expected=(found.replace("*", "NAME" if text else f"1 to {forms[found]}"),),
            remedy="letters, digits and _, at most 64, in double quotes" if text else "",
        )
        return
    here = [f.name for event in events for f in event.fields]
    every = (event.as_confirmed for event in catalogue.events)
    everywhere = [f.name for event in every for f in event.fields]
    report.error(
        "BPFC0201",
        f"unknown field `{shown(name.text)}`",
        name.span,
        suggestion=nearest(name.text, here) or nearest(name.text, [*everywhere, *others]),
    )
