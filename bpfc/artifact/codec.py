"""The manifest as canonical JSON: written in one form only, every value checked when read.

The shape of each value is a row of checks below (one per attribute), so that reading has no code
path of its own per class. What belongs together across values is `consistency.py`'s.
"""

import json
import re
from collections.abc import Callable
from typing import Any, cast

from attrs import asdict

from bpfc.artifact import limits
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
from bpfc.artifact.control import CONTENT_SCOPE, KEPT_SCOPE, SHARED_VERSION
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.manifest import (
    MANIFEST_VERSION,
    Content,
    EventLayout,
    Form,
    Half,
    Manifest,
    MapInfo,
    NumberField,
    OutputInfo,
    ProgramInfo,
    RuleEvent,
    RuleInfo,
    StepInfo,
    TextField,
)
from bpfc.artifact.record import NUMBERS_MAX, VIEWS_MAX
from bpfc.artifact.sets import MEMBERS, SetInfo
from bpfc.artifact.testing import WORDS, Judge, SlotLayout

CATALOGUE_VERSION = 2  # newest event catalogue this version of bpfc can carry out

MAP_TYPES = (
    "array",
    "hash",
    "prog_array",
    "ringbuf",
    "percpu_array",
    "percpu_hash",
    "lru_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
)
NUMBER_KINDS = ("int", "bool", "enum", "flags", "port", "ip", "duration", "time")
TEXT_KINDS = ("string", "path", "strings")
PARTS = ("", "name", "directory", "extension", "elements")

# A check takes a value as json made it and the place it stands at; it gives the value or raises.
Check = Callable[[object, str], Any]

_RECOMPILE = "Compile the rules again with the bpfc version that is to run them"


def _wrong(place: str, text: str) -> ArtifactError:
    """The error for a value of the wrong shape."""
    return ArtifactError(
        "BPFC0758", f"the manifest's {place or 'top level'} {text}", "Compile the rules again"
    )


def _number(low: int, high: int) -> Check:
    """An integer of that range."""

    def check(value: object, place: str) -> int:
        if type(value) is not int:  # a bool is an int to isinstance
            raise _wrong(place, "is not an integer")
        if not low <= value <= high:
            raise _wrong(place, f"is {value}, outside {low} to {high}")
        return value

    return check


def _flag(value: object, place: str) -> bool:
    """True or false."""
    if type(value) is not bool:
        raise _wrong(place, "is neither true nor false")
    return value


def _text(limit: int, pattern: str = "") -> Check:
    """Text of at most `limit` characters without NUL, matching a pattern if there is one."""
    expression = re.compile(pattern) if pattern else None

    def check(value: object, place: str) -> str:
        if not isinstance(value, str):
            raise _wrong(place, "is not text")
        if len(value) > limit:
            raise _wrong(place, f"has {len(value)} characters, more than {limit}")
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise _wrong(place, "holds a character that is not allowed")
        if expression is not None and not expression.fullmatch(value):
            raise _wrong(place, f"is {value[:64]!r}, which is not of the expected form")
        return value

    return check


def _choice(*options: str) -> Check:
    """One of some words."""

    def check(value: object, place: str) -> str:
        if not isinstance(value, str) or value not in options:
            raise _wrong(place, f"is {str(value)[:64]!r}, not one of {', '.join(options)}")
        return value

    return check


def _many(item: Check, limit: int) -> Check:
    """A list of at most `limit` items."""

    def check(value: object, place: str) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _wrong(place, "is not a list")
        if len(value) > limit:
            raise _wrong(place, f"has {len(value)} items, more than {limit}")
        return tuple(item(v, f"{place}[{i}]") for i, v in enumerate(value))

    return check


def _pair(first: Check, second: Check) -> Check:
    """A list of exactly two."""

    def check(value: object, place: str) -> tuple[Any, Any]:
        if not isinstance(value, list) or len(value) != 2:
            raise _wrong(place, "is not a pair")
        return first(value[0], f"{place}[0]"), second(value[1], f"{place}[1]")

    return check


def _maybe(item: Check) -> Check:
    """Null or an item."""
    return lambda value, place: None if value is None else item(value, place)


def _shape(cls: type[Any], /, **checks: Check) -> Check:
    """An object with exactly these members."""

    def check(value: object, place: str) -> Any:
        if not isinstance(value, dict):
            raise _wrong(place, "is not an object")
        if value.keys() != checks.keys():
            odd = ", ".join(sorted(str(k)[:64] for k in value.keys() ^ checks.keys())[:8])
            raise _wrong(place, f"lacks or should not have: {odd}")
        prefix = f"{place}." if place else ""
        return cls(**{k: c(value[k], prefix + k) for k, c in checks.items()})

    return check


_name = _text(limits.NAME_MAX, r"[A-Za-z0-9_][A-Za-z0-9_.?/\-]*")
# A field's name can have a parameter: proc.ancestors[2].exe.path, proc.env["LD_PRELOAD"].
_field_name = _text(
    limits.NAME_MAX,
    r'[A-Za-z0-9_][A-Za-z0-9_.]*(?:\[(?:"[A-Za-z_]\w*"|[0-9]{1,3})\][A-Za-z0-9_.]*)?',
)
_free = _text(limits.TEXT_MAX)
_literal = _text(limits.LITERAL_MAX)
_hash = _text(64, r"[0-9a-f]{64}")
_names = _many(_name, limits.EVENTS_MAX)
_needs = _many(_name, limits.NEEDS_MAX)
_u32 = _number(0, limits.U32_MAX)

_number_field = _shape(
    NumberField,
    name=_field_name,
    kind=_choice(*NUMBER_KINDS),
    index=_number(0, NUMBERS_MAX - 1),
    words=_number(1, 2),
    signed=_flag,
    constants=_many(_pair(_name, _number(-(1 << 63), limits.U64_MAX)), limits.CONSTANTS_MAX),
)
_text_field = _shape(
    TextField,
    name=_field_name,
    kind=_choice(*TEXT_KINDS),
    view=_number(0, VIEWS_MAX - 1),
    part=_choice(*PARTS),
    joined=_flag,
)
_parts = _many(_pair(_choice("text", "field"), _free), limits.TEMPLATE_MAX)
_layout = _shape(
    EventLayout,
    event=_name,
    number=_number(0, limits.U16_MAX),
    numbers=_many(_number_field, NUMBERS_MAX),
    texts=_many(_text_field, limits.EVENTS_MAX),
    digest=_number(0, limits.U64_MAX),
    message=_parts,
)
_layouts = _many(_layout, limits.EVENTS_MAX)
_form = _shape(
    Form,
    stage=_choice("before", "after"),
    needs=_needs,
    actions=_number(0, 2 * limits.U8_MAX + 1),
    errno=_number(0, limits.ERRNO_MAX),
    label=_free,
)
_rule_event = _shape(
    RuleEvent,
    event=_name,
    local=_number(0, limits.RULES_MAX - 1),
    forms=_many(_form, limits.FORMS_MAX),
)
_output = _shape(OutputInfo, name=_name, parts=_parts, text=_flag)
_step = _shape(
    StepInfo,
    name=_text(limits.NAME_MAX, r"[A-Za-z0-9_]*"),
    event=_name,
    fields=_many(_number_field, limits.STEP_WORDS_MAX),
    kill=_flag,
)
_agent_field = _shape(
    AgentField,
    name=_field_name,
    kind=_choice(*NUMBER_KINDS, *TEXT_KINDS),
    source=_name,
    needs=_many(_field_name, limits.NEEDS_MAX),
)
_state = _number(0, limits.STATES_MAX - 1)
_states = _many(_state, limits.STATES_MAX)
_automaton = _shape(
    Automaton,
    starts=_many(_number(0, limits.CODE_MAX), limits.STATES_MAX),
    classes=_states,
    rows=_many(_states, limits.STATES_MAX),
    final=_states,
    sure=_maybe(_state),
)
_wide = _number(-(1 << 63), (1 << 128) - 1)
_index = _number(0, limits.NODES_MAX - 1)
_confirm_test = _shape(
    ConfirmTest,
    field=_field_name,
    op=_choice(*TESTS),
    texts=_many(_literal, limits.LITERALS_MAX),
    numbers=_many(_pair(_wide, _wide), limits.LITERALS_MAX),
    patterns=_many(_pair(_index, _index), limits.LITERALS_MAX),
    groups=_many(_index, limits.LITERALS_MAX),
    every=_flag,
    folds=_choice(*FOLDS),
    element=_text(limits.NAME_MAX, r"any|all|count|[0-9]{1,5}|"),
)
_confirm_node = _shape(ConfirmNode, kind=_choice(*NODES), items=_many(_index, limits.NODES_MAX))
_confirm = _shape(
    ConfirmInfo,
    on_unknown=_flag,
    tests=_many(_confirm_test, limits.NODES_MAX),
    nodes=_many(_confirm_node, limits.NODES_MAX),
    automata=_many(_automaton, limits.NODES_MAX),
)
_rule = _shape(
    RuleInfo,
    name=_name,
    metadata=_many(_pair(_name, _free), limits.METADATA_MAX),
    template=_parts,
    silent=_flag,
    mode=_choice("enforce", "audit"),
    file=_free,
    line=_number(0, limits.U32_MAX),
    linux=_many(_rule_event, limits.EVENTS_MAX),
    windows=_many(_rule_event, limits.EVENTS_MAX),
    tests=_many(_pair(_free, _u32), limits.TESTS_MAX),
    output=_many(_output, limits.OUTPUT_MAX),
    steps=_many(_step, limits.STEPS_MAX),
    remembers=_flag,
    agent=_many(_agent_field, limits.AGENT_FIELDS_MAX),
    confirm=_maybe(_confirm),
)
_program = _shape(
    ProgramInfo,
    name=_name,
    section=_name,
    role=_choice("dispatcher", "adapter"),
    hook=_name,
    variant=_choice("any", "atomic", "plain"),
    progs=_text(limits.NAME_MAX, r"[A-Za-z0-9_.]*"),
    needs=_needs,
    events=_names,
)
_map = _shape(
    MapInfo,
    name=_name,
    type=_choice(*MAP_TYPES),
    key_size=_number(0, limits.KEY_SIZE_MAX),
    value_size=_number(0, limits.VALUE_SIZE_MAX),
    max_entries=_number(1, limits.ENTRIES_MAX),
    scope=_choice("shared", "policy", CONTENT_SCOPE, KEPT_SCOPE),
    per_cpu=_number(0, limits.U16_MAX),
    identity=_text(limits.TEXT_MAX),
)
_set = _shape(
    SetInfo,
    name=_name,
    members=_many(_choice(*MEMBERS), limits.MEMBERS_MAX),
    capacity=_number(1, limits.SET_MAX),
    lifetime=_number(0, limits.U64_MAX),
    map=_name,
    head=_name,
)
_place = _number(0, limits.VALUE_SIZE_MAX)
_view = _number(0, limits.SLOT_VIEWS_MAX)
_judge = _shape(Judge, event=_name, limits=_many(_pair(_view, _place), limits.SLOT_VIEWS_MAX))
_slot = _shape(
    SlotLayout,
    size=_place,
    views=_place,
    view_count=_view,
    parts=_view,
    words=_many(_place, len(WORDS)),
    text=_place,
    text_size=_place,
    judges=_many(_judge, limits.EVENTS_MAX),
)
_content = _shape(
    Content,
    map=_name,
    key=_u32,
    offset=_number(0, limits.CONTENT_BYTES_MAX),
    size=_number(0, limits.VALUE_SIZE_MAX),
)
_half = _shape(
    Half,
    programs=_many(_program, limits.PROGRAMS_MAX),
    maps=_many(_map, limits.MAPS_MAX),
    contents=_many(_content, limits.CONTENTS_MAX),
    core_hash=_hash,
    core_size=_u32,
    code_hash=_hash,
)
_manifest = _shape(
    Manifest,
    version=_number(MANIFEST_VERSION, MANIFEST_VERSION),
    compiler=_text(limits.NAME_MAX),
    policy=_free,
    policy_version=_free,
    catalogue=_number(1, CATALOGUE_VERSION),
    source_digest=_hash,
    rules=_many(_rule, limits.RULES_MAX),
    layouts=_layouts,
    linux=_half,
    windows=_maybe(_half),
    shared_version=_number(SHARED_VERSION, SHARED_VERSION),
    literals=_many(_many(_literal, limits.LITERALS_MAX), limits.LITERALS_MAX),
    sets=_many(_set, limits.SETS_MAX),
    slot=_maybe(_slot),
    context=_maybe(_layout),
)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Write a manifest in its one form: sorted keys, no spaces, UTF-8.

    Args:
        manifest: the manifest.

    Returns:
        JSON; equal manifests give equal bytes.

    Raises:
        ArtifactError: it holds a value that reading would refuse (BPFC0758 to BPFC0761).
    """
    try:
        value = asdict(manifest)
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        data = text.encode()
    except (TypeError, ValueError) as error:
        raise _wrong("", f"cannot be written: {error}") from error
    parse_manifest(data)
    return data


def parse_manifest(data: bytes) -> Manifest:
    """Read a manifest, trusting nothing in it.

    Args:
        data: JSON as `manifest_bytes` writes it.

    Returns:
        The manifest; each value is of its type and within its limits.

    Raises:
        ArtifactError: BPFC0758 for a wrong shape, BPFC0759 for an unknown version, BPFC0760 for a
            newer catalogue, BPFC0761 for another version of the shared maps.
    """
    value = _parsed(data)
    if isinstance(value, dict):
        _check_versions(value)
    return cast(Manifest, _manifest(value, ""))


def parse_layouts(value: object) -> tuple[EventLayout, ...]:
    """Event layouts as they stand in JSON elsewhere than in a manifest, trusting nothing in them.

    Args:
        value: what `json` made of `attrs.asdict` of the layouts.

    Returns:
        The layouts.

    Raises:
        ArtifactError: BPFC0758, a value is not of its type or not within its limits.
    """
    return cast(tuple[EventLayout, ...], _layouts(value, "layouts"))


def _parsed(data: bytes) -> object:
    """The JSON value, whatever it is."""
    if len(data) > limits.MANIFEST_BYTES_MAX:
        raise _wrong("", f"has {len(data)} bytes, more than {limits.MANIFEST_BYTES_MAX}")
    try:
        return json.loads(data.decode(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise _wrong("", f"is not valid JSON ({type(error).__name__})") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object; a key that occurs twice would let two readers see two manifests."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> object:
    """NaN and the infinities are not JSON."""
    raise ValueError(name)


def _check_versions(value: dict[str, object]) -> None:
    """Versions first, so that a newer artifact is not called damaged."""
    rows = (
        ("version", MANIFEST_VERSION, "BPFC0759", "manifest version"),
        ("catalogue", CATALOGUE_VERSION, "BPFC0760", "event catalogue version"),
        ("shared_version", SHARED_VERSION, "BPFC0761", "shared map version"),
    )
    for key, known, code, what in rows:
        number = value.get(key)
        if type(number) is not int or number < 1:
            raise _wrong(key, "is not a version number")
        older_refused = key != "catalogue"  # a newer catalogue contains the older ones
        if number > known or (older_refused and number != known):
            remedy = "Update bpfc on this host" if number > known else _RECOMPILE
            raise ArtifactError(
                code, f"the artifact needs {what} {number}, this bpfc has {known}", remedy
            )
