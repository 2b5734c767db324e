"""Small BPF objects for these tests, as LLVM assembly: maps with BTF, programs with lines."""

from attrs import define, field, frozen

from bpfc.artifact.manifest import MapInfo
from compiler.codegen import emit_object, optimise
from compiler.elf.strip import strip_debug
from runtime_linux.maps import MAP_TYPES

HELPERS = {
    "map_lookup": 1,
    "tail_call": 12,
    "current_pid": 14,
    "ktime_boot": 125,
    "reserve": 131,
    "submit": 132,
}


def helper(name: str) -> str:
    """A helper as the callee of a call."""
    return f"inttoptr (i64 {HELPERS[name]} to ptr)"


@frozen
class Function:
    """A program: its body is LLVM assembly between the braces, `@LINE n` being a location."""

    name: str
    section: str
    body: str


@define
class Module:
    """A module in the making.

    Args:
        file: name of the source file that lines refer to.
        source: its text, which the verifier's log quotes.
    """

    file: str
    source: str
    _nodes: list[str] = field(factory=list)

    def _node(self, text: str) -> str:
        self._nodes.append(text)
        return f"!{len(self._nodes) - 1}"

    def build(self, maps: list[MapInfo], functions: list[Function]) -> bytes:
        """The object.

        Args:
            maps: as the manifest has them.
            functions: programs.

        Returns:
            A stripped ELF object.
        """
        self._nodes.clear()
        unit = self._node("")
        quoted = "".join(f"\\{b:02X}" for b in self.source.encode())
        file = self._node(f'!DIFile(filename: "{self.file}", directory: "", source: "{quoted}")')
        integer = self._node('!DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)')
        pointer = self._node("!DIDerivedType(tag: DW_TAG_pointer_type, baseType: null, size: 64)")
        variables, lines = [], []
        for info in maps:
            variable, text = self._map(info, unit, file, integer)
            variables.append(variable)
            lines.append(text)
        signature = self._node(
            f"!DISubroutineType(types: {self._node(f'!{{{integer}, {pointer}}}')})"
        )
        lines += [self._function(f, unit, file, signature, pointer) for f in functions]
        globals_ = self._node("!{" + ", ".join(variables) + "}")
        self._nodes[0] = (
            f'distinct !DICompileUnit(language: DW_LANG_C99, file: {file}, producer: "tests",'
            f" isOptimized: true, runtimeVersion: 0, emissionKind: FullDebug, globals: {globals_})"
        )
        version = self._node('!{i32 2, !"Debug Info Version", i32 3}')
        text = "\n".join(
            [
                'target triple = "bpfel"',
                '@_license = dso_local global [4 x i8] c"GPL\\00", section "license"',
                *lines,
                f"!llvm.dbg.cu = !{{{unit}}}",
                f"!llvm.module.flags = !{{{version}}}",
                *(f"!{i} = {node}" for i, node in enumerate(self._nodes)),
            ]
        )
        return strip_debug(emit_object([optimise(text)]))

    def _map(self, info: MapInfo, unit: str, file: str, integer: str) -> tuple[str, str]:
        wanted = {
            "type": MAP_TYPES[info.type],
            "key_size": info.key_size,
            "value_size": info.value_size,
            "max_entries": info.max_entries,
        }
        members: list[str] = []
        for name, value in wanted.items():
            if not value:
                continue
            count = self._node(f"!{{{self._node(f'!DISubrange(count: {value})')}}}")
            array = self._node(
                f"!DICompositeType(tag: DW_TAG_array_type, baseType: {integer},"
                f" size: {32 * value}, elements: {count})"
            )
            target = self._node(
                f"!DIDerivedType(tag: DW_TAG_pointer_type, baseType: {array}, size: 64)"
            )
            members.append(
                self._node(
                    f'!DIDerivedType(tag: DW_TAG_member, name: "{name}", file: {file},'
                    f" baseType: {target}, size: 64, offset: {64 * len(members)})"
                )
            )
        elements = self._node("!{" + ", ".join(members) + "}")
        struct = self._node(
            f"!DICompositeType(tag: DW_TAG_structure_type, file: {file},"
            f" size: {64 * len(members)}, elements: {elements})"
        )
        variable = self._node(
            f'distinct !DIGlobalVariable(name: "{info.name}", scope: {unit}, file: {file}, line: 1,'
            f" type: {struct}, isLocal: false, isDefinition: true)"
        )
        node = self._node(f"!DIGlobalVariableExpression(var: {variable}, expr: !DIExpression())")
        body = ", ".join(["ptr"] * len(members))
        text = (
            f"@{info.name} = dso_local global {{ {body} }} zeroinitializer,"
            f' section ".maps", align 8, !dbg {node}'
        )
        return node, text

    def _function(self, f: Function, unit: str, file: str, signature: str, pointer: str) -> str:
        node = self._node("")
        argument = self._node(
            f'!DILocalVariable(name: "ctx", arg: 1, scope: {node}, file: {file}, line: 1,'
            f" type: {pointer})"
        )
        retained = self._node(f"!{{{argument}}}")
        self._nodes[int(node[1:])] = (
            f'distinct !DISubprogram(name: "{f.name}", scope: {file}, file: {file}, line: 1,'
            f" type: {signature}, scopeLine: 1, spFlags: DISPFlagDefinition | DISPFlagOptimized,"
            f" unit: {unit}, retainedNodes: {retained})"
        )
        rows = []
        for row in f.body.strip().splitlines():
            code, _, line = row.partition("@LINE")
            if line:
                place = self._node(f"!DILocation(line: {int(line)}, column: 1, scope: {node})")
                code = f"{code.rstrip()}, !dbg {place}"
            rows.append(code)
        head = f'define dso_local i32 @{f.name}(ptr %ctx) section "{f.section}" !dbg {node} {{'
        return "\n".join([head, *rows, "}"])
