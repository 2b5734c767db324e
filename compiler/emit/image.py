"""Images of processes in the core: `core_process_image(slot)` finds out which conditions on
ancestors the image satisfies whose fields stand in the slot's record, and puts a bit for each into
the words `own` and `own_unknown`."""

from bpfc.artifact.control import SCRATCH_MAP
from compiler.emit import scratch, state
from compiler.emit.core import NO_RULE, EventCore
from compiler.emit.function import Function
from compiler.emit.live import first_word
from compiler.emit.values import Ptr
from dsl.ancestry import ANCESTORS_MAX


class ImageCore(EventCore):
    """Emits `core_process_image`: an event's matcher whose rules set bits."""

    def _emit_rule(self) -> None:
        """`rule_E`: a condition that is possible."""
        fn = self._function("rule")
        slot = fn.lookup(SCRATCH_MAP, fn.argument())
        rule = slot.at(scratch.word("rule")).load()
        with fn.when(rule.ge(ANCESTORS_MAX)):
            fn.ret(0)
        bits = slot.at(scratch.word("rule_bits")).load()
        definite = (bits & state.DEFINITE).ne(0)
        bit = fn.const(1) << (rule & (ANCESTORS_MAX - 1))
        for name, found in (("own", definite), ("own_unknown", ~definite)):
            place = slot.at(scratch.word(name))
            place.store(place.load() | found.select(bit, 0))
        fn.ret(0)

    def _begin(self, slot: Ptr) -> None:
        for name in ("own", "own_unknown"):
            slot.at(scratch.word(name)).store(0)

    def _carry_out(self, fn: Function, slot: Ptr) -> None:
        first_word(slot, self.layout, self.event)
        slot.at(scratch.word("rule")).store(NO_RULE)
        slot.at(scratch.word("rule_bits")).store(0)
        self._collect(fn)
        fn.ret(0)
