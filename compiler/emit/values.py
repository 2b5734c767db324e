"""Values of the IR being built: operands whose operators emit instructions.

Everything the programs compute with is a 64-bit integer, a pointer or a condition, so there are
three
types and no conversions to think about: narrow loads are zero-extended at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compiler.emit.function import Function


class Value:
    """An operand of a function under construction.

    Args:
        fn: the function.
        text: operand as LLVM writes it ("%12" or "7").
    """

    type = ""

    def __init__(self, fn: Function, text: str) -> None:
        self.fn = fn
        self.text = text


class Int(Value):
    """A 64-bit integer; unsigned unless an operation says otherwise."""

    type = "i64"

    def _binary(self, op: str, other: Int | int) -> Int:
        return Int(self.fn, self.fn.emit(f"{op} i64 {self.text}, {self.fn.text_of(other)}"))

    def _compare(self, predicate: str, other: Int | int) -> Bit:
        text = f"icmp {predicate} i64 {self.text}, {self.fn.text_of(other)}"
        return Bit(self.fn, self.fn.emit(text))

    def __add__(self, other: Int | int) -> Int:
        return self._binary("add", other)

    def __sub__(self, other: Int | int) -> Int:
        return self._binary("sub", other)

    def __mul__(self, other: Int | int) -> Int:
        return self._binary("mul", other)

    def __floordiv__(self, other: Int | int) -> Int:
        return self._binary("udiv", other)

    def __and__(self, other: Int | int) -> Int:
        return self._binary("and", other)

    def __or__(self, other: Int | int) -> Int:
        return self._binary("or", other)

    def __xor__(self, other: Int | int) -> Int:
        return self._binary("xor", other)

    def __lshift__(self, other: Int | int) -> Int:
        return self._binary("shl", other)

    def __rshift__(self, other: Int | int) -> Int:
        return self._binary("lshr", other)

    def __invert__(self) -> Int:
        return self._binary("xor", -1)

    def as_signed_32(self) -> Int:
        """The low 32 bits, sign-extended (the result of a function that returns an int)."""
        return (self << 32).arithmetic_shift(32)

    def arithmetic_shift(self, bits: Int | int) -> Int:
        """Shift right, keeping the sign."""
        return self._binary("ashr", bits)

    def eq(self, other: Int | int) -> Bit:
        """Equal."""
        return self._compare("eq", other)

    def ne(self, other: Int | int) -> Bit:
        """Not equal."""
        return self._compare("ne", other)

    def lt(self, other: Int | int) -> Bit:
        """Less, unsigned."""
        return self._compare("ult", other)

    def le(self, other: Int | int) -> Bit:
        """Less or equal, unsigned."""
        return self._compare("ule", other)

    def ge(self, other: Int | int) -> Bit:
        """Greater or equal, unsigned."""
        return self._compare("uge", other)

    def le_signed(self, other: Int | int) -> Bit:
        """Less or equal, signed."""
        return self._compare("sle", other)

    def negative(self) -> Bit:
        """Less than zero, signed (a helper's error return)."""
        return self._compare("slt", 0)

    def hidden(self) -> Int:
        """The same value, of which the optimiser knows nothing.

        A bound that the verifier must see (a mask before an index) survives only if LLVM cannot
        prove it redundant; the passthrough intrinsic costs no instruction.
        """
        return self.fn.passthrough(self)

    def masked(self, mask: int) -> Int:
        """The value AND `mask`, kept in the code even where LLVM could prove it redundant."""
        return self.hidden() & mask

    def bounded(self, mask: int) -> Int:
        """As `masked`, also where code generation could prove the AND redundant.

        A minimum with a constant lets it, and older kernels do not see that bound; so the value
        takes a way through the stack.
        """
        fn = self.fn
        place = fn.transient()
        fn.emit_void(f"store volatile i64 {self.text}, ptr {place.text}, align 8")
        return place.load_once() & mask


class Bit(Value):
    """A condition."""

    type = "i1"

    def to_int(self) -> Int:
        """1 or 0."""
        return Int(self.fn, self.fn.emit(f"zext i1 {self.text} to i64"))

    def __and__(self, other: Bit) -> Bit:
        return Bit(self.fn, self.fn.emit(f"and i1 {self.text}, {other.text}"))

    def __or__(self, other: Bit) -> Bit:
        return Bit(self.fn, self.fn.emit(f"or i1 {self.text}, {other.text}"))

    def __invert__(self) -> Bit:
        return Bit(self.fn, self.fn.emit(f"xor i1 {self.text}, true"))

    def select(self, yes: Int | int, no: Int | int) -> Int:
        """`yes` where the condition holds, else `no`."""
        fn = self.fn
        text = f"select i1 {self.text}, i64 {fn.text_of(yes)}, i64 {fn.text_of(no)}"
        return Int(fn, fn.emit(text))


class Ptr(Value):
    """A pointer; the verifier knows into what."""

    type = "ptr"

    def at(self, offset: Int | int) -> Ptr:
        """The pointer `offset` bytes further."""
        if isinstance(offset, int) and offset == 0:
            return self
        text = f"getelementptr i8, ptr {self.text}, i64 {self.fn.text_of(offset)}"
        return Ptr(self.fn, self.fn.emit(text))

    def load(self, size: int = 8) -> Int:
        """The little-endian integer of `size` bytes here, zero-extended; it must be aligned."""
        fn = self.fn
        raw = fn.emit(f"load i{size * 8}, ptr {self.text}, align {size}")
        if size == 8:
            return Int(fn, raw)
        return Int(fn, fn.emit(f"zext i{size * 8} {raw} to i64"))

    def load_signed(self, size: int) -> Int:
        """As `load`, sign-extended."""
        fn = self.fn
        raw = fn.emit(f"load i{size * 8}, ptr {self.text}, align {size}")
        return Int(fn, fn.emit(f"sext i{size * 8} {raw} to i64"))

    def load_once(self) -> Int:
        """The 64-bit word here, read by exactly one instruction (another CPU may write it)."""
        return Int(self.fn, self.fn.emit(f"load volatile i64, ptr {self.text}, align 8"))

    def store(self, value: Int | int, size: int = 8) -> None:
        """Write the low `size` bytes of `value` here; the place must be aligned."""
        fn = self.fn
        if isinstance(value, int):
            fn.emit_void(f"store i{size * 8} {value}, ptr {self.text}, align {size}")
            return
        text = value.text
        if size != 8:
            text = fn.emit(f"trunc i64 {text} to i{size * 8}")
        fn.emit_void(f"store i{size * 8} {text}, ptr {self.text}, align {size}")

    def atomic_add(self, value: Int | int) -> None:
        """Add to the 64-bit word here without returning the old value (loads on 5.10 too)."""
        text = f"atomicrmw add ptr {self.text}, i64 {self.fn.text_of(value)} monotonic, align 8"
        self.fn.emit(text)

    def atomic_add_narrow(self, value: int) -> None:
        """As `atomic_add`, to the 32-bit word here."""
        self.fn.emit(f"atomicrmw add ptr {self.text}, i32 {value} monotonic, align 4")

    def load_pointer(self) -> Ptr:
        """The pointer kept here (a stack place)."""
        return Ptr(self.fn, self.fn.emit(f"load ptr, ptr {self.text}, align 8"))

    def store_pointer(self, value: Ptr) -> None:
        """Keep a pointer here (a stack place)."""
        self.fn.emit_void(f"store ptr {value.text}, ptr {self.text}, align 8")

    def fetch_or(self, value: Int | int) -> Int:
        """Set bits in the 64-bit word here; returns the old value (5.12 and newer)."""
        text = f"atomicrmw or ptr {self.text}, i64 {self.fn.text_of(value)} seq_cst, align 8"
        return Int(self.fn, self.fn.emit(text))

    def fetch_and(self, value: Int | int) -> Int:
        """Clear bits in the 64-bit word here; returns the old value (5.12 and newer)."""
        text = f"atomicrmw and ptr {self.text}, i64 {self.fn.text_of(value)} seq_cst, align 8"
        return Int(self.fn, self.fn.emit(text))

    def to_int(self) -> Int:
        """The address as an integer."""
        return Int(self.fn, self.fn.emit(f"ptrtoint ptr {self.text} to i64"))

    def le(self, other: Ptr) -> Bit:
        """Not behind the other pointer (both into the same region)."""
        return Bit(self.fn, self.fn.emit(f"icmp ule ptr {self.text}, {other.text}"))

    def is_null(self) -> Bit:
        """Whether this is the null pointer."""
        return Bit(self.fn, self.fn.emit(f"icmp eq ptr {self.text}, null"))


class Variable:
    """A 64-bit local variable (an alloca; LLVM turns it into registers)."""

    def __init__(self, place: Ptr) -> None:
        self.place = place

    def get(self) -> Int:
        """Its value now."""
        return self.place.load()

    def set(self, value: Int | int) -> None:
        """Assign."""
        self.place.store(value)
