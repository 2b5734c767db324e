"""Random policies as text, and streams of events for them, from few values so that they meet."""

from ipaddress import ip_address

from attrs import evolve, frozen
from hypothesis import strategies as st

from compiler.plan.used import used_fields
from dsl.catalogue import load
from dsl.frontend import check
from dsl.interpreter import Event
from dsl.semantics import UNKNOWN, FieldValue
from dsl.typed import Policy
from tests.language.fixture import complete

HEADER = 'policy "random" version "1" language 1\n'
EVENTS = ("process.exec", "process.fork", "process.exit", "net.connect")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "192.0.2.1")
SECOND = 10**9
TICK = SECOND // 100  # processes are told apart by it
IDENTITIES = ("proc.pid", "proc.ppid", "proc.start_time", "proc.parent.start_time")
# The steps of a sequence have keys of one kind each.
SEQUENCE_KEYS = (
    ("by proc", "by proc.parent"),
    ("by container",),
    ("by (proc.uid, container)",),
    ("",),
)
# Between two events; windows of rules are 1 s and 1 min, so that ends are met exactly.
PAUSES = (0, 0, 0, 1, SECOND // 2, SECOND - 1, SECOND, SECOND + 1, 30 * SECOND, 60 * SECOND)


@frozen
class Features:
    """What random policies use besides conditions and actions."""

    counting: bool = False
    sets: bool = False
    tags: bool = False
    ancestors: bool = False
    sequences: bool = False


def of(*words: str) -> st.SearchStrategy[str]:
    """One of some words."""
    return st.sampled_from(words)


def keys(connect: bool) -> st.SearchStrategy[str]:
    """What is counted for."""
    simple = ["", "by proc", "by proc.parent", "by container", "by proc.uid", "by (proc, proc.uid)"]
    return of(*simple, *(["by remote.ip", "by (proc, remote.ip)"] if connect else []))


@st.composite
def conditions(draw: st.DrawFn, connect: bool, features: Features) -> str:
    """A condition of one to three tests."""
    tests = ["proc.uid == 0", "proc.uid <= 1", 'proc.exe.name == "a"', 'proc.exe.path under "/tmp"']
    tests += ['proc.parent.exe.name in ["a", "b"]', "proc.pid != proc.ppid"]
    if connect:
        tests += ["remote.port == 1", "remote.port in 1..2", "remote.ip in 10.0.0.0/8"]
    if features.sets:
        tests += ["proc.uid in users", "(proc.uid, proc.exe.path) in pairs"]
        tests += ["remote.ip in hosts", "remote.ip not in hosts"] if connect else []
    if features.tags:
        tests += [
            "proc tagged t0",
            "proc tagged t1",
            "proc.parent tagged t1",
            "container tagged t2",
        ]
    if features.ancestors:
        tests += [
            'proc.ancestors any exe.name == "a"',
            'proc.ancestors any (exe.path under "/tmp" or pid == 2)',
            'proc.ancestors any (not exe.name in ["a", "b"] and ancestor.pid < 3)',
        ]
    found = draw(st.lists(of(*tests), min_size=1, max_size=3))
    found = [f"{draw(of('', '', 'not '))}{test}" for test in found]
    return draw(of(" and ", " or ", " and ")).join(found)


@st.composite
def clauses(draw: st.DrawFn, events: tuple[str, ...], features: Features) -> str:
    """What a rule does."""
    connect = events == ("net.connect",)
    key = keys(connect)
    found = []
    if connect or events == ("process.exec",):
        found.append(draw(of("", "", "deny", "deny on unknown")))
    if "process.exit" not in events:
        found.append(draw(of("", "", "kill", "kill proc, proc.parent")))
    if features.counting:
        distinct = draw(of("", *(["distinct remote.port"] if connect else []), "distinct proc.pid"))
        threshold = (
            f"threshold {draw(st.integers(2, 4))} {distinct} within {draw(of('1s', '1min'))}"
        )
        found.append(draw(of("", f"{threshold} {draw(key)}")))
        limit = f"limit {draw(st.integers(1, 3))} per {draw(of('1s', '1min'))} {draw(key)}"
        found.append(draw(of("", f"alert {limit}")))
    if features.sets:
        adds = ["add proc.uid to users", "add proc.uid to users for 1s"]
        adds += ["add (proc.uid, proc.exe.path) to pairs"]
        adds += ["add remote.ip to hosts", "add remote.ip to hosts for 1min"] if connect else []
        found.append(draw(of("", "", *adds)))
    if features.tags:
        tags = ["tag proc t0", "tag proc t0 for 1s", "tag proc t1 inherited", "tag proc.parent t1"]
        tags += [
            "tag container t2 for 1min",
            "untag proc t0",
            "untag proc t1",
            "untag container t2",
        ]
        found.append(draw(of("", "", *tags)))
    acts = any(clause.startswith(("deny", "kill", "add", "tag", "untag")) for clause in found)
    alerts = any(clause.startswith("alert") for clause in found)
    found.append(draw(of("", "silent")) if acts and not alerts else "")
    found.append(draw(of("", "", "mode audit")))
    return " ".join(clause for clause in found if clause)


@st.composite
def sequences(draw: st.DrawFn, number: int, features: Features) -> str:
    """A rule of two or three steps."""
    count = draw(st.integers(2, 3))
    key = draw(st.sampled_from(SEQUENCE_KEYS))
    steps = []
    for place in range(count):
        # On an exec the last step acts before or after; both kinds are wanted.
        event = draw(of(*EVENTS[:2], *EVENTS[3:]))
        when = draw(conditions(event == "net.connect", features))
        if place and draw(st.booleans()):
            when = f"s{place}.proc.uid == s{place - 1}.proc.uid and s{place}.proc.pid > 0"
        name = f" as s{place}"
        steps.append(f"[{event}{name} when {when}] {draw(of(*key))}")
    until = draw(of("", f"until [{draw(of(*EVENTS))} when proc.uid == 2] {draw(of(*key))}"))
    last = steps[-1].split()[0].removeprefix("[")
    can = ["", "deny", "deny on unknown"] if last != "process.fork" else ["", "kill"]
    earlier = draw(st.integers(0, count - 2))
    ended = steps[earlier].startswith("[process.exit")
    does = [draw(of(*can)), "" if ended else draw(of("", f"kill s{earlier}.proc"))]
    if sum(each.startswith("kill") for each in does) > 1:
        does = [f"kill proc, s{earlier}.proc"]
    shown = "{s0.proc.pid} {s0.proc.uid} {s0.proc.parent.start_time}"
    does.append(draw(of("", f'alert "{shown}"', f"output {{ who = s{earlier}.proc.ppid }}")))
    return (
        f"rule q{number} {{ on sequence within {draw(of('1s', '1min'))} {' '.join(steps)} {until}"
        f" {' '.join(does)} }}"
    )


@st.composite
def sources(draw: st.DrawFn, features: Features) -> str:
    """A policy of one to five rules."""
    rules = []
    for number in range(draw(st.integers(1, 5))):
        on = draw(st.lists(of(*EVENTS), min_size=1, max_size=2, unique=True))
        connect = on == ["net.connect"]
        when = draw(conditions(connect, features))
        if draw(st.integers(0, 3)) == 0:
            when += f" except when {draw(conditions(connect, features))}"
        does = draw(clauses(tuple(on), features))
        rules.append(f"rule r{number} {{ on {' or '.join(on)} when {when} {does} }}")
    if features.tags:
        rules += [
            'rule gives0 { on process.exec when proc.exe.name == "b" tag proc t0 silent }',
            "rule gives1 { on process.exec when proc.uid == 2 tag proc t1 inherited silent }",
            "rule gives2 { on process.exec when proc.ppid == 3 tag container t2 silent }",
        ]
    if features.sequences:
        rules += [draw(sequences(n, features)) for n in range(draw(st.integers(0, 2)))]
    head = HEADER
    if features.sets:
        head += "set users : int[16]\nset hosts : ip[16] for 1s\nset pairs : (int, path)[16]\n"
    return head + "\n".join(rules)


@frozen
class Process:
    """A process as events have it."""

    pid: int
    start: int
    parent: int
    parent_start: int


class Processes:
    """Processes that run; ids are used again, as in a kernel."""

    def __init__(self) -> None:
        self.alive = {pid: Process(pid, pid, 1 + pid % 3, 1 + pid % 3) for pid in (1, 2, 3)}
        self.started = 3

    def fork(self, parent: Process, pid: int) -> Process:
        """A child of a process."""
        self.started += 1
        self.alive[pid] = Process(pid, self.started, parent.pid, parent.start)
        return self.alive[pid]


@st.composite
def streams(draw: st.DrawFn, most: int, known: bool = False) -> list[Event]:
    """Events one after the other; if wanted it is always known which processes they are about."""
    found, time, processes = [], 3600 * SECOND, Processes()
    for _ in range(draw(st.integers(1, most))):
        time += draw(st.sampled_from(PAUSES))
        kind = draw(of(*EVENTS))
        process = processes.alive[draw(st.sampled_from(sorted(processes.alive)))]
        free = sorted({1, 2, 3, 4} - set(processes.alive))
        if kind == "process.exit" and len(processes.alive) > 1:
            del processes.alive[process.pid]
        elif kind == "process.fork" and free:
            process = processes.fork(process, free[0])
        elif kind != "net.connect":
            kind = "process.exec"
        found.append(Event(kind, time, draw(fields(kind, process, known))))
    return found


@st.composite
def fields(draw: st.DrawFn, kind: str, process: Process, known: bool) -> dict[str, FieldValue]:
    """What an event brings; little of it unknown."""
    found: dict[str, FieldValue] = {
        "proc.pid": process.pid,
        "proc.ppid": process.parent,
        "proc.start_time": process.start * TICK,
        "proc.parent.start_time": process.parent_start * TICK,
        "proc.uid": draw(st.integers(0, 2)),
        "proc.cgroup_id": draw(st.integers(1, 2)),
        "proc.exe.path": draw(st.sampled_from([b"/usr/bin/a", b"/bin/b", b"/tmp/c"])),
        "proc.parent.exe.path": draw(st.sampled_from([b"/usr/bin/a", b"/tmp/b"])),
    }
    if kind == "net.connect":
        found["remote.ip"] = ip_address(draw(of(*ADDRESSES)))
        found["remote.port"] = draw(st.integers(1, 3))
    for name in draw(st.lists(st.sampled_from(sorted(found)), max_size=2)):
        if draw(st.integers(0, 3)) == 0 and not (known and name in IDENTITIES):
            found[name] = UNKNOWN
    return found


def checked(source: str) -> Policy:
    """A policy from its text; what the generator makes is right."""
    policy, diagnostics = check([("random.det", source)])
    assert policy is not None, "\n".join([source, *map(str, diagnostics)])
    return policy


def completed(policy: Policy, events: list[Event]) -> list[Event]:
    """The events, with all other fields that the policy asks for."""
    used = used_fields(policy)
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
