"""Alert templates: text with fields in braces."""

import re
from collections.abc import Callable

from dsl.catalogue import Field
from dsl.diagnostics import Collector
from dsl.span import Span
from dsl.syntax import Name, Text
from dsl.typed import Part, StepField

# Finds the field that a name stands for, or reports that there is none.
Find = Callable[[Name], Field | StepField | None]

PIECE = re.compile(r"(?P<escape>\{\{|\}\})|\{(?P<field>[^{}]*)\}|(?P<brace>[{}])|(?P<text>[^{}]+)")


def parse(template: Text, find: Find, report: Collector) -> tuple[Part, ...] | None:
    """Split a template into its parts.

    Args:
        template: the string behind `alert`.
        find: finds the fields of the rule's events.
        report: takes diagnostics.

    Returns:
        Literal parts and fields in turn, no two literal parts next to each other; None if a field
        is unknown or a brace is alone.
    """
    parts: list[Part] = []
    good = True
    for match in PIECE.finditer(template.value):
        if match["field"] is not None and not match["field"].strip():
            good = False
            report.error(
                "BPFC0412",
                f"`{match.group()}` names no field",
                _span(template, match.start(), match.end()),
                remedy="put a field's name between the braces",
            )
        elif match["brace"]:
            good = False
            report.error(
                "BPFC0412",
                f"`{match['brace']}` stands alone",
                _span(template, match.start(), match.end()),
                remedy=f"fields stand in braces; for the sign itself write {match['brace'] * 2}",
            )
        elif match["field"] is not None:
            name = match["field"].strip()
            field = find(Name(name, _span(template, match.start(), match.end())))
            good = good and field is not None
            parts += [field] if field else []
        else:
            text = match["text"] or match["escape"][0]
            before = parts.pop() if parts and isinstance(parts[-1], str) else ""
            parts.append(f"{before}{text}")
    return tuple(parts) if good else None


def _span(template: Text, start: int, end: int) -> Span:
    """The place of a piece; the whole string if its escapes hide where that is."""
    span, offset = template.span, template.offset
    if not offset:
        return span
    return Span(
        span.file,
        span.start + offset + start,
        span.start + offset + end,
        span.line,
        span.column + offset + start,
    )
