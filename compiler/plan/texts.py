"""Text fields: from literals to the bytes of one or more automata."""

import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import frozen

from compiler.plan.automaton import Alphabet, Needle, build
from compiler.plan.classes import power_of_two, room_for
from compiler.plan.layout import is_joined
from compiler.plan.model import AUTOMATON_HEADER, AUTOMATON_TRANSITIONS, PAIR_SIZE
from compiler.plan.steps import MachineSteps, Steps, steps_of
from dsl.catalogue import Event, Field, Kind

# One array map value may not pass about 4 MiB on Linux 5.10 (facts: 2 MiB loads, 8 MiB does not);
# the rest is room for the map's own head.
TABLE_MAX = 4 * 1024 * 1024 - 64 * 1024

# States are u16. Smaller tables are rounded up to these classes so that small edits keep the code.
_STATE_BITS = range(8, 17)
_CLASS_BITS_MIN, _CLASS_BITS_MAX = 5, 9
_PAIRS_MIN = 32

# Room for classes, outs and pairs when literals are dealt out to tables.
_CHUNK_SLACK = 256 * 1024

# Accumulator words and the bits to set in them, by word index.
Marks = Mapping[int, int]


@frozen
class TextTables:
    """One automaton in both halves, with the sizes they share (see model.AutomatonPlan)."""

    state_bits: int
    class_bits: int
    hit_words: int
    pairs: int
    outs_offset: int
    pairs_offset: int
    size: int
    linux: bytes | None
    windows: bytes | None


class DoesNotFit(Exception):
    """A single literal needs more states than a table has."""

    def __init__(self, needle: Needle) -> None:
        super().__init__(needle)
        self.needle = needle


def tables_of(
    field: Field, event: Event, nocase: bool, marks: Mapping[Needle, Marks]
) -> list[TextTables]:
    """The automata of one text field.

    Args:
        field: a text field of the event.
        event: the event; its platforms and the field's decide which halves have tables.
        nocase: whether ASCII letters are folded. Windows folds paths in any case.
        marks: what each literal's occurrence sets.

    Returns:
        Usually one; several where states or bytes would not fit in one table.

    Raises:
        DoesNotFit: one literal alone is too long.
    """
    needles = sorted(marks, key=lambda n: (n.text, n.start, n.end))
    alphabets = _alphabets(field, event, nocase)
    return [
        tables
        for chunk in _chunks(needles, alphabets)
        for tables in _split(chunk, alphabets, marks)
    ]


def is_path(field: Field, event: Event) -> bool:
    """Whether a field is a path or a part of one (such fields fold case on Windows)."""
    base = event.field(field.base) if field.part else field
    return base is not None and base.kind is Kind.PATH


def _alphabets(field: Field, event: Event, nocase: bool) -> dict[str, Alphabet]:
    result: dict[str, Alphabet] = {}
    for platform in ("linux", "windows"):
        if platform in field.platforms and platform in event.platforms:
            wide = platform == "windows"
            result[platform] = Alphabet(
                wide=wide,
                nocase=nocase or (wide and is_path(field, event)),
                joined=is_joined(field.name),
                elements=field.part == "elements",
            )
    return result


def _chunks(
    needles: Sequence[Needle], alphabets: Mapping[str, Alphabet]
) -> Iterator[Sequence[Needle]]:
    """Runs of sorted literals that will about fill a table each.

    Counts trie nodes (letters that are not shared with the literal before), two states each for
    UTF-16. `_split` has the last word; this saves it from building what is far too big.
    """
    wide = any(alphabet.wide for alphabet in alphabets.values())
    letters = {byte for needle in needles for byte in needle.text}
    class_bits = max(_CLASS_BITS_MIN, (len(letters) + 3).bit_length())
    room = min((TABLE_MAX - _CHUNK_SLACK) >> (class_bits + 1), 1 << _STATE_BITS[-1])
    room = 1 << room.bit_length() - 1
    begin, states, before = 0, 2, b""
    for at, needle in enumerate(needles):
        fresh = len(needle.text) - _shared(before, needle.text) + needle.end
        states += fresh << wide
        if states > room and at > begin:
            yield needles[begin:at]
            begin, states = at, 2 + (len(needle.text) + needle.end << wide)
        before = needle.text
    yield needles[begin:]


def _shared(left: bytes, right: bytes) -> int:
    """Length of the common beginning of two texts."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return at
    return min(len(left), len(right))


def _split(
    needles: Sequence[Needle], alphabets: Mapping[str, Alphabet], marks: Mapping[Needle, Marks]
) -> list[TextTables]:
    """All literals in one automaton, or, where that is too big, each half of them in its own."""
    halves: dict[str, Steps | MachineSteps] = {
        name: steps_of(build(needles, alphabet)) for name, alphabet in alphabets.items()
    }
    if max(steps.states for steps in halves.values()) <= 1 << _STATE_BITS[-1]:
        tables = shared_tables(halves, [marks[needle] for needle in needles])
        if tables is not None:
            return [tables]
    if len(needles) == 1:
        raise DoesNotFit(needles[0])
    middle = len(needles) // 2
    return [
        *_split(needles[:middle], alphabets, marks),
        *_split(needles[middle:], alphabets, marks),
    ]


def shared_tables(
    halves: Mapping[str, Steps | MachineSteps], marks: Sequence[Marks]
) -> TextTables | None:
    """The automaton's bytes in each half, with common sizes.

    Args:
        halves: the automaton by platform.
        marks: what each of the things that it finds sets, by number.

    Returns:
        The tables, with room to grow if there is; None if they would pass TABLE_MAX.
    """
    return _tables(halves, marks, room_for) or _tables(halves, marks, power_of_two)


def _tables(
    halves: Mapping[str, Steps | MachineSteps],
    marks: Sequence[Marks],
    room: Callable[[int], int],
) -> TextTables | None:
    """Common sizes, by what counts are rounded up with, and each half's bytes; None if they pass
    TABLE_MAX."""
    states = room(max(steps.states for steps in halves.values()))
    state_bits = max(_STATE_BITS[0], min(states.bit_length() - 1, _STATE_BITS[-1]))
    classes = room(max(steps.classes.count for steps in halves.values()))
    class_bits = max(_CLASS_BITS_MIN, min(classes.bit_length() - 1, _CLASS_BITS_MAX))
    outs = {name: _outs(steps, marks) for name, steps in halves.items()}
    # One outid more than there are hits: 0 is none.
    hit_words = max(room(max(len(found) for found in outs.values()) + 1) // 64, 1)
    pairs = max(sum(len(out) for out in found) for found in outs.values())
    pairs = max(room(pairs), _PAIRS_MIN)
    outs_offset = AUTOMATON_TRANSITIONS + (2 << (state_bits + class_bits))
    pairs_offset = outs_offset + 4 * 64 * hit_words + 8  # one entry more ends the last outid
    size = pairs_offset + PAIR_SIZE * pairs
    if size > TABLE_MAX:
        return None
    content: dict[str, bytes] = {}
    for name, steps in halves.items():
        table = steps.render(state_bits, class_bits)
        head = struct.pack("<III", table.start, steps.first_emit, steps.classes.end)
        transitions = table.transitions
        if sys.byteorder == "big":
            transitions.byteswap()
        content[name] = b"".join(
            (
                head.ljust(AUTOMATON_HEADER, b"\0"),
                steps.classes.of_byte,
                transitions.tobytes(),
                _out_tables(outs[name], hit_words, pairs),
            )
        )
    return TextTables(
        state_bits=state_bits,
        class_bits=class_bits,
        hit_words=hit_words,
        pairs=pairs,
        outs_offset=outs_offset,
        pairs_offset=pairs_offset,
        size=size,
        linux=content.get("linux"),
        windows=content.get("windows"),
    )


def _outs(steps: Steps | MachineSteps, marks: Sequence[Marks]) -> list[list[tuple[int, int]]]:
    """(word index, bits) pairs of each emitting state, in the table's order of states."""
    result = []
    for found in steps.emissions():
        merged: dict[int, int] = {}
        for needle in found:
            for index, mask in marks[needle].items():
                merged[index] = merged.get(index, 0) | mask
        result.append(sorted(merged.items()))
    return result


def _out_tables(outs: list[list[tuple[int, int]]], hit_words: int, pairs: int) -> bytes:
    """First pair of each outid (0 and unused ones have none), then the pairs."""
    total, firsts = 0, [0]
    for out in outs:
        firsts.append(total)
        total += len(out)
    firsts += [total] * (64 * hit_words + 2 - len(firsts))
    rows = b"".join(struct.pack("<IIQ", index, 0, mask) for out in outs for index, mask in out)
    return struct.pack(f"<{len(firsts)}I", *firsts) + rows.ljust(PAIR_SIZE * pairs, b"\0")
