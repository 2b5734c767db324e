"""The number tables of an event: which maps they stand in, and where."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from bpfc.artifact.manifest import EventLayout
from compiler.plan.classes import power_of_two, room_for
from compiler.plan.derived import DerivedTables
from compiler.plan.model import DENSE_WORDS, SPECIAL_ROWS, NumberMap, NumberPlan, SharedRows
from compiler.plan.normal_form import Term
from compiler.plan.numbers import NumberRows, rows_of
from compiler.plan.rows import sparse_table
from compiler.plan.tables import TABLE_MAX
from compiler.plan.terms import EventTerms, number_tests
from dsl.catalogue import Event, Field, Kind
from dsl.derived import Derived

_ALL_ONES = (1 << 64) - 1
_SPARE_BYTES = 512 * 1024  # rows of a number table may take with room to spare
_SPARSE_BYTES = 8  # what a bound takes besides its rows
_SHARE = TABLE_MAX // 2  # of the matcher table that number tables with sparse rows may take


class TableTooLarge(Exception):
    """A number table does not fit into a map.

    Args:
        size: its bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


@frozen
class NumberTables:
    """The number tables of an event.

    Args:
        plans: in catalogue order, derived ones behind.
        content: of those in the matcher table, from the place on that the caller named.
        maps: the other ones.
    """

    plans: tuple[NumberPlan, ...]
    content: bytes
    maps: tuple[NumberMap, ...]


@frozen
class _Table:
    """One table before it has a place: bounds, then rows.

    Args:
        room: bounds there is room for.
        bounds: bytes of bounds.
        content: all of it.
        sparse: places of the rows behind the bounds, None where they stand as they are.
        selective: see NumberPlan.
    """

    room: int
    bounds: int
    content: bytes
    sparse: SharedRows | None
    selective: bool


def number_tables(
    terms: EventTerms,
    event: Event,
    layout: EventLayout,
    derived: DerivedTables,
    map_name: str,
    start: int,
) -> NumberTables:
    """A table for each tested number, each text whose presence is tested, and each derived value.

    Args:
        terms: the event's terms.
        event: the event.
        layout: of its records.
        derived: its derived values.
        map_name: of the matcher table.
        start: where number tables begin in it.

    Returns:
        Plans and contents.

    Raises:
        TableTooLarge: a table fits into no map.
        TooManyRows: there are more different rows than can be numbered.
    """
    tests = number_tests(terms)
    order = [field.name for field in event.ordered(tests)]
    order += [plan.name for plan in derived.plans]
    fields = {name: tests[name][0][1][0].test.field for name in order}
    widths = {name: _place(fields[name], name, layout, derived)[2] for name in order}
    tables = {name: _table(tests[name], fields[name], widths[name], terms) for name in order}
    # Places follow from sizes alone: no name, no number of bounds moves a table.
    by_size = sorted(order, key=lambda name: (-tables[name].room, order.index(name)))
    share = _SHARE - start if terms.words > DENSE_WORDS else None
    places, contents = _placed({name: tables[name].content for name in by_size}, start, share)
    names = [map_name, *(f"n{map_name[1:]}_{n}" for n in range(len(contents) - 1))]
    plans = []
    for name in order:
        source, index, words = _place(fields[name], name, layout, derived)
        table, (where, offset) = tables[name], places[name]
        plans.append(
            NumberPlan(
                field=name,
                kind=fields[name].kind.value,
                source=source,
                index=index,
                words=words,
                signed=source != "presence" and fields[name].signed,
                bounds=table.room,
                map=names[where],
                bounds_offset=offset,
                rows_offset=offset + table.bounds,
                sparse=table.sparse.moved(offset + table.bounds) if table.sparse else None,
                selective=table.selective,
            )
        )
    maps = tuple(map(NumberMap, names[1:], contents[1:]))
    return NumberTables(tuple(plans), contents[0], maps)


def _placed(
    tables: Mapping[str, bytes], start: int, share: int | None
) -> tuple[dict[str, tuple[int, int]], list[bytes]]:
    """Places of tables, (number of the map, offset), and contents of maps, the matcher's first.

    What does not fit into the matcher table's share goes into maps of its own; without a share
    everything is in the matcher table.
    """
    contents = [bytearray()]
    places: dict[str, tuple[int, int]] = {}
    for name, table in tables.items():
        where = 0
        if share is not None:
            rooms = [share, *[TABLE_MAX] * len(contents)]
            used = [*map(len, contents), 0]
            fitting = (n for n, room in enumerate(rooms) if used[n] + len(table) <= room)
            where = next(fitting, -1)
            if where < 0:
                raise TableTooLarge(len(table))
        if where == len(contents):
            contents.append(bytearray())
        places[name] = (where, len(contents[where]) + (0 if where else start))
        contents[where] += table
    return places, [bytes(content) for content in contents]


def _table(
    tests: Sequence[tuple[int, Term]], field: Field, width: int, terms: EventTerms
) -> _Table:
    """The table of one field."""
    count, words = len(terms.terms), terms.words
    rows = rows_of(tests, count)
    room = _bounds_room(rows, field, words)
    bounds = _bounds(rows, room, width)
    selective = len(tests) == count
    if words <= DENSE_WORDS:
        content = b"".join(row.to_bytes(8 * words, "little") for row in _rows(rows, room))
        return _Table(room, len(bounds), bounds + content, None, selective)
    sparse = sparse_table(rows, room, TABLE_MAX - len(bounds))
    return _Table(room, len(bounds), bounds + sparse.content, sparse.places, selective)


def _place(
    field: Field, name: str, layout: EventLayout, derived: DerivedTables
) -> tuple[str, int, int]:
    """Where the value of a number table stands: source, index, words."""
    if isinstance(field, Derived):
        return "derived", derived.index(name), 1
    number = next((number for number in layout.numbers if number.name == name), None)
    if number is not None:
        return "number", number.index, number.words
    return "presence", next(text.view for text in layout.texts if text.name == name), 1


def _bounds_room(rows: NumberRows, field: Field, words: int) -> int:
    """Bounds that a number table has room for; what has two values only needs no more."""
    if field.kind.is_text:
        return 1
    room = 2 if field.kind is Kind.BOOL else room_for(rows.spread)
    each = 8 * words if words <= DENSE_WORDS else _SPARSE_BYTES
    return room if room <= _SPARE_BYTES // each else power_of_two(len(rows.bounds))


def _bounds(rows: NumberRows, room: int, words: int) -> bytes:
    """Bounds as u64, an address high word first; room that is left over is all ones."""
    content = b"".join(
        b"".join(
            (bound >> 64 * word & _ALL_ONES).to_bytes(8, "little")
            for word in reversed(range(words))
        )
        for bound in rows.bounds
    )
    return content.ljust(8 * words * room, b"\xff")


def _rows(rows: NumberRows, room: int) -> list[int]:
    """Interval rows, the last one again for bounds that are not used, then the special rows."""
    assert len(rows.special) == len(SPECIAL_ROWS)
    return [*rows.rows, *[rows.rows[-1]] * (room - len(rows.bounds)), *rows.special]
