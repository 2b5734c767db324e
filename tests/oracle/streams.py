"""Random events, one after the other: few processes, few values, time that meets the windows."""

from collections.abc import Mapping
from ipaddress import ip_address
from random import Random

from attrs import evolve, frozen

from compiler.plan.used import used_fields
from dsl.catalogue import load
from dsl.interpreter import Event
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, Truncated
from dsl.typed import Policy
from tests.language.fixture import complete
from tests.oracle.conditions import NAMES, UIDS, WORDS
from tests.oracle.sources import EVENTS

SECOND = 10**9
START = 3600 * SECOND
# Between two events; windows of rules are 0.5 s to 1 min, so that ends are met exactly.
PAUSES = (0, 0, 0, 1, SECOND // 2, SECOND - 1, SECOND, SECOND + 1, 30 * SECOND, 60 * SECOND)
ADDRESSES = tuple(
    map(ip_address, ("10.0.0.1", "10.0.0.2", "192.0.2.1", "::ffff:10.0.0.1", "2001:db8::1", "::1"))
)
PATHS = (b"/usr/bin/a", b"/bin/a", b"/bin/b", b"/tmp/c", b"/tmp/d/e.sh", b"/TMP/C", b"c", b"/")
TEXTS = (b"x", b"x y", b"-x --pass", b"a\xc5\xa1b", b"ABC", b"", b"xay", b"\xff-x")
ARGUMENTS = tuple(word.encode() for word in WORDS)
# What the agent knows.
TOLD: Mapping[str, tuple[FieldValue, ...]] = {
    "proc.uid.name": (b"root", b"deploy", b"a", ABSENT, UNKNOWN),
    "proc.exe.hash.sha256": (b"aa11", b"bb", b"aa", UNKNOWN),
    "proc.exe.version.company": (b"x y", b"ABC", b"", "\u0161".encode(), ABSENT, UNKNOWN),
    "container.privileged": (0, 1, ABSENT, UNKNOWN),
}
BIG = (1 << 63, (1 << 64) - 1)
CAPABILITIES = (0, 1 << 21, 1 << 13 | 1 << 21, 1, 1 << 5 | 1)
Fields = dict[str, FieldValue]


@frozen
class Process:
    """A process as events have it.

    Args:
        image: the path of its program, if that never changes.
    """

    pid: int
    start: int
    parent: int
    parent_start: int
    image: bytes | None


class Processes:
    """Processes that run; ids are used again, as in a kernel.

    Args:
        images: whether each has one program, that of its parent, and it is always known: rules on
            ancestors go by what a process was when it forked, which only an exec can change.
    """

    def __init__(self, images: bool = False) -> None:
        self.alive = {
            pid: Process(
                pid,
                pid * SECOND,
                1 + pid % 3,
                (1 + pid % 3) * SECOND,
                PATHS[pid] if images else None,
            )
            for pid in (1, 2, 3)
        }
        self.started = 3

    def fork(self, parent: Process, pid: int) -> Process:
        """A child of a process."""
        self.started += 1
        self.alive[pid] = Process(
            pid, self.started * SECOND, parent.pid, parent.start, parent.image
        )
        return self.alive[pid]


def stream(chance: Random, count: int, processes: Processes, time: int) -> list[Event]:
    """Events one after the other.

    Args:
        chance: decides on everything.
        count: how many.
        processes: that there are at first; changed as events say.
        time: of the event before the first one, nanoseconds since boot.
    """
    found = []
    for _ in range(count):
        time += chance.choice(PAUSES)
        kind = chance.choice(EVENTS)
        process = processes.alive[chance.choice(sorted(processes.alive))]
        free = sorted({1, 2, 3, 4} - set(processes.alive))
        if kind == "process.exit" and len(processes.alive) > 1:
            del processes.alive[process.pid]
        elif kind == "process.fork" and free:
            process = processes.fork(process, free[0])
        elif kind in ("process.exit", "process.fork"):
            kind = "process.exec"
        found.append(Event(kind, time, _fields(chance, kind, process)))
    return found


def _fields(chance: Random, kind: str, process: Process) -> Fields:
    """What an event brings; little of it unknown, absent or truncated."""
    pick = chance.choice
    found: Fields = {
        **_identity(process),
        "proc.uid": pick(UIDS),
        "proc.gid": pick((0, 1, 1, 2)),
        "proc.cgroup_id": pick((1, 2)),
        "proc.exe.path": pick(PATHS),
        "proc.parent.exe.path": pick(PATHS),
        "proc.cmdline": b"\0".join(pick(ARGUMENTS) for _ in range(pick((1, 1, 2, 3)))),
        "proc.comm": pick(NAMES).encode(),
    }
    found |= {name: pick(values) for name, values in TOLD.items()}
    if kind == "net.connect":
        found["remote.ip"] = pick(ADDRESSES)
        found["remote.port"] = pick((1, 2, 3, 22, 443, 65535))
        found["net.protocol"] = pick((6, 17))
    if kind == "file.open":
        found |= {
            "file.path": pick(PATHS),
            "file.device": 1,
            "file.inode": pick((1, 2)),
            "file.mode": pick((0o644, 0o4755, 0o111)),
            "file.age": pick((0, SECOND - 1, SECOND, 60 * SECOND)),
            "open.access": pick((0, 1)),
            "proc.exe.file.device": 1,
            "proc.exe.file.inode": pick((1, 2)),
        }
    if chance.randrange(5) < 2:
        _strange(chance, found)
    if chance.randrange(3) == 0:
        _optional(chance, found)
    if process.image is not None:
        found["proc.exe.path"] = process.image
    if process.image is not None or kind == "process.fork":  # adapters know who forks
        found |= _identity(process)
    return found


def _identity(process: Process) -> Fields:
    return {
        "proc.pid": process.pid,
        "proc.ppid": process.parent,
        "proc.start_time": process.start,
        "proc.parent.start_time": process.parent_start,
    }


def _strange(chance: Random, found: Fields) -> None:
    """Values that are rare: unknown, very large, cut."""
    match chance.randrange(8):
        case 0 | 1 | 6 | 7:
            for name in chance.sample(sorted(found), chance.choice((1, 2, 4))):
                found[name] = UNKNOWN
        case 2:
            found[chance.choice(("proc.uid", "proc.gid"))] = chance.choice(BIG)
        case 3:
            found["proc.cmdline"] = Truncated(chance.choice(TEXTS) + b"z" * 300)
        case 4:
            name = chance.choice(("proc.exe.path", "proc.parent.exe.path"))
            found[name] = Truncated(chance.choice(PATHS) + b"z" * 300)
        case 5:
            found["proc.cmdline"] = chance.choice(TEXTS) * chance.choice((1, 2, 300))


def _optional(chance: Random, found: Fields) -> None:
    """Fields that most events lack, or have as 0."""
    values: Mapping[str, tuple[FieldValue, ...]] = {
        "proc.tty": (b"pts/1", b"tty1", b"", ABSENT, UNKNOWN),
        "proc.script.path": (b"/tmp/c", b"/bin/a", ABSENT, UNKNOWN),
        "proc.loginuid": (*UIDS, ABSENT, UNKNOWN),
        "proc.stdin": (0, 1, 2, 3, ABSENT, UNKNOWN),
        "proc.exe.in_memory": (1, 1, UNKNOWN),
        "proc.caps.effective": (*CAPABILITIES, UNKNOWN),
    }
    for name in chance.sample(sorted(values), chance.randint(1, 4)):
        found[name] = chance.choice(values[name])


def completed(policies: list[Policy], events: list[Event]) -> list[Event]:
    """The events, with all other fields that some policies ask for."""
    used: dict[str, dict[str, None]] = {}
    for policy in policies:
        for name, fields in used_fields(policy).items():
            used.setdefault(name, {}).update(dict.fromkeys(fields))
    kinds = {kind.name: [field.name for field in kind.fields] for kind in load().events}
    return [
        evolve(
            event,
            fields=complete(
                event.name, event.fields, [*kinds[event.name], *used.get(event.name, ())]
            ),
        )
        for event in events
    ]
