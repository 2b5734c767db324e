"""`bpfc import`: files, folders, where results go, and exit codes."""

import json
from pathlib import Path

import pytest

from bpfc_cli import exits
from tests.cli.conftest import Cli
from tests.importing.sigma.cases import CASES

FINE = "title: fine\nlogsource: {product: linux, category: process_creation}\n" + (
    "detection:\n  one: {Image: /opt/one}\n  condition: one\n"
)
AGENT = FINE.replace("Image", "LogonId").replace("fine", "known to user space")
SECOND = FINE.replace("/opt/one", "/opt/one, User: deploy").replace("fine", "confirmed")
WINDOWS = FINE.replace("linux", "windows").replace("fine", "of Windows")


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with a folder of rules."""
    folder = tmp_path / "rules" / "deep"
    folder.mkdir(parents=True)
    (folder / "fine.yml").write_text(FINE)
    (folder / "agent.yaml").write_text(AGENT)
    (folder / "readme.txt").write_text("no rule")
    return tmp_path / "rules"


def test_a_policy_is_written(cli: Cli, rules: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.det"
    done = cli("import", "sigma", rules / "deep" / "fine.yml", "--output", target)
    assert done.code == exits.OK and done.err == ""
    assert target.read_text().startswith('policy "out" version "1" language 1\n')
    assert cli("check", target).code == exits.OK
    assert cli("fmt", "--check", target).code == exits.OK


def test_the_report_is_a_table(cli: Cli, rules: Path) -> None:
    done = cli("import", "sigma", rules)
    assert done.code == exits.FINDINGS
    assert "fine.yml:1" in done.out and "not translated" in done.out
    assert "1 (50 %)" in done.out and "login sessions are known" in " ".join(done.out.split())


def test_rules_with_a_second_stage_are_translated(cli: Cli, tmp_path: Path) -> None:
    rules, target = tmp_path / "rules.yml", tmp_path / "out.det"
    rules.write_text(f"{FINE}---\n{SECOND}")
    done = cli("import", "sigma", rules, "-o", target)
    assert done.code == exits.OK and "second stage" in done.out
    assert "1 (50 %)" in done.out and "1 (together 100 %)" in done.out
    assert 'confirm when proc.uid.name == "deploy" nocase' in target.read_text()
    assert cli("check", target).code == exits.OK
    summary = json.loads(cli("import", "sigma", rules, "--format", "json").out)["summary"]
    assert (summary["second_stage"], summary["percent_with_agent"]) == (1, 100.0)


def test_the_report_as_json(cli: Cli, rules: Path) -> None:
    done = cli("import", "sigma", rules, "--format", "json")
    value = json.loads(done.out)
    assert value["summary"]["percent"] == 50.0
    assert value["summary"]["subjects"] == [["agent", "LogonId", 1]]
    agent, fine = value["rules"]
    assert (agent["status"], agent["names"], agent["line"]) == ("not translated", [], 1)
    assert agent["reasons"][0]["code"] == "agent"
    assert (fine["status"], fine["names"], fine["reasons"]) == ("full", ["fine"], [])


def test_a_policy_is_printed_and_the_report_goes_aside(cli: Cli, rules: Path) -> None:
    done = cli("import", "sigma", rules, "-o", "-")
    assert done.out.startswith('policy "sigma"') and "Rules" in done.err


def test_nothing_is_written_of_nothing(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "agent.yml").write_text(AGENT)
    target = tmp_path / "out.det"
    done = cli("import", "sigma", tmp_path, "-o", target)
    assert done.code == exits.FINDINGS and "BPFC0821" in done.err and "not translated" in done.out
    assert not target.exists()


def test_rules_of_one_system(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(FINE)
    (tmp_path / "b.yml").write_text(WINDOWS)
    done = cli("import", "sigma", tmp_path, "--platform", "windows", "--format", "json")
    assert [rule["status"] for rule in json.loads(done.out)["rules"]] == ["not translated", "full"]
    assert done.code == exits.FINDINGS


def test_a_user_s_pipeline(cli: Cli) -> None:
    file, pipeline = CASES / "placeholders.yml", CASES / "placeholders.pipeline.yml"
    assert cli("import", "sigma", file, "--pipeline", pipeline).code == exits.OK
    assert cli("import", "sigma", file).code == exits.FINDINGS


@pytest.mark.parametrize("text", ["transformations: [{type: nonsense}]", "- 1", "a: ["])
def test_what_is_no_pipeline(cli: Cli, rules: Path, tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text)
    done = cli("import", "sigma", rules, "--pipeline", wrong)
    assert done.code == exits.USAGE and "BPFC0820" in done.err


@pytest.mark.parametrize(
    "text",
    ["a: [", "[]", "a: 1", "title: x\n", "\x00", "*a", "- &a [*a]", "title: [1]\nlogsource: 1"],
)
def test_what_is_no_rule(cli: Cli, tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(text)
    done = cli("import", "sigma", wrong)
    assert done.code == exits.USAGE and "invalid" in done.out


def test_what_the_kernel_decides_alone(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "part.yml"
    file.write_text(FINE.replace("{Image: /opt/one}", "[{Image: /opt/one}, {LogonId: a}]"))
    assert cli("import", "sigma", file, "-o", "-").out == ""
    done = cli("import", "sigma", file, "--kernel-part", "-o", "-")
    assert done.code == exits.FINDINGS and 'proc.exe.path == "/opt/one"' in done.out


def test_files_that_are_not_there(cli: Cli, tmp_path: Path) -> None:
    assert cli("import", "sigma", tmp_path / "missing.yml").code == exits.USAGE
    done = cli("import", "sigma", tmp_path)
    assert done.code == exits.USAGE and "no rule files" in done.err


FALCO = "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: x\n  priority: INFO\n"
STARTED = FALCO.format(name="started", condition="evt.type = execve and proc.name = a")
PODS = FALCO.format(name="pods", condition="evt.type = execve and k8s.svc.name = a")


def test_falco_s_rules(cli: Cli, tmp_path: Path) -> None:
    rules, target = tmp_path / "rules.yaml", tmp_path / "out.det"
    rules.write_text(STARTED)
    done = cli("import", "falco", rules, "--output", target)
    assert done.code == exits.OK and "1 (100 %)" in done.out
    assert cli("check", target).code == exits.OK
    rules.write_text(STARTED + PODS)
    done = cli("import", "falco", tmp_path, "--format", "json")
    started, pods = json.loads(done.out)["rules"]
    assert done.code == exits.FINDINGS
    assert (started["status"], pods["status"]) == ("full", "not translated")
    assert (pods["line"], pods["reasons"][0]["subject"]) == (6, "k8s.svc.name")


def test_later_files_change_rules_of_earlier_ones(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(STARTED)
    (tmp_path / "b.yaml").write_text(
        "- rule: started\n  condition: or evt.type = dup\n  append: true\n"
    )
    done = cli("import", "falco", tmp_path / "a.yaml", tmp_path / "b.yaml")
    assert done.code == exits.FINDINGS and "what Falco calls dup" in " ".join(done.out.split())


def test_a_user_s_mapping(cli: Cli, tmp_path: Path) -> None:
    rules, mapping = tmp_path / "rules.yaml", tmp_path / "mapping.toml"
    rules.write_text(PODS)
    mapping.write_text('[common.fields]\n"k8s.svc.name" = "container.name"\n')
    assert cli("import", "falco", rules, "--mapping", mapping).code == exits.OK


@pytest.mark.parametrize(
    "text",
    [
        "a = [",
        "a = 1",
        "[common]\nfields = 1",
        '[common.fields]\n"a.b" = { nothing = 1 }',
        '[common.fields]\n"a.b" = 1',
        '[[event]]\nname = "no.event"\ntypes = ["x"]',
        '[[event]]\nname = "net.dns_query"',
        '[[event]]\nname = "net.dns_query"\ntypes = ["x"]\nwith = ["nothing"]',
    ],
)
def test_what_is_no_mapping(cli: Cli, tmp_path: Path, text: str) -> None:
    rules, mapping = tmp_path / "rules.yaml", tmp_path / "mapping.toml"
    rules.write_text(STARTED)
    mapping.write_text(text)
    done = cli("import", "falco", rules, "--mapping", mapping)
    assert done.code == exits.USAGE and "BPFC0830" in done.err


@pytest.mark.parametrize(
    "text",
    ["a: [", "a: 1", "", "\x00", "*a", "- &a [*a]", "- rule: x", "- - - x", "- rule: {a: b}"],
)
def test_what_is_no_falco_rule(cli: Cli, tmp_path: Path, text: str) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(text)
    done = cli("import", "falco", wrong)
    assert done.code == exits.USAGE and "invalid" in done.out


def test_values_that_aliases_repeat_are_bounded(cli: Cli, tmp_path: Path) -> None:
    lines = ["- list: a", "  items: &a [" + ", ".join("x" * 100) + "]"]
    for number in range(9):
        before = "a" if not number else f"a{number - 1}"
        lines.append(f"- list: b{number}\n  items: &a{number} [{', '.join([f'*{before}'] * 10)}]")
    bomb = tmp_path / "bomb.yaml"
    bomb.write_text("\n".join(lines))
    done = cli("import", "falco", bomb)
    assert done.code == exits.USAGE and "200,000 values" in " ".join(done.out.split())
