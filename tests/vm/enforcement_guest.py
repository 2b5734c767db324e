"""What runs inside a guest for test_enforcement.py: provokes every rule of one policy.

    python3 -m tests.vm.enforcement_guest rules.o

Prints one JSON object, a member for each scene. Judging is the tests' work.
"""

import errno
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path
from typing import Any

from bpfc.artifact.alert import Alert, to_json
from bpfc.artifact.container import Artifact, open_artifact
from bpfc.artifact.decode import Decoder
from bpfc.runtime.sensor import Sensor
from bpfc_cli.vm.guest import verify
from runtime_linux import objects
from runtime_linux.library import captured
from runtime_linux.loaded import LinuxLoaded
from runtime_linux.platform import LinuxPlatform
from tests.linux.programs import Words, connect, fork, in_thread, raw_exec, wait

PLACE = Path("/tmp/enforcement")
BUSYBOX = Path("/usr/bin/busybox")
DENIED, WATCHED, FREE = 47911, 47910, 47912  # ports; the first two stand in the policy
STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
NOBODY = 65534
EXECS = 40  # under flips without pause; a flip takes a fraction of an exec
STARTED = 5  # execs before and after an activation
PAUSE_S = 0.02  # between execs: a guest is slow, and loading a policy shall not take longer
WAIT_S, MOMENT_S = 30.0, 0.02

_WORDS = struct.Struct("<QQ")
said: list[str] = []  # by libbpf, while objects were opened, loaded and attached


@contextmanager
def _recorded() -> Iterator[list[str]]:
    """As `captured`, and the messages are kept."""
    with captured() as messages:
        try:
            yield messages
        finally:
            said.extend(messages)


def _program(name: str) -> Path:
    """A program of that name; it is what it is called as (argv[0])."""
    return Path(shutil.copy(BUSYBOX, PLACE / name))


def _become(path: Path, words: Words) -> None:
    """Go on as another program."""
    raw_exec(str(path), words)


def _script(name: str, first: str, text: str) -> Path:
    script = PLACE / name
    script.write_text(f"#!{first}\n{text}\n")
    script.chmod(0o755)
    return script


def _as_json(alerts: Sequence[Alert]) -> list[Any]:
    return [json.loads(to_json(alert)) for alert in alerts]


class Remembering(LinuxPlatform):
    """The platform, and the policy that it loaded last."""

    latest: LinuxLoaded

    def load(self, artifact: Artifact) -> LinuxLoaded:
        """As the platform's."""
        self.latest = super().load(artifact)
        return self.latest

    def revise(self, artifact: Artifact) -> LinuxLoaded | None:
        """As the platform's: new content of a policy is a policy too."""
        revised = super().revise(artifact)
        self.latest = revised or self.latest
        return revised


class Stage:
    """A sensor, and what happens in front of it.

    Args:
        sensor: with an active policy.
    """

    def __init__(self, sensor: Sensor) -> None:
        self.sensor = sensor

    def alerts(self, pid: int) -> list[Any]:
        """Alerts on a process since the last call: records come before system calls return."""
        return _as_json([a for a in self.sensor.poll(0) if a.fields["proc.pid"] == pid])

    def of_child(self, work: Callable[[], object]) -> dict[str, Any]:
        """What becomes of a child that does something; an OSError ends it with its number."""
        self.sensor.poll(0)

        def child() -> None:
            try:
                work()
            except OSError as error:
                os._exit(error.errno or 0)

        pid = fork(child)
        status = wait(pid)
        return {"pid": pid, "status": status, "alerts": self.alerts(pid)}

    def touches(self, path: Path, words: Sequence[str], effect: str) -> dict[str, Any]:
        """Start a program that makes a file if it runs."""
        result = self.of_child(lambda: _become(path, words))
        return {**result, "ran": (PLACE / effect).exists()}


# ---------------------------------------------------------------------- scenes


def _memfd() -> Path:
    """A program that lies in no file system."""
    descriptor = os.memfd_create("payload", 0)
    with BUSYBOX.open("rb") as source:
        os.sendfile(descriptor, source.fileno(), 0, BUSYBOX.stat().st_size)
    return Path(f"/proc/{os.getpid()}/fd/{descriptor}")


def denials(stage: Stage) -> dict[str, Any]:
    """Programs that may not start, and neighbours of theirs that may."""
    tool, forbidden = _program("forbidden-tool"), _program("busybox-forbidden")
    allowed, similar = _program("busybox-allowed"), _program("forbidden-tool2")
    (PLACE / "sub").mkdir()
    link = PLACE / "sub" / "innocent"
    link.symlink_to(tool)

    def touch(name: str) -> list[str]:
        return ["touch", str(PLACE / name)]

    def body(name: str) -> str:
        return f"> {PLACE / name}"

    scripts = {
        "script": _script("by-forbidden", f"{forbidden} sh", body("script")),
        "allowed_script": _script("by-allowed", f"{allowed} sh", body("allowed_script")),
        "named_script": _script("sub/forbidden-tool", "/bin/sh", body("named_script")),
    }
    return {
        "memfd": stage.touches(_memfd(), touch("memfd"), "memfd"),
        "named": stage.touches(tool, touch("named"), "named"),
        "linked": stage.touches(link, touch("linked"), "linked"),
        "in_thread": stage.of_child(
            lambda: in_thread(lambda: _or_exit(lambda: _become(tool, ["true"])))
        ),
        "similar": stage.touches(similar, touch("similar"), "similar"),
        **{name: stage.touches(path, [str(path)], name) for name, path in scripts.items()},
    }


def _or_exit(work: Callable[[], object]) -> None:
    """Do something; an OSError ends the process with its number."""
    try:
        work()
    except OSError as error:
        os._exit(error.errno or 0)


def kills(stage: Stage) -> dict[str, Any]:
    """A program that is killed because of its arguments; with others it runs."""
    tool = _program("tool")
    victim, bystander = str(PLACE / "victim"), str(PLACE / "bystander")
    return {
        "wiper": stage.touches(tool, ["touch", victim, "--wipe", "everything"], "victim"),
        "bystander": stage.touches(tool, ["touch", bystander, "--", "--wipe"], "bystander"),
    }


def _reached(server: socket.socket, sent: bool) -> bool:
    """Whether something arrives; on a busy machine that can take a while."""
    return bool(select.select([server], [], [], WAIT_S if sent else MOMENT_S)[0])


def _send(address: str, port: int) -> int:
    """Send from a socket that is not connected: 0 or the error number."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, DATAGRAM) as one:
        try:
            one.sendto(b"x", (address, port))
        except OSError as error:
            return error.errno or -1
    return 0


def connections(stage: Stage) -> dict[str, Any]:
    """Every address family and protocol against ports that are denied, watched and free."""
    results = {}
    ways: dict[str, tuple[socket.SocketKind, Callable[[str, int], int]]] = {
        "tcp": (STREAM, lambda address, port: connect(address, port, STREAM)),
        "udp": (DATAGRAM, lambda address, port: connect(address, port, DATAGRAM)),
        "send": (DATAGRAM, _send),
    }
    for family, address in (("ipv4", "127.0.0.1"), ("ipv6", "::1")):
        for way, (kind, attempt) in ways.items():
            for port in (DENIED, WATCHED, FREE):
                domain = socket.AF_INET6 if ":" in address else socket.AF_INET
                with socket.socket(domain, kind) as server:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    server.bind((address, port))
                    if kind == STREAM:
                        server.listen()
                    stage.sensor.poll(0)
                    number = attempt(address, port)
                    results[f"{family} {way} {port}"] = {
                        "errno": errno.errorcode.get(number, number),
                        "reached": _reached(server, number == 0 and way != "udp"),
                        "alerts": stage.alerts(os.getpid()),
                    }
    return results


def contexts(stage: Stage) -> dict[str, Any]:
    """Execs with everything an alert can say of them."""
    script = _script("report.sh", "/bin/sh -e", "exit 0")
    link = PLACE / "called"
    link.symlink_to(script)

    def as_nobody() -> None:
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        _become(Path("/usr/bin/true"), ["renamed", "observe-me", "", "two words"])

    storm = _program("storm-tool")
    return {
        "thread": stage.of_child(lambda: in_thread(lambda: _become(storm, ["true"]))),
        "script": stage.of_child(lambda: _become(link, ["ignored", "observe-me", "last"])),
        "program": stage.of_child(as_nobody),
        "parent": {
            "pid": os.getpid(),
            "exe": os.readlink("/proc/self/exe"),
            "cmdline": Path("/proc/self/cmdline").read_text().rstrip("\0").replace("\0", " "),
        },
        "shell": os.path.realpath("/bin/sh"),
        "true": os.path.realpath("/usr/bin/true"),
    }


def lives(stage: Stage) -> dict[str, Any]:
    """A process that forks, and how both ended."""
    spawner = _program("spawner")
    stage.sensor.poll(0)
    pid = fork(lambda: _become(spawner, ["sh", "-c", "(exit 7); exit 3"]))
    status = wait(pid)
    return {"pid": pid, "status": status, "alerts": _as_json(stage.sensor.poll(0))}


# ---------------------------------------------------------------------- swapping


class Storm:
    """Starts a program in another process, again and again; a context manager.

    Args:
        program: what it starts; it is called as `true`.
        pause: seconds between two starts.
    """

    def __init__(self, program: Path, pause: float) -> None:
        self._shared = mmap(-1, _WORDS.size)  # whether to stop, and how often it was started
        self._child = fork(lambda: self._run(str(program), pause))

    @property
    def count(self) -> int:
        """How many were started and have ended."""
        return int(_WORDS.unpack(self._shared[:])[1])

    def _run(self, program: str, pause: float) -> None:
        while not _WORDS.unpack(self._shared[:])[0]:
            os.waitpid(os.posix_spawn(program, ["true"], {}), 0)
            self._shared[8:] = (self.count + 1).to_bytes(8, "little")
            time.sleep(pause)

    def __enter__(self) -> "Storm":
        _until(lambda: self.count > 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._shared[:8] = (1).to_bytes(8, "little")
        wait(self._child)


def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes soon."""
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.005)


def _tally(seen: Sequence[tuple[int, str, int]], execs: int) -> dict[str, Any]:
    """What tests need of many alerts on one program: (pid, rule, generation) each."""
    by_pid: dict[int, list[tuple[str, int]]] = {}
    for pid, rule, generation in seen:
        by_pid.setdefault(pid, []).append((rule, generation))
    return {
        "execs": execs,
        "processes": len(by_pid),
        "kinds": Counter(" ".join(sorted(rule for rule, _ in one)) for one in by_pid.values()),
        "mixed": sum(len({generation for _, generation in one}) > 1 for one in by_pid.values()),
        "generations": Counter(generation for _, _, generation in seen),
    }


def activation(stage: Stage, artifact: Artifact) -> dict[str, Any]:
    """A second activation in the middle of execs, and a process that lives through it."""
    read, write = os.pipe()
    forbidden, tool = PLACE / "forbidden-tool", PLACE / "storm-tool"

    def survivor() -> None:
        """Is denied by the first generation, then starts something under the second."""
        try:
            _become(forbidden, ["true"])
        except PermissionError:
            os.read(read, 1)
            _become(tool, ["true"])

    stage.sensor.poll(0)
    pid = fork(survivor)
    with Storm(tool, PAUSE_S) as storm:
        _until(lambda: storm.count >= STARTED)
        second = stage.sensor.activate(artifact)
        at_flip = storm.count
        _until(lambda: storm.count >= at_flip + STARTED)
    os.write(write, b"x")
    status = wait(pid)
    alerts = stage.sensor.poll(0)
    mine = [a for a in alerts if a.fields["proc.pid"] == pid]
    rest = [a for a in alerts if a.fields["proc.exe.name"] == "storm-tool" and a not in mine]
    seen = [(int(str(a.fields["proc.pid"])), a.rule.name, a.generation) for a in rest]
    return {
        "generation": second.generation,
        "replaced": second.replaced,
        "tally": _tally(seen, storm.count),
        "survivor": {"status": status, "alerts": _as_json(mine)},
    }


def flips(platform: "Remembering", artifact: Artifact) -> dict[str, Any]:
    """Two generations that take turns without pause in the middle of execs."""
    active, decoder = platform.latest, Decoder(artifact.manifest.layouts, "linux")
    names = {(a.event, a.local): rule.name for rule in artifact.manifest.rules for a in rule.linux}
    beside, count = platform.load(artifact), 0
    platform.read(0)
    with Storm(PLACE / "storm-tool", 0) as storm:
        while storm.count < EXECS:
            for loaded in (beside, active) * 25:
                platform.switch_to(loaded)
                count += 1
    raw = platform.read(0)
    platform.retire(beside)
    seen = []
    for record in map(decoder.decode, raw):
        values = record.values()
        if values["proc.exe.name"] == "storm-tool":
            pid, generation = values["proc.pid"], record.header.generation
            assert isinstance(pid, int)
            seen += [(pid, names[record.event, rule], generation) for rule in record.rules]
    return {"flips": count, "tally": _tally(seen, storm.count)}


# ---------------------------------------------------------------------- loading


def btf_of_programs() -> dict[str, bool]:
    """By name, whether a program that is loaded now has its BTF."""
    shown = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True)
    return {p["name"]: "btf_id" in p for p in json.loads(shown.stdout) if "name" in p}


def bpftool(file: str) -> dict[str, Any]:
    """What `bpftool prog loadall` makes of the artifact."""
    pins = Path("/sys/fs/bpf/enforcement")
    done = subprocess.run(
        ["bpftool", "prog", "loadall", file, pins], capture_output=True, text=True
    )
    pinned = sorted(os.listdir(pins)) if pins.exists() else []
    shutil.rmtree(pins, ignore_errors=True)
    return {"exit_code": done.returncode, "pinned": pinned, "stderr": done.stderr}


def main(file: str) -> None:
    """Play everything and print what was seen."""
    vars(objects)["captured"] = _recorded
    PLACE.mkdir()
    data = Path(file).read_bytes()
    artifact, platform = open_artifact(data), Remembering()
    report: dict[str, Any] = {"verify": verify(data), "bpftool": bpftool(file)}
    with Sensor(platform) as sensor:
        active = sensor.activate(artifact)
        report["rules"] = {rule.rule: (rule.label, rule.fallback) for rule in active.rules}
        report["btf"] = btf_of_programs()
        stage = Stage(sensor)
        for scene in (denials, kills, connections, contexts, lives):
            report[scene.__name__] = scene(stage)
        report["statistics"] = {
            rule.rule: (rule.fired, rule.denied) for rule in sensor.statistics().rules
        }
        report["activation"] = activation(stage, artifact)
        report["flips"] = flips(platform, artifact)
        statistics = sensor.statistics()
        report["counters"] = dict(statistics.counters)
        report["malformed"] = statistics.malformed
    report["said"] = said
    shutil.rmtree(PLACE)
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
