"""Which line of the rules stands behind a piece of generated code."""

from compiler.coverage import rule_tests
from compiler.emit.core import Origins
from compiler.emit.unit import Place
from dsl.span import Span
from dsl.typed import Policy


def origins_of(policy: Policy) -> Origins:
    """The first rule on each event and the first condition that reads each field there.

    Args:
        policy: a checked policy.

    Returns:
        Places, for line information that the verifier's messages quote.
    """
    files = {name: index for index, (name, _) in enumerate(policy.sources)}

    def place(span: Span) -> Place:
        return Place(files[span.file], span.line)

    events: dict[str, Place] = {}
    fields: dict[tuple[str, str], Place] = {}
    for rule in policy.rules:
        for event in rule.events:
            events.setdefault(event.name, place(rule.name_span))
            for test in rule_tests(rule):
                fields.setdefault((event.name, test.field.name), place(test.span))
    return Origins(events, fields)
