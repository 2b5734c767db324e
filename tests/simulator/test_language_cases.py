"""Every case of the language comes to what it says by the simulated core, too."""

import os
import zlib

import pytest

from bpfc.artifact.record import ACT_DENY, STAGE_BEFORE
from bpfc.runtime.judging import Event
from bpfc.simulator import SimulatedCore
from compiler.driver import compile_sources
from tests.language.play import play
from tests.language.results import ALL, compare, compiled

# A third of them in an ordinary run, the same third each time.
NAMES = [name for name in ALL if os.environ.get("BPFC_LONG") or zlib.crc32(name.encode()) % 3 == 0]


@pytest.mark.parametrize("name", NAMES)
def test_linux_core(name: str) -> None:
    compare(name, play(compiled(name), SimulatedCore))


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
