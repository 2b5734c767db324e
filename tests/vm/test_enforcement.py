"""One policy on each kernel: what it denies, kills, reports, and what happens while it is swapped.

The guest plays all of `enforcement_guest.py` in one command, once per kernel; each test here looks
at one part of what it saw.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bpfc.artifact.container import Artifact
from bpfc_cli.vm.machine import Machine, Result
from compiler.driver import compile_sources

ROOT = Path(__file__).parents[2]
POLICY = Path(__file__).parent / "data" / "enforcement.det"
SCRIPTS = ("tests/vm/enforcement_guest.py", "tests/linux/programs.py")
TIMEOUT_S = 240.0  # ten times what it takes
LIMIT = 1_000_000  # instructions the kernel's verifier walks through at most
SHARE = 0.25  # of it that a program may take (design)
EACCES, EPERM, SIGKILL = 13, 1, 9
# Of the counters, what counts faults.
FAULTS = (
    "no_policy", "empty_slot", "no_scratch", "ring_full", "process_table_full",
    "string_table_full", "unreadable", "path_too_long", "latch_full", "internal",
)  # fmt: skip

Report = dict[str, Any]


@pytest.fixture(scope="session")
def artifact() -> Artifact:
    """The policy, compiled."""
    result = compile_sources([(POLICY.name, POLICY.read_bytes())])
    assert result.artifact is not None, "\n".join(map(str, result.diagnostics))
    return result.artifact


@pytest.fixture(scope="session")
def played() -> dict[str, Result | None]:
    """What became of the guests' command, by kernel."""
    return {}


@pytest.fixture
def report(machine: Machine, artifact: Artifact, played: dict[str, Result | None]) -> Report:
    """What a guest saw; it plays on first use."""
    if machine.series not in played:
        played[machine.series] = None  # a guest that does not answer is not asked again
        scripts = {name: (ROOT / name).read_bytes() for name in SCRIPTS}
        played[machine.series] = machine.run(
            ["python3", "-m", "tests.vm.enforcement_guest", "rules.o"],
            files={"rules.o": artifact.data, **scripts},
            cwd="/tmp/played",
            timeout=TIMEOUT_S,
        )
    result = played[machine.series]
    assert result is not None, "the guest did not answer"
    assert result.exit_code == 0, result.stderr
    seen: Report = json.loads(result.stdout)
    return seen


def only(alerts: list[Report]) -> Report:
    """The one alert."""
    assert len(alerts) == 1, [(a["rule"]["name"], a["event"], a["stage"]) for a in alerts]
    return alerts[0]


def what(alert: Report) -> tuple[object, ...]:
    """What an alert says apart from its fields."""
    return tuple(alert[n] for n in ("event", "stage", "outcome", "errno", "certainty"))


def programs(artifact: Artifact, series: str) -> set[str]:
    """The programs that the runtime loads on a kernel that has everything but, on 5.10, atomics."""
    left_out = "atomic" if series == "5.10" else "plain"
    return {p.name for p in artifact.manifest.linux.programs if p.variant != left_out}


# ---------------------------------------------------------------------- loading


def test_the_verifier_accepts_it_well_within_its_limit(
    report: Report, machine: Machine, artifact: Artifact
) -> None:
    rows = report["verify"]
    assert [row for row in rows if row["outcome"] != "verified"] == []
    assert {row["program"] for row in rows} == programs(artifact, machine.series)
    assert {row["hook"] for row in rows} == {
        "fork", "exec", "exit", "exec_check", "connect4", "connect6", "sendmsg4", "sendmsg6",
    }  # fmt: skip
    walked = {row["program"]: row["instructions"] for row in rows}
    assert {name: n for name, n in walked.items() if not 0 < n < SHARE * LIMIT} == {}


def test_nothing_was_said_against_its_btf(
    report: Report, machine: Machine, artifact: Artifact
) -> None:
    """libbpf drops BTF that a kernel refuses, with a warning, and loads the programs without it."""
    loaded = programs(artifact, machine.series)  # without BTF, names would be cut to 15 bytes
    ours = {name: has for name, has in report["btf"].items() if name in loaded}
    assert set(ours) == loaded
    assert all(ours.values()), ours
    expected = "libbpf: elf: skipping unrecognized data section("
    assert [line for line in report["said"] if not line.startswith(expected)] == []
    spoken = "\n".join(report["said"]) + report["bpftool"]["stderr"]
    assert "BTF" not in spoken, spoken


def test_each_rule_is_carried_out_in_its_strongest_form(report: Report) -> None:
    assert report["rules"] == {
        "fileless": ["denied with EACCES", False],
        "named_binary": ["denied with EACCES", False],
        "interpreter": ["denied with EPERM", False],
        "wiper": ["killed before its first instruction", False],
        "connection": ["denied with EPERM", False],
        "watched": ["alert", False],
        "observed": ["alert", False],
        "forked": ["alert", False],
        "ended": ["alert", False],
        "at_check": ["audit, not done: denied with EACCES", False],
        "at_exec": ["alert", False],
    }


def test_bpftool_loads_it(report: Report, machine: Machine, artifact: Artifact) -> None:
    """`bpftool prog loadall` loads and pins every program that is not marked as optional ("?").

    Those are the programs for the BPF LSM and, for kernels without atomics that return a value, the
    second variant of all others; a loader has to turn them on. On 5.10 it is the first variant that
    the kernel refuses (no such atomics before 5.12): there bpftool fails, names the program and
    leaves nothing behind; the runtime, which chooses the variant, loads the artifact there as well.
    """
    done, prefix = report["bpftool"], machine.series
    if prefix == "5.10":
        assert done["exit_code"] != 0
        assert done["pinned"] == []
        assert "prog 'fork_atomic': failed to load: -22" in done["stderr"]
        assert "BPF_STX uses reserved fields" in done["stderr"]
        return
    assert done["exit_code"] == 0, done["stderr"]
    plain = [p for p in artifact.manifest.linux.programs if p.variant != "plain"]
    assert done["pinned"] == sorted(p.name for p in plain if "bpf_lsm" not in p.needs)


# ---------------------------------------------------------------------- exec


@pytest.mark.parametrize(
    ("part", "rule", "errno"),
    [
        ("memfd", "fileless", EACCES),
        ("named", "named_binary", EACCES),
        ("linked", "named_binary", EACCES),
        ("script", "interpreter", EPERM),
    ],
)
def test_a_denied_exec_fails_and_nothing_of_it_runs(
    part: str, rule: str, errno: int, report: Report
) -> None:
    seen = report["denials"][part]
    assert (seen["status"], seen["ran"]) == (errno, False)
    alert = only(seen["alerts"])
    assert alert["rule"]["name"] == rule
    name = {EACCES: "EACCES", EPERM: "EPERM"}[errno]
    assert what(alert) == ("process.exec", "before", "denied", name, "certain")
    assert alert["fields"]["proc.pid"] == seen["pid"]


def test_the_alert_of_a_denied_exec(report: Report) -> None:
    """The file is known, the arguments are not: what the process still has are the old ones."""
    parent = report["contexts"]["parent"]
    interpreter = Path(parent["exe"]).name
    alert = only(report["denials"]["memfd"]["alerts"])
    assert alert["fields"].items() >= {
        "proc.exe.in_memory": True, "proc.exe.path": "/memfd:payload",
        "proc.ppid": parent["pid"], "proc.uid": 0, "proc.parent.cmdline": parent["cmdline"],
    }.items()  # fmt: skip
    assert {"proc.cmdline", "proc.argv"} <= {*alert["unknown"]}
    rule = alert["rule"]
    assert (rule["id"], rule["severity"], rule["mitre"]) == ("enf-0001", "critical", ["T1620"])
    assert alert["policy"] == {"name": "enforcement", "version": "1.2.3"}
    expected = f"/memfd:payload was started from memory by {interpreter}"
    assert alert["message"] == expected
    linked = only(report["denials"]["linked"]["alerts"])["fields"]
    assert linked["proc.exe.path"] == "/tmp/enforcement/forbidden-tool"
    assert (linked["proc.exe.name"], linked["proc.invoked_as"]) == ("forbidden-tool", "innocent")


def test_the_alert_of_a_script_that_is_denied_by_its_interpreter(report: Report) -> None:
    fields = only(report["denials"]["script"]["alerts"])["fields"]
    assert fields["proc.exe.path"] == "/tmp/enforcement/busybox-forbidden"
    assert fields["proc.script.path"] == "/tmp/enforcement/by-forbidden"
    assert fields["proc.invoked_as"] == "by-forbidden"


def test_a_denied_exec_by_a_thread(report: Report) -> None:
    seen = report["denials"]["in_thread"]
    assert seen["status"] == EACCES
    alert = only(seen["alerts"])
    assert (alert["rule"]["name"], alert["outcome"]) == ("named_binary", "denied")
    assert alert["fields"]["proc.pid"] == seen["pid"]


@pytest.mark.parametrize("part", ["similar", "allowed_script", "named_script"])
def test_other_programs_run(part: str, report: Report) -> None:
    """A similar name, another interpreter, a script (not a program) of the forbidden name."""
    seen = report["denials"][part]
    assert (seen["status"], seen["ran"], seen["alerts"]) == (0, True, [])


def test_a_command_line_is_killed_before_its_first_instruction(report: Report) -> None:
    seen = report["kills"]["wiper"]
    assert (seen["status"], seen["ran"]) == (-SIGKILL, False)
    killed, ended = seen["alerts"]
    assert (killed["rule"]["name"], ended["rule"]["name"]) == ("wiper", "ended")
    assert what(killed) == ("process.exec", "after", "killed", None, "certain")
    assert killed["fields"]["proc.cmdline"] == "touch /tmp/enforcement/victim --wipe everything"
    assert what(ended) == ("process.exit", "after", "observed", None, "certain")
    assert ended["fields"]["exit.signal"] == SIGKILL
    assert ended["fields"]["proc.exe.path"] == killed["fields"]["proc.exe.path"]
    bystander = report["kills"]["bystander"]
    assert (bystander["status"], bystander["ran"], bystander["alerts"]) == (0, True, [])


def test_an_exec_alert_has_its_whole_context(report: Report) -> None:
    seen, parent = report["contexts"]["script"], report["contexts"]["parent"]
    alert = only(seen["alerts"])
    assert alert["rule"]["name"] == "observed"
    assert what(alert) == ("process.exec", "after", "observed", None, "certain")
    words = ["/bin/sh", "-e", "/tmp/enforcement/called", "observe-me", "last"]
    fields = alert["fields"]
    assert fields.pop("proc.start_time") < alert["time_ns"]
    assert fields.pop("proc.cgroup_id") > 0
    assert fields == {
        "proc.pid": seen["pid"], "proc.ppid": parent["pid"],
        "proc.uid": 0, "proc.gid": 0, "proc.euid": 0,
        "proc.exe.path": report["contexts"]["shell"],
        "proc.exe.name": Path(report["contexts"]["shell"]).name,
        "proc.exe.in_memory": False,
        "proc.cmdline": " ".join(words), "proc.argv": words,
        "proc.invoked_as": "called", "proc.comm": "called",
        "proc.script.path": "/tmp/enforcement/called",
        "proc.parent.exe.path": parent["exe"], "proc.parent.exe.name": Path(parent["exe"]).name,
        "proc.parent.cmdline": parent["cmdline"],
    }  # fmt: skip
    assert (alert["unknown"], alert["absent"], alert["truncated"]) == ([], ["proc.tty"], [])


def test_an_exec_alert_of_another_user(report: Report) -> None:
    seen = report["contexts"]["program"]
    alert = only(seen["alerts"])
    assert alert["fields"].items() >= {
        "proc.pid": seen["pid"], "proc.uid": 65534, "proc.gid": 65534, "proc.euid": 65534,
        "proc.exe.path": report["contexts"]["true"], "proc.invoked_as": "true",
        "proc.argv": ["renamed", "observe-me", "", "two words"],
    }.items()  # fmt: skip
    assert alert["absent"] == ["proc.script.path", "proc.tty"]


def test_fork_and_exit_alerts(report: Report) -> None:
    lives = report["lives"]
    assert lives["status"] == 3
    forked, *ended = lives["alerts"]
    child = forked["fields"]["proc.pid"]
    assert (forked["rule"]["name"], forked["event"]) == ("forked", "process.fork")
    assert forked["fields"].items() >= {
        "proc.ppid": lives["pid"], "proc.exe.path": "/tmp/enforcement/spawner",
        "proc.parent.exe.path": "/tmp/enforcement/spawner",
        "proc.cmdline": "sh -c (exit 7); exit 3",
    }.items()  # fmt: skip
    assert [
        (a["event"], a["fields"]["proc.pid"], a["fields"]["exit.code"], a["fields"]["exit.signal"])
        for a in ended
    ] == [("process.exit", child, 7, 0), ("process.exit", lives["pid"], 3, 0)]


# ---------------------------------------------------------------------- connections

WAYS = [(family, way) for family in ("ipv4", "ipv6") for way in ("tcp", "udp", "send")]
DENIED, WATCHED, FREE = 47911, 47910, 47912


def _fields(family: str, way: str, port: int) -> dict[str, object]:
    return {
        "remote.ip": "127.0.0.1" if family == "ipv4" else "::1", "remote.port": port,
        "net.protocol": "tcp" if way == "tcp" else "udp", "net.family": family,
    }  # fmt: skip


@pytest.mark.parametrize(("family", "way"), WAYS)
def test_a_denied_connection_fails(family: str, way: str, report: Report) -> None:
    seen, parent = report["connections"][f"{family} {way} {DENIED}"], report["contexts"]["parent"]
    assert (seen["errno"], seen["reached"]) == ("EPERM", False)
    alert = only(seen["alerts"])
    assert alert["rule"]["name"] == "connection"
    assert what(alert) == ("net.connect", "before", "denied", "EPERM", "certain")
    fields = _fields(family, way, DENIED)
    assert alert["fields"].items() >= fields.items()
    assert alert["fields"]["proc.exe.path"] == parent["exe"]
    assert alert["fields"]["proc.cmdline"] == parent["cmdline"]
    name = Path(parent["exe"]).name
    assert alert["message"] == f"{name} to {fields['remote.ip']} port {DENIED}"


@pytest.mark.parametrize(("family", "way"), WAYS)
def test_other_connections_arrive(family: str, way: str, report: Report) -> None:
    watched = report["connections"][f"{family} {way} {WATCHED}"]
    free = report["connections"][f"{family} {way} {FREE}"]
    arrives = way != "udp"  # connecting a datagram socket sends nothing
    for seen in (watched, free):
        assert (seen["errno"], seen["reached"]) == (0, arrives)
    alert = only(watched["alerts"])
    assert alert["rule"]["name"] == "watched"
    assert what(alert) == ("net.connect", "before", "observed", None, "certain")
    assert alert["fields"].items() >= _fields(family, way, WATCHED).items()
    assert free["alerts"] == []


# ---------------------------------------------------------------------- swapping


def test_an_audited_denial_is_only_reported(report: Report) -> None:
    """And an exec by a thread keeps its process id, which is another thread's until then."""
    seen = report["contexts"]["thread"]
    assert seen["status"] == 0
    check, after = seen["alerts"]
    assert (check["rule"]["name"], after["rule"]["name"]) == ("at_check", "at_exec")
    assert what(check) == ("process.exec", "before", "would deny", "EACCES", "certain")
    assert what(after) == ("process.exec", "after", "observed", None, "certain")
    assert check["generation"] == after["generation"]


@pytest.mark.parametrize("scene", ["activation", "flips"])
def test_every_exec_is_judged_once_while_policies_are_swapped(scene: str, report: Report) -> None:
    """At each of its two hooks, and by the same generation at both."""
    tally = report[scene]["tally"]
    assert tally["processes"] == tally["execs"] > 0
    assert tally["kinds"] == {"at_check at_exec": tally["execs"]}
    assert tally["mixed"] == 0
    assert len(tally["generations"]) == 2  # else the execs proved nothing
    assert sum(tally["generations"].values()) == 2 * tally["execs"]


def test_an_activation_replaces_the_one_before(report: Report) -> None:
    seen = report["activation"]
    assert seen["generation"] > seen["replaced"] > 0
    generations = {int(number) for number in seen["tally"]["generations"]}
    assert generations == {seen["generation"], seen["replaced"]}


def test_a_failed_exec_does_not_tie_its_process_to_the_old_policy(report: Report) -> None:
    seen = report["activation"]
    assert seen["survivor"]["status"] == 0
    assert [(a["rule"]["name"], a["generation"]) for a in seen["survivor"]["alerts"]] == [
        ("named_binary", seen["replaced"]),
        ("at_check", seen["generation"]),
        ("at_exec", seen["generation"]),
    ]


# ---------------------------------------------------------------------- accounts


def test_nothing_went_wrong_unseen(report: Report) -> None:
    assert {name: report["counters"][name] for name in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert report["malformed"] == 0


def test_denials_are_counted_by_rule(report: Report) -> None:
    counts = report["statistics"]
    denied = {rule: number for rule, (_, number) in counts.items() if number}
    assert denied == {"fileless": 1, "named_binary": 3, "interpreter": 1, "connection": 6}
    fired = {rule: number for rule, (number, _) in counts.items()}
    assert fired == {
        **denied, "wiper": 1, "watched": 6, "observed": 2, "forked": 1, "ended": 3,
        "at_check": 1, "at_exec": 1,
    }  # fmt: skip
