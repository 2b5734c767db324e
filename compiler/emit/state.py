"""What rules remember between events: counting and deciding, in the core.

Everything is kept in one table: an array of sets of WAYS places. A place belongs to a key, a 64-bit
keyed hash of a rule's state and of the words that its key consists of. A rule with state that
matched is put on a list in the scratch slot; afterwards `state_E` takes one after the other and
hands it on to `rule_E` with what its state has decided. Functions (generic ones are shared by all
events):

- `state_E(slot)`: one descriptor of the next rule of the list; returns 1 when there is none.
- `state_run(slot, bits)`: finds the place of the descriptor's key and has its kind decide.
- `state_key(slot)`: the key of the words that the descriptor names; returns 1 if one is unknown.
- `state_find(slot)`: the place of that key in its set.
- `state_KIND(slot, bits, found)`: what a kind makes of that place; returns what it decided.

A run of a sequence is a place under the key of the step that it waits for, in two words: when it
ends by what fired, and when by what was definite. A step takes it from there and, if it is not the
last one, leaves it under the key of the next step.

Several CPUs may count for one key at the same time. Counts are atomic additions, so none is lost;
a place that two CPUs make for two keys at once belongs to one of them, and the other one begins
again with its next event. docs/language.md says what that can do.
"""

from collections.abc import Collection

from bpfc.artifact import control
from compiler.emit import content, scratch
from compiler.emit.bits import equal, less, pick
from compiler.emit.carried import RUNS, CarriedEmitter
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan import state as plan
from compiler.plan.model import Carry, EventPlan, StatePlan

STATE_MAP = "state"

# Bits of a rule that matched: what its terms say, then what its state decided.
FIRED, DEFINITE, ENFORCED = 1, 2, 4
DECIDED = 8  # by its state
QUIET = 16  # no alert
NOTHING = 32  # it waits for more events
EVICTED = 64  # another key was forgotten for this one
SUPPRESSED = 128  # a limit held the alert back
GO_ON = 256  # the next descriptor has a say, if there is one

# A set: for each way its key, the nanosecond at which it ends (0: free), two words whose meaning
# its kind gives, and whose it is.
_WAY = 8 * plan.WAYS
_KEYS, _ENDS, _FIRST, _SECOND, _OWNERS = (_WAY * n for n in range(5))
SET_SIZE = 5 * _WAY

# The area in a scratch slot: a copy of the descriptor, its key, the window of the descriptor before
# it (key, way, whether its values matter no more), when the run of a sequence at hand ends (by what
# fires, by what is definite; 0: there is none), then the list.
_FLAGS, _NEXT, _COUNT, _WITHIN, _OWNER, _SEED = 1, 2, 4, 8, 16, 24
_KEY = plan.STATE_SIZE
_WINDOW_KEY = _KEY + 8
_WINDOW_WAY = _WINDOW_KEY + 8
_FULL = _WINDOW_WAY + 8
_RUN_FIRED = _FULL + 8
_RUN_DEFINITE = _RUN_FIRED + 8
NEXT = _RUN_DEFINITE + 8
LISTED = NEXT + 8
ERRNO_RULE = LISTED + 8
LIST = ERRNO_RULE + 8
# Where sequences remember their steps: how many the run at hand has, then those of both runs
# (`compiler.emit.carried`).
CARRIED = LIST + 8 * plan.PENDING_MAX

# An item of the list: local rule, bits, number of the descriptor.
_BITS_SHIFT, _NUMBER_SHIFT = 16, 32
_UNROLLED = 4  # keys of up to that many words are hashed without a loop
_ALERTED = 1 << 32  # in the second word of a threshold, above the count of definite events


def area_size(item: StatePlan) -> int:
    """Bytes of the area for an event's rules."""
    if item.carry.steps:
        return CARRIED + 8 + RUNS * item.carry.run
    return LIST + 8 * item.pending


def push(fn: Function, area: Ptr, pending: int, item: Int) -> Int:
    """Put an item on the list; returns 1 if it has no room."""
    count = area.at(LISTED)
    number = count.load()
    full = less(number, fn.const(pending)) ^ 1
    with fn.when(full.eq(0)):
        area.at((number << 3).masked(8 * pending - 8)).at(LIST).store(item)
        count.store(number + 1)
    return full


def item_of(rule: Int, bits: Int, number: Int) -> Int:
    """An item of the list."""
    return rule | (bits << _BITS_SHIFT) | (number << _NUMBER_SHIFT)


def number_of(event: EventPlan, table: Ptr, rule: Int) -> Int:
    """Number of a rule's descriptor, 0 if it has no state."""
    assert event.state is not None
    at = (rule << 1).masked(2 * event.rule_room - 2)
    return table.at(at).at(event.state.numbers_offset).load(2)


def emit_event(unit: Unit, event: EventPlan, name: str, area: int, place: int) -> None:
    """Emit `state_E(slot)`.

    Args:
        unit: the core's module.
        event: the plan of an event with state.
        name: the event as part of a symbol.
        area: offset of the area in a scratch slot.
        place: see `compiler.emit.unit`.
    """
    assert event.state is not None
    fn = unit.function(f"state_{name}", "slot", place=place)
    slot = fn.lookup(control.SCRATCH_MAP, fn.argument(), 1)
    table = content.table(fn, slot, event.map, 1)
    at = slot.at(area)
    next_ = at.at(NEXT).load()
    with fn.when(next_.ge(at.at(LISTED).load())):
        fn.ret(1)
    item = at.at((next_ << 3).masked(8 * event.state.pending - 8)).at(LIST)
    rule, bits = item.load() & 0xFFFF, (item.load() >> _BITS_SHIFT) & 0xFF
    number = (item.load() >> _NUMBER_SHIFT).masked(event.state.descriptors - 1)
    source = table.at(number * plan.STATE_SIZE).at(event.state.descriptors_offset)
    for offset in range(0, plan.STATE_SIZE, 8):
        at.at(offset).store(source.at(offset).load())
    found = fn.call("state_run", fn.argument(), bits)
    following = at.at(_NEXT).load(2)
    with fn.when((found & GO_ON).ne(0) & following.ne(0)):
        item.store(item_of(rule, found & 0xFF, following))
        fn.ret(0)
    at.at(NEXT).store(next_ + 1)
    slot.at(scratch.word("rule")).store(rule)
    slot.at(scratch.word("rule_bits")).store((found & 0xFF) | DECIDED)
    fn.call(f"rule_{name}", fn.argument())
    if event.state.carry.steps:
        at.at(CARRIED).store(0)
    fn.ret(0)


class StateEmitter:
    """Emits the functions that all events share.

    Args:
        unit: the core's module.
        sets: sets of the table, a power of two.
        area: offset of the area in a scratch slot.
        kinds: of the descriptors there are.
        words: of the longest key.
        carry: what sequences remember of their steps.
    """

    def __init__(
        self, unit: Unit, sets: int, area: int, kinds: Collection[str], words: int, carry: Carry
    ) -> None:
        self.unit, self.sets, self.area = unit, sets, area
        self.kinds, self.words, self.carry = kinds, words, carry

    def emit(self) -> None:
        """Emit all of them, callees first."""
        if self.carry.steps:
            CarriedEmitter(
                self.unit, self.carry, self.sets, self.area, _KEY, CARRIED, _COUNT
            ).emit()
        self._key()
        self._find()
        kinds = {
            "limit": self._limit,
            "threshold": self._threshold,
            "window": self._window,
            "value": self._value,
            "wait": self._wait,
            "check": self._check,
            "keep": self._keep,
            "end": self._ending,
        }
        for name in self.kinds:
            kinds[name]()
        self._run()

    def _start(self, name: str, *arguments: str) -> tuple[Function, Ptr, Ptr]:
        fn = self.unit.function(name, "slot", *arguments)
        slot = fn.lookup(control.SCRATCH_MAP, fn.argument())
        return fn, slot, slot.at(self.area)

    def _run(self) -> None:
        fn, _, area = self._start("state_run", "bits")
        slot, bits, kind = fn.argument(), fn.argument(1), area.load(1)
        limited = kind.eq(plan.LIMIT)
        idle = (bits & FIRED).eq(0)
        if "end" in self.kinds:
            idle = idle & kind.ne(plan.END)  # it is enough if what ends a sequence is possible
        with fn.when(idle):
            fn.ret(bits)
        with fn.when(fn.call("state_key", slot).ne(0)):
            # Whose alert it is cannot be said, so it is not held back; an event is not counted.
            fn.ret(limited.select(bits, 0))
        found = fn.call("state_find", slot)
        bits = bits | ((found << 2) & EVICTED)
        for number, name in plan.KINDS.items():
            if name in self.kinds:
                with fn.when(kind.eq(number)):
                    fn.ret(fn.call(f"state_{name}", slot, bits, found))
        fn.ret(bits)

    # ------------------------------------------------------------------ keys and places

    def _key(self) -> None:
        """As `bpfc.artifact.control.string_hash`, over words; an absent one is 0 and counts."""
        fn, slot, area = self._start("state_key")
        selector = area.at(plan.SELECTOR_AT)
        secret = fn.lookup(control.SECRET_MAP, 0)
        count = selector.load(1)
        unknowns = slot.at(scratch.header("unknown")).load()
        absents = slot.at(scratch.header("absent")).load()
        low = fn.variable(secret.load() ^ area.at(_SEED).load())
        high = fn.variable(secret.at(8).load() + count)
        unknown = fn.variable(0)

        def mix(number: Int) -> None:
            # Words behind the last one change nothing: a branch would be one for the verifier too.
            used = less(number, count)
            index = selector.at((number + 1).masked(plan.SELECTOR - 1)).load(1).masked(63)
            absent = (absents >> index) & 1
            value = slot.at(index << 3).at(scratch.number(0)).load() & (absent - 1)
            unknown.set(unknown.get() | ((unknowns >> index) & used))
            mixed = (low.get() ^ value) * control.HASH_P0
            low.set(pick(used, mixed ^ (mixed >> 29), low.get()))
            mixed = (high.get() + value + absent) * control.HASH_P1
            high.set(pick(used, mixed ^ (mixed >> 32), high.get()))

        if self.words <= _UNROLLED:
            for place in range(self.words):
                mix(fn.const(place))
        else:
            with fn.loop(self.words) as (number, _):
                mix(number)
        mixed = (low.get() ^ high.get()) * control.HASH_P1
        area.at(_KEY).store(mixed ^ (mixed >> 32))
        fn.ret(unknown.get())

    def _find(self) -> None:
        """The way in bits 0..2, bit 3 if the key was there, bit 4 if another one had to go.

        Free and expired places are taken first, then those of the same state, so that a flood of
        one rule's keys leaves those of others alone; of several the one that ends first.
        """
        fn, slot, area = self._start("state_find")
        places = self._set(fn, area)
        key, owner = area.at(_KEY).load(), area.at(_OWNER).load()
        now = slot.at(scratch.header("time_ns")).load()
        best, way, known = fn.variable(-1), fn.variable(0), fn.variable(0)
        with fn.loop(plan.WAYS) as (number, _):
            at = places.at((number << 3).masked(_WAY - 8))
            end = at.at(_ENDS).load()
            live = less(now, end)
            same = equal(at.load(), key) & live
            foreign = equal(at.at(_OWNERS).load(), owner) ^ 1
            rank = (((end & ((1 << 62) - 1)) | (foreign << 62)) & (fn.const(0) - live)) + 1
            rank = pick(same, fn.const(0), rank)
            better = less(rank, best.get())
            way.set(pick(better, number, way.get()))
            best.set(pick(better, rank, best.get()))
            known.set(known.get() | same)
        with fn.when(known.get().ne(0)):
            fn.ret(way.get() | 8)
        creates = (area.at(_FLAGS).load(1) & plan.CREATE).ne(0)
        if "value" in self.kinds:
            full = area.load(1).eq(plan.VALUE) & area.at(_FULL).load().ne(0)
            creates = creates & ~full
        with fn.when(~creates):
            fn.ret(0)
        place = places.at((way.get() << 3).masked(_WAY - 8))
        for offset in (_ENDS, _FIRST, _SECOND):
            place.at(offset).store(0)
        place.store(key)
        place.at(_OWNERS).store(owner)
        fn.ret(way.get() | (less(fn.const(1), best.get()) << 4))

    def _set(self, fn: Function, area: Ptr) -> Ptr:
        """The set that the key belongs to."""
        return fn.lookup(STATE_MAP, area.at(_KEY).load() & (self.sets - 1))

    def _place(self, fn: Function, area: Ptr, found: Int) -> Ptr:
        """The place that `state_find` gave."""
        return self._set(fn, area).at((found << 3).masked(_WAY - 8))

    def _end(self, slot: Ptr, area: Ptr) -> Int:
        """When what begins now ends: the first nanosecond that does not belong to it."""
        return slot.at(scratch.header("time_ns")).load() + area.at(_WITHIN).load() + 1

    def _begin(self, fn: Function, slot: Ptr, area: Ptr, place: Ptr, found: Int) -> None:
        """A window begins where the key was not there."""
        with fn.when((found & 8).eq(0)):
            place.at(_ENDS).store(self._end(slot, area))

    # ------------------------------------------------------------------ kinds

    def _limit(self) -> None:
        fn, slot, area = self._start("state_limit", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        with fn.when((bits & QUIET).ne(0)):
            fn.ret(bits)
        place = self._place(fn, area, found)
        self._begin(fn, slot, area, place, found)
        seen = place.at(_FIRST).load_once()
        place.at(_FIRST).atomic_add(1)
        over = less(seen, area.at(_COUNT).load(4)) ^ 1
        fn.ret(bits | (over * (QUIET | SUPPRESSED)))

    def _threshold(self) -> None:
        """The first word of a place counts what fired, the second what was definite."""
        fn, slot, area = self._start("state_threshold", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        place = self._place(fn, area, found)
        self._begin(fn, slot, area, place, found)
        place.at(_FIRST).atomic_add(1)
        place.at(_SECOND).atomic_add((bits >> 1) & 1)
        fn.ret(self._reached(fn, area, place, bits))

    def _window(self) -> None:
        """Where values are counted; the next descriptor looks for the value."""
        fn, slot, area = self._start("state_window", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        place = self._place(fn, area, found)
        self._begin(fn, slot, area, place, found)
        area.at(_WINDOW_KEY).store(area.at(_KEY).load())
        area.at(_WINDOW_WAY).store(found & (plan.WAYS - 1))
        # Once there are enough definite ones further values need no places.
        sure = place.at(_SECOND).load() & (_ALERTED - 1)
        area.at(_FULL).store(less(sure, area.at(_COUNT).load(4)) ^ 1)
        fn.ret(bits | GO_ON)

    def _value(self) -> None:
        """A value's place ends with its window, and names it by that."""
        fn, _, area = self._start("state_value", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        place = self._place(fn, area, found)
        sets = fn.lookup(STATE_MAP, area.at(_WINDOW_KEY).load() & (self.sets - 1))
        way = area.at(_WINDOW_WAY).load().masked(plan.WAYS - 1)
        window = sets.at(way << 3)
        with fn.when(area.at(_FULL).load().eq(0)):
            end, definite = window.at(_ENDS).load(), (bits >> 1) & 1
            known = ((found >> 3) & 1) & equal(place.at(_FIRST).load(), end)
            before = place.at(_SECOND).load() & (fn.const(0) - known)
            place.at(_ENDS).store(end)
            place.at(_FIRST).store(end)
            place.at(_SECOND).store(before | definite)
            window.at(_FIRST).atomic_add(known ^ 1)
            window.at(_SECOND).atomic_add(definite & ~before & 1)
        fn.ret(self._reached(fn, area, window, bits))

    def _reached(self, fn: Function, area: Ptr, place: Ptr, bits: Int) -> Int:
        """What follows from the counts, the event's own one included.

        Read after counting: of two CPUs that count at the same time one sees the sum, so the event
        that reaches the threshold is seen; both may see it, and then there are two alerts.
        """
        wanted, flags = area.at(_COUNT).load(4), area.at(_FLAGS).load(1)
        fired, second = place.at(_FIRST).load_once(), place.at(_SECOND).load_once()
        sure = less(second & (_ALERTED - 1), wanted) ^ 1
        reached = less(fired, wanted) ^ 1
        alert = reached & equal(second >> 32, fn.const(0))
        place.at(_SECOND).atomic_add(alert << 32)
        enough = pick(flags & plan.ON_UNKNOWN, reached, sure)
        acts = enough & (bits >> 2) & 1
        fires = (alert | (acts & (flags >> 1))) & 1
        decided = fires | (sure << 1) | (acts << 2) | ((alert ^ 1) * QUIET) | GO_ON
        return pick(fires, decided, fn.const(NOTHING)) | (bits & EVICTED)

    # ------------------------------------------------------------------ sequences

    def _wait(self) -> None:
        """Take the run that waits for this step: once by what fires, once by what is definite."""
        fn, slot, area = self._start("state_wait", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        with fn.when((found & 8).eq(0)):
            fn.ret(NOTHING)
        place = self._place(fn, area, found)
        now = slot.at(scratch.header("time_ns")).load()
        definite = fn.const(0) - ((bits >> 1) & 1)
        first, second = place.at(_FIRST).load(), place.at(_SECOND).load()
        fired_end = first & (fn.const(0) - less(now, first))
        definite_end = second & (fn.const(0) - less(now, second)) & definite
        rest = second & ~definite
        place.at(_FIRST).store(0)
        place.at(_SECOND).store(rest)
        place.at(_ENDS).store(rest)
        area.at(_RUN_FIRED).store(fired_end)
        area.at(_RUN_DEFINITE).store(definite_end)
        fn.call("carried_take", fn.argument(), found)
        fn.ret(self._run_bits(fn, area, bits, fired_end, definite_end))

    def _check(self) -> None:
        """A run is over if something that ends it came after it had begun, or at that time."""
        fn, _, area = self._start("state_check", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        fired_end = fn.variable(area.at(_RUN_FIRED).load())
        definite_end = fn.variable(area.at(_RUN_DEFINITE).load())
        with fn.when((found & 8).ne(0)):
            place = self._place(fn, area, found)
            for run, word in ((fired_end, _FIRST), (definite_end, _SECOND)):
                alive = less(place.at(word).load(), run.get())
                run.set(run.get() & (fn.const(0) - alive))
        area.at(_RUN_FIRED).store(fired_end.get())
        area.at(_RUN_DEFINITE).store(definite_end.get())
        fn.ret(self._run_bits(fn, area, bits, fired_end.get(), definite_end.get()))

    def _run_bits(self, fn: Function, area: Ptr, bits: Int, fired: Int, definite: Int) -> Int:
        """What follows from the run at hand: nothing, the next descriptor, or the rule fires."""
        flags = area.at(_FLAGS).load(1)
        by_fired, sure = equal(fired, fn.const(0)) ^ 1, equal(definite, fn.const(0)) ^ 1
        acts = pick(flags & plan.ON_UNKNOWN, by_fired & (bits >> 2) & 1, sure)
        decided = (sure << 1) | (acts << 2) | (FIRED | GO_ON)
        last = (flags >> 3) & 1
        going = pick(last, decided, bits | GO_ON)
        return pick(by_fired | sure, going, fn.const(NOTHING))

    def _keep(self) -> None:
        """The run waits for the next step, in the place of an older one."""
        fn, slot, area = self._start("state_keep", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        place = self._place(fn, area, found)
        first = (area.at(_FLAGS).load(1) >> 4) & 1
        begun, definite = self._end(slot, area), fn.const(0) - ((bits >> 1) & 1)
        fired_end = pick(first, begun, area.at(_RUN_FIRED).load())
        definite_end = pick(first, begun & definite, area.at(_RUN_DEFINITE).load())
        for word, run in ((_FIRST, fired_end), (_SECOND, definite_end)):
            kept = place.at(word)
            none = equal(run, fn.const(0))
            kept.store(pick(none, kept.load(), run))
        self._last_of_both(fn, place)
        zero = fn.const(0)
        runs = (equal(fired_end, zero) | (equal(definite_end, zero) << 1)) ^ 3
        fn.call("carried_keep", fn.argument(), found, runs)
        fn.ret((bits & EVICTED) | NOTHING)

    def _ending(self) -> None:
        """Runs that began until now are over: by what fires if this is definite, else by what is
        definite only."""
        fn, slot, area = self._start("state_end", "bits", "found")
        bits, found = fn.argument(1), fn.argument(2)
        place = self._place(fn, area, found)
        end, definite = self._end(slot, area), (bits >> 1) & 1
        place.at(_FIRST).store(pick(definite, end, place.at(_FIRST).load()))
        place.at(_SECOND).store(end)
        place.at(_ENDS).store(end)
        fn.ret((bits & EVICTED) | NOTHING)

    def _last_of_both(self, fn: Function, place: Ptr) -> None:
        """A place ends with the later one of its runs."""
        first, second = place.at(_FIRST).load(), place.at(_SECOND).load()
        place.at(_ENDS).store(pick(less(first, second), second, first))
