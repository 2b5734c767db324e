"""The test adapter: records that user space wrote, judged by the core in this kernel."""

import pytest

from bpfc.artifact.record import ACT_ALERT, ACT_DENY, STAGE_AFTER, STAGE_BEFORE, VIEW_TRUNCATED
from bpfc.runtime.judging import CoreRunner, Event, Text, Verdict
from compiler.driver import Compilation, compile_sources
from runtime_linux.testrun import KernelRunner

pytestmark = pytest.mark.bpf

HEADER = 'policy "p" version "1" language 1\n'
CONNECT = HEADER + "rule telnet { on net.connect when remote.port == 23 deny }"
EXEC = HEADER + (
    'rule one { on process.exec when proc.exe.name == "x" and proc.argv any == "-x" }\n'
    'rule two { on process.exec when proc.exe.path == "/tmp/x" deny EACCES }'
)


def compiled(source: str, testing: bool = True) -> Compilation:
    result = compile_sources([("rules.det", source)], testing=testing)
    assert result.artifact is not None, result.diagnostics
    return result


def runner(source: str) -> CoreRunner:
    result = compiled(source)
    assert result.artifact is not None
    return KernelRunner(result.artifact)


def place(result: Compilation, name: str) -> int:
    """Number word of a field."""
    assert result.artifact is not None
    (layout,) = result.artifact.manifest.layouts
    return next(n.index for n in layout.numbers if n.name == name)


def test_a_number_decides() -> None:
    port = place(compiled(CONNECT), "remote.port")
    with runner(CONNECT) as core:
        denied = core.judge("net.connect", Event({port: 23}), STAGE_BEFORE)
        assert denied == Verdict(ACT_DENY | ACT_ALERT, 1, ((0, False),), 0)
        assert core.judge("net.connect", Event({port: 24}), STAGE_BEFORE) == Verdict(0, 0, (), 0)
        assert core.judge("net.connect", Event({port: 23}), STAGE_AFTER) == Verdict(0, 0, (), 0)
        unknown = core.judge("net.connect", Event(unknown=1 << port), STAGE_BEFORE)
        assert unknown.actions == 0
        assert core.statistics() == ((1, 0, 1, 1, 0, 0, 0),)


def test_texts_and_parts_of_paths() -> None:
    with runner(EXEC) as core:
        (judge,) = core.layout.judges
        path = Text(b"/tmp/x")
        found = core.judge("process.exec", Event(texts={0: path, 1: Text(b"x\0-x")}))
        assert found == Verdict(ACT_ALERT, 0, ((0, False),), 0)
        before = core.judge("process.exec", Event(texts={0: path}), STAGE_BEFORE)
        assert before == Verdict(ACT_ALERT | ACT_DENY, 13, ((1, False),), 0)
        cut = core.judge("process.exec", Event(texts={0: Text(b"/tmp/x", VIEW_TRUNCATED)}))
        assert not cut.rules
        assert dict(judge.limits)[1] == 32768


def test_longest_texts_fit_and_longer_ones_are_refused() -> None:
    with runner(EXEC) as core:
        padded = Text(b"x\0" + b"a" * 32763 + b"\0-x")
        found = core.judge("process.exec", Event(texts={0: Text(b"/tmp/x"), 1: padded}))
        assert found.rules == ((0, False),)
        with pytest.raises(ValueError, match="more than 32768"):
            core.judge("process.exec", Event(texts={1: Text(padded.data + b"-")}))
        with pytest.raises(ValueError, match="more than 65536"):
            core.judge("process.exec", Event(texts={5: Text(bytes(40000)), 6: Text(bytes(40000))}))
        with pytest.raises(ValueError, match="no rule on"):
            core.judge("net.connect", Event())


@pytest.mark.parametrize("source", [CONNECT, EXEC])
def test_core_and_tables_are_those_of_the_policy(source: str) -> None:
    used, tested = compiled(source, testing=False).artifact, compiled(source).artifact
    assert used is not None and tested is not None
    assert tested.manifest.linux.core_hash == used.manifest.linux.core_hash
    assert tested.content == used.content
    assert tested.manifest.rules[0].linux == used.manifest.rules[0].linux
    assert tested.windows is None and not tested.manifest.linux.programs
