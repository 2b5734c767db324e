"""Syntax trees to a typed policy."""

from collections.abc import Sequence
from datetime import date

from dsl import rules
from dsl.catalogue import Catalogue
from dsl.conditions import ListCache
from dsl.diagnostics import Collector, shown
from dsl.lint.rules import lint
from dsl.macros import Budget
from dsl.resolver import Names, resolve, unused
from dsl.sizes import check_sizes
from dsl.syntax import (
    Broken,
    File,
    Header,
    Language,
    Literal,
    Metadata,
    Mode,
    Name,
    Rule,
    Text,
    Version,
)
from dsl.typed import Policy

LANGUAGE = 1


def check(
    files: Sequence[File],
    sources: tuple[tuple[str, str], ...],
    catalogue: Catalogue,
    report: Collector,
    today: date | None,
) -> Policy | None:
    """Check a policy.

    Args:
        files: the syntax trees of all its files, at least one.
        sources: (name, text) of the files, kept in the policy.
        catalogue: the events and fields.
        report: takes diagnostics; may hold syntax errors already.
        today: for warnings of what has expired; None for none.

    Returns:
        The policy, or None if there is any error.
    """
    broken = report.has_errors
    names = resolve(files, report)
    header = names.headers[0] if names.headers else None
    version, mode = _header(header, report) if header else ("", "enforce")
    checker = rules.RuleChecker(catalogue, names, mode, ListCache(), Budget(), report, today)
    pairs = [(r, found) for r in names.rules if (found := checker.check(r)) is not None]
    _ids(names.rules, report)
    check_sizes(header, names.rules, report)
    if not broken:
        _rules(names, header, report)
        unused(names, report)
    if report.has_errors or header is None:
        return None
    lint(pairs, report)
    return Policy(
        name=header.name.value,
        version=version,
        language=LANGUAGE,
        rules=tuple(rule for _, rule in pairs),
        sources=sources,
        mode=mode,
        sets=tuple(known for known in names.sets.values() if known is not None),
    )


def _header(header: Header, report: Collector) -> tuple[str, str]:
    """Version and mode of a policy."""
    parts: dict[str, Version | Language | Mode] = {}
    for part in header.parts:
        if isinstance(part, Broken):
            parts.setdefault("version", Version(Text("?", part.span, 0), part.span))
            continue
        keyword = type(part).__name__.lower()
        if parts.setdefault(keyword, part) is not part:
            report.error("BPFC0407", f"`{keyword}` is given twice", part.span)
    if not header.name.value:
        report.error("BPFC0403", "the policy's name is empty", header.name.span)
    for keyword, example in (("version", 'version "1.0"'), ("language", f"language {LANGUAGE}")):
        if keyword not in parts:
            report.error(
                "BPFC0403",
                f"the header does not say its {keyword}",
                header.span,
                remedy=f"add {example}",
            )
    language, version, mode = parts.get("language"), parts.get("version"), parts.get("mode")
    if isinstance(language, Language) and not isinstance(language.value, Broken):
        number = language.value
        if number.value != LANGUAGE or number.unit:
            report.error(
                "BPFC0404",
                f"language {number.value} is not one that this version of bpfc knows",
                number.span,
                remedy=f"it knows language {LANGUAGE}; a newer bpfc may know more",
            )
    return (
        version.value.value if isinstance(version, Version) else "",
        rules.mode(mode, report) if isinstance(mode, Mode) else "enforce",
    )


def _rules(names: Names, header: Header | None, report: Collector) -> None:
    """Report a policy without rules."""
    if header and not names.rules:
        report.error(
            "BPFC0414",
            "the policy has no rule",
            header.span,
            remedy="add: rule NAME { on EVENT when CONDITION }",
        )


def _ids(found: Sequence[Rule], report: Collector) -> None:
    """Report each rule whose id another one has."""
    first: dict[str, Literal] = {}
    for rule in found:
        clauses = (c for c in rule.clauses if isinstance(c, Metadata) and c.key.text == "id")
        value = next((literal for clause in clauses for literal in clause.values), None)
        if not isinstance(value, Text | Name):
            continue
        text = value.value if isinstance(value, Text) else value.text
        before = first.setdefault(text, value)
        if before is not value:
            report.error(
                "BPFC0210",
                f"another rule has the id `{shown(text)}`",
                value.span,
                remedy="ids tell rules apart in alerts; give each its own",
                related=(("it is here", before.span),),
            )
