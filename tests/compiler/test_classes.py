"""Capacity classes: edits within one leave the code byte-identical in both halves."""

from ipaddress import IPv4Network

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from bpfc.artifact.container import Artifact
from bpfc.artifact.structure import HALVES
from compiler.driver import compile_sources
from compiler.elf import read_elf
from compiler.plan.classes import room_for

POLICY = """policy "edited" version "{version}" language 1

list tools = [{tools}]

rule program {{
  title "{title}"
  on process.exec
  when proc.exe.name in tools and not proc.cmdline contains any [{words}] nocase
       and proc.uid >= {uid}
  except "known" when proc.parent.exe.path startswith "{known}"
  deny {errno}
}}

rule address {{
  on net.connect
  when remote.port in [{ports}] and remote.ip in [{networks}]
  alert limit {limit} per {time}s by proc
}}

rule burst {{
  on net.connect
  when remote.port in [{ports}] and remote.ip in [{networks}]
  threshold {count} distinct remote.ip within {time}s by proc
}}

rule steps {{
  on sequence within {time}s
    [process.exec as x when x.proc.uid >= {uid}] by proc
    [net.connect as c when c.remote.port in [{ports}]] by proc
}}
"""

WORD = st.text("abcdefgh", min_size=3, max_size=8)
NETWORK = st.builds(
    lambda bits, length: str(IPv4Network((bits >> (32 - length) << (32 - length), length))),
    st.integers(1, (1 << 32) - 1),
    st.integers(8, 32),
)


def _listed(item: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    found = st.lists(item, min_size=least, max_size=most, unique=True)
    return found.map(", ".join)


def _quoted(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return item.map(lambda text: f'"{text}"')


# As many entries as one class takes: 2 bounds for each number and a quarter to spare.
EDITS = st.fixed_dictionaries(
    {
        "tools": _listed(_quoted(WORD), 1, 5),
        "words": _listed(_quoted(WORD), 1, 3),
        "uid": st.integers(1, 1 << 31),
        "known": WORD.map(lambda text: f"/{text}"),
        "errno": st.sampled_from(["EACCES", "EPERM"]),
        "ports": _listed(st.integers(1, 65535).map(str), 4, 6),
        "networks": _listed(NETWORK, 2, 3),
        "limit": st.integers(1, 1000),
        "count": st.integers(2, 1000),
        "time": st.integers(1, 1000),
        "version": WORD,
        "title": WORD,
    }
)
BASE = {
    "tools": '"true"', "words": '"abc"', "uid": 1, "known": "/a", "errno": "EACCES",
    "ports": "1, 2, 3, 4", "networks": "10.0.0.0/8, 11.0.0.0/8", "version": "1", "title": "t",
    "limit": 5, "count": 20, "time": 60,
}  # fmt: skip


def _compiled(values: dict[str, object]) -> Artifact:
    made = compile_sources([("edited.det", POLICY.format(**values))])
    assert made.artifact is not None, made.diagnostics
    return made.artifact


def _code(data: bytes) -> dict[str, tuple[bytes, tuple[tuple[int, int, str], ...]]]:
    """Bytes and relocations of every section with code."""
    return {
        s.name: (s.data, tuple((r.offset, r.type, r.symbol.name) for r in s.relocations))
        for s in read_elf(data).sections
        if s.executable
    }


# Shrinking an edit would compile hundreds of policies of another structure.
@settings(max_examples=30, deadline=None, phases=(Phase.generate,))
@given(EDITS)
def test_edits_within_a_class_leave_the_code_as_it_is(values: dict[str, object]) -> None:
    base, edited = _compiled(BASE), _compiled(values)
    assert all(base.structure(half) == edited.structure(half) for half in HALVES)
    assert _code(base.linux) == _code(edited.linux)
    assert _code(base.windows_object()) == _code(edited.windows_object())
    assume(values != BASE)
    assert base.content != edited.content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ports", "1, 2, 3, 4, 5, 6, 7"),  # the next class: 14 bounds and a quarter to spare
        ("ports", "1"),
        ("tools", ", ".join(f'"{a}{b}{a}"' for a in "abcdefgh" for b in "ijklmnop")),
    ],
)
def test_other_edits_are_structure(name: str, value: str) -> None:
    assert _compiled(BASE).structure("linux") != _compiled({**BASE, name: value}).structure("linux")


def test_a_rule_more_can_be_content() -> None:
    """A rule on what is tested already needs no new code, while rows and classes have room."""
    text = POLICY.format(**BASE) + (
        "rule more {\n  on net.connect\n"
        "  when remote.port == 1 and remote.ip == 10.0.0.0/8\n  alert\n}\n"
    )
    made = compile_sources([("edited.det", text)])
    assert made.artifact is not None
    assert made.artifact.structure("linux") == _compiled(BASE).structure("linux")


@given(st.integers(1, 1 << 20))
def test_a_class_has_a_quarter_to_spare(count: int) -> None:
    room = room_for(count)
    assert room & (room - 1) == 0
    assert count * 5 <= room * 4 < count * 5 * 2 + 8
