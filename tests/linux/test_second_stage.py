"""The second stage on the running kernel: what the agent finds of real processes and files."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from bpfc.artifact.alert import Alert
from bpfc.runtime.errors import SensorError
from bpfc.runtime.sensor import Sensor
from runtime_linux.procfs import cgroup2_mount
from tests.linux.live import Live, active, compiled, names, only
from tests.linux.programs import run

pytestmark = [pytest.mark.bpf, pytest.mark.root]

OTHER = "0" * 64


def rules(digest: str) -> str:
    return f"""
list good = ["{digest}"]
rule by_hash {{
  on process.exec when proc.invoked_as startswith "tool"
  confirm when proc.exe.hash.sha256 in good
  alert "{{proc.exe.path}} has {{proc.exe.hash.sha256}}"
  output {{ owner = proc.exe.file.owner.name, md5 = proc.exe.hash.md5 }}
}}
rule by_other_hash {{
  on process.exec when proc.invoked_as startswith "tool"
  confirm when proc.exe.hash.sha256 == "{OTHER}"
}}
rule if_in_doubt {{
  on process.exec when proc.invoked_as startswith "tool"
  confirm on unknown when proc.exe.hash.sha256 == "{OTHER}"
}}
rule by_user {{
  on process.exec when proc.invoked_as == "tool_of_user"
  confirm when proc.euid.name == "nobody" and not proc.exe.version.company exists
}}
"""


def digest_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def tool(place: Path, busybox: Path) -> Path:
    return Path(shutil.copy(busybox, place / "tool"))


@pytest.fixture(scope="module")
def live(tool: Path) -> Iterator[Live]:
    with active(rules(digest_of(tool))) as found:
        yield found


def during(live: Live, path: Path, *arguments: str) -> list[Alert]:
    """The alerts on a program that has ended when the agent looks."""
    return live.during(lambda: run(path, [*arguments, "true"]))


def test_a_hash_confirms_and_another_refutes(live: Live, tool: Path) -> None:
    before = {name: live.statistics(name) for name in ("by_hash", "by_other_hash")}
    found = during(live, tool)
    assert names(found) == {"by_hash"}
    alert = only(found, "by_hash")
    assert alert.certainty == "certain"
    assert alert.fields["proc.exe.hash.sha256"] == digest_of(tool)
    assert alert.message == f"{tool} has {digest_of(tool)}"
    assert alert.output == {
        "owner": "root",
        "md5": hashlib.md5(tool.read_bytes(), usedforsecurity=False).hexdigest(),
    }
    confirmed, refuted = live.statistics("by_hash"), live.statistics("by_other_hash")
    assert confirmed.fired == before["by_hash"].fired + 1
    assert confirmed.confirmed == before["by_hash"].confirmed + 1
    assert refuted.fired == before["by_other_hash"].fired + 1
    assert refuted.refuted == before["by_other_hash"].refuted + 1
    assert live.sensor.statistics().lookups["looked up"] > 0


def test_a_file_that_was_replaced_is_not_taken_for_the_one_that_ran(
    live: Live, place: Path, busybox: Path
) -> None:
    victim = Path(shutil.copy(busybox, place / "tool_replaced"))
    live.drain()
    before = live.statistics("by_hash").undecided
    pid = run(victim, ["true"])
    (place / "new").write_bytes(b"something else")
    os.replace(place / "new", victim)
    found = live.alerts(pid)
    assert names(found) == {"if_in_doubt"}
    alert = only(found, "if_in_doubt")
    assert alert.certainty == "partial" and "proc.exe.hash.sha256" in alert.unknown
    assert live.statistics("by_hash").undecided == before + 1


def test_a_file_that_was_overwritten_since_is_not_taken_for_what_ran(
    live: Live, place: Path, busybox: Path
) -> None:
    path = Path(shutil.copy(busybox, place / "tool_to_edit"))

    def run_and_edit() -> int:
        pid = run(path, ["true"])
        time.sleep(0.05)  # some ticks of the file system's clock
        with path.open("ab") as file:
            file.write(b"harmless")
        return pid

    before = live.statistics("by_hash")
    assert names(live.during(run_and_edit)) == {"if_in_doubt"}
    assert live.statistics("by_hash").undecided == before.undecided + 1


def test_a_deleted_program_is_read_while_it_runs(live: Live, place: Path, busybox: Path) -> None:
    program = Path(shutil.copy(busybox, place / "tool_deleted"))
    live.drain()
    process = subprocess.Popen(["sleep", "30"], executable=program)
    try:
        program.unlink()
        # Popen returns when exec closes a pipe, which is before its record is written.
        found = [a for a in live.sensor.poll(10) if a.fields["proc.pid"] == process.pid]
        assert names(found) == {"by_hash"}
    finally:
        process.kill()
        process.wait()


def test_names_of_users(live: Live, place: Path, busybox: Path) -> None:
    program = Path(shutil.copy(busybox, place / "tool_of_user"))
    os.chmod(place, 0o755)
    for parent in place.parents:
        if parent.stat().st_uid == 0 and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    assert "by_user" not in names(during(live, program))

    def as_nobody() -> int:
        process = subprocess.Popen(["tool_of_user", "true"], executable=program, user=65534)
        process.wait()
        return process.pid

    alert = only(live.during(as_nobody), "by_user")
    assert alert.fields["proc.euid.name"] == "nobody" and alert.certainty == "certain"
    assert "proc.exe.version.company" in alert.absent


def test_the_container_of_a_process(busybox: Path) -> None:
    """Of one that runs: where version 1 hierarchies are mounted too, its cgroups go with it."""
    identity = "5e" * 32
    mount = cgroup2_mount()
    assert mount is not None
    group = Path(mount, f"docker-{identity}.scope")
    rule = f"""
        rule inside {{ on process.exec when proc.exe.path == "{busybox}"
          confirm when container.id startswith "5e5e" alert "in {{container.id}}" }}
        rule outside {{ on process.exec when proc.exe.path == "{busybox}"
          confirm when not container.id exists }}"""
    group.mkdir()
    try:
        with active(rule) as live:

            def found(join: Path | None) -> list[Alert]:
                prepare = None if join is None else lambda: join.write_text("0")
                with subprocess.Popen([busybox, "sleep", "30"], preexec_fn=prepare) as process:
                    alerts = live.sensor.poll(10)
                    process.kill()
                return [alert for alert in alerts if alert.fields["proc.pid"] == process.pid]

            (alert,) = found(group / "cgroup.procs")
            assert alert.rule.name == "inside" and alert.certainty == "certain"
            assert alert.message == f"in {identity}"
            assert names(found(None)) == {"outside"}
    finally:
        group.rmdir()


def test_another_second_stage_is_content_only(tool: Path) -> None:
    with active(rules(OTHER)) as live:
        assert "by_hash" not in names(during(live, tool))
        done = live.use(rules(digest_of(tool)))
        assert done.content_only
        assert "by_hash" in names(during(live, tool))
        live.sensor.rollback()
        assert "by_hash" not in names(during(live, tool))


def test_what_the_agent_does_not_know_is_refused() -> None:
    artifact = compiled(rules(OTHER))
    first, *others = artifact.manifest.rules
    strange = evolve(first, agent=(evolve(first.agent[0], source="astrology"), *first.agent[1:]))
    manifest = evolve(artifact.manifest, rules=(strange, *others))
    with Sensor() as sensor, pytest.raises(SensorError) as failure:
        sensor.activate(evolve(artifact, manifest=manifest))
    assert failure.value.code == "BPFC0741"
