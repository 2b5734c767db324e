"""Metadata of rules: which keys take which values."""

import re
from collections.abc import Sequence

from dsl.diagnostics import Collector, nearest, shown
from dsl.syntax import Broken, Literal, Metadata, Name, Number, Text
from dsl.words import METADATA, SEVERITIES, STATUSES

_CHOICES = {"severity": SEVERITIES, "status": STATUSES}
_MAX_REVISION = (1 << 32) - 1
# Tactics, techniques and sub-techniques of MITRE ATT&CK.
_MITRE = re.compile(r"TA[0-9]{4}|T[0-9]{4}(\.[0-9]{3})?")


def check(clauses: Sequence[Metadata], report: Collector) -> tuple[tuple[str, str], ...]:
    """The metadata of one rule.

    Args:
        clauses: in source order.
        report: takes diagnostics.

    Returns:
        (key, value) pairs in source order; wrong ones are left out.
    """
    pairs: list[tuple[str, str]] = []
    first: dict[str, Metadata] = {}
    for clause in clauses:
        key = clause.key.text
        before = first.setdefault(key, clause)
        if before is not clause and not METADATA[key]:
            report.error(
                "BPFC0407",
                f"`{key}` is given twice",
                clause.span,
                related=(("the first one is here", before.span),),
            )
        if len(clause.values) != 1 and not METADATA[key]:
            report.error("BPFC0413", f"`{key}` takes one value", clause.span)
            continue
        values = [_value(clause.key, literal, report) for literal in clause.values]
        pairs += [(key, value) for value in values if value is not None]
    return tuple(pairs)


def _value(key: Name, literal: Literal, report: Collector) -> str | None:
    """One value as text, or None after a diagnostic."""
    if isinstance(literal, Broken):
        return None
    if key.text == "revision":
        if isinstance(literal, Number) and not literal.unit and 0 <= literal.value <= _MAX_REVISION:
            return str(literal.value)
        _wrong(key, literal, "a number", report)
        return None
    if not isinstance(literal, Text | Name):
        _wrong(key, literal, "a string", report)
        return None
    text = literal.value if isinstance(literal, Text) else literal.text
    if key.text in _CHOICES and text not in _CHOICES[key.text]:
        report.error(
            "BPFC0413",
            f"`{shown(text)}` is not a {key.text}",
            literal.span,
            expected=_CHOICES[key.text],
            suggestion=nearest(text, _CHOICES[key.text]),
        )
        return None
    if key.text == "mitre" and not _MITRE.fullmatch(text):
        report.error(
            "BPFC0413",
            f"`{shown(text)}` is not an ATT&CK id",
            literal.span,
            remedy='write a tactic "TA0002", a technique "T1059" or a sub-technique "T1059.004"',
        )
        return None
    return text


def _wrong(key: Name, literal: Literal, wanted: str, report: Collector) -> None:
    """Report a value of the wrong type."""
    report.error("BPFC0413", f"`{key.text}` takes {wanted}", literal.span)
