"""Diagnostics as SARIF 2.1.0, the exchange format that editors and code hosts read.

"Section" in this module is one of the OASIS standard "Static Analysis Results Interchange Format".
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bpfc.version import __version__
from bpfc_cli.problems import Problem

VERSION = "2.1.0"
SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

Json = dict[str, Any]


def as_sarif(problems: Sequence[Problem]) -> str:
    """Diagnostics as one SARIF log with one run.

    Args:
        problems: the diagnostics.

    Returns:
        The log as JSON text.
    """
    codes = sorted({problem.code for problem in problems})
    run = {
        "tool": {
            "driver": {
                "name": "bpfc",
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        # Section 3.14.17: what a column counts.
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, codes.index(problem.code)) for problem in problems],
    }
    log = {"$schema": SCHEMA, "version": VERSION, "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(code: str) -> Json:
    """What a code means (section 3.49, reportingDescriptor)."""
    from bpfc_cli.explain import all_texts

    title, text = all_texts()[code]
    return {
        "id": code,
        "shortDescription": {"text": title},
        "fullDescription": {"text": " ".join(text.split())},
        "help": {"text": f"bpfc explain {code}"},
    }


def _result(problem: Problem, rule: int) -> Json:
    """One finding (section 3.27)."""
    result: Json = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": _message(problem)},
        "locations": [_location(problem.file, _region(problem))] if problem.file else [],
    }
    if problem.related:
        result["relatedLocations"] = [
            {
                **_location(file, {"startLine": line, "startColumn": column}),
                "message": {"text": text},
            }
            for text, file, line, column in problem.related
        ]
    if problem.suggestion and problem.file:
        result["fixes"] = [_fix(problem)]
    return result


def _message(problem: Problem) -> str:
    """All that is said about a finding."""
    parts = [f"{problem.message}."]
    if problem.expected:
        parts.append(f"Expected: {', '.join(problem.expected)}.")
    if problem.remedy:
        parts.append(f"Help: {problem.remedy}.")
    return " ".join(parts)


def _location(file: str, region: Json) -> Json:
    """A place (section 3.28)."""
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(file)}, "region": region}}


def _region(problem: Problem) -> Json:
    """The characters that a finding is about (section 3.30); the end is behind the last of them."""
    return {
        "startLine": problem.line,
        "startColumn": problem.column,
        "endLine": problem.end_line,
        "endColumn": problem.end_column,
    }


def _fix(problem: Problem) -> Json:
    """The text that would probably be right (section 3.55)."""
    return {
        "description": {"text": f"Replace it by `{problem.suggestion}`."},
        "artifactChanges": [
            {
                "artifactLocation": {"uri": _uri(problem.file)},
                "replacements": [
                    {
                        "deletedRegion": _region(problem),
                        "insertedContent": {"text": problem.suggestion},
                    }
                ],
            }
        ],
    }


def _uri(file: str) -> str:
    """A file's name as a URI reference (RFC 3986), relative if the user gave it so."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))
