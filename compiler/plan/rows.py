"""Rows of many terms: shared, and in chunks, so that tables grow with the number of rules.

A row of ten thousand terms differs from the next one in a few bits. So an interval refers to a row,
equal rows are one, and a row is a root of NODE_FAN nodes of NODE_FAN chunks, all of them shared
too. Each change of a row costs a root, a node and a chunk, 72 bytes, however many terms there are.
"""

import struct

from attrs import Factory, define, frozen

from compiler.plan.classes import power_of_two, room_for
from compiler.plan.model import CHUNK_WORDS, NODE_FAN, ROOT_SIZE, SPECIAL_ROWS, SharedRows
from compiler.plan.numbers import NumberRows

_CHUNK_BITS = 64 * CHUNK_WORDS
_CHUNK = (1 << _CHUNK_BITS) - 1
_IDS = 1 << 16  # u16


class TooManyRows(Exception):
    """More different rows than ids for their parts."""


@frozen
class SparseTable:
    """The rows of one number field.

    Args:
        content: references, roots, nodes, chunks.
        places: where they stand in it.
    """

    content: bytes
    places: SharedRows


@define
class _Rows:
    """Rows in the making; equal parts get one id.

    Args:
        roots, nodes, chunks: their ids by content.
        _parts: ids of the chunks of the row that was added last.
        _last: that row.
    """

    roots: dict[tuple[int, tuple[int, ...]], int] = Factory(dict)
    nodes: dict[tuple[int, ...], int] = Factory(dict)
    chunks: dict[int, int] = Factory(lambda: {0: 0})
    _parts: list[int] = Factory(lambda: [0] * NODE_FAN * NODE_FAN)
    _last: int = 0

    def add(self, row: int, widest: int | None = None) -> int:
        """Add a row.

        Args:
            row: a bit for each term.
            widest: what the summary says of; the row itself if it is None.

        Returns:
            The number of its root.
        """
        changed = row ^ self._last
        self._last = row
        while changed:
            index = ((changed & -changed).bit_length() - 1) // _CHUNK_BITS
            shift = index * _CHUNK_BITS
            self._parts[index] = self.chunks.setdefault(row >> shift & _CHUNK, len(self.chunks))
            changed &= ~(_CHUNK << shift)
        parts = self._parts
        nodes = tuple(
            self.nodes.setdefault(tuple(parts[at : at + NODE_FAN]), len(self.nodes))
            for at in range(0, len(parts), NODE_FAN)
        )
        summary = sum(1 << index for index, chunk in enumerate(parts) if chunk)
        if widest is not None:
            summary = summary_of(widest)
        return self.roots.setdefault((summary, nodes), len(self.roots))


def summary_of(row: int) -> int:
    """A bit for each chunk of a row that is not zero.

    Args:
        row: a bit for each term.
    """
    count = -(-row.bit_length() // _CHUNK_BITS)
    return sum(1 << n for n in range(count) if row >> n * _CHUNK_BITS & _CHUNK)


def sparse_table(rows: NumberRows, room: int, most: int) -> SparseTable:
    """The rows of a number field as a table.

    Args:
        rows: what it says.
        room: bounds there is room for.
        most: bytes that a table may have; up to that there is room to spare.

    Returns:
        The table, offsets relative to its beginning.

    Raises:
        TooManyRows: there are more different ones than can be numbered.
    """
    made = _Rows()
    refs = [made.add(row) for row in rows.rows]
    refs += [refs[-1]] * (room - len(rows.bounds))
    fire, definite, possible, absent = rows.special
    # The summary of an unknown field's row says where anything is possible.
    refs += [made.add(fire, possible), made.add(definite), made.add(possible), made.add(absent)]
    if max(len(made.nodes), len(made.chunks)) > _IDS:
        raise TooManyRows
    needed = (len(made.roots), len(made.nodes), len(made.chunks))
    # As for bounds, the class goes by how many values there are, not by which they are.
    usual = rows.spread + len(SPECIAL_ROWS) + 1
    spare = [room_for(max(count, usual)) for count in needed]
    table = _laid_out(made, refs, (spare[0], min(spare[1], _IDS), min(spare[2], _IDS)))
    if len(table.content) <= most:
        return table
    return _laid_out(made, refs, tuple(power_of_two(count) for count in needed))


def _laid_out(made: _Rows, refs: list[int], rooms: tuple[int, ...]) -> SparseTable:
    """References, roots, nodes and chunks, each with room for a power of two."""
    roots, nodes, chunks = rooms
    parts = [
        struct.pack(f"<{len(refs)}I", *refs).ljust(4 * power_of_two(len(refs)), b"\0"),
        b"".join(struct.pack(f"<Q{NODE_FAN}H", summary, *ids) for summary, ids in made.roots).ljust(
            ROOT_SIZE * roots, b"\0"
        ),
        b"".join(struct.pack(f"<{NODE_FAN}H", *ids) for ids in made.nodes).ljust(
            2 * NODE_FAN * nodes, b"\0"
        ),
        b"".join(chunk.to_bytes(8 * CHUNK_WORDS, "little") for chunk in made.chunks).ljust(
            8 * CHUNK_WORDS * chunks, b"\0"
        ),
    ]
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    places = SharedRows(offsets[0], offsets[1], roots, offsets[2], nodes, offsets[3], chunks)
    return SparseTable(b"".join(parts), places)
