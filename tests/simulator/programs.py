"""Random programs that every verifier accepts, and how the running kernel carries them out.

A program has one map value in r9: memory to work on, then its registers as they are in the end,
then as they are at first. r0 to r8 and the top of the stack hold numbers that no verifier knows. It
may call `sub`, a function of five numbers.
"""

import ctypes
import os
import struct

from attrs import frozen
from hypothesis import strategies as st

from runtime_linux import syscalls
from runtime_linux.instructions import EXIT, call, create_map, instruction, load_program, move

MEMORY, REGISTERS = 64, 9
VALUE = MEMORY + 2 * 8 * REGISTERS
STACK = 64
KEY = -STACK - 8
PROG_RAW_TRACEPOINT, MAP_ARRAY = 17, 2
_UPDATE, _LOOKUP, _TEST_RUN = 2, 1, 10  # enum bpf_cmd
_SIZES = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
_ARITHMETIC = (0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xA0, 0xB0, 0xC0)
_DIVIDES, _SHIFTS = (0x30, 0x90), (0x60, 0x70, 0xC0)
_JUMPS = (0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xA0, 0xB0, 0xC0, 0xD0)
_COMPARE_AND_EXCHANGE = 0xF1
_ATOMICS = (0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xA0, 0xA1, 0xE1, 0xF1)

IMMEDIATES = st.one_of(
    st.sampled_from([0, 1, -1, 2, 63, 255, 0x7FFFFFFF, -0x80000000]),
    st.integers(-0x80000000, 0x7FFFFFFF),
)
WORDS = st.one_of(
    st.sampled_from([0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 31, 0xFFFFFFFF, 1 << 32]),
    st.integers(0, (1 << 64) - 1),
)


@frozen
class Program:
    """A program.

    Args:
        body: its pieces, a whole number of instructions each, and how many of the following ones
            each of them jumps over if it is a jump.
        sub: instructions of the function that it may call, without its end.
    """

    body: tuple[tuple[bytes, int], ...]
    sub: tuple[bytes, ...]

    def code(self, map_fd: int) -> tuple[bytes, bytes, tuple[int, ...]]:
        """Its instructions, those of `sub`, and where the first ones call the second."""
        head = b"".join(
            (
                instruction(0x62, 10, offset=KEY),
                instruction(0xBF, 2, 10),
                instruction(0x07, 2, immediate=KEY),
                instruction(0x18, 1, 1, immediate=map_fd),
                instruction(0),
                call(1),
                instruction(0x55, 0, offset=2),
                move(0, 1),
                EXIT,
                instruction(0xBF, 9, 0),
                *(instruction(0x79, n, 9, MEMORY + 8 * (REGISTERS + n)) for n in range(REGISTERS)),
                *(instruction(0x7B, 10, n % REGISTERS, -8 * n - 8) for n in range(STACK // 8)),
            )
        )
        tail = b"".join(instruction(0x7B, 9, n, MEMORY + 8 * n) for n in range(REGISTERS))
        tail += move(0, 7) + EXIT
        pieces = [head, *self._pieces(), tail]
        length = len(b"".join(pieces)) // 8
        calls: list[int] = []
        found: list[bytes] = []
        for piece in pieces:
            at = len(b"".join(found)) // 8
            if piece[:8] == CALL_SUB:
                calls.append(at)
                piece = instruction(0x85, 0, 1, immediate=length - at - 1) + piece[8:]
            found.append(piece)
        return b"".join(found), b"".join(self.sub) + EXIT, tuple(calls)

    def _pieces(self) -> list[bytes]:
        """The body with its jumps' distances."""
        found = []
        for number, (piece, over) in enumerate(self.body):
            distance = sum(len(later) // 8 for later, _ in self.body[number + 1 :][:over])
            found.append(piece[:2] + struct.pack("<h", distance) + piece[4:] if over else piece)
        return found


CALL_SUB = instruction(0x85, 0, 1, immediate=-1)


def _numbered(last: int) -> st.SearchStrategy[int]:
    return st.integers(0, last)


@st.composite
def arithmetic(draw: st.DrawFn, last: int) -> bytes:
    """Arithmetic on the registers up to `last`."""
    kind = draw(st.sampled_from((4, 7)))
    target, source = draw(_numbered(last)), draw(_numbered(last))
    which = draw(st.integers(0, 9))
    if which == 0:
        return instruction(kind | 0x80, target)
    if which == 1:
        end, bits = draw(st.sampled_from((0x00, 0x08))), draw(st.sampled_from((16, 32, 64)))
        return instruction(0xD4 | end, target, immediate=bits)
    if which == 2:
        value = draw(WORDS)
        low, high = struct.unpack("<ii", struct.pack("<Q", value))
        return instruction(0x18, target, immediate=low) + instruction(0, immediate=high)
    operation = draw(st.sampled_from(_ARITHMETIC))
    if draw(st.booleans()):
        return instruction(kind | operation | 0x08, target, source)
    immediate = draw(IMMEDIATES)
    if operation in _DIVIDES and immediate == 0:
        immediate = 3
    if operation in _SHIFTS:
        immediate &= 31 if kind == 4 else 63
    return instruction(kind | operation, target, immediate=immediate)


@st.composite
def memory(draw: st.DrawFn) -> bytes:
    """A load, a store or an atomic operation on the stack or on the map's value."""
    size = draw(st.sampled_from((1, 2, 4, 8)))
    register = draw(_numbered(REGISTERS - 1))
    stack = draw(st.booleans())
    kind = draw(st.sampled_from(("load", "store", "constant", "atomic")))
    if kind == "atomic":
        size = draw(st.sampled_from((4, 8)))
    # The kernel wants loads and stores of the stack aligned, and all atomic operations.
    aligned = stack or kind == "atomic"
    at = draw(st.integers(0, MEMORY // size - 1)) * size
    if not aligned:
        at = draw(st.integers(0, MEMORY - size))
    base, offset = (10, at - STACK) if stack else (9, at)
    match kind:
        case "load":
            return instruction(0x61 | _SIZES[size], register, base, offset)
        case "store":
            return instruction(0x63 | _SIZES[size], base, register, offset)
        case "constant":
            return instruction(0x62 | _SIZES[size], base, 0, offset, draw(IMMEDIATES))
    operation = draw(st.sampled_from(_ATOMICS))
    piece = instruction(0xC3 | _SIZES[size], base, register, offset, operation)
    if operation == _COMPARE_AND_EXCHANGE and size == 4:
        # RFC 9669: r0 is extended with zeros. x86 leaves its upper half where the values are equal,
        # and the verifier of 6.18 can miss that somebody reads it (r1 == r1 decides: found here).
        piece += instruction(0xBC, 0, 0)
    return piece


@st.composite
def jumps(draw: st.DrawFn) -> tuple[bytes, int]:
    """A conditional jump, and over how many pieces."""
    kind = draw(st.sampled_from((5, 6)))
    operation = draw(st.sampled_from(_JUMPS))
    target, source = draw(_numbered(REGISTERS - 1)), draw(_numbered(REGISTERS - 1))
    over = draw(st.integers(1, 4))
    if draw(st.booleans()):
        return instruction(kind | operation | 0x08, target, source), over
    return instruction(kind | operation, target, immediate=draw(IMMEDIATES)), over


def _called() -> bytes:
    """A call of `sub`; the registers that are gone behind it get r0's and r6's values."""
    again = (instruction(0xBF, number, 0 if number & 1 else 6) for number in range(1, 6))
    return CALL_SUB + b"".join(again)


PIECES = st.one_of(
    arithmetic(REGISTERS - 1).map(lambda piece: (piece, 0)),
    memory().map(lambda piece: (piece, 0)),
    jumps(),
    st.just((_called(), 0)),
)
PROGRAMS = st.builds(
    Program,
    st.lists(PIECES, min_size=1, max_size=25).map(tuple),
    st.lists(arithmetic(5), max_size=6).map(lambda found: (instruction(0xBF, 0, 1), *found)),
)


def run_in_kernel(program: Program, value: bytes) -> tuple[int, bytes]:
    """Have the kernel carry out a program.

    Args:
        program: the program.
        value: the map's value before.

    Returns:
        What it returned, and the map's value behind.

    Raises:
        OSError: the kernel refused it.
    """
    table = create_map(MAP_ARRAY, 4, VALUE, 1)
    try:
        _entry(_UPDATE, table, buffer := ctypes.create_string_buffer(value, VALUE))
        main, sub, calls = program.code(table)
        # The kernel refuses code that nothing leads to.
        loaded = load_program(PROG_RAW_TRACEPOINT, main + sub if calls else main)
        try:
            attributes = ctypes.create_string_buffer(struct.pack("<II72x", loaded, 0), 80)
            syscalls.bpf(_TEST_RUN, attributes)
        finally:
            os.close(loaded)
        _entry(_LOOKUP, table, buffer)
        return struct.unpack_from("<I", attributes, 4)[0], buffer.raw
    finally:
        os.close(table)


def _entry(command: int, table: int, value: "ctypes.Array[ctypes.c_char]") -> None:
    """Read or write entry 0 of a map."""
    key = ctypes.create_string_buffer(4)
    head = struct.pack("<I4xQQQ", table, ctypes.addressof(key), ctypes.addressof(value), 0)
    syscalls.bpf(command, ctypes.create_string_buffer(head, len(head)))
