"""When a rule is judged on an event, and what it does then (docs/language.md, Actions).

The machine is one that offers everything, so fallbacks are not needed.
"""

from attrs import frozen

from dsl.catalogue import Event
from dsl.typed import Rule
from dsl.walk import counted_fields, rule_reads

# Errors of hooks that know one only, whatever the rule says.
ONLY_ERROR = {"net.connect": "EPERM"}


@frozen
class Way:
    """How a rule is carried out on an event.

    Args:
        stage: "before" or "after".
        deny: error, or "".
        kill: processes: "proc", "proc.parent".
    """

    stage: str
    deny: str
    kill: frozenset[str]


def way(rule: Rule, event: Event) -> Way:
    """How a rule is carried out on one of its events.

    Args:
        rule: a checked rule.
        event: the event.

    Returns:
        The strongest way that the rule asks for.
    """
    kill = frozenset(rule.kill.targets if rule.kill else ())
    last = event.phases[-1]
    if rule.deny is None:
        return Way(last, "", kill)
    if _reads_late(rule, event):
        # Too late for an error: the process ends instead.
        return Way("after", "", kill | {"proc"})
    return Way("before", ONLY_ERROR.get(event.name, rule.deny.errno), kill)


def _reads_late(rule: Rule, event: Event) -> bool:
    """Whether a condition needs what is known only after the event's decision."""
    fields = (*rule_reads(rule), *counted_fields(rule))
    return any((event.field(field.name) or field).phase == "after" for field in fields)
