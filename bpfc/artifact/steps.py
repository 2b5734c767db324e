"""What a record says of the earlier steps of sequences: a block for each sequence that fires.

A block is a head (u64: local rule in bits 0..31, BLOCK_KILL in bit 32, number of steps in bits
40..47, number words of a step in bits 48..55, steps that there is room for in bits 56..63) and the
steps: u64 time, u64 states (bit n: word n could not be read, bit 32 + n: it is absent), words.
"""

import struct

from attrs import frozen

from bpfc.artifact.errors import RecordError
from bpfc.artifact.limits import STEP_WORDS_MAX, STEPS_MAX

BLOCK_KILL = 1 << 32
STEPS_SHIFT, WORDS_SHIFT, ROOM_SHIFT = 40, 48, 56
ABSENT_SHIFT = 32
STEP_HEAD = 2  # words in front of a step's numbers


@frozen
class StepRecord:
    """What one step saw.

    Args:
        time_ns: of its event, since boot.
        states: as in the block.
        words: its numbers.
    """

    time_ns: int
    states: int
    words: tuple[int, ...]

    def unknown(self, word: int) -> bool:
        """Whether a number could not be read."""
        return bool(self.states >> word & 1)

    def absent(self, word: int) -> bool:
        """Whether a number is known not to exist."""
        return bool(self.states >> ABSENT_SHIFT >> word & 1)


@frozen
class StepBlock:
    """What the earlier steps of one sequence saw.

    Args:
        rule: local index of the rule on the record's event.
        kill: whether the processes that the rule names are to be ended.
        steps: the steps, the first one first.
    """

    rule: int
    kill: bool
    steps: tuple[StepRecord, ...]


def blocks_of(data: bytes) -> tuple[StepBlock, ...]:
    """Take step blocks apart, trusting nothing in them.

    Args:
        data: all blocks of a record.

    Raises:
        RecordError: they are not whole blocks.
    """
    found, at = [], 0
    while at < len(data):
        if len(data) - at < 8:
            raise RecordError("a record ends within its steps")
        head = int.from_bytes(data[at : at + 8], "little")
        steps, words, room = (
            head >> shift & 0xFF for shift in (STEPS_SHIFT, WORDS_SHIFT, ROOM_SHIFT)
        )
        size = 8 * (STEP_HEAD + words)
        if (
            not steps <= room <= STEPS_MAX
            or words > STEP_WORDS_MAX
            or at + 8 + room * size > len(data)
        ):
            raise RecordError("a record's steps do not fit into it")
        rows = [
            struct.unpack_from(f"<{STEP_HEAD + words}Q", data, at + 8 + size * number)
            for number in range(steps)
        ]
        records = tuple(StepRecord(row[0], row[1], row[2:]) for row in rows)
        found.append(StepBlock(head & 0xFFFFFFFF, bool(head & BLOCK_KILL), records))
        at += 8 + room * size
    return tuple(found)
