"""Which fields a policy uses: what records must have room for besides the fields that every record
has."""

from collections.abc import Iterator, Mapping

from dsl.catalogue import Event
from dsl.typed import Policy
from dsl.walk import rule_fields


def used_fields(policy: Policy) -> Mapping[str, frozenset[str]]:
    """What rules use on each event of a policy.

    Process context that any rule uses is in the records of all events: its places are the same
    there, so that one function fills them whatever the event is.

    Args:
        policy: a checked policy.

    Returns:
        By event, catalogue names, bases of parts included.
    """
    own: dict[str, set[str]] = {}
    context: set[str] = set()
    for _, rule in policy.parts:
        found = {name for field in rule_fields(rule) for name in (field.name, field.base) if name}
        for event in rule.events:
            own.setdefault(event.name, set()).update(found)
        context.update(_context(found, rule.events))
    return {name: frozenset(names | context) for name, names in own.items()}


def _context(names: set[str], events: tuple[Event, ...]) -> Iterator[str]:
    for event in events:
        for name in names:
            field = event.field(name)
            if field is not None and field.context:
                yield name
