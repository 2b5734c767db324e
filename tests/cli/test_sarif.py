"""`bpfc check --format sarif`: what the standard demands, and places that are right."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bpfc.version import __version__
from bpfc_cli import exits
from bpfc_cli.explain import all_texts
from bpfc_cli.problems import Problem, of_diagnostic
from bpfc_cli.sarif import as_sarif
from dsl.codes import load
from dsl.frontend import check
from tests.cli.conftest import FIRST, Cli
from tests.dsl.test_codes import FILES, HEADER, included
from tests.house.table import ROOT

LEVELS = {"none", "note", "warning", "error"}
RULES = """policy "p" version "1" language 1
rule a {
  on process.exec
  when "\N{GRINNING FACE}" != proc.uid or proc.exe.nam == "é" and proc.uid == 0 && proc.gid == 0
}
rule a { on process.exec when proc.exe.nam == "x" }
"""


def _run(text: str) -> dict[str, Any]:
    """The one run of a log, after a look at everything that the standard requires."""
    log = json.loads(text)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["semanticVersion"]) == ("bpfc", __version__)
    assert run["columnKind"] == "unicodeCodePoints"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"]
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in LEVELS and result["message"]["text"]
        for location in [*result["locations"], *result.get("relatedLocations", [])]:
            _check_region(location["physicalLocation"]["region"])
            assert location["physicalLocation"]["artifactLocation"]["uri"]
        for fix in result.get("fixes", []):
            assert fix["description"]["text"]
            for change in fix["artifactChanges"]:
                assert change["artifactLocation"]["uri"] and change["replacements"]
                for replacement in change["replacements"]:
                    _check_region(replacement["deletedRegion"])
    assert isinstance(run, dict)
    return run


def _check_region(region: dict[str, int]) -> None:
    assert region["startLine"] >= 1 and region["startColumn"] >= 1
    end = (region.get("endLine", region["startLine"]), region.get("endColumn", 1 << 30))
    assert end >= (region["startLine"], region["startColumn"])


def _cut(source: str, region: dict[str, int]) -> str:
    """The text of a region within one line."""
    assert region["startLine"] == region["endLine"]
    line = source.split("\n")[region["startLine"] - 1]
    return line[region["startColumn"] - 1 : region["endColumn"] - 1]


def test_every_fixture_with_findings(cli: Cli) -> None:
    seen = set()
    for path in sorted((ROOT / "tests" / "dsl" / "fixtures").glob("*.det")):
        rows = json.loads(cli("check", "--format", "json", path).out)
        shown = cli("check", "--format", "sarif", path)
        results = _run(shown.out)["results"]
        assert shown.code == cli("check", path).code and shown.err == ""
        assert [r["ruleId"] for r in results] == [row["code"] for row in rows]
        assert [r["level"] for r in results] == [row["severity"] for row in rows]
        assert ["fixes" in r for r in results] == [bool(row["suggestion"]) for row in rows]
        seen |= {r["ruleId"] for r in results}
    assert len(seen) > 20


def test_places_and_fixes(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "a file é#1.det"
    source = RULES.replace('"\N{GRINNING FACE}" != proc.uid', 'proc.tty == "\N{GRINNING FACE}"')
    path.write_text("\N{BYTE ORDER MARK}" + source, "utf-8")
    results = _run(cli("check", "--format", "sarif", path).out)["results"]
    by_place = {
        (r["ruleId"], r["locations"][0]["physicalLocation"]["region"]["startLine"]): r
        for r in results
    }
    uri = results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == path.as_uri() and "%C3%A9%231" in uri
    fixed = 0
    for result in by_place.values():
        for fix in result.get("fixes", []):
            (replacement,) = fix["artifactChanges"][0]["replacements"]
            wrong = _cut(source, replacement["deletedRegion"])
            right = replacement["insertedContent"]["text"]
            assert (wrong, right) in {("proc.exe.nam", "proc.exe.name"), ("&&", "and")}
            fixed += 1
    assert fixed >= 2
    assert any("relatedLocations" in r for r in results)


def test_no_findings_and_relative_names(cli: Cli) -> None:
    shown = cli("check", "--format", "sarif", FIRST)
    assert shown.code == exits.OK
    run = _run(shown.out)
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    text = as_sarif([Problem("BPFC0101", "m", file="a b/c:d.det", line=1, column=1, end_line=1)])
    assert '"uri": "a%20b/c%3Ad.det"' in text


def test_a_place_over_several_lines() -> None:
    from bpfc_cli.problems import of_diagnostic
    from dsl.diagnostics import Diagnostic
    from dsl.span import Span

    item = Diagnostic("BPFC0101", "error", "m", Span("x", 2, 8, 1, 3))
    found = of_diagnostic(item, {"x": b"ab[1,\n2]\n"})
    assert (found.line, found.column, found.end_line, found.end_column) == (1, 3, 2, 3)


def test_a_finding_without_a_place() -> None:
    log = json.loads(as_sarif([Problem("BPFC0101", "message", remedy="do this")]))
    (result,) = log["runs"][0]["results"]
    assert result["locations"] == [] and result["message"]["text"] == "message. Help: do this."


def _findings(code: str) -> tuple[str, list[Problem]]:
    """The example of a code and what is found in it."""
    example = load()[code]
    source = example.bad if example.whole else HEADER + example.bad
    texts: dict[str, str | bytes] = {"example.det": source, **FILES}
    found = check([("example.det", source)], load=included, today=date(2026, 5, 1))[1]
    return source, [of_diagnostic(item, texts) for item in found]


@pytest.mark.parametrize("code", [code for code, item in load().items() if item.checked])
def test_every_finding_of_the_language_in_sarif(code: str) -> None:
    source, problems = _findings(code)
    run = _run(as_sarif(problems))
    (first, *_) = run["results"]
    assert first["ruleId"] == code
    assert first["level"] == ("warning" if "Warning:" in all_texts()[code][0] else "error")
    for problem in problems:
        if not problem.suggestion or problem.file != "example.det":
            continue
        # What is suggested, in its place, takes the finding away.
        lines = source.splitlines(keepends=True)
        start = sum(map(len, lines[: problem.line - 1])) + problem.column - 1
        mended = source[:start] + problem.suggestion + source[start + problem.length :]
        again = check([("example.det", mended)], load=included, today=date(2026, 5, 1))[1]
        assert not [d for d in again if d.code == code and d.span.start == start], mended
