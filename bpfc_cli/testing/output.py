"""What became of tests, for programs: JSON and JUnit XML."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from attrs import asdict

from bpfc_cli.testing.cases import ERROR, FAILED, Checked, Result
from bpfc_cli.testing.coverage import CoverageReport
from bpfc_cli.testing.report import Report, place
from dsl.span import Span


def as_json(
    policy: tuple[str, str], results: Sequence[Result], coverage: CoverageReport | None
) -> str:
    """Everything, for programs.

    Args:
        policy: its name and version.
        results: what became of the tests.
        coverage: what they reach, or None.

    Returns:
        A JSON object.
    """
    value: dict[str, Any] = {
        "policy": {"name": policy[0], "version": policy[1]},
        "summary": {
            "tests": len(results),
            "passed": sum(r.status not in (FAILED, ERROR) for r in results),
            "failed": sum(r.status == FAILED for r in results),
            "errors": sum(r.status == ERROR for r in results),
        },
        "tests": [_test(result) for result in results],
    }
    if coverage is not None:
        value["coverage"] = _coverage(coverage)
    return json.dumps(value, indent=2, ensure_ascii=False)


def _test(item: Result) -> dict[str, Any]:
    return {
        "title": item.title,
        **_place(item.place),
        "judge": item.judge,
        "status": item.status,
        "seconds": round(item.seconds, 4),
        "events": item.events,
        "error": item.error,
        "defaults": [{"rule": rule, "fields": list(fields)} for rule, fields in item.leaned],
        "expectations": [_expectation(one) for one in item.checked],
    }


def _expectation(item: Checked) -> dict[str, Any]:
    status = "skipped" if item.skipped else FAILED if item.problem else "holds"
    return {
        "text": item.text,
        **_place(item.place),
        "status": status,
        "problem": item.problem or item.skipped,
        "outcome": item.outcome,
        "event": {"text": item.event, **_place(item.event_place)},
        "rules": [asdict(explanation) for explanation in item.explanations],
    }


def _coverage(item: CoverageReport) -> dict[str, Any]:
    def share(pair: tuple[int, int]) -> dict[str, int]:
        return {"reached": pair[0], "all": pair[1]}

    gaps = [
        {"rule": gap.rule, "what": gap.what, "text": gap.text, **_place(gap.place)}
        for gap in item.gaps
    ]
    return {
        "rules": share(item.rules),
        "conditions": share(item.tests),
        "exceptions": share(item.exceptions),
        "gaps": gaps,
    }


def _place(span: Span) -> Mapping[str, str | int]:
    return {"file": span.file, "line": span.line}


def junit(policy: str, results: Sequence[Result], seconds: float) -> bytes:
    """The tests as JUnit XML, as build servers read it.

    Args:
        policy: its name.
        results: what became of the tests.
        seconds: how long all of it took.

    Returns:
        A file with one test suite for each who judged.
    """
    root = ElementTree.Element("testsuites", _counts(results, policy, seconds))
    for judge in dict.fromkeys(result.judge for result in results):
        mine = [result for result in results if result.judge == judge]
        attributes = _counts(mine, f"{policy}, {judge}", sum(r.seconds for r in mine))
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for result in mine:
            _testcase(suite, result)
    ElementTree.indent(root)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _counts(results: Sequence[Result], name: str, seconds: float) -> dict[str, str]:
    return {
        "name": _clean(name),
        "tests": str(len(results)),
        "failures": str(sum(result.status == FAILED for result in results)),
        "errors": str(sum(result.status == ERROR for result in results)),
        "time": f"{seconds:.3f}",
    }


def _testcase(suite: ElementTree.Element, item: Result) -> None:
    """A test; what went wrong in the words that people read."""
    attributes = {
        "name": _clean(item.title),
        "classname": Path(item.place.file).stem,
        "file": item.place.file,
        "line": str(item.place.line),
        "time": f"{item.seconds:.3f}",
    }
    case = ElementTree.SubElement(suite, "testcase", attributes)
    text = _clean("\n".join(Report(False, False, False).result(item)))
    if item.status == ERROR:
        ElementTree.SubElement(case, "error", {"message": _clean(item.error)}).text = text
    if item.status == FAILED:
        first = next(one for one in item.checked if one.problem)
        message = f"{place(first.place)}: {first.text}: {first.problem}"
        ElementTree.SubElement(case, "failure", {"message": _clean(message)}).text = text


def _clean(text: str) -> str:
    """Text without characters that XML cannot hold (XML 1.0, section 2.2)."""
    return "".join(
        c
        if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff")
        else "?"
        for c in text
    )
