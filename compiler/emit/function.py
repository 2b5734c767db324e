"""Functions of the IR being built: blocks, control flow, helper calls, map lookups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from compiler.emit.values import Bit, Int, Ptr, Variable

if TYPE_CHECKING:
    from compiler.emit.unit import Struct, StructTable, Unit


# Half of what a BPF function has (MAX_BPF_STACK, include/linux/filter.h): the rest is for what
# LLVM spills.
STACK_MAX = 256
FIELD_EXISTS = 2  # BPF_FIELD_EXISTS, enum bpf_field_info_kind of libbpf's bpf_core_read.h


class Function:
    """One function: external, never inlined, scalar arguments; or a program in its own section.

    A function is verified once for all callers because it is external with default visibility, and
    the optimiser cannot specialise it. Arguments and results are 64-bit scalars (a pointer
    argument is refused by 5.10); what functions share lives in a scratch slot.

    Args:
        unit: the module it belongs to.
        name: symbol.
        arguments: names, at most five (they become BTF argument names, which the kernel demands).
        place: place (see `compiler.emit.unit`) that its first instructions belong to.
        section: ELF section of a program; None for a subprogram in .text.
        context: whether the only argument is a program's context pointer.
        inline: put the function into its callers; for what runs on every event (a return costs up
            to 15 ns on processors with "Safe RET") and has few callers or little code.
    """

    def __init__(
        self,
        unit: Unit,
        name: str,
        arguments: tuple[str, ...],
        place: int,
        *,
        section: str | None = None,
        context: bool = False,
        inline: bool = False,
    ) -> None:
        if len(arguments) > 5:
            raise ValueError(f"{name}: BPF functions take at most five arguments")
        self.unit, self.name, self.section, self.context = unit, name, section, context
        self.arguments, self.inline = arguments, inline
        self._entry: list[str] = []
        self._body: list[str] = []
        self._count = 0
        self._ids = 0
        self._stack = 0
        self._transient: Ptr | None = None
        self._spare: list[Ptr] = []
        self._open = True
        self.subprogram = unit.subprogram(name, arguments, context, place)
        self._location = unit.location(place, self.subprogram)

    # ------------------------------------------------------------------ raw emission

    def _name(self) -> str:
        self._count += 1
        return f"%v{self._count}"

    def emit(self, text: str) -> str:
        """Add an instruction with a result; returns the result's name."""
        name = self._name()
        self._body.append(f"  {name} = {text}, !dbg !{self._location}")
        return name

    def emit_void(self, text: str) -> None:
        """Add an instruction without a result."""
        self._body.append(f"  {text}, !dbg !{self._location}")

    def text_of(self, value: Int | int) -> str:
        """The operand's text."""
        return str(value) if isinstance(value, int) else value.text

    def at_place(self, place: int) -> None:
        """From here on instructions belong to this place."""
        self._location = self.unit.location(place, self.subprogram)

    # ------------------------------------------------------------------ operands

    def argument(self, index: int = 0) -> Int:
        """An argument by position."""
        return Int(self, f"%a{index}")

    def context_pointer(self) -> Ptr:
        """The program's context."""
        return Ptr(self, "%a0")

    def const(self, value: int) -> Int:
        """An integer constant."""
        return Int(self, str(value))

    def stack(self, size: int) -> Ptr:
        """`size` bytes of stack, 8-aligned, not initialised.

        Raises:
            ValueError: the function would ask for more than it may have; LLVM would end the
                process.
        """
        self._stack += size
        if self._stack > STACK_MAX:
            raise ValueError(f"{self.name}: more than {STACK_MAX} bytes of stack")
        name = self._name()
        self._entry.append(f"  {name} = alloca [{size} x i8], align 8")
        return Ptr(self, name)

    def transient(self) -> Ptr:
        """Eight bytes of stack for something that is over before the next use: the key of an array
        lookup, the target of a read. All uses share one place, since stack is scarce."""
        if self._transient is None:
            self._transient = self.stack(8)
        return self._transient

    def variable(self, value: Int | int) -> Variable:
        """A local variable with a first value."""
        result = Variable(self.stack(8))
        result.set(value)
        return result

    @contextmanager
    def temporary(self, value: Int | int) -> Iterator[Variable]:
        """A local variable whose place another one may take afterwards: that of a loop."""
        place = self._spare.pop() if self._spare else self.stack(8)
        result = Variable(place)
        result.set(value)
        yield result
        self._spare.append(place)

    def passthrough(self, value: Int) -> Int:
        """See `Int.hidden`."""
        self._ids += 1
        name = "llvm.bpf.passthrough.i64.i64"
        self.unit.declare(f"declare i64 @{name}(i32, i64)")
        return Int(self, self.emit(f"call i64 @{name}(i32 {self._ids}, i64 {value.text})"))

    def byte_swap(self, value: Int, size: int) -> Int:
        """The low `size` bytes in reverse order (network to host order), zero-extended."""
        name, kind = f"llvm.bswap.i{size * 8}", f"i{size * 8}"
        self.unit.declare(f"declare {kind} @{name}({kind})")
        narrow = self.emit(f"trunc i64 {value.text} to {kind}") if size < 8 else value.text
        swapped = self.emit(f"call {kind} @{name}({kind} {narrow})")
        return Int(self, self.emit(f"zext {kind} {swapped} to i64") if size < 8 else swapped)

    def member_address(self, base: Int, struct: Struct, path: str, embedded: StructTable) -> Int:
        """Address of a kernel structure's member, with a CO-RE relocation for its offset.

        Args:
            base: address of the structure.
            struct: its fragment.
            path: member names, dotted where structures are embedded.
            embedded: fragments by name.
        """
        return Int(
            self, self.emit(f"ptrtoint ptr {self._member(base, struct, path, embedded)} to i64")
        )

    def member_exists(self, struct: Struct, path: str, embedded: StructTable) -> Int:
        """1 if the running kernel's structure has a member, else 0; the loader puts it in. Code
        that runs only where it is 1 may take the member's address.

        Args:
            struct, path, embedded: as for `member_address`.
        """
        name = "llvm.bpf.preserve.field.info.p0"
        self.unit.declare(f"declare i32 @{name}(ptr, i64 immarg)")
        pointer = self._member(self.const(0), struct, path, embedded)
        found = self.emit(f"call i32 @{name}(ptr {pointer}, i64 {FIELD_EXISTS})")
        return Int(self, self.emit(f"zext i32 {found} to i64"))

    def _member(self, base: Int, struct: Struct, path: str, embedded: StructTable) -> str:
        """A member as a pointer."""
        name = "llvm.preserve.struct.access.index.p0.p0"
        self.unit.declare(f"declare ptr @{name}(ptr, i32 immarg, i32 immarg)")
        pointer = self.emit(f"inttoptr i64 {base.text} to ptr")
        for part in path.split("."):
            node, ir, _, _ = self.unit.struct_type(struct, embedded)
            names = [member for member, _ in struct.members]
            index = names.index(part)
            text = f"call ptr @{name}(ptr elementtype({ir}) {pointer}, i32 {index}, i32 {index})"
            pointer = self.emit(f"{text}, !llvm.preserve.access.index !{node}")
            kind = struct.members[index][1]
            if isinstance(kind, str) and kind != "ptr":
                struct = embedded[kind]
        return pointer

    # ------------------------------------------------------------------ calls

    def helper(self, name: str, *arguments: Int | Ptr | int) -> Int:
        """Call a kernel helper by name; its number is the platform's."""
        types, texts = [], []
        for argument in arguments:
            pointer = isinstance(argument, Ptr)
            types.append("ptr" if pointer else "i64")
            text = str(argument) if isinstance(argument, int) else argument.text
            texts.append(f"{types[-1]} {text}")
        number = self.unit.helpers[name]
        callee = f"i64 ({', '.join(types)}) inttoptr (i64 {number} to ptr)"
        return Int(self, self.emit(f"call {callee}({', '.join(texts)})"))

    def call(self, name: str, *arguments: Int | int) -> Int:
        """Call another of our functions."""
        self.unit.declare_function(name, len(arguments))
        texts = ", ".join(f"i64 {self.text_of(a)}" for a in arguments)
        return Int(self, self.emit(f"call i64 @{name}({texts})"))

    def straight_calls(self, name: str, argument: Int, calls: int) -> Int:
        """A straight line of calls `name(argument)` that ends with the first that returns non-zero.

        PREVAIL refuses a loop of calls, and one long loop costs the kernel's verifier a pass per
        round.

        Returns:
            What the last call returned.
        """
        end, result = self._label(), self.variable(0)
        for _ in range(calls):
            done = self.call(name, argument)
            result.set(done)
            more = self._label()
            self.emit_void(f"br i1 {done.ne(0).text}, label %{end}, label %{more}")
            self._start(more)
        self._branch(end)
        self._start(end)
        return result.get()

    def map(self, name: str) -> Ptr:
        """The map as a helper argument."""
        self.unit.use_map(name)
        return Ptr(self, f"@{name}")

    def key(self, value: Int | int, size: int = 4) -> Ptr:
        """A stack place holding a map key."""
        place = self.stack(8)
        place.store(value, size)
        return place

    def find(self, map_name: str, key: Ptr) -> Ptr:
        """Map lookup; the result can be null."""
        number, texts = self.unit.helpers["map_lookup_elem"], f"ptr @{map_name}, ptr {key.text}"
        self.unit.use_map(map_name)
        return Ptr(self, self.emit(f"call ptr (ptr, ptr) inttoptr (i64 {number} to ptr)({texts})"))

    def lookup(self, map_name: str, index: Int | int, missing: int = 0) -> Ptr:
        """Array lookup; returns `missing` from the function where there is no such entry. The only
        entry of a direct map is there, and needs no lookup."""
        if index == 0 and self.unit.is_direct(map_name):
            return Ptr(self, f"@{map_name}")
        key = self.transient()
        key.store(index, 4)
        found = self.find(map_name, key)
        with self.when(found.is_null()):
            self.ret(missing)
        return found

    # ------------------------------------------------------------------ control flow

    def _label(self) -> str:
        self._count += 1
        return f"b{self._count}"

    def _start(self, label: str) -> None:
        self._body.append(f"{label}:")
        self._open = True

    def _branch(self, label: str) -> None:
        if self._open:
            self.emit_void(f"br label %{label}")
        self._open = False

    def ret(self, value: Int | int) -> None:
        """Return from the function."""
        self.emit_void(f"ret i{64 if not self.section else 32} {self._result(value)}")
        self._open = False

    def _result(self, value: Int | int) -> str:
        # A program's result is an int (bpf_prog's return type), a subprogram's 64 bits wide.
        if not self.section or isinstance(value, int):
            return self.text_of(value)
        return self.emit(f"trunc i64 {value.text} to i32")

    @contextmanager
    def when(self, condition: Bit) -> Iterator[Callable[[], None]]:
        """`with fn.when(c) as otherwise: ...; otherwise(); ...`: then-part, and after the call the
        else-part."""
        yes, no, end = self._label(), self._label(), self._label()
        self.emit_void(f"br i1 {condition.text}, label %{yes}, label %{no}")
        self._start(yes)
        switched = False

        def otherwise() -> None:
            nonlocal switched
            switched = True
            self._branch(end)
            self._start(no)

        yield otherwise
        self._branch(end)
        if not switched:
            self._start(no)
            self._branch(end)
        self._start(end)

    @contextmanager
    def loop(self, count: int) -> Iterator[tuple[Int, Callable[[Bit], None]]]:
        """A rolled loop of at most `count` rounds; yields the round's number and
        `leave(condition)`."""
        head, body, end = self._label(), self._label(), self._label()
        with self.temporary(0) as counter:
            self._branch(head)
            self._start(head)
            number = counter.get()
            self.emit_void(f"br i1 {number.lt(count).text}, label %{body}, label %{end}")
            self._start(body)

            def leave(condition: Bit) -> None:
                stay = self._label()
                self.emit_void(f"br i1 {condition.text}, label %{end}, label %{stay}")
                self._start(stay)

            yield number, leave
            counter.set(number + 1)
            if self._open:
                # LLVM must not unroll: the verifier's work and the code's size are planned for a
                # rolled loop.
                self.emit_void(f"br label %{head}, !llvm.loop !{self.unit.rolled()}")
            self._start(end)

    # ------------------------------------------------------------------ result

    def text(self) -> str:
        """The function as LLVM assembly."""
        if self._open:
            raise ValueError(f"{self.name}: control reaches the end without a return")
        kind = "ptr" if self.context else "i64"
        arguments = ", ".join(f"{kind} %a{i}" for i in range(len(self.arguments)))
        result = "i32" if self.section else "i64"
        section = f' section "{self.section}"' if self.section else ""
        linkage = "internal" if self.inline else "dso_local"
        signature = f"{linkage} {result} @{self.name}({arguments}) #{int(self.inline)}"
        head = f"define {signature}{section} !dbg !{self.subprogram} {{"
        return "\n".join([head, "entry:", *self._entry, *self._body, "}"])
