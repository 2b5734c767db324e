"""Random programs leave the same registers and memory in the simulator as in the running kernel."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bpfc.artifact.manifest import MapInfo
from bpfc.simulator import Library, Machine
from bpfc.simulator.image import CodeImage, function_of
from tests.simulator.programs import PROGRAMS, VALUE, WORDS, Program, run_in_kernel

pytestmark = pytest.mark.bpf

TABLE = MapInfo("table", "array", 4, VALUE, 1, "policy", 0)
MAP_LOAD = 3  # the instruction of a program that loads the map's address
ENTRY = bytes(4)


def simulated(program: Program, value: bytes) -> tuple[int, bytes]:
    """What the simulator makes of a program."""
    main, sub, calls = program.code(1)
    code = CodeImage(
        {
            "main": function_of("main", main, {MAP_LOAD: "table"}, dict.fromkeys(calls, "sub")),
            "sub": function_of("sub", sub),
        }
    )
    machine = Machine(Library(code, "linux", [TABLE]))
    machine.maps["table"].update(ENTRY, value)
    returned = machine.call("main")
    return returned, machine.maps["table"].get(ENTRY) or b""


@settings(max_examples=150)
@given(PROGRAMS, st.lists(WORDS, min_size=VALUE // 8, max_size=VALUE // 8))
def test_registers_and_memory(program: Program, words: list[int]) -> None:
    value = struct.pack(f"<{len(words)}Q", *words)
    assert simulated(program, value) == run_in_kernel(program, value)
