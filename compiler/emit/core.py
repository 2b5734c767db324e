"""The decision core: for each event a function that judges the record in a scratch slot.

It sees no context, no kernel structure and no helper but map lookup (1), so its bytes are the same
on every system. It knows no literal either: what it compares with stands in tables, what it is
shaped by are the capacity classes of the plan.

For an event E there are:

- `core_E(slot)`: numbers, then texts, then rows combined, then matches collected; returns the
  actions (ACT_*) in bits 0..7 and the errno of a denial in bits 16..31.
- `derive_E(slot)`: derived values (see `compiler.emit.derived`), if there are any.
- `textN_E(slot)` and what it calls: automaton N (see `compiler.emit.automaton`).
- `doubt_E(slot)`: the slow path, taken only when something is unknown or truncated.
- `collect_E(slot)`: walks the terms that matched, at most WORK_STEP a call.
- `rule_E(slot)`: what one matched rule does.
- `state_E(slot)` and what it calls: rules that count before they do it (see `compiler.emit.state`).
"""

from collections.abc import Callable, Sequence

from attrs import frozen

from bpfc.artifact import record
from bpfc.artifact.testing import AGAIN
from compiler.emit import content, scratch, state
from compiler.emit.automaton import AutomatonEmitter
from compiler.emit.bank import BankEmitter
from compiler.emit.bits import pick
from compiler.emit.collect import WORK_STEP, CollectEmitter
from compiler.emit.derived import DerivedEmitter
from compiler.emit.function import Function
from compiler.emit.live import (
    WHICH,
    SparseNumbers,
    first_word,
    live,
    live_chunks,
    narrow,
)
from compiler.emit.memory import MemoryEmitter
from compiler.emit.numbers import NumberTables, special_row
from compiler.emit.rules import RuleEmitter
from compiler.emit.unit import NO_PLACE, Unit
from compiler.emit.values import Int, Ptr
from compiler.plan import model
from compiler.plan.memory_shapes import Question
from compiler.plan.model import CHUNK_WORDS, EventPlan, NumberPlan, Plan

POSITIONS = "proc.ancestors["
NO_RULE = (1 << 64) - 1
RowStep = Callable[[Ptr, Int], None]
SCRATCH = "scratch"


@frozen
class Origins:
    """Which place (see `compiler.emit.unit`) stands for a piece of code.

    Args:
        events: by event name.
        fields: of reading a field, by (event name, field name).
    """

    events: dict[str, int]
    fields: dict[tuple[str, str], int]

    def event(self, name: str) -> int:
        """The place of a whole event."""
        return self.events.get(name, NO_PLACE)

    def field(self, event: str, name: str) -> int:
        """The place of reading a field."""
        return self.fields.get((event, name), self.event(event))


def layout_of(plan: Plan) -> scratch.Layout:
    """The scratch slot that fits every event of a plan."""
    hits = [a.tables.hit_words for e in plan.matchers for a in e.automata]
    accumulators = [(e.columns + 1) * e.words for e in plan.matchers]
    return scratch.Layout(
        hit_words=max([1, *hits]),
        accumulator_words=_power_of_two(max([1, *accumulators])),
        row_words=max([1, *(e.words for e in plan.matchers)]),
        derived_words=max((len(e.derived) for e in plan.matchers), default=0),
        state_size=max([0, *(state.area_size(e.state) for e in plan.matchers if e.state)]),
        text_window=scratch.TEXT_WINDOW * (2 if _has_positions(plan) else 1),
        index_words=max((len(e.numbers) for e in plan.matchers if e.sparse), default=0),
        carry=plan.carry,
    )


def _has_positions(plan: Plan) -> bool:
    """Whether records have texts of ancestors by position."""
    return any(text.name.startswith(POSITIONS) for text in plan.context.texts)


def _power_of_two(value: int) -> int:
    return 1 << (value - 1).bit_length()


def symbol(event: str) -> str:
    """An event's name as part of a symbol."""
    return event.replace(".", "_")


class EventCore:
    """Emits the functions of one event."""

    def __init__(
        self, unit: Unit, event: EventPlan, layout: scratch.Layout, origins: Origins
    ) -> None:
        self.unit, self.event, self.layout, self.origins = unit, event, layout, origins
        self.name = symbol(event.layout.event)
        self.place = origins.event(event.layout.event)
        self.numbers = NumberTables(event)
        self.sparse = SparseNumbers(unit, self.name, event, layout)
        # What is cheap to look up comes first: most events are decided by it.
        self.order = sorted(event.numbers, key=lambda n: (n.source == "derived", n.words))
        self.banks = tuple(dict.fromkeys(a.map for a in event.automata if a.tables.sparse))
        self.views = tuple(sorted({a.view for a in event.automata}))

    def emit(self) -> None:
        """Emit all functions of the event, callees first."""
        for index, automaton in enumerate(self.event.automata):
            if not automaton.tables.sparse:
                AutomatonEmitter(
                    self.unit, self.name, index, automaton, self.layout, self.place
                ).emit()
        for number, name in enumerate(self.banks):
            plans = [item for item in self.event.automata if item.map == name]
            BankEmitter(self.unit, self.name, number, plans, self.layout, self.place).emit()
        self._memory()
        DerivedEmitter(self.unit, self.name, self.event, self.layout, self.place).emit()
        for item in self.order if self.event.sparse else ():
            self.sparse.emit(item, self.origins.field(self.event.layout.event, item.field))
        self._doubt()
        self._emit_rule()
        if self.event.state is not None:
            state.emit_event(self.unit, self.event, self.name, self.layout.state, self.place)
        CollectEmitter(self.unit, self.name, self.event, self.layout, self.place).emit()
        self._core()

    def _emit_rule(self) -> None:
        RuleEmitter(self.unit, self.name, self.event, self.layout, self.place).emit()

    def _memory(self) -> None:
        questions = {
            plan.index: plan.shape
            for plan in self.event.derived
            if isinstance(plan.shape, Question)
        }
        event = self.event
        MemoryEmitter(self.unit, self.name, event.map, event.memory, self.layout, self.place).emit(
            questions
        )

    def _function(self, prefix: str) -> Function:
        return self.unit.function(f"{prefix}_{self.name}", "slot", place=self.place)

    def _row(self, fn: Function, slot: Ptr, base: Ptr, offset: int, each: RowStep) -> None:
        """Apply `each` to every word of a row: unrolled if short, else in live chunks."""
        words = self.event.words
        if not self.event.sparse:
            for index in range(words):
                each(base.at(offset + 8 * index), fn.const(8 * index))
            return
        with live_chunks(fn, slot, words) as start:
            for index in range(CHUNK_WORDS):
                each(base.at(start).at(offset + 8 * index), start + 8 * index)

    # ------------------------------------------------------------------ numbers

    def _row_index(
        self, fn: Function, slot: Ptr, table: Ptr, number: NumberPlan, special: str
    ) -> Int:
        """The row of a number: its interval's, or a special one where it is unknown or absent."""
        if number.source == "presence":
            flags = slot.at(scratch.view(number.index) + 8).load(4)
            row = self.numbers.interval(fn, [flags & record.VIEW_ABSENT], table, number)
            unknown = (flags >> record.VIEW_UNKNOWN.bit_length() - 1) & 1
            return pick(unknown, special_row(number, special), row)
        if number.source == "derived":
            place = self.layout.derived + 8 * number.index
            states = (scratch.word("derived_unknown"), scratch.word("derived_absent"))
        else:
            place = scratch.number(number.index)
            states = (scratch.header("unknown"), scratch.header("absent"))
        values = [slot.at(place + 8 * word).load() for word in range(number.words)]
        row = self.numbers.interval(fn, values, table, number)
        unknown, absent = (slot.at(state).load() >> number.index for state in states)
        row = pick(unknown & 1, special_row(number, special), row)
        return pick(absent & 1, special_row(number, "absent"), row)

    def _and_row(
        self, fn: Function, slot: Ptr, table: Ptr, number: NumberPlan, special: str, result: int
    ) -> None:
        """AND the number's row into the result row at scratch offset `result`."""
        fn.at_place(self.origins.field(self.event.layout.event, number.field))
        if self.event.sparse:
            self.sparse.restrict(fn, number, WHICH.index(special))
            return
        row = self._row_index(fn, slot, table, number, special)
        base = self.numbers.row(table, number, row)

        def step(word: Ptr, offset: Int) -> None:
            place = slot.at(offset).at(result)
            place.store(place.load() & word.load())

        self._row(fn, slot, base, 0, step)

    def _look_up(
        self, fn: Function, slot: Ptr, table: Ptr, numbers: Sequence[NumberPlan], found: Int
    ) -> Int:
        """Look up rows that are sparse; returns what of the chunks `found` is live then."""
        tables = {self.event.map: table}
        for number in numbers:
            fn.at_place(self.origins.field(self.event.layout.event, number.field))
            if number.map not in tables:
                tables[number.map] = content.table(fn, slot, number.map)
            own = tables[number.map]
            index = self._row_index(fn, slot, own, number, WHICH[0])
            found = found & self.sparse.note(slot, own, number, index)
        return found

    # ------------------------------------------------------------------ rows

    def _doubtful(self, fn: Function, slot: Ptr, derived: bool = True) -> Int:
        """Non-zero if a field that conditions read is unknown or truncated, or a derived value."""
        mask = 0
        for number in self.event.numbers:
            if number.source == "number":
                mask |= 1 << number.index
        doubt = slot.at(scratch.header("unknown")).load() & mask if mask else fn.const(0)
        if self.event.derived and derived:
            doubt = doubt | slot.at(scratch.word("derived_unknown")).load()
        for view in self._doubt_views():
            flags = slot.at(scratch.view(view) + 8).load(4)
            doubt = doubt | (flags & (record.VIEW_UNKNOWN | record.VIEW_TRUNCATED))
        return doubt

    def _doubt_views(self) -> tuple[int, ...]:
        presence = {n.index for n in self.event.numbers if n.source == "presence"}
        return tuple(sorted(presence | set(self.views)))

    def _columns(self, fn: Function, slot: Ptr, result: int) -> None:
        """AND the positive columns and the complement of NEG into the result row."""
        event, base = self.event, self.layout.accumulators
        if not event.automata:
            return

        def step(place: Ptr, offset: Int) -> None:
            value = place.load()
            for column in range(event.columns):
                value = value & slot.at(offset).at(base + 8 * event.words * column).load()
            negative = slot.at(offset).at(base + 8 * event.words * event.columns).load()
            place.store(value & ~negative)

        self._row(fn, slot, slot, result, step)

    def _doubt(self) -> None:
        """`doubt_E`: definite and possible terms where something is unknown or truncated."""
        fn = self._function("doubt")
        slot = fn.lookup(SCRATCH, fn.argument())
        table = content.table(fn, slot, self.event.map)
        layout, event = self.layout, self.event
        self._copy_row(fn, slot, layout.fire, slot, layout.definite)
        for number in self.order:
            self._and_row(fn, slot, table, number, "unknown_definite", layout.definite)
        # The automata of one field share their blocks.
        fields = {(a.view, a.unknown_offset): a for a in event.automata}
        for automaton in fields.values():
            for flag, block in (
                (record.VIEW_UNKNOWN, automaton.unknown_offset),
                (record.VIEW_TRUNCATED, automaton.truncated_offset),
            ):
                self._doubt_text(fn, slot, table, automaton.view, flag, block)
        self._copy_row(fn, table, event.terms_offset, slot, layout.possible)
        for number in self.order:
            self._and_row(fn, slot, table, number, "unknown_possible", layout.possible)
        self._columns(fn, slot, layout.possible)

        def widen(denies: Ptr, offset: Int) -> None:
            # `deny on unknown`: what is possible fires and is enforced, though it is not certain.
            extra = denies.load() & slot.at(offset).at(layout.possible).load()
            fire = slot.at(offset).at(layout.fire)
            fire.store(fire.load() | extra)
            definite = slot.at(offset).at(layout.definite).load()
            slot.at(offset).at(layout.enforced).store(definite | extra)

        self._row(fn, slot, table, event.unknown_denies_offset, widen)
        fn.ret(0)

    def _doubt_text(
        self,
        fn: Function,
        slot: Ptr,
        table: Ptr,
        view: int,
        flag: int,
        block: int,
    ) -> None:
        flags = slot.at(scratch.view(view) + 8).load(4)
        width = 8 * self.event.words
        with fn.when((flags & flag).ne(0)):

            def step(word: Ptr, offset: Int) -> None:
                place = slot.at(offset).at(self.layout.definite)
                place.store(place.load() & ~word.load())
                for column in range(self.event.columns):
                    target = slot.at(offset).at(self.layout.accumulators + width * column)
                    target.store(target.load() | word.at(width * (1 + column)).load())

            self._row(fn, slot, table, block, step)

    def _copy_row(self, fn: Function, source: Ptr, at: int, slot: Ptr, to: int) -> None:
        def step(word: Ptr, offset: Int) -> None:
            slot.at(offset).at(to).store(word.load())

        self._row(fn, slot, source, at, step)

    def _any(self, fn: Function, slot: Ptr, at: int) -> Int:
        """Non-zero if any word of a row is; only chunks with such words live on."""
        words = self.event.words
        if self.event.sparse:
            return narrow(fn, slot, at, words)
        total = slot.at(at).load()
        for word in range(1, words):
            total = total | slot.at(at + 8 * word).load()
        return total

    # ------------------------------------------------------------------ the core function

    def _core(self) -> None:
        fn = self._function("core")
        event, layout = self.event, self.layout
        slot = fn.lookup(SCRATCH, fn.argument())
        self._begin(slot)
        table = content.table(fn, slot, event.map)
        read = [number for number in self.order if number.source != "derived"]
        if event.sparse:
            self._live(fn, slot, table, read)
            self._copy_row(fn, table, event.terms_offset, slot, layout.fire)
            doubt = self._restricted(fn, slot, table, self.order)
        else:
            self._copy_row(fn, table, event.terms_offset, slot, layout.fire)
            doubt = self._dense(fn, slot, table, read)
        if event.automata:
            self._start_accumulators(fn, slot, table)
            self._texts(fn)
            self._columns(fn, slot, layout.fire)
        self._finish(fn, slot, doubt)

    def _begin(self, slot: Ptr) -> None:
        """What has to be there from the beginning."""

    def _derive(self, fn: Function, slot: Ptr) -> None:
        """Compute the derived values; returns from the function where that has to wait until
        something is known of ancestors."""
        fn.call(f"derive_{self.name}", fn.argument())
        if self.event.asks_ancestors:
            with fn.when(slot.at(scratch.word("ancestry")).load().eq(scratch.WANTED)):
                fn.ret(AGAIN)

    def _restricted(
        self, fn: Function, slot: Ptr, table: Ptr, numbers: Sequence[NumberPlan]
    ) -> Int:
        """AND rows of numbers, and end where they leave no term; returns what is in doubt."""
        fire = self.layout.fire
        for number in numbers:
            self._and_row(fn, slot, table, number, "unknown_fire", fire)
        doubt = self._doubtful(fn, slot)
        if not self.event.numbers:
            return doubt
        # Most events are decided by numbers alone; possible terms need a doubt. Chunks in which
        # terms are only possible live on where there is one.
        if self.event.sparse:
            with fn.when(doubt.eq(0)), fn.when(self._any(fn, slot, fire).eq(0)):
                fn.ret(0)
        else:
            with fn.when((self._any(fn, slot, fire) | doubt).eq(0)):
                fn.ret(0)
        return doubt

    def _dense(self, fn: Function, slot: Ptr, table: Ptr, read: Sequence[NumberPlan]) -> Int:
        """Rows of all numbers: those that are read, then those that are computed."""
        fire = self.layout.fire
        if not self.event.derived:
            return self._restricted(fn, slot, table, read)
        for number in read:
            self._and_row(fn, slot, table, number, "unknown_fire", fire)
        if read:
            # What is read decides most events before anything is computed or looked up.
            doubt = self._doubtful(fn, slot, False)
            with fn.when((self._any(fn, slot, fire) | doubt).eq(0)):
                fn.ret(0)
        self._derive(fn, slot)
        return self._restricted(fn, slot, table, self.order[len(read) :])

    def _live(self, fn: Function, slot: Ptr, table: Ptr, read: Sequence[NumberPlan]) -> None:
        """Find the chunks that live, and end where there are none: by what is read, then by what is
        computed."""
        computed = self.order[len(read) :]
        found = fn.const((1 << self.event.words // CHUNK_WORDS) - 1)
        for numbers in (read, computed):
            if numbers and numbers is computed:
                self._derive(fn, slot)
            if numbers:
                found = self._look_up(fn, slot, table, numbers, found)
                with fn.when(found.eq(0)):
                    fn.ret(0)
        live(slot).store(found)

    def _texts(self, fn: Function) -> None:
        """All automata, one after the other."""
        for index, automaton in enumerate(self.event.automata):
            if automaton.tables.sparse:
                bank = self.banks.index(automaton.map)
                name = f"bank{bank}_{self.name}"
                fn.call(name, fn.argument(), automaton.index, automaton.view)
            else:
                fn.call(f"text{index}_{self.name}", fn.argument())

    def _start_accumulators(self, fn: Function, slot: Ptr, table: Ptr) -> None:
        width = 8 * self.event.words
        for column in range(self.event.columns + 1):
            source = self.event.accumulators_offset + width * column
            self._copy_row(fn, table, source, slot, self.layout.accumulators + width * column)

    def _finish(self, fn: Function, slot: Ptr, doubt: Int) -> None:
        layout = self.layout
        with fn.when(doubt.ne(0)) as otherwise:
            fn.call(f"doubt_{self.name}", fn.argument())
            otherwise()
            self._copy_row(fn, slot, layout.fire, slot, layout.definite)
            self._copy_row(fn, slot, layout.fire, slot, layout.possible)
            self._copy_row(fn, slot, layout.fire, slot, layout.enforced)
        with fn.when(self._any(fn, slot, layout.possible).eq(0)):
            fn.ret(0)
        self._carry_out(fn, slot)

    def _collect(self, fn: Function) -> None:
        steps = 65 * self.event.words + 1
        fn.straight_calls(f"collect_{self.name}", fn.argument(), -(-steps // WORK_STEP))

    def _carry_out(self, fn: Function, slot: Ptr) -> None:
        """What the rules that matched do."""
        layout = self.layout
        first_word(slot, layout, self.event)
        slot.at(scratch.word("rule")).store(NO_RULE)
        for name in ("rule_bits", "actions", "errno", "effects"):
            slot.at(scratch.word(name)).store(0)
        slot.at(scratch.header("rule_count")).store(0, 2)
        slot.at(scratch.header("rules_more")).store(0, 4)
        area = slot.at(layout.state)
        if self.event.state is not None:
            area.at(state.NEXT).store(0)
            area.at(state.LISTED).store(0)
            area.at(state.ERRNO_RULE).store(-1)
            if layout.carry.steps:
                area.at(state.CARRIED).store(0)
        if layout.carry.steps:
            slot.at(scratch.header("steps")).store(0, 4)
        self._collect(fn)
        if self.event.state is not None:
            calls = self.event.state.steps + 1  # the last one sees that there are no others
            fn.straight_calls(f"state_{self.name}", fn.argument(), calls)
        if self.event.memory.effects:
            with fn.when(slot.at(scratch.word("effects")).load().ne(0)):
                fn.call(f"effects_{self.name}", fn.argument())
        actions = slot.at(scratch.word("actions")).load()
        errno = slot.at(scratch.word("errno")).load()
        fn.ret(actions | (errno << 16))


def table_room(event: EventPlan) -> int:
    """Bytes of an event's matcher map: its table, and room for what masks can reach behind it.

    Args:
        event: the event's plan.

    Returns:
        The map's value size; contents are padded with zeros to it.
    """
    width = 8 * event.words
    reach = [event.size, event.accumulators_offset + _power_of_two((event.columns + 1) * width)]
    if event.memory.effects:
        reach.append(event.memory.effects_offset + 8 * event.rule_room)
    for number in event.numbers if not event.sparse else ():
        rows = number.bounds + 1 + len(model.SPECIAL_ROWS)
        reach.append(number.rows_offset + _power_of_two(rows * width) + width)
    return (max(reach) + 7) // 8 * 8
