"""Rules that are wrong: clear diagnostics with a place and exit code 1, never a traceback."""

import json
from pathlib import Path

import pytest

from bpfc_cli.exits import FINDINGS, OK, USAGE
from tests.cli.conftest import Cli

HEAD = 'policy "p" version "1.0" language 1\n'
GOOD = "rule a {\n  on process.exec\n  when proc.pid == 1\n}\n"

# What is wrong, the text, words of the message, and the line it stands on.
CASES: dict[str, tuple[str | bytes, str, int]] = {
    "syntax error": (HEAD + "rule a {\n  on process.exec\n  when when\n}\n", "when", 4),
    "unknown field": (
        HEAD + "rule a {\n  on net.connect\n  when remote.prot == 1\n}\n",
        "remote.port",
        4,
    ),
    "type mismatch": (
        HEAD + 'rule a {\n  on process.exec\n  when proc.pid == "one"\n}\n',
        "proc.pid",
        4,
    ),
    "duplicate rule": (HEAD + GOOD + GOOD, "`a`", 6),
    "invalid network": (
        HEAD + "rule a {\n  on net.connect\n  when remote.ip in 10.0.0.0/33\n}\n",
        "10.0.0.0/33",
        4,
    ),
    "not UTF-8": (HEAD.encode() + b"# \xff\xfe\n" + GOOD.encode(), "UTF-8", 2),
    "empty": ("", "empty", 1),
    "10 MB": ("# padding\n" * 1_000_000, "10,000,000", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_one_clear_diagnostic(name: str, cli: Cli, tmp_path: Path) -> None:
    text, words, line = CASES[name]
    path = tmp_path / "rules.det"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    shown = cli("check", path)
    assert shown.code == FINDINGS
    assert shown.err.count("error[BPFC") == 1, shown.err
    assert words in shown.err
    assert f"{path}:{line}:" in shown.err
    found = json.loads(cli("check", path, "--format", "json").out)
    assert [(row["severity"], row["line"]) for row in found] == [("error", line)]
    assert found[0]["code"] in shown.err


@pytest.mark.parametrize("command", ["compile", "run"])
def test_other_commands_show_the_same(command: str, cli: Cli, tmp_path: Path) -> None:
    path, target = tmp_path / "rules.det", tmp_path / "rules.o"
    path.write_text(HEAD + "rule a {\n  on net.connect\n  when remote.prot == 1\n}\n")
    options = ["-o", str(target)] if command == "compile" else []
    shown = cli(command, path, *options)
    assert (shown.code, shown.err) == (FINDINGS, cli("check", path).err)
    assert not target.exists()


def test_all_errors_of_all_files_at_once(cli: Cli, tmp_path: Path) -> None:
    one, two = tmp_path / "one.det", tmp_path / "two.det"
    one.write_text(HEAD + "rule a {\n  on net.connect\n  when remote.prot == 1\n}\n")
    two.write_text("rule b {\n  on process.exek\n  when proc.pidd == 1\n}\n")
    shown = cli("check", one, two)
    assert shown.code == FINDINGS
    assert f"{one}:4:" in shown.err and f"{two}:2:" in shown.err


def test_a_good_policy_and_its_warnings_end_with_0(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "rules.det"
    path.write_text(HEAD + 'list unused = ["a"]\n' + GOOD)
    shown = cli("check", path)
    assert shown.code == OK
    assert "warning[BPFC" in shown.err and "1 rule, no errors" in shown.err


@pytest.mark.parametrize("command", ["check", "compile", "run"])
def test_missing_files_and_directories(command: str, cli: Cli, tmp_path: Path) -> None:
    options = ["-o", str(tmp_path / "x.o")] if command == "compile" else []
    for path in (tmp_path, tmp_path / "none.det"):
        shown = cli(command, path, *options)
        assert (shown.code, shown.err.count("error[BPFC0901]")) == (USAGE, 1)


def test_an_artifact_where_rules_are_wanted(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "rules.det"
    path.write_bytes(b"\x7fELF" + bytes(100))
    assert (cli("check", path).code, "BPFC0905" in cli("check", path).err) == (USAGE, True)


def test_a_name_that_would_command_a_terminal_is_harmless(cli: Cli, tmp_path: Path) -> None:
    assert "\x1b" not in cli("check", tmp_path / "\x1b[2J.det").err


def test_warnings_can_be_left_out_and_denied(cli: Cli, tmp_path: Path) -> None:
    path, target = tmp_path / "rules.det", tmp_path / "rules.o"
    twice = "rule a {\n  on process.exec\n  when proc.pid == 1 and proc.pid == 2\n}\n"
    path.write_text(HEAD + 'list l = ["x"]\n' + twice)
    found = json.loads(cli("check", path, "--format", "json").out)
    assert [row["code"] for row in found] == ["BPFC0501", "BPFC0523"]
    assert cli("check", path).code == OK
    assert cli("check", path, "--deny-warnings").code == FINDINGS
    shown = cli("check", path, "--deny-warnings", "--allow", "BPFC0501", "--allow", "523")
    assert (shown.code, shown.err.count("warning")) == (OK, 0)
    shown = cli("compile", path, "-o", target, "--deny-warnings", "--allow", "501")
    assert (shown.code, shown.err.count("warning[")) == (FINDINGS, 1)
    assert not target.exists()


@pytest.mark.parametrize("code", ["BPFC0201", "BPFC9999", "x"])
def test_only_warnings_can_be_left_out(code: str, cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "rules.det"
    path.write_text(HEAD + GOOD)
    shown = cli("check", path, "--allow", code)
    assert shown.code == USAGE and "BPFC0900" in shown.err
