"""The bytes of one automaton in both halves: dense if it is small, sparse if it is not."""

import struct
import sys
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen

from compiler.plan import sparse
from compiler.plan.classes import power_of_two, room_for
from compiler.plan.model import (
    AUTOMATON_CLASSES,
    AUTOMATON_HEADER,
    AUTOMATON_TRANSITIONS,
    PAIR_SIZE,
    SPARSE_END,
    TextTables,
)
from compiler.plan.steps import MachineSteps, Steps

# One array map value may not pass about 4 MiB on Linux 5.10 (facts: 2 MiB loads, 8 MiB does not);
# the rest is room for the map's own head.
TABLE_MAX = 4 * 1024 * 1024 - 64 * 1024

# A larger dense table does not stay in a processor's cache; a sparse one is much smaller.
DENSE_MAX = 256 * 1024

# States of dense tables are u16. Smaller tables are rounded up to these classes so that small edits
# keep the code.
_STATE_BITS = range(8, 17)
_CLASS_BITS_MIN, _CLASS_BITS_MAX = 5, 9
_PAIRS_MIN = 32

# Hit words and pairs of sparse tables, few so that automata share code.
_HIT_WORDS = (4, 32, 128, 512, 1024)
_PAIRS_PER_WORD = 64

# Accumulator words and the bits to set in them, by word index.
Marks = Mapping[int, int]
Halves = Mapping[str, Steps | MachineSteps]
Outs = list[list[tuple[int, int]]]


def shared_tables(halves: Halves, marks: Sequence[Marks]) -> TextTables | None:
    """The automaton's bytes in each half, with common sizes.

    Args:
        halves: the automaton by platform.
        marks: what each of the things that it finds sets, by number.

    Returns:
        The tables, with room to grow if there is; None if they would pass TABLE_MAX.
    """
    outs = {name: _outs(steps, marks) for name, steps in halves.items()}
    dense = _dense(halves, outs, room_for) or _dense(halves, outs, power_of_two)
    if dense is not None:
        return dense
    found = bank_tables([halves], marks)
    return found[0] if found else None


def _dense(
    halves: Halves, outs: Mapping[str, Outs], room: Callable[[int], int]
) -> TextTables | None:
    """Dense tables; None if they pass DENSE_MAX."""
    states = room(max(steps.states for steps in halves.values()))
    state_bits = max(_STATE_BITS[0], min(states.bit_length() - 1, _STATE_BITS[-1]))
    classes = room(max(steps.classes.count for steps in halves.values()))
    class_bits = max(_CLASS_BITS_MIN, min(classes.bit_length() - 1, _CLASS_BITS_MAX))
    # One outid more than there are hits: 0 is none.
    hit_words = max(room(max(len(found) for found in outs.values()) + 1) // 64, 1)
    pairs = max(room(max(sum(map(len, found)) for found in outs.values())), _PAIRS_MIN)
    outs_offset = AUTOMATON_TRANSITIONS + (2 << (state_bits + class_bits))
    pairs_offset = outs_offset + 4 * 64 * hit_words + 8  # one entry more ends the last outid
    size = pairs_offset + PAIR_SIZE * pairs
    if size > DENSE_MAX:
        return None
    content: dict[str, bytes] = {}
    for name, steps in halves.items():
        table = steps.render(state_bits, class_bits)
        transitions = table.transitions
        if sys.byteorder == "big":
            transitions.byteswap()
        head = struct.pack("<III", table.start, steps.first_emit, steps.classes.end)
        found = _out_tables(outs[name], hit_words, pairs)
        content[name] = _joined(head, steps, transitions.tobytes(), found)
    return TextTables(
        sparse=False,
        state_bits=state_bits,
        hub_bits=0,
        class_bits=class_bits,
        hit_words=hit_words,
        pairs=pairs,
        outs_offset=outs_offset,
        pairs_offset=pairs_offset,
        size=size,
        linux=content.get("linux"),
        windows=content.get("windows"),
    )


def bank_tables(machines: Sequence[Halves], marks: Sequence[Marks]) -> list[TextTables] | None:
    """Several automata as sparse tables of few different sizes, so that they share code.

    Args:
        machines: automata by platform.
        marks: what each of the things that they find sets, by number.

    Returns:
        Their tables, in that order; None if one would pass TABLE_MAX.
    """
    found = [_pack(halves, {n: _outs(s, marks) for n, s in halves.items()}) for halves in machines]
    drafts = [draft for draft in found if draft is not None]
    if len(drafts) < len(machines):
        return None
    most: dict[int, list[int]] = {}
    for draft in drafts:
        sizes = most.setdefault(draft.sizes[0], [0, 0, 0])
        most[draft.sizes[0]] = list(map(max, sizes, draft.sizes[1:]))
    tables = [_sparse(draft, (draft.sizes[0], *most[draft.sizes[0]])) for draft in drafts]
    return tables if all(table.size <= TABLE_MAX for table in tables) else None


@frozen
class _Draft:
    """A sparse automaton without its final sizes.

    Args:
        halves: the automaton by platform.
        packed: its cells.
        outs: what its emitting states set.
        sizes: that it needs: log2 of entries, of hubs, of classes; hit words.
    """

    halves: Halves
    packed: Mapping[str, sparse.Packed]
    outs: Mapping[str, Outs]
    sizes: tuple[int, ...]


def _pack(halves: Halves, outs: Mapping[str, Outs]) -> _Draft | None:
    packed: dict[str, sparse.Packed] = {}
    for name, steps in halves.items():
        found = sparse.packed(steps.sparse())
        if found is None:
            return None
        packed[name] = found
    sizes = sparse.sizes([(half, halves[name].classes.count) for name, half in packed.items()])
    needed = max(len(found) for found in outs.values()) // 64 + 1
    pairs = max(sum(map(len, found)) for found in outs.values())
    words = [n for n in _HIT_WORDS if n >= needed and n * _PAIRS_PER_WORD >= pairs]
    return _Draft(halves, packed, outs, (*sizes, words[0])) if sizes and words else None


def _sparse(draft: _Draft, sizes: Sequence[int]) -> TextTables:
    """Sparse tables of given sizes (see `_Draft`)."""
    entry_bits, hub_bits, class_bits, hit_words = sizes
    pairs = hit_words * _PAIRS_PER_WORD
    cells = (8 << entry_bits) + (8 << hub_bits + class_bits)
    outs_offset = AUTOMATON_TRANSITIONS + cells
    pairs_offset = outs_offset + 4 * 64 * hit_words + 8
    content: dict[str, bytes] = {}
    for name, half in draft.packed.items():
        end = struct.pack("<I", draft.halves[name].classes.end)
        head = struct.pack("<Q", half.start).ljust(SPARSE_END, b"\0") + end
        content[name] = _joined(
            head,
            draft.halves[name],
            sparse.rendered(half, entry_bits, hub_bits, class_bits),
            _out_tables(draft.outs[name], hit_words, pairs),
        )
    return TextTables(
        sparse=True,
        state_bits=entry_bits,
        hub_bits=hub_bits,
        class_bits=class_bits,
        hit_words=hit_words,
        pairs=pairs,
        outs_offset=outs_offset,
        pairs_offset=pairs_offset,
        size=pairs_offset + PAIR_SIZE * pairs,
        linux=content.get("linux"),
        windows=content.get("windows"),
    )


def _joined(head: bytes, steps: Steps | MachineSteps, cells: bytes, outs: bytes) -> bytes:
    header = head.ljust(AUTOMATON_HEADER, b"\0")
    assert len(header) == AUTOMATON_CLASSES
    return b"".join((header, steps.classes.of_byte, cells, outs))


def _outs(steps: Steps | MachineSteps, marks: Sequence[Marks]) -> Outs:
    """(word index, bits) pairs of each emitting state, in the table's order of states."""
    result = []
    for found in steps.emissions():
        merged: dict[int, int] = {}
        for needle in found:
            for index, mask in marks[needle].items():
                merged[index] = merged.get(index, 0) | mask
        result.append(sorted(merged.items()))
    return result


def _out_tables(outs: Outs, hit_words: int, pairs: int) -> bytes:
    """First pair of each outid (0 and unused ones have none), then the pairs."""
    total, firsts = 0, [0]
    for out in outs:
        firsts.append(total)
        total += len(out)
    firsts += [total] * (64 * hit_words + 2 - len(firsts))
    rows = b"".join(struct.pack("<IIQ", index, 0, mask) for out in outs for index, mask in out)
    return struct.pack(f"<{len(firsts)}I", *firsts) + rows.ljust(PAIR_SIZE * pairs, b"\0")
