"""The plan: everything the emitter needs to know, in tables and sizes.

Sizes that code depends on are capacity classes (powers of two); contents stand in `bytes` values of
exactly that size. All table integers are little-endian.
"""

from attrs import evolve, frozen

from bpfc.artifact.confirm import ConfirmInfo
from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.steps import STEP_HEAD
from compiler.plan.memory_shapes import (
    NOTHING_ASKED,
    NOTHING_KEPT,
    AncestorShape,
    Memory,
    MemoryPlan,
    Question,
)

# Match views: 0..15 are the record's text views, 16 + v is the last path component of view v.
PART_VIEWS = 16

# Rows behind the bounds + 1 interval rows of a number table, in this order.
SPECIAL_ROWS = ("unknown_fire", "unknown_definite", "unknown_possible", "absent")

# Up to that many words a row of terms stands in number tables as it is; longer ones are SharedRows.
DENSE_WORDS = 4

# A row of many terms: a root (u64 summary: a bit for each chunk that is not zero; NODE_FAN u16, its
# nodes), a node (NODE_FAN u16, its chunks), a chunk (CHUNK_WORDS u64).
CHUNK_WORDS = 4
NODE_FAN = 8
ROOT_SIZE = 8 + 2 * NODE_FAN

# Dense automaton table: header (u32 start state, u32 first emitting state, u32 END class, rest
# zero), 256 byte classes (u8), transitions (u16, [state << class_bits | class]), outs (u32,
# [outid]: index of the first pair; pairs of an outid end where the next one's begin), pairs
# (PAIR_SIZE each: u32 index of a u64 in the accumulators, u32 zero, u64 mask).
#
# Sparse automaton table (see compiler.plan.sparse): header (u64 start state, u32 END class, rest
# zero), byte classes, entries (u64), hubs (u64, [hub << class_bits | class]), outs, pairs.
AUTOMATON_HEADER = 64
SPARSE_END = 8
AUTOMATON_CLASSES = AUTOMATON_HEADER
AUTOMATON_TRANSITIONS = AUTOMATON_CLASSES + 256
PAIR_SIZE = 16

# Derived values of an event: as many as a mask of states has bits.
DERIVED_MAX = 64


@frozen
class FixedShape:
    """A constant: a place in the table of constants."""

    place: int


@frozen
class NumberShape:
    """A number word of the record; an unsigned one from 2**63 on makes the value unknown."""

    index: int
    signed: bool


@frozen
class LengthShape:
    """The length of a match view's text.

    Args:
        view: the view.
        place: constant by which the number of bytes is shifted right, to units of the platform.
    """

    view: int
    place: int


@frozen
class UnaryShape:
    """`-item` or `~item`."""

    operator: str
    item: "Shape"


@frozen
class BinaryShape:
    """`left operator right`, one of `+ - * / % & | ^ << >>`."""

    operator: str
    left: "Shape"
    right: "Shape"


@frozen
class CompareShape:
    """1 if `left operator right`, else 0.

    Args:
        operator: one of `== < <= > >=`.
        left, right: numbers.
        plain: two number words of one sign, which are compared whatever they are.
    """

    operator: str
    left: "Shape"
    right: "Shape"
    plain: bool


@frozen
class AddressShape:
    """1 if two numbers of two words are the same, by their indices."""

    left: int
    right: int


@frozen
class TextShape:
    """1 if two match views hold the same text, byte 0 counting as a space; unknown if one is
    truncated.

    Args:
        left, right: the views.
        longest: bytes that both can have.
    """

    left: int
    right: int
    longest: int


Shape = (
    FixedShape
    | NumberShape
    | LengthShape
    | UnaryShape
    | BinaryShape
    | CompareShape
    | AddressShape
    | TextShape
    | Question
)


@frozen
class DerivedPlan:
    """A value computed before the number rows, as `dsl.derived` describes it.

    Args:
        name: canonical text, for messages and tests.
        index: word of `derived` in the scratch slot, and bit of its masks.
        shape: what is computed.
    """

    name: str
    index: int
    shape: Shape


@frozen
class TextTables:
    """The bytes of one automaton in both halves, with the sizes that they share.

    Args:
        sparse: which of the two table formats it has.
        state_bits: log2 of the number of states (sparse: of entries) there is room for.
        hub_bits: log2 of the number of hubs there is room for (sparse).
        class_bits: log2 of the number of byte classes there is room for.
        hit_words: 64-bit words of the hit bitmap, a power of two; outid 0 is never a hit.
        pairs: room for that many pairs, a power of two.
        outs_offset, pairs_offset: places in the table.
        size: bytes of the table.
        linux, windows: its contents, `size` bytes each (windows None where the half lacks the
            event or field).
    """

    sparse: bool
    state_bits: int
    hub_bits: int
    class_bits: int
    hit_words: int
    pairs: int
    outs_offset: int
    pairs_offset: int
    size: int
    linux: bytes | None
    windows: bytes | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes; sparse automata whose sizes are equal share a map and code."""
        return self.state_bits, self.hub_bits, self.class_bits, self.hit_words, self.pairs


@frozen
class AutomatonPlan:
    """One automaton over one text field of an event.

    Args:
        map: name of its array map. Sparse automata of the same sizes share one, and code.
        index: its entry in each buffer of the map.
        room: entries that a buffer has.
        tables: its bytes and their sizes.
        view: match view it reads.
        text_max: longest text in bytes on Linux (UTF-8); Windows texts are UTF-16LE of twice that.
        unknown_offset, truncated_offset: places in the matcher table of two blocks of (1 +
            columns) * words u64: terms that are not definite when the field is unknown (or
            truncated), then for each positive column the terms whose test there is possible.
    """

    map: str
    index: int
    room: int
    tables: TextTables
    view: int
    text_max: int
    unknown_offset: int
    truncated_offset: int


@frozen
class SharedRows:
    """Rows of an event with more than DENSE_WORDS words: each interval refers to one.

    Args:
        refs_offset: u32 for each row: its root.
        roots_offset, roots: place of and room for roots.
        nodes_offset, nodes: of nodes.
        chunks_offset, chunks: of chunks.
    """

    refs_offset: int
    roots_offset: int
    roots: int
    nodes_offset: int
    nodes: int
    chunks_offset: int
    chunks: int

    def moved(self, by: int) -> "SharedRows":
        """The same rows further on in their map.

        Args:
            by: bytes.
        """
        return evolve(
            self,
            refs_offset=self.refs_offset + by,
            roots_offset=self.roots_offset + by,
            nodes_offset=self.nodes_offset + by,
            chunks_offset=self.chunks_offset + by,
        )


@frozen
class NumberMap:
    """A one-entry array map that holds number tables; both halves have the same.

    Args:
        name: of the map.
        content: what is in it.
    """

    name: str
    content: bytes


@frozen
class NumberPlan:
    """Membership of one number: a sorted list of bounds and a row of terms for each interval.

    The row of value v is row i, i being the number of bounds <= v. Signed values are compared with
    the sign bit flipped (in the bounds already).

    Args:
        field: catalogue name, for comments and messages.
        kind: type of the field, a value of `dsl.catalogue.Kind`.
        source: "number" (a number word of the record), "presence" (VIEW_* flags of a text view:
            0 present, 1 absent) or "derived" (a word of the derived values).
        index: number index, view index, or index of the derived value.
        words: 1 or 2 (an address: high word first).
        signed: flip bit 63 of the value before comparing.
        bounds: number of bounds there is room for, a power of two minus 0 (at least 1); unused
            ones are all-ones and have the last row's content behind them.
        map: name of the map of the table; the matcher's own, or one of EventPlan.number_maps.
        bounds_offset: place there of bounds * words u64.
        rows_offset: place of (bounds + 1 + len(SPECIAL_ROWS)) * EventPlan.words u64, if rows are
            not sparse.
        sparse: the rows, if they are.
        selective: whether every term tests the number, so that a value can rule out all of them.
    """

    field: str
    kind: str
    source: str
    index: int
    words: int
    signed: bool
    bounds: int
    map: str
    bounds_offset: int
    rows_offset: int
    sparse: SharedRows | None
    selective: bool


@frozen
class Carry:
    """Room for what the earlier steps of sequences remember, in all of a policy.

    Args:
        steps: at most so many of them, a power of two; 0 without sequences.
        words: number words of each, a power of two.
    """

    steps: int
    words: int

    @property
    def step(self) -> int:
        """Bytes of a step: time, states, words (`bpfc.artifact.steps`)."""
        return 8 * (STEP_HEAD + self.words)

    @property
    def run(self) -> int:
        """Bytes of the steps of a run."""
        return self.steps * self.step


NOTHING_CARRIED = Carry(0, 0)


@frozen
class StatePlan:
    """What an event's rules remember: places in the matcher table; see `compiler.plan.state`.

    Args:
        kinds: of the descriptors, names of `compiler.plan.state.KINDS`.
        numbers_offset: u16[rule_room], descriptor of each local rule, 0 for none.
        descriptors_offset: of the descriptors; number 0 is none.
        descriptors: room for that many, a power of two.
        pending: matched rules with state that one event can have, a power of two.
        steps: descriptors that these have at most.
        words: of the longest key, a power of two.
        carry: what sequences of the policy remember of their steps.
    """

    kinds: tuple[str, ...]
    numbers_offset: int
    descriptors_offset: int
    descriptors: int
    pending: int
    steps: int
    words: int
    carry: Carry


@frozen
class EventPlan:
    """The matcher of one event.

    Args:
        layout: the event's record layout.
        map: name of the one-entry array map that holds the matcher table ("m_net_connect").
        rules_map: name of the rules map ("rules_net_connect"), RULE_ENTRY_SIZE bytes an entry.
        words: 64-bit words of a row of terms, a power of two.
        columns: positive text columns (0 if no text is tested).
        accumulators_offset: initial accumulators, (columns + 1) * words u64: the positive columns,
            then NEG (zeros).
        terms_offset: u64[words], a bit for each term that exists.
        rule_of_term_offset: u32[words * 64], local rule index of each term; terms of a rule are
            adjacent.
        unknown_denies_offset: u64[words], terms of rules with `deny on unknown`.
        size: bytes of the matcher table.
        linux, windows: its contents (windows None where the half lacks the event).
        numbers, automata: the fields that are tested.
        number_maps: further maps for number tables, where the matcher table has no room.
        derived: the values to compute first.
        constants_offset: their constants, signed words.
        rules: policy-wide index of each local rule.
        rule_room: entries of the rules map, a power of two.
        fields: catalogue names of all fields that conditions read on this event (the adapter reads
            these before the core).
        state: what its rules remember, None if nothing.
        memory: sets and tags.
    """

    layout: EventLayout
    map: str
    rules_map: str
    words: int
    columns: int
    accumulators_offset: int
    terms_offset: int
    rule_of_term_offset: int
    unknown_denies_offset: int
    size: int
    linux: bytes
    windows: bytes | None
    numbers: tuple[NumberPlan, ...]
    number_maps: tuple[NumberMap, ...]
    automata: tuple[AutomatonPlan, ...]
    derived: tuple[DerivedPlan, ...]
    constants_offset: int
    rules: tuple[int, ...]
    rule_room: int
    fields: tuple[str, ...]
    state: StatePlan | None = None
    memory: MemoryPlan = NOTHING_ASKED

    @property
    def timed(self) -> bool:
        """Whether the core asks for the time."""
        return self.memory.timed or self.state is not None

    @property
    def asks_ancestors(self) -> bool:
        """Whether a condition is about ancestors."""
        return any(isinstance(plan.shape, AncestorShape) for plan in self.derived)

    @property
    def sparse(self) -> bool:
        """Whether rows of number tables are SharedRows."""
        return self.words > DENSE_WORDS


@frozen
class ImagePlan:
    """The matcher of images of processes: conditions on ancestors are its rules.

    Args:
        event: the matcher; its table ends with the digest of the conditions.
        digest_offset: place of the digest, u64.
    """

    event: EventPlan
    digest_offset: int


@frozen
class Plan:
    """What a policy becomes.

    Args:
        events: all matchers, in catalogue order of events.
        context: where the process context stands in the records of all events.
        state_sets: sets of the table of all that rules remember, a power of two; 0 without it.
        memory: run-time sets and tags, and what is asked of ancestors.
        image: the matcher of images, if anything is asked of ancestors.
        confirms: the second stage of each rule that has one, by rule.
    """

    events: tuple[EventPlan, ...]
    context: EventLayout
    state_sets: int = 0
    memory: Memory = NOTHING_KEPT
    image: ImagePlan | None = None
    confirms: tuple[ConfirmInfo | None, ...] = ()

    @property
    def matchers(self) -> tuple[EventPlan, ...]:
        """All matchers, that of images last."""
        return (*self.events, self.image.event) if self.image else self.events

    @property
    def carry(self) -> Carry:
        """What sequences remember of their steps."""
        return next((event.state.carry for event in self.events if event.state), NOTHING_CARRIED)
