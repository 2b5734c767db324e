"""Runs an EventPlan on one record as the compiled code does, reading nothing but its tables."""

import struct
from collections.abc import Mapping

from attrs import frozen

from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN
from compiler.plan.model import (
    AUTOMATON_CLASSES,
    AUTOMATON_TRANSITIONS,
    CHUNK_WORDS,
    NODE_FAN,
    PAIR_SIZE,
    PART_VIEWS,
    ROOT_SIZE,
    AutomatonPlan,
    EventPlan,
    NumberPlan,
    SharedRows,
    TextTables,
)
from compiler.plan.sparse import OWNER_SHIFT, PLACE_BITS, PLACE_SHIFT
from tests.compiler.plan.derived import Computer

SIGN = 1 << 63
WORD = (1 << 64) - 1


@frozen
class View:
    """A text view of a record: bytes and VIEW_* flags."""

    text: bytes = b""
    flags: int = 0


@frozen
class Raw:
    """A record: number words by index ("unknown" or "absent" in place of a value), and views."""

    numbers: Mapping[int, int | str]
    views: Mapping[int, View]


@frozen
class Judgement:
    """Local rules by degree."""

    fire: frozenset[int]
    definite: frozenset[int]
    possible: frozenset[int]


def u64(table: bytes, offset: int, count: int) -> list[int]:
    return list(struct.unpack_from(f"<{count}Q", table, offset))


def judge(plan: EventPlan, raw: Raw, platform: str) -> Judgement:
    table = plan.linux if platform == "linux" else plan.windows
    assert table is not None and len(table) == plan.size
    words, columns = plan.words, plan.columns
    hit = u64(table, plan.accumulators_offset, (columns + 1) * words)
    maybe = [0] * (columns * words)
    unsure = [0] * words
    for automaton in plan.automata:
        scan(plan, automaton, table, raw, platform, hit, maybe, unsure)
    rows = [u64(table, plan.terms_offset, words)] * 3
    for number in plan.numbers:
        rows = [
            and_(a, b) for a, b in zip(rows, number_rows(plan, number, table, raw), strict=True)
        ]
    found: list[set[int]] = [set(), set(), set()]
    owners = struct.unpack_from(f"<{64 * words}I", table, plan.rule_of_term_offset)
    for word in range(words):
        seen = possible = (1 << 64) - 1
        for column in range(columns):
            at = column * words + word
            seen &= hit[at]
            possible &= hit[at] | maybe[at]
        negative = hit[columns * words + word]
        masks = (seen & ~negative, seen & ~negative & ~unsure[word], possible & ~negative)
        for degree, mask in enumerate(masks):
            bits = mask & rows[degree][word]
            found[degree] |= {owners[64 * word + bit] for bit in range(64) if bits >> bit & 1}
    return Judgement(*(frozenset(degree) for degree in found))


def and_(left: list[int], right: list[int]) -> list[int]:
    return [a & b for a, b in zip(left, right, strict=True)]


def number_rows(plan: EventPlan, number: NumberPlan, table: bytes, raw: Raw) -> list[list[int]]:
    """Rows for fire, definite, possible."""

    matcher = table
    maps = {further.name: further.content for further in plan.number_maps}
    table = maps.get(number.map, matcher)

    def row(index: int) -> list[int]:
        if number.sparse is not None:
            return sparse_row(number.sparse, table, index, plan.words)
        return u64(table, number.rows_offset + 8 * plan.words * index, plan.words)

    special = number.bounds + 1
    value: int | str
    if number.source == "derived":
        value = derived(plan, number.index, matcher, raw)
        value = value & WORD if isinstance(value, int) else value
    elif number.source == "presence":
        flags = raw.views[number.index].flags
        value = "unknown" if flags & VIEW_UNKNOWN else int(bool(flags & VIEW_ABSENT))
    else:
        value = raw.numbers[number.index]
        if number.words == 2 and isinstance(value, int):
            low = raw.numbers[number.index + 1]
            assert isinstance(low, int)
            value = value << 64 | low
    if value == "unknown":
        return [row(special), row(special + 1), row(special + 2)]
    if value == "absent":
        return [row(special + 3)] * 3
    assert isinstance(value, int)
    if number.signed:
        value = value & WORD ^ SIGN
    flat = u64(table, number.bounds_offset, number.bounds * number.words)
    bounds = flat
    if number.words == 2:
        bounds = [high << 64 | low for high, low in zip(flat[::2], flat[1::2], strict=True)]
    assert bounds == sorted(bounds)
    return [row(sum(bound <= value for bound in bounds))] * 3


def sparse_row(places: SharedRows, table: bytes, index: int, words: int) -> list[int]:
    """A row that stands in chunks. Its summary must not leave out any of them."""
    (root,) = struct.unpack_from("<I", table, places.refs_offset + 4 * index)
    assert root < places.roots
    at = places.roots_offset + ROOT_SIZE * root
    summary, *nodes = struct.unpack_from(f"<Q{NODE_FAN}H", table, at)
    found: list[int] = []
    for node in nodes:
        assert node < places.nodes
        at = places.nodes_offset + 2 * NODE_FAN * node
        for chunk in struct.unpack_from(f"<{NODE_FAN}H", table, at):
            assert chunk < places.chunks
            values = u64(table, places.chunks_offset + 8 * CHUNK_WORDS * chunk, CHUNK_WORDS)
            assert not any(values) or summary >> len(found) // CHUNK_WORDS & 1
            found += values
    assert not any(found[words:])
    return found[:words]


def derived(plan: EventPlan, index: int, table: bytes, raw: Raw) -> int | str:
    """A derived value."""
    platform = "linux" if table is plan.linux else "windows"

    def view(match: int) -> tuple[bytes, int]:
        whole = raw.views[match % PART_VIEWS]
        part = match >= PART_VIEWS
        return last_component(whole.text, platform) if part else whole.text, whole.flags

    return Computer(plan, table, raw.numbers, view).value(plan.derived[index].shape)


def scan(
    plan: EventPlan,
    automaton: AutomatonPlan,
    table: bytes,
    raw: Raw,
    platform: str,
    hit: list[int],
    maybe: list[int],
    unsure: list[int],
) -> None:
    view = raw.views[automaton.view % PART_VIEWS]
    text, flags = view.text, view.flags
    if automaton.view >= PART_VIEWS:
        text = last_component(text, platform)
        if flags & VIEW_TRUNCATED:
            flags = VIEW_UNKNOWN
    if flags & VIEW_ABSENT:
        return
    tables = automaton.tables
    content = tables.linux if platform == "linux" else tables.windows
    if content is None:  # no carried rule reads the field
        return
    assert len(content) == tables.size
    if not flags & VIEW_UNKNOWN:
        for outid in outids(tables, content, text, bool(flags & VIEW_TRUNCATED)):
            for index, mask in pairs(tables, content, outid):
                hit[index] |= mask
    if flags & (VIEW_UNKNOWN | VIEW_TRUNCATED):
        offset = automaton.unknown_offset if flags & VIEW_UNKNOWN else automaton.truncated_offset
        block = u64(table, offset, (plan.columns + 1) * plan.words)
        for word in range(plan.words):
            unsure[word] |= block[word]
        for at in range(plan.columns * plan.words):
            maybe[at] |= block[plan.words + at]


def last_component(text: bytes, platform: str) -> bytes:
    if platform == "linux":
        return text.rpartition(b"/")[2]
    return text.decode("utf-16-le").rpartition("\\")[2].encode("utf-16-le")


def outids(tables: TextTables, content: bytes, text: bytes, cut: bool) -> set[int]:
    if tables.sparse:
        return sparse_outids(tables, content, text, cut)
    state, first_emit, end = struct.unpack_from("<III", content, 0)
    assert end < 1 << tables.class_bits
    classes = content[AUTOMATON_CLASSES:AUTOMATON_TRANSITIONS]
    steps = [classes[byte] for byte in text] + ([] if cut else [end])
    found = set()
    for step in steps:
        at = AUTOMATON_TRANSITIONS + 2 * (state << tables.class_bits | step)
        (state,) = struct.unpack_from("<H", content, at)
        assert state < 1 << tables.state_bits
        if state >= first_emit:
            found.add(state - first_emit + 1)
    assert all(outid < 64 * tables.hit_words for outid in found)
    return found


def sparse_outids(tables: TextTables, content: bytes, text: bytes, cut: bool) -> set[int]:
    state, end = struct.unpack_from("<QI", content, 0)
    classes = content[AUTOMATON_CLASSES:AUTOMATON_TRANSITIONS]
    hubs = AUTOMATON_TRANSITIONS + (8 << tables.state_bits)
    found = set()
    for item in [classes[byte] for byte in text] + ([] if cut else [end]):
        assert item < 1 << tables.class_bits
        place, hub = state >> PLACE_SHIFT & (1 << PLACE_BITS) - 1, state >> 16 & 0xFF
        assert place + item < 1 << tables.state_bits and hub < 1 << tables.hub_bits
        (cell,) = struct.unpack_from("<Q", content, AUTOMATON_TRANSITIONS + 8 * (place + item))
        if cell >> OWNER_SHIFT != place:
            at = hubs + 8 * (hub << tables.class_bits | item)
            (cell,) = struct.unpack_from("<Q", content, at)
        state = cell
        found.add(state & 0xFFFF)
    assert all(outid < 64 * tables.hit_words for outid in found)
    return found - {0}


def pairs(tables: TextTables, content: bytes, outid: int) -> list[tuple[int, int]]:
    first, last = struct.unpack_from("<II", content, tables.outs_offset + 4 * outid)
    assert first < last <= tables.pairs
    rows = [
        struct.unpack_from("<IIQ", content, tables.pairs_offset + PAIR_SIZE * at)
        for at in range(first, last)
    ]
    return [(index, mask) for index, _, mask in rows]
