"""Keys of run-time sets in the core: the keyed hash of a text, and of several words.

- `hash_text(slot, view, zeros, fold, place)`: `bpfc.artifact.control.string_hash` of a view as sets
  keep it; leaves the key in the words id0 and id1 and the length in `length`, and the text itself
  in the staging area at `place`. Returns IN_SETS, OUT_OF_SETS or UNDETERMINED.
"""

from bpfc.artifact import control, record
from bpfc.artifact.sets import LONGEST_TEXT, SHORTENED, SKIPPED
from compiler.emit import scratch
from compiler.emit.bits import equal
from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.unit import Unit
from compiler.emit.values import Int, Ptr

# What becomes of a value: it can be an element, no set holds it, or that cannot be said.
IN_SETS, OUT_OF_SETS, UNDETERMINED = 0, 1, 2

WORDS = LONGEST_TEXT // 8  # the longest text in words of the hash
PATH = 1 << 16  # in the argument `place`: merged directories are one
STAGED_MASK = 2047  # the longest text behind the last place where one is put
_ONES = 0x0101010101010101
_LOW_7 = 0x7F * _ONES
_TOP = 0x80 * _ONES


def signed(value: int) -> int:
    """A 64-bit constant as LLVM prints it."""
    return value - (1 << 64) if value >> 63 else value


def mix(h0: Int, h1: Int, word: Int) -> tuple[Int, Int]:
    """One word into both lanes of the hash."""
    first = (h0 ^ word) * signed(control.HASH_P0)
    second = (h1 + word) * signed(control.HASH_P1)
    return first ^ (first >> 29), second ^ (second >> 32)


def store_key(slot: Ptr, h0: Int, h1: Int) -> None:
    """The lanes, finished, as the key in id0 and id1."""
    mixed = (h0 ^ h1) * signed(control.HASH_P1)
    slot.at(scratch.word("id0")).store(mixed ^ (mixed >> 32))
    slot.at(scratch.word("id1")).store(h1)


def emit_hash_text(unit: Unit, layout: Layout) -> None:
    """Emit `hash_text`.

    Args:
        unit: the core's module.
        layout: the scratch slot.
    """
    fn = unit.function("hash_text", "slot", "view", "zeros", "fold", "place")
    slot = fn.lookup(control.SCRATCH_MAP, fn.argument(), UNDETERMINED)
    view = slot.at((fn.argument(1) & (scratch.VIEW_COUNT - 1)) << 4).at(scratch.VIEWS)
    flags, whole = view.at(8).load(4), view.at(4).load(4)
    _states(fn, flags, whole)
    offset = fn.variable(view.load(4))
    length = fn.variable(whole)
    with fn.when((fn.argument(4) & PATH).ne(0) & whole.ge(8)):
        skipped = _skipped(slot, layout, offset.get(), whole)
        offset.set(offset.get() + skipped)
        length.set(whole - skipped)
    slot.at(scratch.word("length")).store(length.get())
    _hash(fn, slot, layout, offset.get(), length.get())
    fn.ret(IN_SETS)


def _states(fn: Function, flags: Int, length: Int) -> None:
    """Return where the view holds no text that could be an element."""
    with fn.when((flags & record.VIEW_UNKNOWN).ne(0)):
        fn.ret(UNDETERMINED)
    with fn.when((flags & record.VIEW_ABSENT).ne(0) | length.ge(LONGEST_TEXT + 1)):
        fn.ret(OUT_OF_SETS)
    with fn.when((flags & record.VIEW_TRUNCATED).ne(0)):
        with fn.when(length.ge(LONGEST_TEXT)):
            fn.ret(OUT_OF_SETS)
        fn.ret(UNDETERMINED)


def _text(slot: Ptr, layout: Layout, at: Int) -> Int:
    """Eight bytes of the text window. They need not be aligned: all targets can read them so."""
    return slot.at(at.masked(layout.text_mask)).at(layout.text).load()


def _skipped(slot: Ptr, layout: Layout, offset: Int, length: Int) -> Int:
    """Bytes at the beginning that the shorter spelling of a merged directory lacks.

    The text has at least eight bytes; arithmetic only, as everywhere in the core.
    """
    first, second = _text(slot, layout, offset), _text(slot, layout, offset + 8)
    # Of the second word what belongs to the text, zeros behind it.
    rest = (length - 8).hidden()
    more = (rest >> 3).hidden()
    full = (more.fn.const(0) - more) >> 63  # 1 if another eight bytes belong to the text
    bits = ((rest & 7) << 3) | (full << 6)
    kept = second & ((full.fn.const(0) - full) | ((full.fn.const(1) << (bits & 63)) - 1))
    found = first.fn.const(0)
    for prefix in SHORTENED:
        head, tail = prefix[:8], prefix[8:]
        same = equal(first, first.fn.const(signed(int.from_bytes(head, "little"))))
        mask = (1 << 8 * len(tail)) - 1
        rest_same = equal(kept & mask, first.fn.const(int.from_bytes(tail, "little")))
        behind = (kept >> 8 * len(tail)) & 0xFF
        ends = equal(behind, first.fn.const(0)) | equal(behind, first.fn.const(ord("/")))
        found = found | (same & rest_same & ends)
    return found * SKIPPED


def _fixed(fn: Function, word: Int) -> Int:
    """A word of the text as sets keep it: zero bytes of a command line are spaces (`zeros`), ASCII
    letters of Windows paths are small (`fold`)."""
    zeros, fold = fn.argument(2), fn.argument(3)
    low = word & _LOW_7
    empty = ~((low + _LOW_7) | word) & signed(_TOP)
    from_a, behind_z = low + 0x3F * _ONES, low + 0x25 * _ONES
    upper = from_a & ~behind_z & ~word & signed(_TOP)
    # A letter of UTF-16 is followed by a zero byte.
    return word | ((empty & zeros) >> 2) | ((upper & (empty >> 8) & fold) >> 2)


def _hash(fn: Function, slot: Ptr, layout: Layout, offset: Int, length: Int) -> None:
    secret = fn.lookup(control.SECRET_MAP, 0, UNDETERMINED)
    h0, h1 = fn.variable(secret.load() ^ length), fn.variable(secret.at(8).load())
    position = fn.variable(0)
    place = fn.argument(4) & 0xFFFF

    def take(word: Int) -> None:
        at = (place + position.get()).masked(STAGED_MASK)
        slot.at(at).at(layout.staging).store(word)
        first, second = mix(h0.get(), h1.get(), word)
        h0.set(first)
        h1.set(second)

    whole = length & ~7
    with fn.loop(WORDS) as (_, leave):
        leave(position.get().ge(whole))
        take(_fixed(fn, _text(slot, layout, offset + position.get())))
        position.set(position.get() + 8)
    rest = (length & 7) << 3
    with fn.when(rest.ne(0)):
        word = _fixed(fn, _text(slot, layout, offset + position.get()))
        take(word & ((fn.const(1) << rest) - 1))
    store_key(slot, h0.get(), h1.get())


def hash_words(fn: Function, slot: Ptr, words: list[Int]) -> None:
    """The hash of a few words, as of a text of their bytes, into id0 and id1."""
    secret = fn.lookup(control.SECRET_MAP, 0, UNDETERMINED)
    h0, h1 = secret.load() ^ (8 * len(words)), secret.at(8).load()
    for word in words:
        h0, h1 = mix(h0, h1, word)
    store_key(slot, h0, h1)
