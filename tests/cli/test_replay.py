"""`bpfc replay`, by what it prints: an old and a new policy on recorded events in `replay/`.

`python -m tests.cli.test_replay` writes the expected output anew.
"""

import json
import re
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve

from bpfc_cli.main import main
from bpfc_cli.record_ import recording_artifact
from bpfc_cli.sources import artifact_of
from bpfc_cli.testing.records import made
from tests.cli.conftest import Cli
from tests.language.fixture import START, complete, duration, record
from tests.recording.samples import HEADER, recording, ring_record

Damage = Callable[[bytes], bytes]
FOLDER = Path(__file__).parent / "replay"
OLD, NEW = FOLDER / "old.det", FOLDER / "new.det"
REPORTS: list[tuple[str, tuple[str | Path, ...]]] = [
    ("alerts.txt", ()),
    ("alerts.json", ("--format", "json")),
    ("against.txt", ("--against", OLD)),
    ("against.json", ("--against", OLD, "--format", "json")),
    ("sums.txt", ("--against", OLD, "--summary-only")),
    ("windows.txt", ("--half", "windows")),
]


@cache
def recorded() -> bytes:
    """What is recorded for both policies, of the events in `replay/events.toml`."""
    policy = recording_artifact((), (artifact_of(OLD), artifact_of(NEW)))
    layouts = {layout.event: layout for layout in policy.manifest.layouts}
    data = tomllib.loads((FOLDER / "events.toml").read_text("utf-8"))
    records, time = [], START
    for row in data["event"]:
        name = row.pop("event")
        time = START + duration(row.pop("at", "0s"))
        fields = record(name, {**data["defaults"].get(name, {}), **row})
        fields = complete(name, fields, (number.name for number in layouts[name].numbers))
        records.append(ring_record(layouts[name], made(fields, layouts[name], time)))
    with TemporaryDirectory() as folder:
        header = evolve(HEADER, layouts=policy.manifest.layouts)
        return recording(Path(folder) / "a.rec", records, header=header)


@pytest.fixture
def rec(tmp_path: Path) -> Path:
    """The recording as a file."""
    path = tmp_path / "day.rec"
    path.write_bytes(recorded())
    return path


def _plain(text: str) -> str:
    """Output without what is different in each run."""
    text = re.sub(r'"artifact":"[0-9a-f]{64}"', '"artifact":"..."', text)
    return re.sub(r'"replay_seconds": [0-9.e-]+', '"replay_seconds": 0', text)


@pytest.mark.parametrize(("name", "words"), REPORTS)
def test_reports(cli: Cli, rec: Path, name: str, words: tuple[str | Path, ...]) -> None:
    found = cli("replay", rec, NEW, *words)
    assert found.code == 0, found.err
    assert _plain(found.out) == (FOLDER / name).read_text("utf-8")
    assert "6 events of 4,260.0 s on somewhere" in found.err
    assert "lost while recording: ring_full 2" in found.err


def test_a_change_can_be_a_failure(cli: Cli, rec: Path) -> None:
    assert cli("replay", rec, NEW, "--against", OLD, "--fail-on-change").code == 1
    assert cli("replay", rec, NEW, "--against", NEW, "--fail-on-change").code == 0
    found = cli("replay", rec, NEW, "--fail-on-change")
    assert found.code == 2 and "--against" in found.err


def test_what_was_not_recorded_is_named(cli: Cli, rec: Path, tmp_path: Path) -> None:
    rules = tmp_path / "more.det"
    rules.write_text(
        'policy "more" version "1" language 1\n'
        "rule a { on process.exec when proc.session_id == 0 or proc.pid == 104 }\n"
        "rule b { on net.connect when not proc.tid == 7 and remote.port == 80 }\n"
    )
    found = cli("replay", rec, rules, "--format", "json")
    assert found.code == 0
    assert (
        "warning[BPFC0948]" in found.err and "process.exec: proc.tid, proc.session_id" in found.err
    )
    *alerts, last = map(json.loads, found.out.splitlines())
    assert [(a["rule"]["name"], a["certainty"]) for a in alerts] == [
        ("a", "certain"),
        ("b", "partial"),
    ]
    assert last["summary"]["unread"]["fields"]["process.exec"] == ["proc.tid", "proc.session_id"]


def test_sets_and_counts(cli: Cli, rec: Path, tmp_path: Path) -> None:
    rules, pairs, more = (tmp_path / name for name in ("sets.det", "pairs.txt", "more.txt"))
    rules.write_text(
        'policy "sets" version "1" language 1\n'
        "set blocked : (ip, port)[64] for 1s\n"
        "set users : int[64]\n"
        "rule a { on net.connect when (remote.ip, remote.port) in blocked and proc.uid in users }\n"
        "rule b { on net.connect when remote.port > 0 alert limit 1 per 10min }\n"
        "rule c { on process.exec when proc.session_id == 0 and proc.uid == 33 }\n"
    )
    pairs.write_text("# of the day\n192.0.2.7\t22\n192.0.2.7\t80\n")
    more.write_text("33\n")
    words = ("--set", f"blocked={pairs}", "--set", f"users={more}", "--format", "json")
    found = cli("replay", rec, rules, *words)
    assert found.code == 0, found.err
    *alerts, last = map(json.loads, found.out.splitlines())
    assert [a["fields"]["remote.port"] for a in alerts if a["rule"]["name"] == "a"] == [22, 80]
    assert last["summary"]["uncertain"] == {"b": {"suppressed": 1}, "c": {"unknown": 3}}
    assert "b: alerts held back by the limit 1" in found.err
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"10\n\xff\xfe\n")
    for bad, words_of_it in (
        (f"blocket={pairs}", "no set blocket"),
        ("nothing", "not NAME=FILE"),
        (f"blocked={tmp_path}/no.txt", "BPFC0901"),
        (f"users={binary}", "not UTF-8 at byte 3"),
    ):
        found = cli("replay", rec, rules, "--set", bad)
        assert found.code == 2 and words_of_it in found.err
    more.write_text("nobody\n")
    assert "BPFC0721" in cli("replay", rec, rules, "--set", f"users={more}").err


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (lambda data: data[:-10], 0, "cut off"),
        (lambda data: data[:-10] + b"0123456789", 1, "damaged"),
        (lambda data: data[:40], 2, "BPFC0942"),
        (lambda data: b"something else", 2, "BPFC0940"),
        (lambda data: data[:8] + b"\x09" + data[9:], 2, "BPFC0941"),
    ],
    ids=["cut", "damaged", "no header", "no recording", "newer"],
)
def test_damage(cli: Cli, rec: Path, damage: Damage, code: int, words: str) -> None:
    rec.write_bytes(damage(recorded()))
    found = cli("replay", rec, NEW)
    assert found.code == code and words in found.err


def test_no_such_file(cli: Cli, tmp_path: Path) -> None:
    assert cli("replay", tmp_path / "no.rec", NEW).code == 2


def test_a_recording_policy_is_written_for_hosts_without_a_compiler(
    cli: Cli, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.o"
    assert cli("record", policy, "--policy-only", "--for", NEW).code == 0
    assert "record_process_exec" in cli("inspect", policy).out
    # Nothing is recorded with a policy that is something else.
    other = tmp_path / "other.o"
    assert cli("compile", NEW, "-o", other).code == 0
    found = cli("record", tmp_path / "a.rec", "--using", other)
    assert found.code == 2 and "BPFC0947" in found.err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--events", "process.exce"), "BPFC0945"),
        (("--events", "file.open"), "BPFC0945"),
        (("--redact", "(a+)+"), "BPFC0943"),
        (("--redact-file", "nowhere"), "BPFC0901"),
        (("--duration", "soon"), "BPFC0900"),
        (("--max-size", "0"), "BPFC0900"),
        (("--using", "a.o", "--for", "a.det"), "BPFC0900"),
    ],
)
def test_bad_options_of_record(cli: Cli, tmp_path: Path, words: tuple[str, ...], code: str) -> None:
    found = cli("record", tmp_path / "a.rec", *words)
    assert found.code == 2 and code in found.err
    assert not (tmp_path / "a.rec").exists()


def test_an_existing_file_is_kept(cli: Cli, rec: Path) -> None:
    found = cli("record", rec, "--events", "process.exec")
    assert found.code == 2 and "BPFC0944" in found.err
    assert rec.read_bytes() == recorded()


def _write() -> None:
    """Write the expected output anew."""
    import contextlib
    import io
    import os

    os.environ["COLUMNS"] = "160"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "day.rec"
        path.write_bytes(recorded())
        for name, words in REPORTS:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                main(["replay", str(path), str(NEW), *map(str, words)])
            (FOLDER / name).write_text(_plain(out.getvalue()), "utf-8")


if __name__ == "__main__":
    _write()
