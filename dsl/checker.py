"""Syntax trees to a typed policy."""

from collections.abc import Mapping, Sequence
from datetime import date

from dsl import rules
from dsl.ancestry import ancestors_in
from dsl.cases import Case
from dsl.cases.checker import CaseChecker
from dsl.catalogue import Catalogue
from dsl.conditions import ListCache
from dsl.diagnostics import Collector, shown
from dsl.lint.rules import lint
from dsl.macros import Budget
from dsl.resolver import Names, resolve, unused
from dsl.sizes import check_sizes
from dsl.syntax import (
    Broken,
    Disable,
    File,
    Header,
    Language,
    Literal,
    Metadata,
    Mode,
    Name,
    Rule,
    TestItem,
    Text,
    Version,
)
from dsl.typed import Policy, parts_of
from dsl.typed import Rule as TypedRule
from dsl.walk import rule_tests

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
    complete = not broken and len(pairs) == len(names.rules)
    checked = {rule.name: rule for _, rule in pairs}
    cases = _cases(files, names, checked, complete, catalogue, report)
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
        sources=_without_tests(files, sources),
        mode=mode,
        sets=tuple(known for known in names.sets.values() if known is not None),
        cases=cases,
    )


def _cases(
    files: Sequence[File],
    names: Names,
    rules: Mapping[str, TypedRule],
    complete: bool,
    catalogue: Catalogue,
    report: Collector,
) -> tuple[Case, ...]:
    """The test blocks of all files."""
    items = [item for file in files for item in file.items]
    disabled = frozenset(item.name.text for item in items if isinstance(item, Disable))
    lists = names.announced
    tests = (
        test for rule in rules.values() for part in parts_of(rule) for test in rule_tests(part)
    )
    ancestors = any(True for _ in ancestors_in(tests))
    checker = CaseChecker(
        catalogue, rules, names.sets, lists, disabled, complete, ancestors, report
    )
    return checker.check([item for item in items if isinstance(item, TestItem)])


def _without_tests(
    files: Sequence[File], sources: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """The sources as if they had no test blocks; what is behind one keeps its line.

    Files that hold nothing else are left out.
    """
    tests = {
        file.name: [item.whole for item in file.items if isinstance(item, TestItem)]
        for file in files
        if any(isinstance(item, TestItem) for item in file.items)
    }
    only = {f.name for f in files if f.items and all(isinstance(i, TestItem) for i in f.items)}
    found = []
    for name, text in sources:
        kept = text
        for place in tests.get(name, ()):
            blank = "".join(c if c in "\r\n" else " " for c in text[place.start : place.end])
            kept = kept[: place.start] + blank + kept[place.end :]
        if name in tests:
            kept = "\n".join(line.rstrip() for line in kept.rstrip().split("\n")) + "\n"
        found += [(name, kept)] if name not in only else []
    return tuple(found)


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
