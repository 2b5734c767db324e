"""Every case of the language comes to what it says by the simulated cores of both halves, too."""

import os
import zlib

import pytest

from bpfc.artifact.record import ACT_DENY, STAGE_BEFORE
from bpfc.runtime.judging import Event, Text
from bpfc.simulator import SimulatedCore
from compiler.driver import compile_sources
from tests.language.play import play
from tests.language.results import ALL, compare, compiled, events_of, policy_of
from tests.simulator import windows

# A sixth of them in an ordinary run, the same ones each time, and none that takes seconds.
LONG = bool(os.environ.get("BPFC_LONG"))
SHARE = [n for n in ALL if not n.startswith("many ") and zlib.crc32(n.encode()) % 6 == 0]
NAMES = list(ALL) if LONG else SHARE


@pytest.mark.parametrize("name", NAMES)
def test_linux_core(name: str) -> None:
    compare(name, play(compiled(name), SimulatedCore))


@pytest.mark.parametrize("name", NAMES)
def test_windows_core(name: str) -> None:
    policy = windows.carried(policy_of(name))
    if policy is None:
        return  # Windows carries nothing of it
    events, case = windows.seen(policy, events_of(name)), ALL[name]
    found = windows.simulated(windows.compiled(policy), case, events)
    assert found == windows.expected(policy, case, events)


def test_windows_carries_many_cases() -> None:
    assert sum(windows.carried(policy_of(name)) is not None for name in ALL) > 30


PATHS = """policy "p" version "1" language 1
rule named { on process.exec  when proc.exe.name in ["cmd.exe", "pwsh.exe"]  alert }
rule placed { on process.exec  when proc.exe.path under r"\\Device\\Temp"  deny else alert }
rule said { on process.exec  when proc.cmdline contains "\u00e9-secret" nocase  alert }
"""


def test_texts_of_windows() -> None:
    artifact = compile_sources([("p.det", PATHS)]).artifact
    assert artifact is not None
    (layout,) = artifact.manifest.layouts
    views = {text.name: text.view for text in layout.texts if not text.part}

    def judged(path: str, line: str) -> tuple[set[int], bool]:
        texts = {"proc.exe.path": path, "proc.cmdline": line}
        made = {views[name]: Text(text.encode("utf-16le")) for name, text in texts.items()}
        with SimulatedCore(artifact, "windows") as core:
            found = core.judge("process.exec", Event(texts=made), STAGE_BEFORE)
        return {rule for rule, _ in found.rules}, bool(found.actions & ACT_DENY)

    assert judged(r"\Device\Windows\CMD.EXE", "cmd") == ({0}, False)
    assert judged(r"\Device\Temp\a.exe", "a \u00e9-SECRET") == ({1, 2}, True)
    assert judged(r"\Device\Temporary\cmd.exe.bak", "\u00c9-secret") == (set(), False)


def test_the_core_of_an_ordinary_artifact() -> None:
    source = """policy "p" version "1" language 1
    rule ssh { on net.connect  when remote.port == 22  deny else alert }
    """
    artifact = compile_sources([("p.det", source)]).artifact
    assert artifact is not None
    layout = next(one for one in artifact.manifest.layouts if one.event == "net.connect")
    port = next(field.index for field in layout.numbers if field.name == "remote.port")
    for half in ("linux", "windows"):
        with SimulatedCore(artifact, half) as core:
            found = core.judge("net.connect", Event({port: 22}), STAGE_BEFORE)
            other = core.judge("net.connect", Event({port: 23}), STAGE_BEFORE)
            assert found.actions & ACT_DENY and found.rules == ((0, False),)
            assert not other.actions
            assert core.statistics()[0][0] == 1
