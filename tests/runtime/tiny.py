"""A tiny policy that follows the artifact's contract, to test the runtime without the compiler.

Rule 0 (`started`) fires on every exec. Rule 1 (`refused`) fires on a connection to PORT over IPv4
and denies it. The process table is only primed; the adapters of fork and exit only count.
"""

import hashlib

from attrs import evolve

from bpfc.artifact import control, record
from bpfc.artifact.container import Artifact, open_artifact
from bpfc.artifact.layout import with_digest
from bpfc.artifact.manifest import (
    MANIFEST_VERSION,
    Content,
    EventLayout,
    Form,
    Half,
    Manifest,
    MapInfo,
    NumberField,
    ProgramInfo,
    RuleEvent,
    RuleInfo,
)
from bpfc.artifact.record import ACT_ALERT, ACT_DENY, ACT_JUDGE, ACT_KILL_AGENT, ACT_KILL_PARENT
from compiler.elf.pack import pack
from tests.runtime.ir import Function, Module, helper

PORT = 4242
SOURCE = """policy "tiny"
rule started {
  on process.exec
  when proc.pid > 0
}
rule refused {
  on net.connect
  when remote.port == 4242
  deny EPERM
}
"""
EXEC, CONNECT = "process.exec", "net.connect"
EXIT_ERRNO = 1


def _layout(event: str, number: int) -> EventLayout:
    fields = [
        NumberField("proc.pid", "int", 0, 1, False, ()),
        NumberField("proc.ppid", "int", 1, 1, False, ()),
    ]
    return with_digest(EventLayout(event, number, tuple(fields), (), 0))


LAYOUTS = {EXEC: _layout(EXEC, 1), CONNECT: _layout(CONNECT, 4)}

HOOKS = {
    "fork": ("raw_tp/sched_process_fork", "raw_tp", ()),
    "exec": ("raw_tp/sched_process_exec", "raw_tp", (EXEC,)),
    "exit": ("raw_tp/sched_process_exit", "raw_tp", ()),
    "connect4": ("cgroup/connect4", "cgroup", (CONNECT,)),
}


def _shared(name: str, type_: str, key: int, value: int, entries: int) -> MapInfo:
    return MapInfo(name, type_, key, value, entries, "shared", 0)


def maps(hooks: dict[str, tuple[str, str, tuple[str, ...]]], ring: int) -> list[MapInfo]:
    """All maps of the policy."""
    found = [
        _shared(control.CONTROL_MAP, "array", 4, control.CONTROL_SIZE, 1),
        _shared(control.EVENTS_MAP, "ringbuf", 0, 0, ring),
        _shared(control.SECRET_MAP, "array", 4, control.SECRET_SIZE, 1),
        _shared(control.COUNTERS_MAP, "percpu_array", 4, 8, len(control.COUNTERS)),
        _shared(control.PROCESSES_MAP, "hash", 4, control.PROCESS_SIZE, control.PROCESSES_MAX),
        _shared(control.STRINGS_SHORT_MAP, "hash", 16, control.SHORT_SIZE, 4096),
        _shared(control.STRINGS_LONG_MAP, "hash", 16, control.LONG_SIZE, 256),
        _shared(control.LATCH_MAP, "hash", 8, 8, control.LATCH_MAX),
        MapInfo(control.POLICY_MAP, "array", 4, control.POLICY_SIZE, 1, "policy", 0),
        MapInfo(control.SCRATCH_MAP, "array", 4, 64, 4, "policy", control.SCRATCH_PER_CPU),
        MapInfo("rule_stats", "array", 4, record.RULE_STATS_SIZE, 4, "content", 0),
        MapInfo("table", "array", 4, 16, 4, "content", 0),
        MapInfo("rules_process_exec", "array", 4, record.RULE_ENTRY_SIZE, 2, "content", 0),
        MapInfo("rules_net_connect", "array", 4, record.RULE_ENTRY_SIZE, 2, "content", 0),
    ]
    found += [_shared(f"progs_{hook}", "prog_array", 4, 4, control.SLOTS) for hook in hooks]
    return found


def _dispatcher(hook: str, section: str) -> Function:
    neutral = 1 if section.startswith("cgroup") else 0
    body = f"""
      %key = alloca i32
      store i32 0, ptr %key
      %value = call ptr {helper("map_lookup")}(ptr @control, ptr %key)
      %none = icmp eq ptr %value, null
      br i1 %none, label %out, label %have
    have:
      %word = load i64, ptr %value
      %slot = and i64 %word, 255
      %gone = call i64 {helper("tail_call")}(ptr %ctx, ptr @progs_{hook}, i64 %slot)
      br label %out
    out:
      ret i32 {neutral}
    """
    return Function(f"d_{hook}", section, body)


def _counting(hook: str, section: str) -> Function:
    body = f"""
      %key = alloca i32
      store i32 0, ptr %key
      %value = call ptr {helper("map_lookup")}(ptr @counters, ptr %key)
      %none = icmp eq ptr %value, null
      br i1 %none, label %out, label %have
    have:
      %old = load i64, ptr %value
      %new = add i64 %old, 1
      store i64 %new, ptr %value
      br label %out
    out:
      ret i32 0
    """
    return Function(f"a_{hook}", section, body)


def _store(name: str, value: str) -> str:
    at = record.HEADER[name]
    return (
        f"%p_{name} = getelementptr i8, ptr %record, i64 {at.offset}\n"
        f"store i{8 * at.size} {value}, ptr %p_{name}\n"
    )


def _record(layout: EventLayout, stage: int, checked: bool, line: int) -> str:
    """Reserve, fill and submit a record; leaves the entry's actions of the stage in %actions."""
    rules = f"rules_{layout.event.replace('.', '_')}"
    zeros = "".join(
        f"%z{at} = getelementptr i8, ptr %record, i64 {at}\nstore i64 0, ptr %z{at}\n"
        for at in range(0, record.TEXT_OFFSET, 8)
    )
    # The program that is made to fail reads behind the end of an entry.
    offset = stage if checked else 1000
    return f"""
      %key = alloca i32
      store i32 0, ptr %key
      %policy = call ptr {helper("map_lookup")}(ptr @policy, ptr %key) @LINE {line}
      %none1 = icmp eq ptr %policy, null
      br i1 %none1, label %out, label %have1
    have1:
      %whole = load i32, ptr %policy
      %buffer = and i32 %whole, 1
      %place4 = shl i32 %buffer, 2
      %wide4 = zext i32 %place4 to i64
      %generations = getelementptr i8, ptr %policy, i64 {control.POLICY_GENERATIONS}
      %p_mine = getelementptr i8, ptr %generations, i64 %wide4
      %generation = load i32, ptr %p_mine
      store i32 %buffer, ptr %key
      %entry = call ptr {helper("map_lookup")}(ptr @{rules}, ptr %key) @LINE {line}
      %none2 = icmp eq ptr %entry, null
      br i1 %none2, label %out, label %have2
    have2:
      %place = getelementptr i8, ptr %entry, i64 {offset}
      %actions = load i8, ptr %place @LINE {line}
      %judge = icmp eq i8 %actions, 0
      br i1 %judge, label %out, label %judged
    judged:
      %record = call ptr {helper("reserve")}(ptr @events, i64 {record.TEXT_OFFSET}, i64 0)
      %none3 = icmp eq ptr %record, null
      br i1 %none3, label %out, label %have3
    have3:
      {zeros}
      %time = call i64 {helper("ktime_boot")}()
      %ids = call i64 {helper("current_pid")}()
      %pid = lshr i64 %ids, 32
      {_store("kind", "1")}{_store("version", str(record.RECORD_VERSION))}
      {_store("length", str(record.TEXT_OFFSET))}{_store("layout", _signed(layout.digest))}
      {_store("time_ns", "%time")}{_store("generation", "%generation")}
      {_store("event", str(layout.number))}{_store("stage", str(stage))}
      {_store("actions", "%actions")}{_store("rule_count", "1")}{_store("errno", str(EXIT_ERRNO))}
      %p_pid = getelementptr i8, ptr %record, i64 {record.NUMBERS_OFFSET}
      store i64 %pid, ptr %p_pid
      call void {helper("submit")}(ptr %record, i64 0)
    """


def _signed(value: int) -> str:
    return str(value - (value >> 63 << 64))


def _exec(section: str, checked: bool) -> Function:
    body = _record(LAYOUTS[EXEC], record.STAGE_AFTER, checked, 4)
    return Function("a_exec", section, f"{body}\nbr label %out\nout:\nret i32 0")


def _connect(section: str) -> Function:
    network = int.from_bytes(PORT.to_bytes(2, "big"), "little")
    body = f"""
      %p_port = getelementptr i8, ptr %ctx, i64 24
      %port = load i32, ptr %p_port
      %ours = icmp eq i32 %port, {network}
      br i1 %ours, label %match, label %out
    match:
      {_record(LAYOUTS[CONNECT], record.STAGE_BEFORE, True, 8).replace("%key = alloca i32", "")}
      %bits = and i8 %actions, {record.ACT_DENY}
      %denied = icmp ne i8 %bits, 0
      br i1 %denied, label %deny, label %out
    deny:
      ret i32 0
    out:
      ret i32 1
    """
    return Function("a_connect4", section, "%key = alloca i32\n" + body)


def _programs(hooks: dict[str, tuple[str, str, tuple[str, ...]]]) -> list[ProgramInfo]:
    found = []
    for hook, (section, need, events) in hooks.items():
        for role, events_of in (("dispatcher", ()), ("adapter", events)):
            name = f"{role[0]}_{hook}"
            progs = f"progs_{hook}"
            info = ProgramInfo(name, section, role, hook, "any", progs, (need,), events_of)
            found.append(info)
    return found


KILL = Form("before", ("cgroup",), ACT_JUDGE | ACT_ALERT | ACT_KILL_AGENT, 0, "killed by the agent")
KILL_PARENT = evolve(KILL, actions=ACT_JUDGE | ACT_ALERT | ACT_KILL_PARENT)
DENY = Form(
    "before", ("cgroup",), ACT_JUDGE | ACT_ALERT | ACT_DENY, EXIT_ERRNO, "denied with EPERM"
)
OBSERVE = Form("after", ("raw_tp",), ACT_JUDGE | ACT_ALERT, 0, "observed")


def _rule(name: str, line: int, event: str, form: Form) -> RuleInfo:
    at = (RuleEvent(event, 0, (form,)),)
    return RuleInfo(name, (("title", name),), (), False, "enforce", "rules.det", line, at, ())


def manifest(
    policy: str,
    hooks: dict[str, tuple[str, str, tuple[str, ...]]],
    ring: int,
    form: Form,
    code: str,
) -> Manifest:
    """The policy's manifest."""
    rules = [_rule("started", 2, EXEC, OBSERVE)]
    if "connect4" in hooks:
        rules.append(_rule("refused", 6, CONNECT, form))
    half = Half(
        tuple(_programs(hooks)),
        tuple(maps(hooks, ring)),
        (Content("table", 1, 0, 16),),
        "0" * 64,
        0,
        hashlib.sha256(code.encode()).hexdigest(),
    )
    layouts = tuple(LAYOUTS[e] for e in (EXEC, CONNECT))
    return Manifest(
        version=MANIFEST_VERSION,
        compiler="tests",
        policy=policy,
        policy_version="1",
        catalogue=1,
        source_digest="0" * 64,
        rules=tuple(rules),
        layouts=layouts,
        linux=half,
        windows=None,
        shared_version=control.SHARED_VERSION,
    )


def build(
    policy: str = "tiny",
    connect: bool = True,
    broken: bool = False,
    ring: int = 1 << 16,
    form: Form = DENY,
    code: str | None = None,
) -> Artifact:
    """An artifact with the policy.

    Args:
        policy: its name.
        connect: whether it has the hook on connect and the rule `refused`.
        broken: whether the verifier refuses the adapter on exec, at line 4 of SOURCE.
        ring: bytes of the ring.
        form: how `refused` is carried out.
        code: policies of the same code, hooks and ring differ by content only; by default each
            name has its own.

    Returns:
        The artifact, packed and opened.
    """
    hooks = {h: v for h, v in HOOKS.items() if connect or h != "connect4"}
    functions = [_dispatcher(hook, section) for hook, (section, _, _) in hooks.items()]
    functions += [_counting(hook, hooks[hook][0]) for hook in ("fork", "exit")]
    functions.append(_exec(hooks["exec"][0], not broken))
    if connect:
        functions.append(_connect(hooks["connect4"][0]))
    described = manifest(policy, hooks, ring, form, policy if code is None else code)
    obj = Module("rules.det", SOURCE).build(list(described.linux.maps), functions)
    return open_artifact(pack(obj, described, bytes(range(16))))


def with_half(artifact: Artifact, half: Half) -> Artifact:
    """The same artifact with a changed manifest, past all checks of opening."""
    return evolve(artifact, manifest=evolve(artifact.manifest, linux=half))
