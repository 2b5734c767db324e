"""What rules remember between events: a descriptor for each limit, threshold and step.

Descriptors are content: how many, within which time, by which words of the record. Code depends on
how many there is room for and on their kinds.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from attrs import evolve, frozen

from bpfc.artifact.manifest import EventLayout
from compiler.plan.classes import power_of_two, room_for
from compiler.plan.model import NOTHING_CARRIED, Carry, StatePlan
from dsl.catalogue import Event, Field
from dsl.earlier import CARRIED_MAX
from dsl.keys import MAX_WORDS, field_words
from dsl.typed import Key, Policy, Rule
from dsl.walk import carried_fields, enforces, key_fields, rule_keys, step_of

_MIN_CARRIED = 2  # who did it: process id and start

# Descriptor, STATE_SIZE bytes: u8 kind, u8 flags, u16 number of the descriptor to go on with, u32
# count, u64 nanoseconds, u64 owner, u64 seed of the key, selector. The selector is u8 number of
# words and that many u8, number words of the record.
_HEAD = struct.Struct("<BBHIQQQ")
SELECTOR = 16
SELECTOR_AT = _HEAD.size
STATE_SIZE = SELECTOR_AT + SELECTOR

# What a step of a sequence remembers stands in the selector of the descriptor that keeps its run:
# behind the key's words, number words of the record. Their count and the number of the step are
# bytes 0 and 1 of the count.
CARRIED_AT = SELECTOR_AT + 1 + MAX_WORDS
_TURN_SHIFT = 8

# Kinds. Each looks for one key; what needs two keys is two descriptors, one behind the other.
LIMIT, THRESHOLD, WINDOW, VALUE, WAIT, CHECK, KEEP, END = range(1, 9)
KINDS = {
    LIMIT: "limit",
    THRESHOLD: "threshold",
    WINDOW: "window",
    VALUE: "value",
    WAIT: "wait",  # what waits for this step of a sequence
    CHECK: "check",  # whether something has ended it
    KEEP: "keep",  # it waits for the next step
    END: "end",  # an event that ends it
}
ON_UNKNOWN = 1  # flag: enforcement counts what is only possible too
ENFORCES = 2  # flag: the rule does more than to alert
CREATE = 4  # flag: a key that is not there is entered
LAST = 8  # flag: the last step, of which the rule fires
FIRST = 16  # flag: the first step, for which nothing has to wait

PENDING_MAX = 16  # rules with state that one event can match
_MIN_ROOM = 8

# Sets of WAYS keys each in the table of all state, and how many rules share the smallest one.
SETS_MIN, SETS_MAX, RULES_A_SET_CLASS = 4096, 65536, 16
WAYS = 8


_Places = Mapping[str, tuple[int, int]]  # number word and how many, by field


@frozen
class Descriptor:
    """One look at the table of all state.

    Args:
        kind: one of KINDS.
        flags: ON_UNKNOWN, ENFORCES, CREATE.
        count: at most so many alerts, or at least so many events.
        within: nanoseconds.
        name: tells what belongs to this state from what belongs to others; it stays the same where
            other rules change, or how many and how long.
        words: of the key.
        carried: words of the record that the step remembers.
    """

    kind: int
    flags: int
    count: int
    within: int
    name: str
    words: tuple[int, ...]
    carried: tuple[int, ...] = ()


def has_state(rule: Rule) -> bool:
    """Whether a rule remembers anything."""
    limited = rule.alert is not None and rule.alert.limit is not None
    return limited or rule.threshold is not None or rule.sequence is not None


assert CARRIED_AT + CARRIED_MAX <= STATE_SIZE


def carry_of(policy: Policy) -> Carry:
    """Room for what the earlier steps of a policy's sequences remember."""
    sequences = [rule.sequence for rule in policy.rules if rule.sequence]
    steps = [step for sequence in sequences for step in sequence.steps[:-1]]
    if not steps:
        return NOTHING_CARRIED
    most = max(len(sequence.steps) - 1 for sequence in sequences)
    words = max(sum(map(field_words, step.carried)) for step in steps)
    return Carry(power_of_two(most), power_of_two(max(words, _MIN_CARRIED)))


def state_plan(
    rules: Sequence[tuple[int, Rule]], room: int, layout: EventLayout, carry: Carry
) -> tuple[StatePlan | None, bytes]:
    """The descriptors of an event.

    Args:
        rules: (local index, rule) of those with state.
        room: entries of the event's rules map.
        layout: of the event's records.
        carry: see `carry_of`.

    Returns:
        Sizes, offsets being those in the returned table; None and nothing without such rules.
    """
    places = {n.name: (n.index, n.words) for n in layout.numbers}
    first: dict[int, int] = {}
    flat: list[bytes] = [bytes(STATE_SIZE)]
    kinds: set[int] = set()
    longest, total, words = 0, 0, 2
    for local, rule in rules:
        chain = [*_threshold(rule, places), *_step(rule, places), *_limit(rule, places)]
        longest, total = max(longest, len(chain)), total + len(chain)
        words = max(words, *(len(item.words) for item in chain))
        first[local] = len(flat)
        for number, item in enumerate(chain):
            following = len(flat) + 1 if number + 1 < len(chain) else 0
            kinds.add(item.kind)
            flat.append(_packed(item, following))
    if not first:
        return None, b""
    numbers = struct.pack(f"<{room}H", *(first.get(local, 0) for local in range(room)))
    descriptors = max(room_for(len(flat)), _MIN_ROOM)
    pending = min(power_of_two(len(first)), PENDING_MAX)
    table = numbers + b"".join(flat).ljust(descriptors * STATE_SIZE, b"\0")
    plan = StatePlan(
        kinds=tuple(KINDS[kind] for kind in sorted(kinds)),
        numbers_offset=0,
        descriptors_offset=len(numbers),
        descriptors=descriptors,
        pending=pending,
        steps=min(pending * longest, room_for(total)),
        words=power_of_two(words),
        carry=carry,
    )
    return plan, table


def sets_of(policy: Policy) -> int:
    """Sets of the table of all state, 0 if no rule remembers anything."""
    rules = sum(has_state(rule) for rule in policy.rules)
    if not rules:
        return 0
    return min(SETS_MIN * power_of_two(-(-rules // RULES_A_SET_CLASS)), SETS_MAX)


def state_names(rule: Rule, event: Event) -> Iterator[str]:
    """The fields that an adapter has to read for a rule's state."""
    fields = (*key_fields(tuple(rule_keys(rule))), *carried_fields(rule))
    return (field.name for field in fields if event.field(field.name))


def _limit(rule: Rule, places: _Places) -> Iterator[Descriptor]:
    """What counts the alerts of a rule."""
    limit = rule.alert.limit if rule.alert else None
    if limit is not None:
        name, words = _key(rule, "limit", limit.key, places)
        yield Descriptor(LIMIT, CREATE, limit.count, limit.within, name, words)


def _threshold(rule: Rule, places: _Places) -> Iterator[Descriptor]:
    """What counts the events of a rule: the window, then what has to be distinct in it."""
    threshold = rule.threshold
    if threshold is None:
        return
    on_unknown = rule.deny is not None and rule.deny.on_unknown
    flags = ON_UNKNOWN * on_unknown | ENFORCES * enforces(rule) | CREATE
    name, words = _key(rule, "threshold", threshold.key, places)
    kind = THRESHOLD if threshold.distinct is None else WINDOW
    yield Descriptor(kind, flags, threshold.count, threshold.within, name, words)
    if threshold.distinct is not None:
        both = (*threshold.key, threshold.distinct)
        name, words = _key(rule, "distinct", both, places)
        yield Descriptor(VALUE, flags, threshold.count, threshold.within, name, words)


def _step(rule: Rule, places: _Places) -> Iterator[Descriptor]:
    """What a step of a sequence looks for, and what it leaves for the next one."""
    step, sequence = step_of(rule), rule.sequence
    if sequence is None or step is None:
        return

    def one(kind: int, flags: int, what: str, key: Key, count: int = 0) -> Descriptor:
        words = _words(key_fields(key), places)
        return Descriptor(kind, flags, count, sequence.within, f"{rule.name}\0{what}", words)

    if rule.turn == 0:
        yield one(END, CREATE, "until", step.key)
        return
    turn = rule.turn or len(sequence.steps)
    on_unknown = rule.deny is not None and rule.deny.on_unknown
    last = LAST * (turn == len(sequence.steps)) | ON_UNKNOWN * on_unknown
    ends = sequence.until is not None
    if turn > 1:
        key = (*step.key, *step.before)
        yield one(WAIT, 0 if ends else last, f"step {turn - 1}", key, turn - 1)
        if ends:
            yield one(CHECK, last, "until", step.key)
    if not last & LAST:
        flags = CREATE | FIRST * (turn == 1)
        carried = _words(step.carried, places)
        count = len(carried) | turn << _TURN_SHIFT
        kept = one(KEEP, flags, f"step {turn}", (*step.key, *step.after), count)
        yield evolve(kept, carried=carried)


def _key(rule: Rule, what: str, key: Key, places: _Places) -> tuple[str, tuple[int, ...]]:
    """The name of a rule's state and the words of its key."""
    fields = list(key_fields(key))
    return "\0".join([rule.name, what, *(f.name for f in fields)]), _words(fields, places)


def _words(fields: Iterable[Field], places: _Places) -> tuple[int, ...]:
    found: list[int] = []
    for field in fields:
        index, words = places[field.name]
        found += range(index, index + words)
    return tuple(found)


def _packed(item: Descriptor, following: int) -> bytes:
    owner = sha256(item.name.partition("\0")[0].encode()).digest()[:8]
    seed = sha256(item.name.encode()).digest()[:8]
    head = _HEAD.pack(
        item.kind,
        item.flags,
        following,
        item.count,
        item.within,
        int.from_bytes(owner, "little"),
        int.from_bytes(seed, "little"),
    )
    selector = bytes([len(item.words), *item.words]).ljust(1 + MAX_WORDS, b"\0")
    return head + (selector + bytes(item.carried)).ljust(SELECTOR, b"\0")
