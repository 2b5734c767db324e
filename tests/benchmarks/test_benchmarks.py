"""The benchmarks run and say what they should, with tiny counts; no time is looked at."""

import json
import os
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from benchmarks import differential, journal
from benchmarks.__main__ import main
from benchmarks.event import confidence
from benchmarks.policies import many_rules
from benchmarks.report import table
from compiler.driver import compile_sources

ROOT = Path(__file__).parents[2]


def _json(*arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks", *arguments, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.root
@pytest.mark.bpf
@pytest.mark.parametrize("content", [False, True], ids=["policies", "contents"])
@pytest.mark.parametrize("hook", ["connect", "exec"])
def test_a_swap_misses_no_event_and_judges_none_twice(hook: str, content: bool, scale: int) -> None:
    options = ["--flips", str(20 * scale), "--unpaced-flips", str(2000 * scale)]
    more = ["--content"] if content else []
    found = _json("swap", "--hook", hook, *options, *more)
    assert (found["missed"], found["twice"], found["defects"]) == (0, 0, [])
    for phase in (found["paced"], found["unpaced"]):
        assert isinstance(phase, dict)
        assert phase["once"] == phase["events"] > 0
    assert {"events_per_s", "flip_us"} <= found.keys()


@pytest.mark.root
@pytest.mark.bpf
@pytest.mark.parametrize("case", ["connect_match", "exec_no_match"])
def test_an_event_is_measured_on_both_sides(case: str) -> None:
    found = _json("event", "--pairs", "2", "--events", "320", "--case", case)
    figures = found[case]
    assert isinstance(figures, dict)
    assert figures["bpfc_ns"] > 0
    assert figures["c_ns"] > 0
    assert found["ratio_vs_c"] == figures["ratio_upper"]


def _differential(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and result of random policies put to all oracles."""
    code = main(["differential", "--jobs", "1", "--json", *words])
    return code, json.loads(capsys.readouterr().out or "{}")


@pytest.mark.root
@pytest.mark.bpf
def test_a_journal_is_gone_on_from(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "journal"

    def rows() -> list[dict[str, Any]]:
        return [json.loads(line) for line in path.read_text().splitlines()]

    def go_on(minutes: str = "0.001") -> None:
        """The result is that of all rows that count, and every row is another seed."""
        code, found = _differential(capsys, "--journal", str(path), "--minutes", minutes)
        mine = [row for row in rows() if row["kernel"] == os.uname().release]
        assert code == 0 and found["policies"] == sum(row["tally"]["policies"] for row in mine)
        assert found["events"] == sum(row["tally"]["events"] for row in mine) > 0
        assert len({row["seed"] for row in mine}) == len(mine)

    go_on()
    first = rows()
    go_on()
    assert rows()[: len(first)] == first and len(rows()) > len(first)
    # What another kernel judged is judged here, too.
    elsewhere = [{**row, "kernel": "5.10"} for row in rows()]
    path.write_text("".join(json.dumps(row) + "\n" for row in elsewhere))
    go_on()
    assert rows()[len(elsewhere)]["seed"] == first[0]["seed"]
    code, again = _differential(capsys, "--replay", first[0]["seed"])
    assert code == 0 and again == {**first[0]["tally"], "refusal": "", "defects": []}
    path.write_text(path.read_text()[:-20])
    assert _differential(capsys, "--journal", str(path)) == (3, {})


def _ended(seed: str, kernel: bool) -> None:
    os._exit(9)


@pytest.mark.root
def test_a_process_that_is_ended_ends_the_benchmark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differential, "judge", _ended)
    assert main(["differential", "--jobs", "2", "--minutes", "1"]) == 3
    assert "ended from outside" in capsys.readouterr().err


def test_testing_is_measured() -> None:
    found = _json("test", "--runs", "1", "--rules", "20")
    assert found["test_s"] and (found["rules"], found["events"]) == (20, 60)


def test_compiling_is_measured() -> None:
    found = _json("compile", "--runs", "1", "--rules", "4")
    assert {"cold_cli_s", "warm_api_ms", "rules_4_s", "rules_4_mib"} <= found.keys()


def test_many_rules_are_a_policy_and_differ() -> None:
    text = many_rules(40)
    compiled = compile_sources([("many.det", text)])
    assert compiled.policy is not None, compiled.diagnostics
    conditions = [line for line in text.splitlines() if line.startswith("  when ")]
    assert len(set(conditions)) == len(compiled.policy.rules) == 40


def test_the_journal_tells_once_from_never_and_twice() -> None:
    counts = array("Q", [1, 1, 0, 2, 1, 0, 0, 3])
    assert journal.judge(counts, range(0, 5)) == journal.Verdicts(once=3, missed=1, twice=1)
    assert journal.judge(counts, [4, 2, 7]) == journal.Verdicts(once=1, missed=1, twice=1)
    assert journal.strange(counts, 5) == 1
    assert journal.strange(counts, 8) == 0


def test_the_confidence_interval_holds_the_median() -> None:
    lower, upper = confidence([1.0, 1.1, 1.2, 1.3, 5.0])
    assert lower < 1.2 < upper
    assert confidence([2.0] * 31) == (2.0, 2.0)


def test_a_result_is_a_table() -> None:
    assert table({"a": 1234, "nested": {"b": 0.12345, "c": []}}).splitlines() == [
        "a       1,234",
        "nested:",
        "  b  0.1235",
        "  c  none",
    ]


def test_an_unknown_benchmark_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["nothing"])
    assert end.value.code == 2
    assert "invalid choice" in capsys.readouterr().err


def test_imported_rules_are_counted() -> None:
    found = _json("import", "--rules", "60")
    for system in ("sigma", "falco"):
        full, kernel = found[f"{system}_percent"], found[f"{system}_kernel_percent"]
        assert isinstance(full, float) and isinstance(kernel, float)
        assert 0 < full < kernel < 100
    assert found == _json("import", "--rules", "60")
