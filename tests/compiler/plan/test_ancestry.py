"""Conditions on ancestors: which there are, what of them is content, how many fit."""

from compiler.driver import Compilation, compile_sources
from compiler.plan.planner import plan
from dsl.frontend import check

HEADER = 'policy "test" version "1" language 1\n'
# Carried by both platforms, so that there are two halves.
PLAIN = 'rule plain { on process.exec or net.connect when proc.exe.name == "x" alert }\n'


def compiled(rules: str) -> Compilation:
    """Compile rules."""
    return compile_sources([("test.det", HEADER + rules)])


def below(number: int, names: str, rest: str = "", event: str = "process.exec") -> str:
    """A rule about ancestors of some names."""
    return (
        f"rule r{number} {{ on {event} when proc.ancestors any exe.name in [{names}]"
        f" {rest} alert }}\n"
    )


def codes(result: Compilation) -> list[str]:
    """Codes of the errors."""
    return [d.code for d in result.diagnostics if d.severity == "error"]


def test_the_same_condition_is_one() -> None:
    policy, _ = check([("test.det", HEADER + below(0, '"a"') + below(1, '"a"', "or true"))])
    assert policy is not None
    found, _ = plan(policy)
    assert found is not None and found.image is not None
    assert found.memory.ancestors == ('proc.ancestors any (ancestor.exe.name in "a")',)
    assert found.image.event.rules == (0,)


def test_no_more_than_a_word_has_bits() -> None:
    rules = "".join(below(number, f'"n{number}"') for number in range(64))
    assert codes(compiled(rules)) == []
    one_more, again = (below(64, names, event="net.connect") for names in ('"n64"', '"n1"'))
    assert codes(compiled(rules + one_more)) == ["BPFC0683"]
    assert codes(compiled(rules + again)) == []


def test_an_edited_list_is_content_and_changes_the_digest() -> None:
    one, two, other = (
        compiled(PLAIN + below(0, names)).artifact for names in ('"a", "b"', '"a", "c"', '"a", "b"')
    )
    assert one and two and other
    assert one.structure("linux") == two.structure("linux")
    assert one.manifest.linux.core_hash == two.manifest.linux.core_hash
    assert one.data == other.data
    maps = {info.name: info for info in one.manifest.linux.maps}
    assert maps["ancestry"].identity
    contents = [
        (
            next(c for c in item.manifest.linux.contents if c.map == "m_process_image"),
            item,
        )
        for item in (one, two)
    ]
    first, second = (item.content[c.offset : c.offset + c.size] for c, item in contents)
    assert first != second


def test_the_core_is_the_same_in_both_halves() -> None:
    result = compiled(PLAIN + below(0, '"a"'))
    assert result.artifact is not None and result.artifact.manifest.windows is not None
    manifest = result.artifact.manifest
    assert manifest.linux.core_hash == result.artifact.manifest.windows.core_hash
    rows = {(row.rule, row.platform): row for row in result.coverage}
    assert rows["r0", "linux"].carried
    assert not rows["r0", "windows"].carried
    assert "Windows has no proc.ancestors any" in rows["r0", "windows"].text


def test_it_is_told_whose_condition_is_too_complicated() -> None:
    tests = " and ".join(
        f'(exe.name == "a{n}" or cmdline contains "b{n}" or invoked_as == "c{n}")' for n in range(4)
    )
    result = compiled(f"rule many {{ on net.connect when proc.ancestors any ({tests}) alert }}\n")
    assert codes(result) == ["BPFC0651"]
    assert "rule many" in result.diagnostics[0].message
