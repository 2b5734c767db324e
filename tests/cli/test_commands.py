"""The frame of the command line: help, version, usage errors, explain, endings."""

import os
import signal
import subprocess
import sys

import pytest

from bpfc.version import __version__
from bpfc_cli import exits
from bpfc_cli.explain import all_texts
from tests.cli.conftest import FIRST, Cli
from tests.house.table import ROOT

COMMANDS = ("check", "fmt", "compile", "inspect", "verify", "run", "explain", "extract", "doctor")


def test_version(cli: Cli) -> None:
    assert cli("--version") == type(cli("--version"))(0, f"bpfc {__version__}\n", "")


def test_help_names_every_command_and_exit_code(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.code == exits.OK
    assert all(name in shown.out for name in COMMANDS)
    assert "Exit codes: 0" in shown.out


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command: str, cli: Cli) -> None:
    shown = cli(command, "--help")
    assert shown.code == exits.OK and "Usage: bpfc" in shown.out


@pytest.mark.parametrize(
    "words",
    [
        ["chek"],
        ["check"],
        ["check", "--format", "yaml", "x.det"],
        ["compile", "x.det"],
        ["run", "--for", "soon", "x.o"],
        ["run", "--count", "0", "x.o"],
        ["extract", "x.o", "--target", "beos", "-o", "y.o"],
    ],
)
def test_a_wrong_command_line_is_one_diagnostic(words: list[str], cli: Cli) -> None:
    shown = cli(*words)
    assert (shown.code, shown.out) == (exits.USAGE, "")
    assert shown.err.count("error[BPFC0900]") == 1 and "--help" in shown.err


def test_every_code_can_be_explained(cli: Cli) -> None:
    texts = all_texts()
    assert {"BPFC0001", "BPFC0501", "BPFC0705", "BPFC0801", "BPFC0999"} <= texts.keys()
    listed = cli("explain").out
    for code, (title, text) in texts.items():
        assert title and len(text) > 20, code
        assert f"{code}  {title}" in listed
    assert cli("explain", "bpfc0999").out == cli("explain", "[BPFC0999]").out


def test_events_and_fields_can_be_explained(cli: Cli) -> None:
    event, field = cli("explain", "net.packet").out, cli("explain", 'proc.env["PATH"]').out
    assert "No process: a packet" in event and "`packet.tcp_flags` | flags" in event
    assert "Type: string, 4,096 bytes, optional" in field and "every event with a process" in field
    assert "regular " in cli("explain", "file.kind").out
    assert "Read on: Linux, Windows" in cli("explain", "proc.pid").out


def test_an_unknown_code(cli: Cli) -> None:
    shown = cli("explain", "BPFC9999")
    assert (shown.code, "BPFC0904" in shown.err) == (exits.USAGE, True)


def test_an_unexpected_error_is_reported_without_a_traceback(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("nobody expected this")

    monkeypatch.delenv("BPFC_DEBUG", raising=False)
    monkeypatch.setattr("bpfc_cli.explain.all_texts", broken)
    shown = cli("explain")
    assert shown.code == exits.INTERNAL
    assert "error[BPFC0999]" in shown.err and "nobody expected this" in shown.err


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    command = f"{sys.executable} -m bpfc_cli.main explain"
    script = f"{command} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    first, code = done.stdout.splitlines()
    assert first.startswith("BPFC") and code == "0"
    assert done.stderr == ""


def test_a_closed_standard_output_ends_it_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        command = [sys.executable, "-m", "bpfc_cli.main", "explain"]
        done = subprocess.run(
            command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, check=False, timeout=60
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_ends_it_without_a_word(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the signal came too late")

    monkeypatch.setattr("bpfc_cli.explain.all_texts", interrupted)
    # A job in the background has been told to ignore Ctrl-C, and its children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        shown = cli("explain")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (shown.code, shown.out, shown.err) == (exits.INTERRUPTED, "", "")


def test_a_real_process(real_cli: Cli) -> None:
    shown = real_cli("check", FIRST)
    assert (shown.code, shown.out) == (0, "")
    assert "3 rules, no errors" in shown.err
    assert real_cli("check", "none.det").code == exits.USAGE


def test_starting_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bpfc_cli.main import main; main(['--version']); "
        "print([m for m in ('lark', 'llvmlite', 'rich', 'elftools', 'compiler', 'dsl') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_checker_is_loaded_without_the_compiler() -> None:
    code = (
        "import sys; from bpfc_cli.main import main; main(['check', sys.argv[1]]); "
        "print([m for m in ('llvmlite', 'rich', 'elftools', 'compiler') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(FIRST)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
