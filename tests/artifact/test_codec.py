"""The manifest's codec: one form on the way out, every value checked on the way in."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import fields as attrs_fields
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact import limits
from bpfc.artifact.codec import CATALOGUE_VERSION, manifest_bytes, parse_manifest
from bpfc.artifact.confirm import (
    FOLDS,
    NODES,
    TESTS,
    AgentField,
    Automaton,
    ConfirmInfo,
    ConfirmNode,
    ConfirmTest,
)
from bpfc.artifact.control import SHARED_VERSION
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.manifest import (
    Content,
    EventLayout,
    Form,
    Half,
    Manifest,
    MapInfo,
    NumberField,
    ProgramInfo,
    RuleEvent,
    RuleInfo,
    TextField,
)
from dsl.catalogue import load
from tests.artifact import samples

NAME = st.from_regex(r"[a-z_][a-z0-9_.]{0,12}", fullmatch=True)
FREE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
U64 = st.integers(0, limits.U64_MAX)


def _some(item: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(item, max_size=2).map(tuple)


NUMBERS = st.builds(
    NumberField,
    NAME,
    st.sampled_from(["int", "ip", "enum"]),
    st.integers(0, 47),
    st.integers(1, 2),
    st.booleans(),
    _some(st.tuples(NAME, st.integers(-5, 5))),
)
TEXTS = st.builds(
    TextField,
    NAME,
    st.sampled_from(["string", "path", "strings"]),
    st.integers(0, 15),
    st.sampled_from(["", "name", "elements"]),
    st.booleans(),
)
LAYOUTS = st.builds(EventLayout, NAME, st.integers(0, 65535), _some(NUMBERS), _some(TEXTS), U64)
FORMS = st.builds(
    Form,
    st.sampled_from(["before", "after"]),
    _some(NAME),
    st.integers(0, 255),
    st.integers(0, 4095),
    FREE,
)
AUTOMATA = st.builds(
    Automaton,
    _some(st.integers(0, 300)),
    _some(st.integers(0, 2)),
    _some(_some(st.integers(0, 2))),
    _some(st.integers(0, 2)),
    st.none() | st.integers(0, 2),
)
CONFIRM_TESTS = st.builds(
    ConfirmTest,
    NAME,
    st.sampled_from(TESTS),
    _some(FREE),
    _some(st.tuples(*[st.integers(-(1 << 63), (1 << 128) - 1)] * 2)),
    _some(st.tuples(*[st.integers(0, 2)] * 2)),
    _some(st.integers(0, 2)),
    st.booleans(),
    st.sampled_from(FOLDS),
    st.sampled_from(["", "any", "all", "count", "0", "12"]),
)
NODES_ = st.builds(ConfirmNode, st.sampled_from(sorted(NODES)), _some(st.integers(0, 3)))
CONFIRMS = st.builds(
    ConfirmInfo, st.booleans(), _some(CONFIRM_TESTS), _some(NODES_), _some(AUTOMATA)
)
AGENT = st.builds(AgentField, NAME, st.sampled_from(["string", "bool"]), NAME, _some(NAME))
RULE_EVENTS = st.builds(RuleEvent, NAME, st.integers(0, 1000), _some(FORMS))
RULES = st.builds(
    RuleInfo,
    NAME,
    _some(st.tuples(NAME, FREE)),
    _some(st.tuples(st.sampled_from(["text", "field"]), FREE)),
    st.booleans(),
    st.sampled_from(["enforce", "audit"]),
    FREE,
    st.integers(0, 1000),
    _some(RULE_EVENTS),
    _some(RULE_EVENTS),
    _some(st.tuples(FREE, st.integers(0, 9))),
    agent=_some(AGENT),
    confirm=st.none() | CONFIRMS,
)
PROGRAMS = st.builds(
    ProgramInfo,
    NAME,
    NAME,
    st.sampled_from(["dispatcher", "adapter"]),
    NAME,
    st.sampled_from(["any", "atomic", "plain"]),
    NAME,
    _some(NAME),
    _some(NAME),
)
MAPS = st.builds(
    MapInfo,
    NAME,
    st.sampled_from(["array", "hash", "ringbuf"]),
    st.integers(0, 512),
    st.integers(0, 1 << 20),
    st.integers(1, 1 << 20),
    st.sampled_from(["shared", "policy", "content"]),
    st.integers(0, 4),
)
CONTENTS = st.builds(Content, NAME, st.integers(0, 9), st.integers(0, 999), st.integers(0, 999))
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
HALVES = st.builds(
    Half, _some(PROGRAMS), _some(MAPS), _some(CONTENTS), HASHES, st.integers(0, 1 << 20), HASHES
)
MANIFESTS = st.builds(
    Manifest,
    st.just(1),
    NAME,
    FREE,
    FREE,
    st.just(1),
    HASHES,
    _some(RULES),
    _some(LAYOUTS),
    HALVES,
    st.none() | HALVES,
    st.just(SHARED_VERSION),
    _some(_some(FREE)),
)


@given(MANIFESTS)
def test_round_trip(manifest: Manifest) -> None:
    data = manifest_bytes(manifest)
    assert parse_manifest(data) == manifest
    assert manifest_bytes(parse_manifest(data)) == data


def test_form_is_canonical() -> None:
    data = manifest_bytes(samples.manifest())
    value = json.loads(data)
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data == again.encode()
    assert list(value) == sorted(a.name for a in attrs_fields(Manifest))


def test_supported_catalogue_is_the_one_that_ships() -> None:
    assert load().version == CATALOGUE_VERSION


def _set(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return change


# What is changed, the code, and what the message has to name.
BAD = [
    (_set("version", to=2), "BPFC0759", "manifest version 2"),
    (_set("version", to=0), "BPFC0758", "version"),
    (_set("version", to="1"), "BPFC0758", "version"),
    (_set("catalogue", to=99), "BPFC0760", "catalogue version 99"),
    (_set("shared_version", to=7), "BPFC0761", "version 7"),
    (_set("rules", to={}), "BPFC0758", "rules is not a list"),
    (_set("rules", 0, "name", to="../x y"), "BPFC0758", "rules[0].name"),
    (_set("rules", 0, "name", to="n" * 300), "BPFC0758", "300 characters"),
    (_set("rules", 0, "silent", to=1), "BPFC0758", "rules[0].silent"),
    (_set("rules", 0, "mode", to="off"), "BPFC0758", "rules[0].mode"),
    (_set("rules", 0, "line", to=True), "BPFC0758", "rules[0].line"),
    (_set("rules", 0, "line", to=1.5), "BPFC0758", "rules[0].line"),
    (_set("rules", 0, "metadata", to=[["id"]]), "BPFC0758", "rules[0].metadata[0]"),
    (_set("rules", 0, "metadata", to=[["id", "\ud800"]]), "BPFC0758", "metadata[0][1]"),
    (_set("rules", 0, "metadata", to=[["id", "a\0b"]]), "BPFC0758", "metadata[0][1]"),
    (_set("rules", 0, "linux", 0, "forms", 0, "errno", to=4096), "BPFC0758", "errno is 4096"),
    (_set("rules", 0, "linux", 0, "forms", 0, "actions", to=-1), "BPFC0758", "actions is -1"),
    (_set("layouts", 0, "digest", to=1 << 64), "BPFC0758", "layouts[0].digest"),
    (_set("layouts", 0, "numbers", 0, "index", to=48), "BPFC0758", "index is 48"),
    (_set("layouts", 0, "texts", 0, "view", to=16), "BPFC0758", "view is 16"),
    (_set("layouts", 0, "numbers", 0, "kind", to="float"), "BPFC0758", "numbers[0].kind"),
    (_set("linux", "maps", 0, "type", to="bloom"), "BPFC0758", "linux.maps[0].type"),
    (_set("linux", "maps", 0, "max_entries", to=0), "BPFC0758", "max_entries is 0"),
    (_set("linux", "maps", 0, "value_size", to=1 << 40), "BPFC0758", "value_size"),
    (_set("linux", "core_hash", to="AB" * 32), "BPFC0758", "linux.core_hash"),
    (_set("windows", to=[]), "BPFC0758", "windows is not an object"),
    (_set("extra", to=1), "BPFC0758", "extra"),
]


@pytest.mark.parametrize(("change", "code", "text"), BAD)
def test_bad_values_are_named(
    change: Callable[[dict[str, Any]], None], code: str, text: str
) -> None:
    value = json.loads(manifest_bytes(samples.manifest()))
    change(value)
    with pytest.raises(ArtifactError) as caught:
        parse_manifest(json.dumps(value).encode())
    assert caught.value.code == code
    assert text in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"9" * 10_000,
        b'{"version":NaN}',
        b'{"version":1,"version":1}',
        b'{"version":1e999}',
    ],
)
def test_what_is_no_manifest_at_all(data: bytes) -> None:
    with pytest.raises(ArtifactError) as caught:
        parse_manifest(data)
    assert caught.value.code == "BPFC0758"


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
))  # fmt: skip
def test_any_json_gives_one_error(value: object) -> None:
    with pytest.raises(ArtifactError):
        parse_manifest(json.dumps(value).encode())


@given(st.data())
def test_replaced_values_give_one_error_or_a_manifest(data: st.DataObject) -> None:
    value: Any = json.loads(manifest_bytes(samples.manifest()))
    node = value
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        inner = node[key]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            node[key] = data.draw(
                st.sampled_from([None, True, -1, 1 << 70, "", "x" * 20_000, [], {}, [[]], 0.5])
            )
            break
        node = inner
    try:
        manifest = parse_manifest(json.dumps(value).encode())
    except ArtifactError as error:
        assert error.code.startswith(("BPFC075", "BPFC076"))
    else:
        assert isinstance(manifest, Manifest)
