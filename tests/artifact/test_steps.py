"""What records say of earlier steps: blocks are taken apart, and nothing in them is trusted."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.errors import RecordError
from bpfc.artifact.limits import STEP_WORDS_MAX, STEPS_MAX
from bpfc.artifact.steps import (
    ABSENT_SHIFT,
    BLOCK_KILL,
    ROOM_SHIFT,
    STEPS_SHIFT,
    WORDS_SHIFT,
    StepBlock,
    StepRecord,
    blocks_of,
)

U64 = st.integers(0, (1 << 64) - 1)


def packed(block: StepBlock, words: int, room: int) -> bytes:
    """A block as the core writes it; what it has no steps for is old bytes."""
    head = block.rule | BLOCK_KILL * block.kill | len(block.steps) << STEPS_SHIFT
    rows = [(step.time_ns, step.states, *step.words) for step in block.steps]
    rows += [(1,) * (2 + words)] * (room - len(rows))
    flat = [value for row in rows for value in row]
    head |= words << WORDS_SHIFT | room << ROOM_SHIFT
    return struct.pack(f"<{1 + len(flat)}Q", head, *flat)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[StepBlock], bytes]:
    words, room = draw(st.integers(0, STEP_WORDS_MAX)), draw(st.integers(1, STEPS_MAX))
    step = st.builds(StepRecord, U64, U64, st.tuples(*[U64] * words))
    block = st.builds(
        StepBlock,
        st.integers(0, (1 << 32) - 1),
        st.booleans(),
        st.lists(step, max_size=room).map(tuple),
    )
    found = draw(st.lists(block, max_size=3))
    return found, b"".join(packed(item, words, room) for item in found)


@given(blocks())
def test_blocks_are_read_back(made: tuple[list[StepBlock], bytes]) -> None:
    assert list(blocks_of(made[1])) == made[0]


@given(st.binary(max_size=100))
def test_anything_else_is_refused_or_read(data: bytes) -> None:
    with suppress(RecordError):
        blocks_of(data)


def test_a_block_that_is_cut_is_refused() -> None:
    whole = packed(StepBlock(1, True, (StepRecord(1, 2, (3, 4)),)), 2, 1)
    for size in range(1, len(whole)):
        with pytest.raises(RecordError):
            blocks_of(whole[:size])


def test_states() -> None:
    step = StepRecord(0, 1 << 1 | 1 << ABSENT_SHIFT, (0, 0, 0))
    assert [step.unknown(n) for n in range(3)] == [False, True, False]
    assert [step.absent(n) for n in range(3)] == [True, False, False]
