"""Names and texts that go into the artifact: how long they may be."""

from collections.abc import Iterable, Sequence

from dsl.diagnostics import Collector, shown
from dsl.span import Span
from dsl.syntax import Alert, Broken, Header, Metadata, Name, Output, Rule, Text, Version

# What readers of artifacts accept (bpfc.artifact.limits, compared by a test).
MAX_NAME = 255  # characters
MAX_TEXT = 16_384  # characters
MAX_PARTS = 256  # fields of a text, and the pieces between them
MAX_METADATA = 256  # values of a rule


def check_sizes(header: Header | None, rules: Sequence[Rule], report: Collector) -> None:
    """Report what is too long.

    Args:
        header: of the policy, if there is one.
        rules: as they are checked, with what they inherit.
        report: takes diagnostics.
    """
    if header is not None:
        _text(header.name, report)
        for part in header.parts:
            if isinstance(part, Version):
                _text(part.value, report)
    for rule in rules:
        _name(rule.name, report)
        _metadata([c for c in rule.clauses if isinstance(c, Metadata)], report)
        for clause in rule.clauses:
            if isinstance(clause, Alert) and clause.template is not None:
                _template(clause.template, report)
            elif isinstance(clause, Output):
                for value in clause.values:
                    _name(value.name, report)
                    _template(value.value, report)


def _metadata(clauses: Iterable[Metadata], report: Collector) -> None:
    """Metadata of one rule."""
    values = [value for clause in clauses for value in clause.values]
    for value in values:
        if isinstance(value, Text):
            _text(value, report)
        elif isinstance(value, Name):
            _name(value, report)
    for value in values[MAX_METADATA : MAX_METADATA + 1]:
        _report(f"a rule has more than {MAX_METADATA} values of metadata", value.span, report)


def _name(name: Name | None, report: Collector) -> None:
    if name is not None and len(name.text) > MAX_NAME:
        message = f"`{shown(name.text)}` has {len(name.text):,} characters, more than {MAX_NAME}"
        _report(message, name.span, report)


def _text(text: Text, report: Collector) -> None:
    if len(text.value) > MAX_TEXT:
        message = f"the text has {len(text.value):,} characters, more than {MAX_TEXT:,}"
        _report(message, text.span, report)


def _template(text: Text | Name | Broken, report: Collector) -> None:
    """A text with fields in it."""
    if isinstance(text, Text):
        _text(text, report)
        # A field, and the piece in front of it.
        if 2 * text.value.count("{") >= MAX_PARTS:
            _report(f"the text shows more than {MAX_PARTS // 2 - 1} fields", text.span, report)


def _report(message: str, place: Span, report: Collector) -> None:
    report.error("BPFC0322", message, place, remedy="shorten it; it goes into the artifact")
