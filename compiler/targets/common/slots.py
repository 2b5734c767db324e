"""Scratch slots: claimed from a per-CPU word of bits, since programs can preempt each other.

Two variants: value-returning atomics where the kernel has them (5.12), plain stores on 5.10, where
programs are not preempted (facts of the kernel, see docs/architecture.md).
"""

from bpfc.artifact.control import COUNTERS, COUNTERS_MAP, SCRATCH_BITS_MAP, SCRATCH_PER_CPU
from compiler.emit.function import Function
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr

VARIANTS = ("atomic", "plain")
COMPANIONS = 2  # times the slots of a processor, where each slot has a companion


def count(fn: Function, name: str) -> None:
    """Add one to a counter."""
    key = fn.transient()
    key.store(COUNTERS.index(name), 4)
    place = fn.find(COUNTERS_MAP, key)
    with fn.when(~place.is_null()):
        place.atomic_add(1)


def emit_slots(unit: Unit, slots: int = SCRATCH_PER_CPU) -> None:
    """Emit `claim_V()` (slot + 1, or 0 if all are taken) and `release_V(slot)` for each variant.

    Args:
        unit: the half's module.
        slots: of a processor, a power of two; the first SCRATCH_PER_CPU of them are claimed.
    """
    for variant in VARIANTS:
        _claim(unit, variant, slots)
        _release(unit, variant, slots)


def _claim(unit: Unit, variant: str, slots: int) -> None:
    fn = unit.function(f"claim_{variant}", inline=True)
    cpu = fn.helper("get_smp_processor_id") & 0xFFFFFFFF
    word = fn.find(SCRATCH_BITS_MAP, fn.key(cpu))
    with fn.when(word.is_null()):
        # More processors than the maps have room for (the Windows half has a fixed number).
        count(fn, "no_scratch")
        fn.ret(0)
    for bit in range(SCRATCH_PER_CPU):
        with fn.when((_set(word, 1 << bit, variant) & (1 << bit)).eq(0)):
            fn.ret(cpu * slots + (bit + 1))
    count(fn, "no_scratch")
    fn.ret(0)


def _set(word: Ptr, bit: int, variant: str) -> Int:
    if variant == "atomic":
        return word.fetch_or(bit)
    old = word.load_once()
    word.store(old | bit)
    return old


def _release(unit: Unit, variant: str, slots: int) -> None:
    fn = unit.function(f"release_{variant}", "slot", inline=True)
    slot = fn.argument()
    word = fn.lookup(SCRATCH_BITS_MAP, slot // slots)
    bits = ~(fn.const(1) << (slot & (slots - 1)))
    if variant == "atomic":
        word.fetch_and(bits)
    else:
        word.store(word.load_once() & bits)
    fn.ret(0)
