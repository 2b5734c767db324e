"""A module of IR being built: functions, maps, declarations and the debug information that becomes
BTF."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from bpfc.artifact.objects import DATA_MAP
from compiler.codegen import FLAVOUR
from compiler.emit.function import Function

# Instructions belong to "places", numbers from 1 that stand where a line number would. What they
# mean is put in at the end (compiler.elf.lines), so that code depends on a policy's shape only,
# never on its text.
NO_PLACE = 1
SOURCE_NAME = "rules.det"


@frozen
class MapDefinition:
    """A map as it stands in .maps: type number on the platform, sizes in bytes, entries.

    Args:
        direct: it stands in a data section instead, and code names its only entry's address.
    """

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    direct: bool = False


@frozen
class Struct:
    """A kernel structure fragment for CO-RE: (member, type) pairs, a type being a size in bytes,
    "ptr", ("chars", n), ("array", type, n) or the name of another fragment that is embedded."""

    name: str
    members: tuple[tuple[str, object], ...]


StructTable = dict[str, Struct]


def _quoted(text: str) -> str:
    """A string constant of LLVM assembly."""
    data = text.encode("utf-8")
    return "".join(chr(b) if 32 <= b < 127 and b not in b'"\\' else f"\\{b:02X}" for b in data)


class Unit:
    """One LLVM module under construction; `text()` gives its assembly.

    Args:
        producer: name and version of the compiler, kept in the debug information.
        helpers: numbers of the helpers that functions may call, by name.
    """

    def __init__(self, producer: str, helpers: Mapping[str, int]) -> None:
        self.helpers = helpers
        self._functions: list[Function] = []
        self._declarations: dict[str, None] = {}
        self._defined: set[str] = set()
        self._called: dict[str, int] = {}
        self._maps: dict[str, MapDefinition] = {}
        self._used_maps: dict[str, None] = {}
        self._globals: list[str] = []
        self._types: dict[str, str] = {}
        self._meta: list[str] = []
        self._ids: dict[str, int] = {}
        self._variables: list[int] = []
        self.file = self.meta(f'!DIFile(filename: "{SOURCE_NAME}", directory: "")')
        self.compile_unit = self._reserve()
        self._producer = _quoted(producer)
        self.u64 = self.meta(
            '!DIBasicType(name: "unsigned long long", size: 64, encoding: DW_ATE_unsigned)'
        )
        self.int = self.meta('!DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)')
        self.char = self.meta('!DIBasicType(name: "char", size: 8, encoding: DW_ATE_signed_char)')
        self.pointer = self.meta(
            "!DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)"
        )

    # ------------------------------------------------------------------ metadata

    def _reserve(self) -> int:
        self._meta.append("")
        return len(self._meta) - 1

    def meta(self, text: str) -> int:
        """A metadata node by its text; equal texts share one node."""
        if text not in self._ids:
            self._ids[text] = self._reserve()
            self._meta[self._ids[text]] = text
        return self._ids[text]

    def rolled(self) -> int:
        """Loop metadata that forbids unrolling; distinct for every loop, as LLVM demands."""
        disable = self.meta('!{!"llvm.loop.unroll.disable"}')
        node = self._reserve()
        self._meta[node] = f"distinct !{{!{node}, !{disable}}}"
        return node

    def location(self, place: int, scope: int) -> int:
        """The debug location of a place within a function."""
        return self.meta(f"!DILocation(line: {place}, column: 1, scope: !{scope})")

    def subprogram(self, name: str, arguments: tuple[str, ...], context: bool, place: int) -> int:
        """Debug information of a function; becomes BTF_KIND_FUNC with named arguments."""
        kind = self.pointer if context else self.u64
        result = self.int if context else self.u64
        types = self.meta(
            "!{" + ", ".join(f"!{t}" for t in [result, *[kind] * len(arguments)]) + "}"
        )
        signature = self.meta(f"!DISubroutineType(types: !{types})")
        node = self._reserve()
        names = [
            self.meta(
                f'!DILocalVariable(name: "{a}", arg: {i + 1}, scope: !{node}, file: !{self.file},'
                f" line: 1, type: !{kind})"
            )
            for i, a in enumerate(arguments)
        ]
        retained = self.meta("!{" + ", ".join(f"!{n}" for n in names) + "}")
        self._meta[node] = (
            f'distinct !DISubprogram(name: "{name}", scope: !{self.file}, file: !{self.file},'
            f" line: {place}, type: !{signature}, scopeLine: {place}, spFlags: DISPFlagDefinition |"
            f" DISPFlagOptimized, unit: !{self.compile_unit}, retainedNodes: !{retained})"
        )
        return node

    def _member(self, name: str, type_: int, bits: int, offset: int) -> int:
        return self.meta(
            f'!DIDerivedType(tag: DW_TAG_member, name: "{name}", file: !{self.file},'
            f" baseType: !{type_}, size: {bits}, offset: {offset})"
        )

    def _structure(self, name: str, members: list[int], bits: int) -> int:
        elements = self.meta("!{" + ", ".join(f"!{m}" for m in members) + "}")
        named = f'name: "{name}", ' if name else ""
        return self.meta(
            f"!DICompositeType(tag: DW_TAG_structure_type, {named}file: !{self.file},"
            f" size: {bits}, elements: !{elements})"
        )

    def _array(self, element: int, bits: int, count: int) -> int:
        elements = self.meta(f"!{{!{self.meta(f'!DISubrange(count: {count})')}}}")
        return self.meta(
            f"!DICompositeType(tag: DW_TAG_array_type, baseType: !{element},"
            f" size: {bits * count}, elements: !{elements})"
        )

    def struct_type(self, struct: Struct, embedded: StructTable) -> tuple[int, str, int, int]:
        """A structure fragment as debug information and IR type.

        Returns:
            Metadata node, IR type name, size and alignment in bytes.
        """
        members, ir, offset, widest = [], [], 0, 1
        for name, kind in struct.members:
            node, text, size, alignment = self._member_type(kind, embedded)
            offset += -offset % alignment
            widest = max(widest, alignment)
            members.append(self._member(name, node, size * 8, offset * 8))
            ir.append(text)
            offset += size
        size = offset + -offset % widest
        name = f"%struct.{struct.name}"
        self._types[name] = f"{name} = type {{ {', '.join(ir)} }}"
        node = self._structure(struct.name + FLAVOUR, members, size * 8)
        return node, name, size, widest

    def _member_type(self, kind: object, embedded: StructTable) -> tuple[int, str, int, int]:
        """Debug information, IR type, size and alignment of a member."""
        if kind == "ptr":
            return self.pointer, "ptr", 8, 8
        if isinstance(kind, tuple) and kind[0] == "array":
            node, text, size, alignment = self._member_type(kind[1], embedded)
            count = int(kind[2])
            array = self._array(node, 8 * size, count)
            return array, f"[{count} x {text}]", size * count, alignment
        if isinstance(kind, tuple):
            count = int(kind[1])
            return self._array(self.char, 8, count), f"[{count} x i8]", count, 1
        if isinstance(kind, int):
            return self._integer(kind), f"i{kind * 8}", kind, kind
        return self.struct_type(embedded[str(kind)], embedded)

    def _integer(self, size: int) -> int:
        if size == 8:
            return self.u64
        names = {1: "unsigned char", 2: "unsigned short", 4: "unsigned int"}
        return self.meta(
            f'!DIBasicType(name: "{names[size]}", size: {size * 8}, encoding: DW_ATE_unsigned)'
        )

    # ------------------------------------------------------------------ contents

    def function(
        self,
        name: str,
        *arguments: str,
        section: str | None = None,
        context: bool = False,
        place: int = NO_PLACE,
        inline: bool = False,
    ) -> Function:
        """Start a function (see `Function`)."""
        fn = Function(self, name, arguments, place, section=section, context=context, inline=inline)
        self._functions.append(fn)
        self._defined.add(name)
        return fn

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the functions that the object will have from here, in order."""
        return tuple(f.name for f in self._functions if not f.inline)

    def declare(self, text: str) -> None:
        """Declare an intrinsic."""
        self._declarations[text] = None

    def declare_function(self, name: str, arguments: int) -> None:
        """Note that a function is called, wherever it is defined."""
        self._called[name] = arguments

    def use_map(self, name: str) -> None:
        """Note that a map is used, wherever it is defined."""
        self._used_maps[name] = None

    def define_map(self, definition: MapDefinition) -> None:
        """Define a map in .maps with BTF (kernel tools/lib/bpf: BTF-defined maps)."""
        self._maps[definition.name] = definition

    def license(self, text: str) -> None:
        """The licence that GPL-only helpers ask for."""
        data = _quoted(text + "\0")
        self._globals.append(
            f'@_license = dso_local global [{len(text) + 1} x i8] c"{data}",'
            ' section "license", align 1'
        )

    def is_direct(self, name: str) -> bool:
        """Whether code can name the address of a map's only entry."""
        return name in self._maps and self._maps[name].direct

    def _map_text(self, definition: MapDefinition) -> str:
        """A map's variable: a struct of pointers to arrays whose lengths are the attributes."""
        if definition.direct:
            return (
                f"@{definition.name} = dso_local global [{definition.value_size} x i8]"
                f' zeroinitializer, section "{DATA_MAP}{definition.name}", align 8'
            )
        members, offset = [], 0
        attributes = {
            "type": definition.type,
            "key_size": definition.key_size,
            "value_size": definition.value_size,
            "max_entries": definition.max_entries,
        }
        for name, value in attributes.items():
            if value == 0 and name != "type":
                continue
            array = self._array(self.int, 32, value)
            pointer = self.meta(
                f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: !{array}, size: 64)"
            )
            members.append(self._member(name, pointer, 64, offset))
            offset += 64
        struct = self._structure("", members, offset)
        variable = self.meta(
            f'distinct !DIGlobalVariable(name: "{definition.name}", scope: !{self.compile_unit},'
            f" file: !{self.file}, line: 1, type: !{struct}, isLocal: false, isDefinition: true)"
        )
        expression = self.meta(
            f"!DIGlobalVariableExpression(var: !{variable}, expr: !DIExpression())"
        )
        self._variables.append(expression)
        body = f"{{ {', '.join(['ptr'] * (offset // 64))} }}"
        return (
            f"@{definition.name} = dso_local global {body} zeroinitializer,"
            f' section ".maps", align 8, !dbg !{expression}'
        )

    def text(self) -> str:
        """The module as LLVM assembly."""
        functions = [f.text() for f in self._functions]
        maps = [self._map_text(m) for m in self._maps.values()]
        maps += [
            f"@{name} = external dso_local global i64"
            for name in self._used_maps
            if name not in self._maps
        ]
        declared = [
            f"declare dso_local i64 @{name}({', '.join(['i64'] * count)}) #0"
            for name, count in self._called.items()
            if name not in self._defined
        ]
        variables = self.meta("!{" + ", ".join(f"!{v}" for v in self._variables) + "}")
        self._meta[self.compile_unit] = (
            f"distinct !DICompileUnit(language: DW_LANG_C99, file: !{self.file},"
            f' producer: "{self._producer}", isOptimized: true, runtimeVersion: 0,'
            f" emissionKind: FullDebug, globals: !{variables})"
        )
        version = self.meta('!{i32 2, !"Debug Info Version", i32 3}')
        dwarf = self.meta('!{i32 7, !"Dwarf Version", i32 4}')
        metadata = [f"!{i} = {text}" for i, text in enumerate(self._meta)]
        return "\n".join(
            [
                'target triple = "bpfel"',
                *self._types.values(),
                *self._globals,
                *maps,
                *self._declarations,
                *declared,
                *functions,
                "attributes #0 = { noinline nounwind }",
                "attributes #1 = { alwaysinline nounwind }",
                f"!llvm.dbg.cu = !{{!{self.compile_unit}}}",
                f"!llvm.module.flags = !{{!{version}, !{dwarf}}}",
                *metadata,
                "",
            ]
        )
