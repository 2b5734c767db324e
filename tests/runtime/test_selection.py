"""Which programs a machine loads."""

import pytest
from attrs import evolve

from bpfc.artifact.manifest import ProgramInfo
from bpfc.runtime.errors import SensorError
from bpfc.runtime.platform import Capability
from runtime_linux.selection import check_base, check_upkeep, select
from tests.runtime import tiny


def _program(name: str, role: str, variant: str, *needs: str, hook: str = "exec") -> ProgramInfo:
    return ProgramInfo(name, "raw_tp/x", role, hook, variant, f"progs_{hook}", needs, ())


PROGRAMS = [
    _program("d", "dispatcher", "any", "raw_tp"),
    _program("a_atomic", "adapter", "atomic", "raw_tp", "atomics"),
    _program("a_plain", "adapter", "plain", "raw_tp", "no_atomics"),
    _program("check", "adapter", "any", "bpf_lsm", hook="exec_check"),
]


@pytest.mark.parametrize(
    ("available", "attached", "names"),
    [
        ({"raw_tp", "atomics"}, (), ["d", "a_atomic"]),
        ({"raw_tp"}, (), ["d", "a_plain"]),
        ({"raw_tp", "atomics", "bpf_lsm"}, ("exec",), ["a_atomic", "check"]),
        (set(), (), []),
    ],
)
def test_variant_needs_and_attached_hooks_decide(
    available: set[str], attached: tuple[str, ...], names: list[str]
) -> None:
    assert [p.name for p in select(PROGRAMS, available, attached)] == names


@pytest.mark.parametrize(
    ("lacking", "code"), [("privileges", "BPFC0703"), ("btf", "BPFC0718"), ("ringbuf", "BPFC0718")]
)
def test_a_machine_that_lacks_the_base_is_refused(lacking: str, code: str) -> None:
    machine = [
        Capability(n, n != lacking, "so it is", "") for n in ("privileges", "btf", "ringbuf")
    ]
    with pytest.raises(SensorError, match="so it is") as error:
        check_base(tiny.build().manifest, machine)
    assert error.value.code == code


def test_an_artifact_of_another_map_version_is_refused() -> None:
    with pytest.raises(SensorError) as error:
        check_base(evolve(tiny.build().manifest, shared_version=99), [])
    assert error.value.code == "BPFC0710"


def test_a_machine_that_cannot_keep_the_process_table_is_refused() -> None:
    machine = [Capability("raw_tp", False, "no tracepoints", "")]
    with pytest.raises(SensorError, match="no tracepoints"):
        check_upkeep(PROGRAMS[1:2], (), machine)
    check_upkeep(PROGRAMS[1:2], PROGRAMS[1:2], machine)
