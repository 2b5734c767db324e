"""Which line of the rules stands behind a piece of generated code."""

from pathlib import PurePath

from attrs import frozen

from compiler.elf.lines import SourceLine
from compiler.emit.core import Origins
from dsl.derived import fields_of
from dsl.span import Span
from dsl.typed import Derived, Policy
from dsl.walk import rule_tests


@frozen
class Lines:
    """Places for the emitter, and what each of them means.

    Args:
        origins: place numbers.
        table: the line of each place; place 1 is the first.
    """

    origins: Origins
    table: tuple[SourceLine, ...]


def lines_of(policy: Policy) -> Lines:
    """The first rule on each event and the first condition that reads each field there.

    Numbers are given by event and field, in catalogue order and not by line, so that policies of
    one shape get the same code.

    Args:
        policy: a checked policy.

    Returns:
        Places, and the lines that the verifier's messages quote for them.
    """
    events: dict[str, Span] = {}
    fields: dict[tuple[str, str], Span] = {}
    # Their names hold constants, so their order is that of first use.
    computed: dict[tuple[str, str], Span] = {}
    for _, rule in policy.parts:
        for event in rule.events:
            events.setdefault(event.name, rule.name_span)
            for test in rule_tests(rule):
                for field in fields_of(test.field):
                    fields.setdefault((event.name, field.name), test.span)
                if isinstance(test.field, Derived):
                    computed.setdefault((event.name, test.field.name), test.span)
    spans = [policy.rules[0].name_span, *(events[e] for e in sorted(events))]
    spans += [fields[f] for f in sorted(fields)] + list(computed.values())
    first_field = 2 + len(events)
    origins = Origins(
        {name: 2 + index for index, name in enumerate(sorted(events))},
        {name: first_field + index for index, name in enumerate([*sorted(fields), *computed])},
    )
    texts = {name: text.splitlines() for name, text in policy.sources}
    return Lines(origins, tuple(_line(span, texts) for span in spans))


def _line(span: Span, texts: dict[str, list[str]]) -> SourceLine:
    return SourceLine(PurePath(span.file).name, span.line, texts[span.file][span.line - 1])
