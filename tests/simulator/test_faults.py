"""What programs must not do is a fault that says where, why, and with which registers."""

import errno

import pytest
from attrs import evolve

from bpfc.artifact.manifest import MapInfo
from bpfc.simulator import Fault, Library, Machine
from bpfc.simulator.faults import Refusal
from bpfc.simulator.image import CodeImage, function_of
from bpfc.simulator.maps import EXIST, NOEXIST, ProgramArray
from bpfc.simulator.system import System
from runtime_linux.instructions import EXIT, call, instruction, move

NUMBERS = MapInfo("numbers", "array", 4, 16, 4, "policy", 0)
MAP_ADDRESS = instruction(0x18, 1, 1) + instruction(0)


def machine(code: bytes, **functions: bytes) -> Machine:
    """A machine whose function `main` loads the map's address at its begin."""
    known = {
        "main": function_of("main", MAP_ADDRESS + code, {0: "numbers"}, _calls(functions)),
        **{name: function_of(name, body) for name, body in functions.items()},
    }
    return Machine(Library(CodeImage(known), "linux", [NUMBERS]), instructions=1000)


def _calls(functions: dict[str, bytes]) -> dict[int, str]:
    """The one function that is called, if there is one, is called by the instruction 3."""
    return dict.fromkeys([3], next(iter(functions))) if functions else {}


FOUND = (  # r0 is entry 0 of the map
    instruction(0x62, 10, offset=-4)  # *(u32 *)(r10 - 4) = 0
    + instruction(0xBF, 2, 10)
    + instruction(0x07, 2, immediate=-4)
    + call(1)
)
FAULTS = {
    "a load from no memory": (move(2, 8) + instruction(0x79, 0, 2, 8), "no memory"),
    "a load through a null pointer": (move(2, 0) + instruction(0x79, 0, 2), "no memory"),
    "a load behind a value": (FOUND + instruction(0x79, 0, 0, 9), "offset 9 of a region of 16"),
    "a load before a value": (FOUND + instruction(0x71, 0, 0, -1), "no memory"),
    "a store behind a value": (FOUND + instruction(0x7B, 0, 0, 12), "offset 12 of a region of 16"),
    "a store behind the stack": (instruction(0x7A, 10, offset=-4), "offset 508 of a region of 512"),
    "a store to the map itself": (instruction(0x72, 1), "no memory"),
    "a register that was never written": (instruction(0xBF, 0, 6), "r6 is read"),
    "an argument that a call has used up": (
        FOUND + instruction(0xBF, 0, 1),
        "r1 is read, which was never written",
    ),
    "an atomic operation that is not aligned": (
        FOUND + move(1, 1) + instruction(0xDB, 0, 1, 4),
        "not aligned",
    ),
    "a piece of the stack that was never written": (
        instruction(0x79, 0, 10, -8),
        "the stack at r10-8 is read, which was never written",
    ),
    "half a piece that was never written": (
        instruction(0x62, 10, offset=-8) + instruction(0x79, 0, 10, -8),
        "8 bytes of the stack at r10-8, where nothing was written",
    ),
    "a key that was never written": (
        instruction(0xBF, 2, 10) + instruction(0x07, 2, immediate=-4) + call(1),
        "4 bytes of the stack at r10-4, where nothing was written",
    ),
    "a piece of the stack by an address that is computed": (
        instruction(0x7A, 10, offset=-8)
        + instruction(0xBF, 2, 10)
        + move(3, -16)
        + instruction(0x0F, 2, 3)
        + instruction(0x79, 0, 2),
        "8 bytes of the stack at r10-16, where nothing was written",
    ),
    "a helper that does not exist": (call(9999), "helper 9999"),
    "a map that is none": (
        instruction(0xBF, 2, 10) + instruction(0x7A, 10, offset=-8) + move(1, 5) + call(3),
        "0x5 is no map",
    ),
    "a loop that does not end": (move(0, 0) + instruction(0x05, offset=-1), "more instructions"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(name: str) -> None:
    code, reason = FAULTS[name]
    with pytest.raises(Fault, match=reason) as caught:
        machine(code + EXIT).call("main")
    fault = caught.value
    assert fault.program == "main" and fault.places[0].function == "main"
    assert "BPFC092" in str(fault) and "main, instruction" in str(fault)


def test_a_fault_has_registers_and_callers() -> None:
    inner = move(0, 3) + instruction(0xBF, 6, 1) + instruction(0x79, 0, 1) + EXIT
    with pytest.raises(Fault) as caught:
        machine(move(1, 77) + instruction(0x85, 0, 1) + EXIT, inner=inner).call("main")
    assert [place.function for place in caught.value.places] == ["inner", "main"]
    assert caught.value.places[0].instruction == 2
    assert caught.value.registers == {"r0": 3, "r1": 77, "r6": 77}


REFUSED = {
    "an unknown instruction": (instruction(0x8D), "later instruction set"),
    "a jump out of the function": (instruction(0x05, offset=7), "jumps out"),
    "a jump into an instruction": (instruction(0x05, offset=-2), "jumps out"),
    "an end without a return": (move(0, 1), "runs over its end"),
    "half an instruction": (b"\x95\0\0\0", "not a whole number"),
    "more stack than there is": (
        instruction(0x72, 10, offset=-513) + move(0, 0) + EXIT,
        "take 544 bytes",
    ),
    "a load that is cut off": (instruction(0x18, 1), "is cut off"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_before_it_runs(name: str) -> None:
    code, reason = REFUSED[name]
    with pytest.raises(Fault, match=reason):
        machine(code).call("main")


PROGRAMS = {
    "a context that is written": (
        "cgroup/connect4",
        instruction(0x62, 1, offset=4) + move(0, 1),
        "writes to its context",
    ),
    "a context that is read across members": (
        "cgroup/connect4",
        instruction(0x79, 0, 1, 24),
        "does not read by its members",
    ),
    "a context that is read behind its end": (
        "cgroup/connect4",
        instruction(0x61, 0, 1, 72),
        "does not read by its members",
    ),
    "a context that is read at a computed place": (
        "cgroup/connect4",
        instruction(0x0F, 1, 10) + instruction(0x61, 0, 1),
        "does not read by its members",
    ),
    "half an argument": ("raw_tp/x", instruction(0x61, 0, 1, 4), "does not read by its members"),
    "a helper of other programs": ("raw_tp/x", call(193), "RAW_TRACEPOINT, which may not call"),
    "a section of no programs": ("other", move(0, 0), "is not one of programs"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_that_its_type_does_not_allow(name: str) -> None:
    section, code, reason = PROGRAMS[name]
    known = evolve(function_of("main", code + EXIT), section=section)
    with pytest.raises(Fault, match=reason):
        Machine(Library(CodeImage({"main": known}), "linux", [])).run("main", 0)


def test_helpers_differ_between_the_systems() -> None:
    # 65536 is get_image_path for programs on processes, and nothing for those on connections.
    code = instruction(0x85, immediate=65536) + EXIT
    for section, reason in (("cgroup/connect4", "may not call helper 65536"), ("process", "r2")):
        known = evolve(function_of("main", code), section=section)
        machine = Machine(Library(CodeImage({"main": known}), "windows", []))
        with pytest.raises(Fault, match=reason):
            machine.run("main", 0)


def test_tail_calls_end() -> None:
    """A program that goes on with itself does so 33 times."""
    table = MapInfo("table", "prog_array", 4, 4, 1, "policy", 0)
    counter = MapInfo("counter", "array", 4, 8, 1, "policy", 0)
    code = (
        instruction(0xBF, 6, 1)
        + instruction(0x62, 10, offset=-4)
        + instruction(0xBF, 2, 10)
        + instruction(0x07, 2, immediate=-4)
        + MAP_ADDRESS
        + call(1)
        + move(1, 1)
        + instruction(0xDB, 0, 1)
        + instruction(0xBF, 1, 6)
        + instruction(0x18, 2, 1)
        + instruction(0)
        + move(3, 0)
        + call(12)
        + move(0, 5)
        + EXIT
    )
    main = evolve(function_of("main", code, {4: "counter", 10: "table"}), section="raw_tp/x")
    machine = Machine(Library(CodeImage({"main": main}), "linux", [table, counter]))
    programs = machine.maps["table"]
    assert isinstance(programs, ProgramArray)
    programs.programs[0] = machine.program("main")
    assert machine.run("main", 0) == 5
    assert int.from_bytes(machine.maps["counter"].get(bytes(4)) or b"", "little") == 34


HASH = MapInfo("hash", "hash", 4, 8, 2, "policy", 0)


def test_errors_of_maps() -> None:
    system = System()
    table, numbers = system.add_map(HASH), system.add_map(NUMBERS)
    one, two, three = (bytes([n, 0, 0, 0]) for n in (1, 2, 3))
    value = bytes(8)
    assert table.update(one, value, EXIST) == -errno.ENOENT
    assert table.update(one, value, NOEXIST) == 0
    assert table.update(one, value, NOEXIST) == -errno.EEXIST
    assert table.update(one, value, 4) == -errno.EINVAL
    assert table.update(two, value) == 0 and table.update(three, value) == -errno.E2BIG
    assert table.update(two, value) == 0 and table.delete(three) == -errno.ENOENT
    assert table.delete(two) == 0 and table.update(three, value) == 0
    assert numbers.update(one, bytes(16), NOEXIST) == -errno.EEXIST
    assert numbers.update(bytes([4, 0, 0, 0]), bytes(16)) == -errno.E2BIG
    assert numbers.delete(one) == -errno.EINVAL and not numbers.find(b"\xff" * 4)


def test_a_value_that_was_taken_out_stays_while_a_run_may_hold_it() -> None:
    system = System()
    table = system.add_map(HASH)
    table.update(bytes(4), b"12345678")
    held = table.find(bytes(4))
    assert table.delete(bytes(4)) == 0 and system.memory.read(held, 8) == b"12345678"
    system.settle()
    with pytest.raises(Refusal, match="no memory"):
        system.memory.read(held, 8)


STORED = instruction(0x7A, 10, offset=-8) + instruction(0xBF, 1, 10)


def test_another_functions_stack() -> None:
    address = STORED + instruction(0x07, 1, immediate=-8)
    call_it = instruction(0x85, 0, 1) + EXIT
    written = instruction(0x79, 0, 1) + instruction(0x7A, 1, immediate=9) + EXIT
    known = {
        "main": function_of("main", address + call_it, {}, {3: "inner"}),
        "inner": function_of("inner", written),
    }
    assert Machine(Library(CodeImage(known), "linux", [])).call("main") == 0
    known["inner"] = function_of("inner", instruction(0x79, 0, 1, -8) + EXIT)
    with pytest.raises(Fault, match="at r10-16, where nothing was written"):
        Machine(Library(CodeImage(known), "linux", [])).call("main")


def _chain(length: int, stack: int) -> CodeImage:
    """Functions f0, f1, ... each of which calls the next one, after it used some stack."""
    used = instruction(0x7A, 10, offset=-stack)
    known = {
        f"f{n}": function_of(f"f{n}", used + instruction(0x85, 0, 1) + EXIT, {}, {1: f"f{n + 1}"})
        for n in range(length - 1)
    }
    known[f"f{length - 1}"] = function_of(f"f{length - 1}", used + move(0, 1) + EXIT)
    return CodeImage(known)


def test_depth_of_calls() -> None:
    assert Machine(Library(_chain(8, 64), "linux", [])).call("f0") == 1
    with pytest.raises(Fault, match="9 calls deep"):
        Machine(Library(_chain(9, 8), "linux", [])).call("f0")


def test_stack_of_a_chain() -> None:
    with pytest.raises(Fault, match="take 576 bytes of stack"):
        Machine(Library(_chain(2, 264), "linux", [])).call("f0")
    # On Windows each function has its own 512 bytes.
    assert Machine(Library(_chain(2, 264), "windows", [])).call("f0") == 1


def test_a_function_must_not_call_itself() -> None:
    known = {"main": function_of("main", instruction(0x85, 0, 1) + EXIT, {}, {0: "main"})}
    with pytest.raises(Fault, match="main calls itself"):
        Machine(Library(CodeImage(known), "linux", [])).call("main")
