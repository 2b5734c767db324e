"""Policies and events for what no case of tests/language is about."""

from collections.abc import Mapping

from dsl.interpreter import Event
from dsl.semantics import UNKNOWN, FieldValue
from tests.oracle.oracles import Example
from tests.oracle.sources import HEADER, Source
from tests.oracle.streams import SECOND, START


def examples() -> dict[str, Example]:
    """All of them, by name."""
    return {"crowd": _crowd(), "update": _update(), "windows": _windows()}


def _event(name: str, second: int, fields: Mapping[str, FieldValue]) -> Event:
    return Event(name, START + second * SECOND, dict(fields))


def _crowd() -> Example:
    """More rules than a record names, and more than a word has bits."""
    rules = [f"rule r{n} {{ on net.connect when remote.port >= {n + 1} }}" for n in range(100)]
    ports = (0, 1, 31, 32, 33, 34, 64, 65, 66, 99, 100)
    events = tuple(_event("net.connect", n, {"remote.port": p}) for n, p in enumerate(ports))
    return Example((Source(HEADER, tuple(rules)),), (events,), {})


def _update() -> Example:
    """Constants, patterns, actions and counts that change while events come."""
    rules = """rule port {{ on net.connect when remote.port == {} {} }}
rule name {{ on process.exec when proc.exe.name == "{}" deny }}
rule often {{ on net.connect when proc.uid <= {} threshold {} within 1min by proc.uid }}"""
    contents = ((22, "deny", "a", 3, 2), (23, "mode audit deny", "b", 5, 3), (22, "", "c", 3, 4))
    sources = [Source(HEADER, tuple(rules.format(*one).splitlines())) for one in contents]
    streams = []
    for number in range(len(contents)):
        happened = []
        for port in (22, 23):
            fields: dict[str, FieldValue] = {"remote.port": port, "proc.uid": 4 if port > 22 else 1}
            happened.append(_event("net.connect", 4 * number, fields))
        for name in (b"/bin/a", b"/bin/b", b"/bin/c", UNKNOWN):
            happened.append(_event("process.exec", 4 * number + 1, {"proc.exe.path": name}))
        streams.append(tuple(happened))
    return Example(tuple(sources), tuple(streams), {})


def _windows() -> Example:
    """Paths in either case."""
    rules = (
        r'rule name { on process.exec when proc.exe.name == "Cmd.exe" }',
        r'rule path { on process.exec when proc.exe.path under r"C:\Temp" deny }',
        r'rule line { on process.exec when proc.cmdline contains "/C" }',
    )
    paths = (b"C:/temp/cmd.EXE", b"C:/Temp/Cmd.exe", b"D:/cmd.exe")
    events = tuple(
        _event("process.exec", n, {"proc.exe.path": path, "proc.cmdline": b"x /c" if n else b"/C"})
        for n, path in enumerate(paths)
    )
    return Example((Source(HEADER, rules),), (events,), {})
