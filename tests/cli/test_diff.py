"""`bpfc diff`: rules, values, and whether an update is content only."""

import json
from pathlib import Path

import pytest

from bpfc_cli.exits import FINDINGS, OK, USAGE
from tests.cli.conftest import Cli

BASE = """policy "base" version "1" language 1

list tools = ["nc", "ncat", "socat"]

rule tool {
  severity low
  on process.exec
  when proc.exe.name in tools and not proc.cmdline contains "quiet"
  alert
}

rule port {
  on net.connect
  when remote.port in [22, 23, 8080..8090] and remote.ip in [10.0.0.0/8, 192.0.2.4]
  except "backup" when proc.exe.path == "/usr/bin/rsync"
  deny
}

rule first_port {
  on net.connect
  when remote.port == 1
  threshold 20 distinct remote.ip within 1min by proc
  alert limit 5 per 1min
}

rule steps {
  on sequence within 30s
     [net.connect when remote.port == 80] by proc.parent
     [process.exec when proc.argv[1] == "-x"] by proc.parent
  alert
}
"""
EDITED = (
    BASE.replace('"socat"', '"zsh", "a\\"b"')
    .replace("severity low", "severity high")
    .replace("22, 23", "22, 24")
    .replace("rsync", "rclone")
    .replace('version "1"', 'version "2"')
    .replace("threshold 20", "threshold 25")
    .replace("limit 5", "limit 6")
    .replace("within 30s", "within 45s")
    .replace("== 80", "== 81")
)
WITHOUT = BASE.replace(' and not proc.cmdline contains "quiet"', "").replace("first_port", "other")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Artifacts of the policies above."""
    from bpfc_cli.main import main

    folder = tmp_path_factory.mktemp("made")
    found = {}
    for name, text in (("base", BASE), ("edited", EDITED), ("without", WITHOUT)):
        (folder / f"{name}.det").write_text(text)
        found[name] = folder / f"{name}.o"
        assert main(["compile", str(folder / f"{name}.det"), "-o", str(found[name])]) == OK
    return found


def test_edits_of_lists_are_content(made: dict[str, Path], cli: Cli) -> None:
    shown = cli("diff", made["base"], made["edited"], "--format", "json", "--content-only")
    told = json.loads(shown.out)
    assert shown.code == OK and told["content_only"] and told["values_known"]
    assert told["policy"] == ["base 1", "base 2"]
    assert [(h["half"], h["kind"], h["reasons"]) for h in told["halves"]] == [
        ("linux", "content", []),
        ("windows", "content", []),
    ]
    assert {r["rule"]: r["details"] for r in told["rules"]} == {
        "tool": ["severity: low -> high", 'proc.exe.name in: +"zsh" +"a\\"b" -"socat"'],
        "port": [
            "remote.port in: +24 -23",
            'except "backup": proc.exe.path in: +"/usr/bin/rclone" -"/usr/bin/rsync"',
        ],
        "first_port": [
            "threshold: +25 distinct remote.ip within 1min by proc"
            " -20 distinct remote.ip within 1min by proc",
            "limit: +6 per 1min -5 per 1min",
        ],
        "steps": ["sequence within: +45s -30s", "step 1: remote.port in: +81 -80"],
    }


def test_edits_of_conditions_are_structure(made: dict[str, Path], cli: Cli) -> None:
    shown = cli("diff", made["base"], made["without"], "--format", "json")
    told = json.loads(shown.out)
    assert shown.code == OK and not told["content_only"]
    for half in told["halves"]:
        assert half["kind"] == "structure"
        assert half["new_bytes"] < half["old_bytes"]
        assert "map a_process_exec_2 is gone" in half["reasons"]
        assert any(r.startswith("code of ") and "core_process_exec" in r for r in half["reasons"])
    assert [(r["rule"], r["change"], r["details"]) for r in told["rules"]] == [
        ("tool", "changed", ['-condition proc.cmdline contains "quiet"']),
        ("other", "added", []),
        ("first_port", "removed", []),
    ]
    assert cli("diff", made["base"], made["without"], "--content-only").code == FINDINGS


def test_people_get_tables(made: dict[str, Path], cli: Cli) -> None:
    shown = cli("diff", made["base"], made["without"])
    assert shown.code == OK
    for words in ("structural", "What of windows is not content", "first_port", "-condition"):
        assert words in shown.out
    assert "content only" in cli("diff", made["base"], made["edited"]).out
    assert cli("diff", made["base"], made["base"]).out == "the same file\n"


def test_other_files_are_refused(made: dict[str, Path], cli: Cli, tmp_path: Path) -> None:
    assert cli("diff", made["base"], tmp_path / "none.o").code == USAGE
    (tmp_path / "text.o").write_text("text")
    shown = cli("diff", tmp_path / "text.o", made["base"])
    assert (shown.code, shown.err.count("error[BPFC")) == (FINDINGS, 1)


def test_inspect_shows_structure_and_memory(made: dict[str, Path], cli: Cli) -> None:
    shown = [cli("inspect", made[name]).out for name in ("base", "edited", "without")]
    structures = [[w for w in out.splitlines() if w.startswith("structure")] for out in shown]
    assert structures[0] == structures[1] != structures[2]
    assert all("of content, both buffers" in out for out in shown)


def test_what_is_remembered_is_told(cli: Cli, tmp_path: Path) -> None:
    text = """policy "sets" version "1" language 1
set blocked : ip[64]
rule refused { on net.connect when remote.ip in blocked deny }
rule often { on net.connect when remote.port == 1 alert limit 2 per 1min by remote.ip }
"""
    texts = {"old": text, "edited": text.replace("== 1", "== 2")}
    texts["other"] = text.replace("blocked", "refused_ones")
    for name, one in texts.items():
        (tmp_path / f"{name}.det").write_text(one)
        assert cli("compile", tmp_path / f"{name}.det", "-o", tmp_path / f"{name}.o").code == OK
    counts = "counts of limits, thresholds and sequences"
    for name, wanted in (
        ("edited", {"set blocked": "carried on", counts: "carried on"}),
        ("other", {"set refused_ones": "new, empty", "set blocked": "lost", counts: "lost"}),
    ):
        shown = cli("diff", tmp_path / "old.o", tmp_path / f"{name}.o", "--format", "json")
        assert json.loads(shown.out)["remembered"] == wanted
