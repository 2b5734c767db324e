"""Whether the parts of an artifact fit each other: manifest, content tables and both objects."""

from bpfc.artifact.confirm import flaw_of
from bpfc.artifact.control import (
    BUFFERS,
    CONTENT_SCOPE,
    GATE_SIZE,
    KEPT_SCOPE,
    POLICY_MAP,
    SCRATCH_MAP,
    SLOTS,
)
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.layout import digest_of
from bpfc.artifact.limits import STEP_WORDS_MAX
from bpfc.artifact.manifest import (
    EventLayout,
    Form,
    Half,
    Manifest,
    MapInfo,
    RuleEvent,
    RuleInfo,
    StepInfo,
)
from bpfc.artifact.objects import ObjectView
from bpfc.artifact.record import ACT_DENY, ACT_WOULD_DENY, NUMBERS_MAX, RECORD_MAX
from bpfc.artifact.sets import SetInfo, head_size, key_size, value_size
from bpfc.artifact.testing import VIEW_SIZE, WORDS, SlotLayout

RULE_STATS_MAP = "rule_stats"
RULES_PREFIX = "rules_"  # the map of an event's rules: the event's name with "_" for "."


def rules_map(event: str) -> str:
    """Name of the map that holds an event's rule entries."""
    return RULES_PREFIX + event.replace(".", "_")


def _contradiction(text: str) -> ArtifactError:
    """The error for parts that cannot belong together."""
    return ArtifactError(
        "BPFC0762", f"the artifact contradicts itself: {text}", "Compile the rules again"
    )


def check_manifest(manifest: Manifest) -> None:
    """Compare the manifest's own parts with each other.

    Args:
        manifest: a manifest whose single values are within their limits.

    Raises:
        ArtifactError: BPFC0762, naming the parts.
    """
    layouts = {layout.event: layout for layout in manifest.layouts}
    _unique("event layout", [layout.event for layout in manifest.layouts])
    _unique("event number", [str(layout.number) for layout in manifest.layouts])
    _unique("layout digest", [str(layout.digest) for layout in manifest.layouts])
    for layout in (*manifest.layouts, *([manifest.context] if manifest.context else [])):
        _check_layout(layout)
    _unique("rule", [rule.name for rule in manifest.rules])
    for rule in manifest.rules:
        _check_alerts(rule, layouts)
        if any(index >= len(manifest.literals) for _, index in rule.tests):
            raise _contradiction(f"rule {rule.name} compares with values that are not there")
    _unique("set", [known.name for known in manifest.sets])
    if manifest.slot is not None:
        _check_slot(manifest.slot, [h for h in (manifest.linux, manifest.windows) if h])
    for label, half in (("Linux", manifest.linux), ("Windows", manifest.windows)):
        carried = [r.linux if label == "Linux" else r.windows for r in manifest.rules]
        if half is None:
            if any(carried):
                raise _contradiction(f"rules for {label} without a {label} half")
            continue
        _check_half(label, half, layouts)
        stats = next((m.room for m in half.maps if m.name == RULE_STATS_MAP), None)
        if stats is not None and stats < len(manifest.rules):
            raise _contradiction(f"{len(manifest.rules)} rules and {stats} places for their counts")
        for known in manifest.sets:
            _check_set(label, known, {m.name: m for m in half.maps})
        _check_rules(label, half, layouts, list(zip(manifest.rules, carried, strict=True)))


def check_object(label: str, half: Half, view: ObjectView, content_size: int) -> None:
    """Compare one half of the manifest with its object and the content section.

    Args:
        label: "Linux" or "Windows", for messages.
        half: what the manifest says.
        view: what the object says.
        content_size: bytes of the content section.

    Raises:
        ArtifactError: BPFC0762, naming the parts.
    """
    for program in half.programs:
        section = view.functions.get(program.name)
        # libbpf's mark for "do not load unless asked" is part of the section's name in the file.
        if section is None or section.removeprefix("?") != program.section:
            raise _contradiction(
                f"the {label} object has no program {program.name} in section {program.section}"
            )
    for entry in half.maps:
        if entry.name not in view.maps:
            raise _contradiction(f"the {label} object has no map {entry.name}")
    if half.core_size % 8 or half.core_size > view.text_size:
        raise _contradiction(
            f"a core of {half.core_size} bytes in {view.text_size} bytes of .text ({label})"
        )
    for content in half.contents:
        if content.offset + content.size > content_size:
            raise _contradiction(
                f"content of map {content.map} ends at byte {content.offset + content.size} of"
                f" {content_size}"
            )


def _unique(what: str, names: list[str]) -> None:
    """Refuse a name that occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _contradiction(f"{what} {name} occurs twice")
        seen.add(name)


def _check_layout(layout: EventLayout) -> None:
    """Number words that do not overlap, names that are unique, and the digest over all of it."""
    used: set[int] = set()
    for field in layout.numbers:
        words = set(range(field.index, field.index + field.words))
        wide = field.kind == "ip"
        if used & words or max(words) >= NUMBERS_MAX or wide != (len(words) > 1):
            raise _contradiction(f"field {field.name} of {layout.event} has no place of its own")
        used |= words
    names = [n.name for n in layout.numbers] + [t.name for t in layout.texts]
    _unique(f"field of {layout.event}", names)
    for kind, text in layout.message:
        if kind == "field" and text not in names:
            raise _contradiction(f"the message of {layout.event} names the field {text}")
    expected = digest_of(layout.event, layout.number, layout.numbers, layout.texts)
    if layout.digest != expected:
        raise _contradiction(f"the layout of {layout.event} does not have its digest")


def _check_alerts(rule: RuleInfo, layouts: dict[str, EventLayout]) -> None:
    """Fields that alerts show exist on an event of the rule; each named value has its own name."""
    events = {e.event for e in (*rule.linux, *rule.windows)}
    used = [layouts[e] for e in sorted(events & layouts.keys())]
    known = {n.name for layout in used for n in layout.numbers}
    known |= {t.name for layout in used for t in layout.texts}
    known |= {field.name for field in rule.agent}
    _unique(f"agent field of rule {rule.name}", [field.name for field in rule.agent])
    if rule.confirm is not None:
        wrong = flaw_of(rule.confirm, known if events else None)
        if wrong:
            raise _contradiction(f"the second stage of rule {rule.name} {wrong}")
    for step in rule.steps:
        _check_step(rule, step)
        known |= {f"{step.name}.{field.name}" for field in step.fields}
    _unique(f"output of rule {rule.name}", [value.name for value in rule.output])
    for value in rule.output:
        if not value.text and [kind for kind, _ in value.parts] != ["field"]:
            raise _contradiction(f"the output {value.name} of rule {rule.name} is no field")
    parts = [*rule.template, *(part for value in rule.output for part in value.parts)]
    for kind, text in parts:
        if kind == "field" and events and text not in known:
            raise _contradiction(f"the alerts of rule {rule.name} name the field {text}")


def _check_step(rule: RuleInfo, step: StepInfo) -> None:
    """Numbers of a step that do not overlap, and a name for each."""
    used: set[int] = set()
    for field in step.fields:
        words = set(range(field.index, field.index + field.words))
        if used & words or max(words) >= STEP_WORDS_MAX or (field.kind == "ip") != (len(words) > 1):
            raise _contradiction(f"field {field.name} of a step of {rule.name} has no place")
        used |= words
    _unique(f"field of a step of {rule.name}", [field.name for field in step.fields])


def _check_half(label: str, half: Half, layouts: dict[str, EventLayout]) -> None:
    """Programs, maps and contents of one half fit each other."""
    maps = {m.name: m for m in half.maps}
    _unique(f"{label} map", [m.name for m in half.maps])
    _unique(f"{label} program", [p.name for p in half.programs])
    for entry in half.maps:
        if bool(entry.identity) != (entry.scope == KEPT_SCOPE):
            raise _contradiction(f"map {entry.name} is kept without an identity, or has one unkept")
    for program in half.programs:
        progs = maps.get(program.progs)
        if program.progs and (
            progs is None or progs.type != "prog_array" or progs.max_entries < SLOTS
        ):
            raise _contradiction(f"program {program.name} has no map {program.progs} of programs")
        unknown = next((e for e in program.events if e not in layouts), None)
        if unknown is not None:
            raise _contradiction(f"program {program.name} judges {unknown}, which has no layout")
    for entry in half.maps:
        if entry.scope == CONTENT_SCOPE and (
            entry.type != "array" or entry.max_entries % BUFFERS or entry.per_cpu
        ):
            raise _contradiction(f"map {entry.name} cannot hold two buffers of content")
    for content in half.contents:
        _check_content_map(content.map, content.key, content.size, maps.get(content.map))


def _check_set(label: str, info: SetInfo, maps: dict[str, MapInfo]) -> None:
    """The maps of a set have the sizes that follow from its type."""
    found, head = maps.get(info.map), maps.get(info.head)
    shape = ("hash", key_size(info.members), value_size(info.members), info.capacity, KEPT_SCOPE)
    head_shape = ("array", 4, head_size(info.members), 2, KEPT_SCOPE)
    for entry, wanted in ((found, shape), (head, head_shape)):
        if entry is None or wanted != (
            entry.type,
            entry.key_size,
            entry.value_size,
            entry.max_entries,
            entry.scope,
        ):
            raise _contradiction(f"set {info.name} has no maps of its type ({label})")


def _check_slot(slot: SlotLayout, halves: list[Half]) -> None:
    """All places of a scratch slot lie within it, each part behind the record."""
    _unique("judged event", [judge.event for judge in slot.judges])
    ends = [slot.views + VIEW_SIZE * slot.view_count, slot.text + slot.text_size]
    ends += [place + 8 for place in slot.words]
    begin = min(slot.views, slot.text, *slot.words, slot.size)
    if begin < RECORD_MAX or max(ends) > slot.size or len(slot.words) != len(WORDS):
        raise _contradiction("a scratch slot has a part that is not within it")
    limits = [limit for judge in slot.judges for limit in judge.limits]
    if any(view >= slot.view_count or room > slot.text_size for view, room in limits):
        raise _contradiction("a text of a scratch slot has no place")
    sizes = {m.value_size for half in halves for m in half.maps if m.name == SCRATCH_MAP}
    if sizes - {slot.size} or slot.parts > slot.view_count:
        raise _contradiction(f"a scratch slot of {slot.size} bytes, and another size of its map")


def _check_content_map(name: str, key: int, size: int, entry: MapInfo | None) -> None:
    """A content's map exists, has two buffers and takes the value; a policy's entry has gates."""
    if name == POLICY_MAP and (key, size) == (0, GATE_SIZE):
        return
    if entry is None or entry.scope != CONTENT_SCOPE:
        raise _contradiction(f"content for {name}, which is not a map of content")
    if key >= entry.room:
        raise _contradiction(f"content for entry {key} of map {name}, which has no such entry")
    if size != entry.value_size:
        raise _contradiction(
            f"content of {size} bytes for map {name}, whose values have {entry.value_size}"
        )


def _check_rules(
    label: str,
    half: Half,
    layouts: dict[str, EventLayout],
    rules: list[tuple[RuleInfo, tuple[RuleEvent, ...]]],
) -> None:
    """Every rule's place in its event's rules map exists and is its own."""
    maps = {m.name: m for m in half.maps}
    taken: set[tuple[str, int]] = set()
    for rule, events in rules:
        for entry in events:
            room = maps.get(rules_map(entry.event))
            if entry.event not in layouts or room is None or entry.local >= room.room:
                raise _contradiction(
                    f"rule {rule.name} has place {entry.local} on {entry.event} ({label}), which"
                    " does not exist"
                )
            if (entry.event, entry.local) in taken:
                raise _contradiction(f"rule {rule.name} shares its place on {entry.event}")
            taken.add((entry.event, entry.local))
            for form in entry.forms:
                _check_form(rule, form)


def _check_form(rule: RuleInfo, form: Form) -> None:
    """A denial has an error number."""
    if form.actions & (ACT_DENY | ACT_WOULD_DENY) and not form.errno:
        raise _contradiction(f"rule {rule.name} denies without an error number")
