"""Runners of cores, simulated and in the kernel: content that comes later, and beginning anew."""

from collections.abc import Callable
from functools import cache

import pytest

from bpfc.artifact.container import Artifact
from bpfc.artifact.record import STAGE_BEFORE
from bpfc.runtime.judging import CoreRunner
from bpfc.simulator import SimulatedCore
from bpfc_cli.testing.records import made
from compiler.driver import compile_sources
from runtime_linux.testrun import KernelRunner
from tests.language.fixture import START, complete, record

RULES = """policy "p" version "1" language 1
rule port {{ on net.connect when remote.port in [{0}, {1}] alert }}
rule once {{ on net.connect when remote.port in [{0}, {1}] alert limit 1 per 1h }}
"""


@cache
def artifact(port: int) -> Artifact:
    found = compile_sources([("p.det", RULES.format(port, port + 100))], testing=True).artifact
    assert found is not None
    return found


def alerting(runner: CoreRunner, port: int) -> int:
    """How many rules alert on a connection to a port."""
    (layout,) = (one for one in runner.artifact.manifest.layouts if one.event == "net.connect")
    given = record("net.connect", {"remote.port": port, "remote.ip": "192.0.2.1"})
    fields = complete("net.connect", given, [number.name for number in layout.numbers])
    judged = runner.judge("net.connect", made(fields, layout, START), STAGE_BEFORE)
    return len(judged.rules)


@pytest.mark.parametrize("core", [SimulatedCore, pytest.param(KernelRunner, marks=pytest.mark.bpf)])
@pytest.mark.parametrize("revisions", [0, 1, 2, 3])
def test_a_runner_begins_anew_with_its_latest_content(
    core: Callable[[Artifact], CoreRunner], revisions: int
) -> None:
    with core(artifact(1000)) as runner:
        for port in range(1001, 1001 + revisions):
            runner.revise(artifact(port))
        latest = 1000 + revisions
        assert [alerting(runner, latest), alerting(runner, latest)] == [2, 1]
        runner.reset()
        assert [alerting(runner, latest), alerting(runner, latest - 1)] == [2, 0]
        assert [fired for fired, *_ in runner.statistics()] == [1, 1]
        runner.reset()
        assert [alerting(runner, latest), alerting(runner, latest)] == [2, 1]
