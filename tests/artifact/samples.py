"""Artifacts for tests: real objects from LLVM, with a manifest that fits them."""

from functools import cache
from pathlib import Path

import llvmlite.binding as llvm

from bpfc.artifact.control import SHARED_VERSION
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
    OutputInfo,
    ProgramInfo,
    RuleEvent,
    RuleInfo,
    TextField,
)
from bpfc.artifact.record import ACT_ALERT, ACT_DENY, ACT_JUDGE, ACT_KILL, ACT_WOULD_DENY
from compiler.elf import core_digest, pack, strip_debug

DATA = Path(__file__).parent / "data"
CORE_SIZE = 184
CONTENT = bytes(range(256))


@cache
def emitted(name: str) -> bytes:
    """The object that LLVM makes of data/NAME.ll, DWARF and all."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = llvm.parse_assembly((DATA / f"{name}.ll").read_text("utf-8"))
    machine = llvm.Target.from_triple("bpfel").create_target_machine(cpu="v3", opt=2)
    return bytes(machine.emit_object(module))


@cache
def stripped(name: str) -> bytes:
    """The same, stripped."""
    return strip_debug(emitted(name))


def _number(name: str, kind: str, index: int, **more: object) -> NumberField:
    words = 2 if kind == "ip" else 1
    signed = bool(more.get("signed", False))
    constants = more.get("constants", ())
    assert isinstance(constants, tuple)
    return NumberField(name, kind, index, words, signed, constants)


EXEC = with_digest(
    EventLayout(
        event="process.exec",
        number=1,
        numbers=(
            _number("proc.pid", "int", 0),
            _number("proc.nice", "int", 1, signed=True),
            _number("proc.exe.in_memory", "bool", 2),
            _number("proc.caps", "flags", 3, constants=(("chown", 1), ("kill", 32))),
        ),
        texts=(
            TextField("proc.exe.path", "path", 0, "", False),
            TextField("proc.cmdline", "string", 1, "", True),
            TextField("proc.exe.name", "string", 0, "name", False),
            TextField("proc.exe.directory", "path", 0, "directory", False),
            TextField("proc.argv", "strings", 1, "elements", False),
        ),
        digest=0,
        message=(
            ("field", "proc.exe.path"),
            ("text", " (pid "),
            ("field", "proc.pid"),
            ("text", ")"),
        ),
    )
)
CONNECT = with_digest(
    EventLayout(
        event="net.connect",
        number=4,
        numbers=(
            _number("proc.pid", "int", 0),
            _number("remote.ip", "ip", 1),
            _number("remote.port", "port", 3),
            _number("net.protocol", "enum", 4, constants=(("tcp", 6), ("udp", 17))),
        ),
        texts=(TextField("proc.exe.path", "path", 0, "", False),),
        digest=0,
        message=(("field", "proc.exe.path"), ("text", " connects to "), ("field", "remote.ip")),
    )
)


def _rules() -> tuple[RuleInfo, ...]:
    judged = ACT_JUDGE | ACT_ALERT
    deny = Form("before", ("cgroup",), judged | ACT_DENY, 13, "denied with EACCES")
    kill = Form("after", ("raw_tp",), judged | ACT_KILL, 0, "killed")
    would = Form("before", ("cgroup",), judged | ACT_WOULD_DENY, 1, "would be denied")
    return (
        RuleInfo(
            name="first",
            metadata=(
                ("id", "bpfc-0001"),
                ("revision", "3"),
                ("title", "First"),
                ("severity", "high"),
                ("mitre", "T1620"),
                ("mitre", "T1059"),
                ("tag", "a"),
                ("tag", "b"),
            ),
            template=(("field", "proc.exe.path"), ("text", " started by "), ("field", "proc.pid")),
            silent=False,
            mode="enforce",
            file="first.det",
            line=3,
            linux=(RuleEvent("process.exec", 0, (kill,)),),
            windows=(RuleEvent("process.exec", 0, ()),),
            output=(
                OutputInfo("program", (("field", "proc.exe.path"),), False),
                OutputInfo("who", (("field", "proc.pid"), ("text", "!")), True),
            ),
        ),
        RuleInfo(
            name="second",
            metadata=(),
            template=(),
            silent=False,
            mode="enforce",
            file="first.det",
            line=9,
            linux=(RuleEvent("net.connect", 0, (deny,)), RuleEvent("process.exec", 1, ())),
            windows=(),
        ),
        RuleInfo(
            name="third",
            metadata=(("revision", "none"),),
            template=(),
            silent=False,
            mode="audit",
            file="first.det",
            line=12,
            linux=(RuleEvent("net.connect", 1, (would,)),),
            windows=(),
        ),
    )


def _half(name: str, sections: dict[str, str], ring: str = "ringbuf") -> Half:
    programs = tuple(
        ProgramInfo(
            name=program,
            section=section,
            role=program.partition("_")[2],
            hook=program.partition("_")[0],
            variant="any",
            progs="progs_" + program.partition("_")[0],
            needs=("raw_tp",),
            events=("process.exec",) if program == "exec_adapter" else (),
        )
        for program, section in sections.items()
    )
    array = "array"
    maps = (
        MapInfo("m_process_exec", array, 4, 256, 2, "content", 0),
        MapInfo("rules_process_exec", array, 4, 8, 8, "content", 0),
        MapInfo("rules_net_connect", array, 4, 8, 8, "content", 0),
        MapInfo("progs_exec", "prog_array", 4, 4, 8, "shared", 0),
        MapInfo("progs_connect4", "prog_array", 4, 4, 8, "shared", 0),
        MapInfo("events", ring, 0, 0, 4096, "shared", 0),
    )
    return Half(
        programs=tuple(_renamed(p) for p in programs),
        maps=maps,
        contents=(Content("m_process_exec", 0, 0, 256),),
        core_hash=core_digest(stripped(name), CORE_SIZE),
        core_size=CORE_SIZE,
        code_hash="cd" * 32,
    )


def _renamed(program: ProgramInfo) -> ProgramInfo:
    role = {"dispatch": "dispatcher", "adapter": "adapter"}[program.role]
    return ProgramInfo(
        program.name,
        program.section,
        role,
        program.hook,
        program.variant,
        program.progs,
        program.needs,
        program.events,
    )


@cache
def manifest(windows: bool = True) -> Manifest:
    """The manifest that fits the sample objects."""
    rules = _rules()
    if not windows:
        rules = tuple(
            RuleInfo(r.name, r.metadata, r.template, r.silent, r.mode, r.file, r.line, r.linux, ())
            for r in rules
        )
    return Manifest(
        version=MANIFEST_VERSION,
        compiler="0.1.0",
        policy="sample Prüfung",
        policy_version="1.0",
        catalogue=1,
        source_digest="ab" * 32,
        rules=rules,
        layouts=(EXEC, CONNECT),
        linux=_half(
            "linux",
            {
                "exec_dispatch": "raw_tp/sched_process_exec",
                "exec_adapter": "raw_tp/sched_process_exec",
                "connect4_dispatch": "cgroup/connect4",
                "connect4_adapter": "cgroup/connect4",
            },
        ),
        windows=_half(
            "windows",
            {
                "exec_dispatch": "process",
                "exec_adapter": "process/exec",
                "connect4_dispatch": "cgroup/connect4",
                "connect4_adapter": "cgroup/connect4/adapter",
            },
        )
        if windows
        else None,
        shared_version=SHARED_VERSION,
    )


@cache
def artifact(windows: bool = True) -> bytes:
    """The bytes of a complete artifact."""
    inner = stripped("windows") if windows else None
    return pack(stripped("linux"), manifest(windows), CONTENT, inner)
