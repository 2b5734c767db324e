"""Large automata as sparse tables: a row is another row with a few exceptions.

The rows of a large automaton are alike. So a state has a *hub*, one of at most 64 whole rows, and
entries only for the classes over which it leads elsewhere. All entries stand in one array; a state
is the place where its entries begin, and an entry says whose it is (the double array of J. Aoe, An
efficient digital search algorithm by using a double-array structure, 1989, with default rows).

A cell is 64 bits: place of the state that has the entry (20), then what it leads to: place (20),
hub (8), outid (16). In a hub's row the first part is not used. The state that a text is in is the
low 44 bits of the last cell.
"""

import sys
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import ne

from attrs import frozen

from compiler.plan.steps import SparseRows

PLACE_SHIFT = 24  # of the place in what a cell leads to
OWNER_SHIFT = 44
PLACE_BITS = 20
HUBS_MAX = 64
OUTIDS_MAX = 1 << 16
ENTRY_BITS_MAX = 18
# Sizes that code depends on are few, so that the automata of an event share code.
_ENTRY_BITS = (10, 13, 15, 17, ENTRY_BITS_MAX)
_HUB_BITS = (2, 6)
_CLASS_BITS = (6, 7, 9)


@frozen
class Packed:
    """The cells of one automaton.

    Args:
        start: the first state, as in a cell.
        entries: cells of states.
        hubs: rows of cells.
    """

    start: int
    entries: "array[int]"
    hubs: tuple[tuple[int, ...], ...]


def packed(rows: SparseRows) -> Packed | None:
    """Find places for all states.

    Args:
        rows: an automaton.

    Returns:
        Its cells; None where there is no room for them.
    """
    if rows.states - rows.first_emit >= OUTIDS_MAX:
        return None
    hubs, exceptions = _with_hubs(rows)
    found = _placed([changes for _, changes in exceptions], len(rows.hubs[0]))
    if found is None:
        return None
    places, size = found
    words = [
        place << PLACE_SHIFT | hub << 16 | max(0, state - rows.first_emit + 1)
        for state, (place, (hub, _)) in enumerate(zip(places, exceptions, strict=True))
    ]
    entries = array("Q", bytes(8 * size))
    nobody = (1 << PLACE_BITS) - 1 << OWNER_SHIFT
    for at in range(size):
        entries[at] = nobody
    for place, (_, changes) in zip(places, exceptions, strict=True):
        owner = place << OWNER_SHIFT
        for item, target in changes.items():
            entries[place + item] = owner | words[target]
    rendered = tuple(tuple(words[target] for target in row) for row in hubs)
    return Packed(words[rows.start], entries, rendered)


def _with_hubs(
    rows: SparseRows,
) -> tuple[list[tuple[int, ...]], list[tuple[int, Mapping[int, int]]]]:
    """Hubs, and each state's hub with the exceptions from it."""
    if rows.rows is not None:
        return [tuple(hub) for hub in rows.hubs], list(rows.rows)
    dense = rows.hubs
    width = len(dense[0])
    columns = list(zip(*dense, strict=True))
    neutral = min(range(width), key=lambda item: len(set(columns[item])))
    candidates: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    uses: Counter[tuple[int, ...]] = Counter()
    for row in dense:
        common = (max(set(row), key=row.count),) * width
        pair = tuple(dense[row[neutral]]), common
        candidates.append(pair)
        uses[min(pair, key=lambda hub: _distance(row, hub))] += 1
    hubs = [hub for hub, _ in uses.most_common(HUBS_MAX)]
    numbers = {hub: number for number, hub in enumerate(hubs)}
    result: list[tuple[int, Mapping[int, int]]] = []
    for row, pair in zip(dense, candidates, strict=True):
        known = [hub for hub in pair if hub in numbers] or [hubs[0]]
        hub = min(known, key=lambda item: _distance(row, item))
        differences = {
            n: to for n, (to, usual) in enumerate(zip(row, hub, strict=True)) if to != usual
        }
        result.append((numbers[hub], differences))
    return hubs, result


def _distance(row: Sequence[int], hub: Sequence[int]) -> int:
    return sum(map(ne, row, hub))


def _placed(rows: Sequence[Mapping[int, int]], width: int) -> tuple[list[int], int] | None:
    """A place for each state so that no two entries meet, and the size of the array.

    States with many entries are placed first; those with one fill the gaps. States without any
    share a place that no other state has.
    """
    room = 1 << ENTRY_BITS_MAX
    if sum(map(len, rows)) + width > room:
        return None
    order = sorted(range(len(rows)), key=lambda state: -len(rows[state]))
    places = [0] * len(rows)
    gaps = _Gaps(width, room - width)
    most = width + 1
    for state in order:
        items = rows[state]
        if not items:
            break
        if 4 * len(items) <= most or len(items) == 1 < most:
            gaps.rewind()
            most = len(items)
        place = gaps.take(items)
        if place is None:
            return None
        places[state] = place
    return places, gaps.end + width


class _Gaps:
    """The array's free cells and places, seen through a window that moves on when it is full.

    Args:
        width: cells that a state may reach.
        last: the last place there is.
    """

    _SIZE = 1 << 12

    def __init__(self, width: int, last: int) -> None:
        self.width, self.last = width, last
        self.end = 0  # the last place that is taken
        self._cells, self._places, self._at = 0, 1, 0  # place 0 is that of states without entries
        self._window()

    def _window(self) -> None:
        """Look at the cells from `_at` on."""
        size = self._SIZE
        self._seen_cells = self._cells >> self._at & (1 << size + self.width) - 1
        self._seen_places = self._places >> self._at & (1 << size) - 1

    def _keep(self) -> None:
        self._cells |= self._seen_cells << self._at
        self._places |= self._seen_places << self._at

    def rewind(self) -> None:
        """Begin again at the first cell: smaller states fit where larger ones did not."""
        self._keep()
        self._at = 0
        self._window()

    def take(self, items: Mapping[int, int]) -> int | None:
        """The first place where all entries of a state are free; None if there is none."""
        while True:
            free = ~self._seen_places & (1 << self._SIZE) - 1
            for item in items:
                free &= ~(self._seen_cells >> item)
            if free:
                break
            self._keep()
            self._at += self._SIZE // 2
            self._window()
        offset = (free & -free).bit_length() - 1
        self._seen_places |= 1 << offset
        for item in items:
            self._seen_cells |= 1 << offset + item
        place = self._at + offset
        self.end = max(self.end, place)
        return place if place <= self.last else None


def sizes(halves: Sequence[tuple[Packed, int]]) -> tuple[int, int, int] | None:
    """Sizes (log2 of entries, of hubs, of classes) that take all of some automata.

    Args:
        halves: each automaton with its number of classes.

    Returns:
        The sizes; None if there are none.
    """
    entries = max(len(half.entries) for half, _ in halves)
    hubs = max(len(half.hubs) for half, _ in halves)
    classes = max(count for _, count in halves)
    found = (_bits(entries, _ENTRY_BITS), _bits(hubs, _HUB_BITS), _bits(classes, _CLASS_BITS))
    return None if 0 in found else found


def _bits(count: int, steps: Sequence[int]) -> int:
    """The first step with room and a quarter to spare, else with room; 0 if there is none."""
    for needed in (count + count // 4, count):
        for bits in steps:
            if needed <= 1 << bits:
                return bits
    return 0


def rendered(half: Packed, entry_bits: int, hub_bits: int, class_bits: int) -> bytes:
    """The cells as they stand in a table: entries, then hubs, little-endian."""
    nobody = (1 << PLACE_BITS) - 1 << OWNER_SHIFT
    cells = array("Q", half.entries)
    cells.extend([nobody] * ((1 << entry_bits) - len(cells)))
    for row in half.hubs:
        cells.extend(row)
        cells.extend([0] * ((1 << class_bits) - len(row)))
    cells.extend([0] * ((1 << entry_bits) + (1 << hub_bits + class_bits) - len(cells)))
    if sys.byteorder == "big":
        cells.byteswap()
    return cells.tobytes()
