"""What an event asks of sets and tags, and what its rules do to them.

- `askN_E(slot)`: the answer for derived value N: 0, 1 or UNDETERMINED.
- `effects_E(slot)`: carries out the effects whose bits stand in the word `effects`.
"""

from collections.abc import Mapping

from bpfc.artifact import sets
from bpfc.artifact.control import SCRATCH_MAP
from compiler.emit import content, scratch
from compiler.emit.ancestry import NO_ANCESTORS, PAIRS
from compiler.emit.function import Function
from compiler.emit.hashing import IN_SETS, UNDETERMINED, emit_hash_text
from compiler.emit.scratch import Layout
from compiler.emit.sets import KeyEmitter, SetEmitter, count_in, number_state
from compiler.emit.tags import TagEmitter, tag_word
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr
from compiler.plan.memory import set_infos
from compiler.plan.memory_shapes import (
    AddShape,
    AncestorShape,
    EffectShape,
    GiveShape,
    MemberShape,
    Memory,
    MemoryPlan,
    Question,
    TextPart,
)


def emit_memory(unit: Unit, layout: Layout, memory: Memory, plans: tuple[MemoryPlan, ...]) -> None:
    """Emit what all events share.

    Args:
        unit: the core's module.
        layout: the scratch slot.
        memory: the policy's sets and tags.
        plans: of all events.
    """
    parts = [part for plan in plans for key in plan.keys for part in key]
    if any(isinstance(part, TextPart) for part in parts):
        emit_hash_text(unit, layout)
    added = {e.set for plan in plans for e in plan.effects if isinstance(e, AddShape)}
    for number, info in enumerate(set_infos(memory)):
        SetEmitter(unit, layout, number, info).emit(number in added)
    for kind in memory.tags:
        TagEmitter(unit, layout, kind, memory.tag_room(kind)).emit()


class MemoryEmitter:
    """Emits the functions of one event.

    Args:
        unit: the core's module.
        name: the event's name as part of symbols.
        map_: the event's matcher map.
        memory: the event's sets and tags.
        infos: names of the sets' heads by number.
        layout: the scratch slot.
        place: place to quote.
    """

    def __init__(
        self,
        unit: Unit,
        name: str,
        map_: str,
        memory: MemoryPlan,
        layout: Layout,
        place: int,
    ) -> None:
        self.unit, self.name, self.map, self.memory = unit, name, map_, memory
        self.layout, self.place = layout, place

    def emit(self, questions: Mapping[int, Question]) -> None:
        """Emit them.

        Args:
            questions: by number of the derived value.
        """
        KeyEmitter(self.unit, self.name, self.map, self.memory, self.layout, self.place).emit()
        for number, shape in questions.items():
            self._ask(number, shape)
        if self.memory.effects:
            self._effects()

    def _function(self, name: str) -> tuple[Function, Ptr]:
        fn = self.unit.function(f"{name}_{self.name}", "slot", place=self.place)
        return fn, fn.lookup(SCRATCH_MAP, fn.argument(), 0)

    def _ask(self, number: int, shape: Question) -> None:
        fn, slot = self._function(f"ask{number}")
        if isinstance(shape, MemberShape):
            state = fn.call(f"key{shape.key}_{self.name}", fn.argument())
            with fn.when(state.ne(IN_SETS)):
                fn.ret(state & UNDETERMINED)
            fn.ret(fn.call(f"has_{shape.set}", fn.argument()))
            return
        state = _thing(slot, shape.identity)
        with fn.when(state.ne(IN_SETS)):
            fn.ret(UNDETERMINED)
        if isinstance(shape, AncestorShape):
            self._ancestor(fn, slot, shape.bit)
            return
        fn.ret(fn.call(f"tagged_{shape.kind}", fn.argument(), shape.tag))

    @staticmethod
    def _ancestor(fn: Function, slot: Ptr, bit: int) -> None:
        """A bit of what is known of the process's ancestors, looked up once an event."""
        known = slot.at(scratch.word("ancestry"))
        with fn.when(known.load().eq(0)):
            lacking = fn.call("find_ancestry", fn.argument()) & NO_ANCESTORS
            known.store(lacking.ne(0).select(scratch.WANTED, scratch.KNOWN))
        with fn.when(known.load().eq(scratch.WANTED)):
            fn.ret(UNDETERMINED)
        truths = (slot.at(scratch.word(name)).load() >> bit for name in PAIRS[:2])
        true, unknown = (word & 1 for word in truths)
        fn.ret(true | (unknown << 1))

    def _effects(self) -> None:
        for number, shape in enumerate(self.memory.effects):
            self._effect(number, shape)
        fn, slot = self._function("effects")
        due = slot.at(scratch.word("effects")).load()
        for number in range(len(self.memory.effects)):
            with fn.when(((due >> number) & 1).ne(0)):
                fn.call(f"effect{number}_{self.name}", fn.argument())
        fn.ret(0)

    def _effect(self, number: int, shape: EffectShape) -> None:
        """`effectN_E`: one effect."""
        fn, slot = self._function(f"effect{number}")
        if isinstance(shape, AddShape):
            state = fn.call(f"key{shape.key}_{self.name}", fn.argument())
            with fn.when(state.ne(IN_SETS)):
                offset = 8 * sets.HEAD_COUNTS.index("undetermined")
                count_in(fn, f"set_{shape.set}_head", sets.HEAD_KERNEL, offset)
                fn.ret(0)
            life = self._constant(fn, slot, shape.lifetime)
            now = slot.at(scratch.header("time_ns")).load()
            end = life.ne(0).select(now + life, 0)
            fn.call(f"put_{shape.set}", fn.argument(), end)
            fn.ret(0)
            return
        with fn.when(_thing(slot, shape.identity).ne(IN_SETS)):
            fn.ret(0)
        if isinstance(shape, GiveShape):
            now = slot.at(scratch.header("time_ns")).load()
            word = tag_word(now, self._constant(fn, slot, shape.lifetime), shape.inherited)
            fn.call(f"give_{shape.kind}", fn.argument(), shape.tag, word)
        else:
            fn.call(f"take_{shape.kind}", fn.argument(), shape.tag)
        fn.ret(0)

    def _constant(self, fn: Function, slot: Ptr, place: int) -> Int:
        table = content.table(fn, slot, self.map)
        return table.at(self.memory.constants_offset + 8 * place).load()


def _thing(slot: Ptr, identity: tuple[int, ...]) -> Int:
    """The key of something that has tags into id0 and id1; returns whether it is known."""
    state = slot.fn.const(IN_SETS)
    for name, index in zip(("id0", "id1"), identity, strict=False):
        slot.at(scratch.word(name)).store(slot.at(scratch.number(index)).load())
        state = state | number_state(slot, index)
    if len(identity) == 1:
        slot.at(scratch.word("id1")).store(0)
    return state
