"""An object file as functions: instructions with what a loader would fill in, by name.

`Image` reads an object; `CodeImage` has functions that stand in no file.
"""

import struct
from collections.abc import Mapping
from functools import cached_property
from typing import Protocol

from attrs import Factory, define, field, frozen

from bpfc.abi.instructions import CALL, LDDW, PSEUDO_CALL, SLOT, Instruction, decode, problem
from bpfc.artifact.lines import Line, kernel_relocations, line_table
from bpfc.artifact.objects import read_object
from bpfc.simulator.faults import Fault

_SYMBOL = struct.Struct("<IBBHQQ")  # name, info, other, section, value, size (elf.h)
_RELOCATION = struct.Struct("<QQ")  # offset, info
_FUNCTION, _SECTION = 2, 3  # types of symbols


@frozen
class Function:
    """A function of an object.

    Args:
        name: its symbol.
        section: in which it stands.
        start: its first instruction's number in the section.
        code: its instructions, by their number in the function; a load of 64 bits takes two.
        maps: name of the map whose address an instruction loads, by its number.
        calls: name of the function that an instruction calls, likewise.
        foreign: instructions in which a loader puts an answer of the running kernel, other than
            where a member of a structure stands.
        data: name of the map the address of whose only value an instruction loads, by its number.
    """

    name: str
    section: str
    start: int
    code: Mapping[int, Instruction]
    maps: Mapping[int, str]
    calls: Mapping[int, str]
    foreign: frozenset[int]
    data: Mapping[int, str] = Factory(dict)


class Code(Protocol):
    """What a machine runs."""

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of all functions."""

    def function(self, name: str) -> Function:
        """A function, every instruction of it known."""

    def line(self, function: Function, instruction: int) -> Line | None:
        """The source line that an instruction comes from, None if nobody knows."""


@frozen
class CodeImage:
    """Functions that were put together from instructions.

    Args:
        known: the functions, by name.
    """

    known: Mapping[str, Function]

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of all functions."""
        return tuple(self.known)

    def function(self, name: str) -> Function:
        """A function.

        Raises:
            Fault: there is none.
        """
        if name not in self.known:
            raise Fault("BPFC0920", f"there is no function {name}")
        return self.known[name]

    def line(self, function: Function, instruction: int) -> Line | None:
        """Nobody knows."""
        return None


def function_of(
    name: str,
    code: bytes,
    maps: Mapping[int, str] | None = None,
    calls: Mapping[int, str] | None = None,
) -> Function:
    """A function from its instructions.

    Args:
        name: what to call it.
        code: a whole number of instructions.
        maps: name of the map whose address an instruction loads, by its number.
        calls: name of the function that an instruction calls, likewise.

    Raises:
        Fault: it has an instruction that is not known.
    """
    found = _decoded(name, code)
    return Function(name, name, 0, found, dict(maps or {}), dict(calls or {}), frozenset())


def _decoded(name: str, code: bytes) -> dict[int, Instruction]:
    """Instructions that are all known and whole."""
    if len(code) % SLOT or not code:
        raise Fault("BPFC0920", f"{name} is not a whole number of instructions")
    found = decode(code)
    for at, ins in found.items():
        why = problem(ins)
        if why or at + ins.slots > len(code) // SLOT:
            place = f"{name}, instruction {at} (opcode {ins.opcode:#04x})"
            raise Fault("BPFC0920", f"{place}: {why or 'is cut off'}")
    return found


@frozen
class _Symbol:
    name: str
    kind: int
    section: int
    value: int
    size: int


@define(eq=False, slots=False)
class Image:
    """An object's functions, each taken apart when it is asked for.

    Args:
        data: an ELF object.
        label: what to call it in messages.

    Raises:
        ArtifactError: it is not an object.
        Fault: its tables cannot be read.
    """

    data: bytes = field(repr=False)
    label: str
    _functions: dict[str, Function] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        view = read_object(self.data, self.label)
        self._places = view.sections
        self._sections = list(view.sections)
        try:
            self._symbols = self._read_symbols()
            self._relocations = self._read_relocations()
            self._foreign = kernel_relocations(self.data, self._places)
        except (struct.error, ValueError, IndexError) as error:
            raise Fault("BPFC0921", f"{self.label} cannot be read: {error}") from error
        self._entries = {
            (self._sections[s.section], s.value): s
            for s in self._symbols
            if s.kind == _FUNCTION and s.section < len(self._sections)
        }
        self._by_name = {s.name: s for s in self._entries.values()}

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of all functions."""
        return tuple(self._by_name)

    @cached_property
    def _lines(self) -> dict[str, list[Line]]:
        found: dict[str, list[Line]] = {}
        for line in line_table(self.data, self._places):
            found.setdefault(line.section, []).append(line)
        return found

    def function(self, name: str) -> Function:
        """A function.

        Args:
            name: its symbol.

        Returns:
            The function, every instruction of it known.

        Raises:
            Fault: there is none, or it has an instruction that is not known.
        """
        if name not in self._functions:
            if name not in self._by_name:
                raise Fault("BPFC0920", f"{self.label} has no function {name}")
            self._functions[name] = self._taken_apart(self._by_name[name])
        return self._functions[name]

    def line(self, function: Function, instruction: int) -> Line | None:
        """The source line that an instruction comes from, None if the object does not say."""
        place = (function.start + instruction) * SLOT
        begin = function.start * SLOT
        before = [
            line for line in self._lines.get(function.section, []) if begin <= line.offset <= place
        ]
        return max(before, key=lambda line: line.offset, default=None)

    def _content(self, section: str) -> bytes:
        place = self._places[section]
        return self.data[place.offset : place.offset + place.size]

    def _read_symbols(self) -> list[_Symbol]:
        names = self._content(".strtab")
        found = []
        for name, info, _, section, value, size in _SYMBOL.iter_unpack(self._content(".symtab")):
            text = names[name : names.index(b"\0", name)].decode()
            found.append(_Symbol(text, info & 15, section, value, size))
        return found

    def _read_relocations(self) -> dict[str, dict[int, _Symbol]]:
        """Symbols by section and by number of the instruction that needs them."""
        found: dict[str, dict[int, _Symbol]] = {}
        for name in self._sections:
            if name.startswith(".rel") and name.removeprefix(".rel") in self._places:
                rows = _RELOCATION.iter_unpack(self._content(name))
                found[name.removeprefix(".rel")] = {
                    offset // SLOT: self._symbols[info >> 32] for offset, info in rows
                }
        return found

    def _taken_apart(self, symbol: _Symbol) -> Function:
        section = self._sections[symbol.section]
        start = symbol.value
        code = _decoded(symbol.name, self._content(section)[start : start + symbol.size])
        if start % SLOT:
            raise Fault("BPFC0920", f"{symbol.name} does not begin with an instruction")
        first = start // SLOT
        relocations = self._relocations.get(section, {})
        maps: dict[int, str] = {}
        calls: dict[int, str] = {}
        data: dict[int, str] = {}
        for at, ins in code.items():
            target = relocations.get(first + at)
            if ins.opcode == CALL and ins.src == PSEUDO_CALL:
                calls[at] = self._callee(symbol.name, section, first + at, ins, target)
            elif target is not None and self._is_data(ins, target):
                data[at] = target.name
            elif target is not None:
                maps[at] = self._map(symbol.name, at, ins, target)
            elif ins.opcode == LDDW and ins.src:
                raise Fault("BPFC0920", f"{symbol.name}, instruction {at}: an unknown address")
        foreign = frozenset(
            at for at in code if self._foreign.get((section, (first + at) * SLOT), 0)
        )
        return Function(symbol.name, section, first, code, maps, calls, foreign, data)

    def _is_data(self, ins: Instruction, target: _Symbol) -> bool:
        """Whether an instruction loads the address of what stands in a section of its own: libbpf
        makes a map of one value of it."""
        known = target.section < len(self._sections)
        section = self._sections[target.section] if known else ""
        whole = section == f".data.{target.name}" and not target.value and not ins.imm
        return ins.opcode == LDDW and whole

    def _callee(
        self, name: str, section: str, place: int, ins: Instruction, target: _Symbol | None
    ) -> str:
        """The function that a call means: relative to a symbol, or to the next instruction."""
        if target is None:
            key = (section, (place + 1 + ins.imm) * SLOT)
        else:
            base = target.value if target.kind == _FUNCTION else 0
            key = (self._sections[target.section], base + (ins.imm + 1) * SLOT)
        if key not in self._entries:
            raise Fault("BPFC0920", f"{name} calls something that is no function")
        return self._entries[key].name

    def _map(self, name: str, at: int, ins: Instruction, target: _Symbol) -> str:
        known = target.section < len(self._sections) and self._sections[target.section] == ".maps"
        if ins.opcode != LDDW or not known or target.kind == _SECTION:
            what = target.name or "a section"
            raise Fault("BPFC0921", f"{name}, instruction {at}: refers to {what}, which is no map")
        return target.name
