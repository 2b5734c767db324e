"""Code generation: what LLVM would abort on is refused before, and code depends on shape only."""

import pytest

from compiler import codegen, objects
from compiler.driver import CORE_HELPERS, Compilation, compile_sources
from compiler.elf import read_elf
from compiler.emit.unit import Unit

POLICY = """policy "shape" version "1" language 1

rule program {{
  on process.exec
  when proc.exe.name in [{names}] and not proc.cmdline contains "{word}"
  alert
}}

rule address {{
  on net.connect
  when remote.port == {port} and remote.ip in [{network}]
  deny
}}
"""


def _compile(**values: str) -> Compilation:
    made = compile_sources([("shape.det", POLICY.format(**values))])
    assert made.artifact is not None, made.diagnostics
    return made


def _code(data: bytes) -> dict[str, bytes]:
    sections = read_elf(data).sections
    return {s.name: s.data for s in sections if s.flags & 4}  # SHF_EXECINSTR


ONE = {"names": '"true", "id"', "word": "quiet", "port": "4000", "network": "10.0.0.0/8"}
TWO = {"names": '"curl"', "word": "other word", "port": "80", "network": "2001:db8::/32"}


def test_code_does_not_depend_on_literals() -> None:
    first, second = _compile(**ONE).artifact, _compile(**TWO).artifact
    assert first is not None and second is not None
    assert _code(first.data) == _code(second.data)
    assert _code(first.windows_object()) == _code(second.windows_object())
    assert first.content != second.content


def test_the_core_is_the_same_in_both_halves() -> None:
    manifest = _compile(**ONE).artifact.manifest  # type: ignore[union-attr]
    assert manifest.windows is not None
    assert manifest.linux.core_hash == manifest.windows.core_hash
    assert manifest.linux.core_size == manifest.windows.core_size > 0


def test_a_child_makes_the_same_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for forking in (True, False):
        objects.generate.cache_clear()
        monkeypatch.setattr(objects, "_may_fork", lambda forking=forking: forking)
        artifact = _compile(**ONE).artifact
        assert artifact is not None
        made.append(artifact.data)
    assert made[0] == made[1]


def test_a_child_that_fails_leaves_the_error_to_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_may_fork", lambda: True)
    unit = Unit("test", CORE_HELPERS)
    function = unit.function("core", "a")
    function.ret(0)
    core = objects.CoreModule(unit.text(), unit.functions)
    empty = Unit("test", CORE_HELPERS).text()
    with pytest.raises(codegen.CodegenError):
        objects.generate(core, (empty, "define i64 @f( {"))


def test_line_information_quotes_the_rules() -> None:
    data = _compile(**TWO).artifact.data  # type: ignore[union-attr]
    btf = read_elf(data).section(".BTF")
    assert btf is not None
    for text in (b"shape.det\0", b"rule program {\0", b"when remote.port == 80 and remote.ip in"):
        assert text in btf.data


def test_no_debug_section_is_left() -> None:
    data = _compile(**ONE).artifact.data  # type: ignore[union-attr]
    assert not [s.name for s in read_elf(data).sections if "debug" in s.name]


def test_more_than_five_arguments_are_refused() -> None:
    unit = Unit("test", CORE_HELPERS)
    with pytest.raises(ValueError, match="five arguments"):
        unit.function("f", "a", "b", "c", "d", "e", "g")


def test_too_much_stack_is_refused() -> None:
    function = Unit("test", CORE_HELPERS).function("f", "a")
    function.stack(200)
    with pytest.raises(ValueError, match="stack"):
        function.stack(64)


def test_a_function_without_a_return_is_refused() -> None:
    unit = Unit("test", CORE_HELPERS)
    unit.function("f", "a")
    with pytest.raises(ValueError, match="without a return"):
        unit.text()


def test_a_call_of_nothing_is_refused() -> None:
    unit = Unit("test", CORE_HELPERS)
    function = unit.function("f", "a")
    function.ret(function.call("memcpy", 1, 2, 3))
    data = codegen.emit_object([codegen.optimise(unit.text())])
    with pytest.raises(codegen.CodegenError, match="memcpy"):
        codegen.check_symbols(read_elf(data).symbols)


def test_broken_assembly_is_an_error_not_an_abort() -> None:
    with pytest.raises(codegen.CodegenError):
        codegen.optimise("define i64 @f( {")
