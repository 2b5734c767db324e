"""`bpfc test`, by what it prints: policies with tests in `testing/`, reports beside them.

`python -m tests.cli.test_testing` writes the expected reports anew.
"""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bpfc_cli.testing.play import Work, play_all
from bpfc_cli.testing.runner import SIMULATOR, Job, Worker
from compiler.driver import compile_policy
from dsl.frontend import check
from tests.cli.conftest import FIRST, Cli
from tests.language.documented import Block, blocks

FOLDER = Path(__file__).parent / "testing"
FAILING, PASSING = FOLDER / "failing.det", FOLDER / "passing.det"
PARTIAL = "--allow-partial"
SECOND_STAGE = FOLDER / "second_stage.det"
REPORTS: list[tuple[str, Path, tuple[str, ...], int]] = [
    ("failing", FAILING, (), 1),
    ("failing_coverage", FAILING, ("--coverage", "--filter", "passes"), 0),
    ("failing_explained", FAILING, ("--explain", "--filter", "passes"), 0),
    ("second_stage", SECOND_STAGE, ("--coverage",), 1),
]
# The page of diagnostics is made from data that has tests of its own.
TESTED = [
    block
    for block in blocks()
    if 'test "' in block.source and not block.name.startswith("diagnostics.md")
]


def _plain(text: str) -> str:
    """A report without the time it took and without the folder."""
    return re.sub(r"\d+\.\d s\)", "N s)", text.replace(f"{FOLDER}/", ""))


@pytest.mark.parametrize(("name", "path", "words", "code"), REPORTS)
def test_reports(cli: Cli, name: str, path: Path, words: tuple[str, ...], code: int) -> None:
    found = cli("test", path, *words)
    assert _plain(found.out) == (FOLDER / f"{name}.txt").read_text("utf-8")
    assert found.code == code


def test_passing(cli: Cli) -> None:
    found = cli("test", PASSING)
    assert found.code == 0, found.out
    assert "9 tests: 9 passed" in found.out
    assert f"  user: net.family  ({PASSING}:81)\n" in found.out


@pytest.mark.parametrize("words", [("--half", "both"), ("--half", "windows")])
def test_halves(cli: Cli, words: tuple[str, ...]) -> None:
    found = cli("test", PASSING, *words)
    assert found.code == 0, found.out
    assert re.search(r"\d+ expectations skipped", found.out)


@pytest.mark.bpf
@pytest.mark.parametrize("path", [PASSING, FAILING, SECOND_STAGE], ids=lambda path: path.stem)
def test_the_running_kernel_says_the_same(cli: Cli, path: Path) -> None:
    simulated, judged = cli("test", path), cli("test", path, "--kernel", "running")
    assert (judged.code, _plain(judged.out)) == (simulated.code, _plain(simulated.out))


def test_json(cli: Cli) -> None:
    found = json.loads(cli("test", FAILING, "--format", "json", "--coverage").out)
    assert found["policy"] == {"name": "failing", "version": "1"}
    assert found["summary"] == {"tests": 4, "passed": 1, "failed": 3, "errors": 0}
    first = found["tests"][0]
    assert (first["title"], first["line"], first["status"]) == ("no parent", 27, "failed")
    expectation = first["expectations"][0]
    assert expectation["text"] == "expect alert by shell"
    assert expectation["problem"] == "there is no alert" and expectation["outcome"] == "nothing"
    marks = [line["mark"] for line in expectation["rules"][0]["lines"]]
    assert marks == ["yes", "yes", "yes", "no", "no", "yes", "?", "?"]
    assert first["defaults"] == []
    assert found["coverage"]["rules"] == {"reached": 5, "all": 7}
    assert {"exception never used", "never true"} <= {g["what"] for g in found["coverage"]["gaps"]}


def test_why_a_child_gave_no_results_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EOFError):
        play_all([Work(artifact=None, steps=())])  # type: ignore[arg-type]
    assert "AttributeError" in capfd.readouterr().err


def test_junit(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "report.xml"
    found = cli("test", FAILING, "--junit", target)
    root = ElementTree.parse(target).getroot()
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "4", "3")
    cases = root.findall("testsuite/testcase")
    assert [case.get("name") for case in cases] == ["no parent", "too early", "too much", "passes"]
    failure = cases[0].find("failure")
    assert failure is not None and "expect alert by shell" in (failure.get("message") or "")
    assert failure.text and "proc.parent.exe.name is" in failure.text
    assert found.code == 1


def test_titles_and_the_first_failure(cli: Cli) -> None:
    assert "2 tests:" in cli("test", FAILING, "--filter", "too").out
    assert "1 test:" in cli("test", FAILING, "--filter", "t?o m").out
    found = cli("test", FAILING, "--fail-fast")
    assert found.code == 1 and "FAILED  no parent" in found.out and "too early" not in found.out
    assert "3 not run" in found.out


def test_tests_in_a_file_of_their_own(cli: Cli, tmp_path: Path) -> None:
    rules, tests = tmp_path / "rules.det", tmp_path / "rules_test.det"
    rules.write_text(
        'policy "p" version "1" language 1\nrule a { on net.connect when remote.port == 1 alert }\n'
    )
    tests.write_text(
        'test "t" { given proc p p: net.connect { remote.port = 1 } expect alert by a }\n'
    )
    assert cli("test", rules, tests).code == 0


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("rule a { on net.connect when remote.port == 1 alert }", "BPFC0900"),
        ("rule a { on net.connect when remote.prt == 1 alert }", "BPFC0201"),
        (
            'rule a { on net.packet when true } test "t" { event net.packet {} expect nothing }',
            "BPFC0697",
        ),
        (
            "rule a { on net.connect when true }"
            ' test "t" { given proc p p: net.connect expect alert by b }',
            "BPFC0733",
        ),
    ],
)
def test_bad_input_is_2(cli: Cli, tmp_path: Path, source: str, code: str) -> None:
    path = tmp_path / "bad.det"
    path.write_text(f'policy "p" version "1" language 1\n{source}\n')
    found = cli("test", path)
    assert found.code == 2 and code in found.err and not found.out


def test_wrong_words_are_2(cli: Cli) -> None:
    assert cli("test", FIRST, "--filter", "no such title").code == 2
    assert cli("test", FIRST, "--kernel", "9.99").code == 2
    assert cli("test", FIRST, "--junit", "/nowhere/x.xml").code == 2


def test_a_record_that_no_kernel_makes_is_an_error_of_its_test(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "x.det"
    path.write_text(
        'policy "p" version "1" language 1\nset s : ip[1]\n'
        "rule a { on net.connect when remote.ip in s alert }\n"
        'test "t" { given set s = [10.0.0.1] given proc p { cmdline = repeat("a", 30000) }\n'
        "p: net.connect expect nothing }\n"
    )
    assert cli("test", path).code == 0


def test_examples(cli: Cli) -> None:
    found = cli("test", FIRST)
    assert found.code == 0, found.out


def test_workers(real_cli: Cli, tmp_path: Path) -> None:
    """More tests than one process takes, in one file, by title in order."""
    path = tmp_path / "many.det"
    tests = "".join(
        f'test "{n}" {{ given proc p p: net.connect {{ remote.port = {n} }}'
        f" expect {'alert by a' if n < 20 else 'nothing'} }}\n"
        for n in range(1, 41)
    )
    path.write_text(
        'policy "p" version "1" language 1\n'
        "rule a { on net.connect when remote.port < 20 or remote.port == 33 alert }\n" + tests
    )
    found = real_cli("test", path)
    assert found.code == 1 and found.out.startswith("FAILED  33 ")
    assert "40 tests: 39 passed, 1 failed" in found.out


def test_work_can_be_handed_to_another_process() -> None:
    """Where processes are no copies of one another everything goes through a pipe."""
    policy, _ = check([("x.det", PASSING.read_bytes())])
    assert policy is not None
    artifact = compile_policy(policy).artifact
    assert artifact is not None
    job = Job(policy, artifact, "linux", SIMULATOR, {"x.det": ""}, False, True)
    results, reached = Worker(pickle.loads(pickle.dumps(job))).run([0, 1])
    found = pickle.loads(pickle.dumps((results, reached)))
    assert [one.status for one in found[0]] == ["passed", "passed"]
    assert {"shell", "early"} <= found[1].fired


@pytest.mark.parametrize("block", TESTED, ids=[block.name for block in TESTED])
def test_documentation(cli: Cli, tmp_path: Path, block: Block) -> None:
    path = tmp_path / "page.det"
    path.write_text(block.source)
    found = cli("test", path, PARTIAL)
    assert found.code == 0, found.out + found.err


def test_there_are_documented_tests() -> None:
    assert len(TESTED) >= 3


def _write() -> None:
    """Write the expected reports anew."""
    for name, path, words, _ in REPORTS:
        command = [sys.executable, "-m", "bpfc_cli.main", "test", str(path), *words]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        (FOLDER / f"{name}.txt").write_text(_plain(found.stdout), "utf-8")


if __name__ == "__main__":
    _write()
