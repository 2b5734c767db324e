"""What rules of an event ask of run-time sets and tags, and what they do to them.

Code depends on shapes: which places of the record make a key, which set or tag it is for. What a
policy says besides (times to live) and what differs between the halves stands in a table.
"""

import struct
from collections.abc import Iterable

from attrs import Factory, define

from bpfc.artifact.control import ANCESTRY_MAP, ANCESTRY_ROOM, ANCESTRY_SIZE, KEPT_SCOPE
from bpfc.artifact.manifest import EventLayout, MapInfo
from bpfc.artifact.sets import (
    HEAD_AGENT,
    HEAD_KERNEL,
    TAG_HEAD_SIZE,
    TAG_KINDS,
    TAG_ROOM,
    SetInfo,
    head_size,
    identity,
    key_size,
    value_size,
)
from compiler.plan.classes import power_of_two
from compiler.plan.memory_shapes import (
    AddShape,
    AncestorShape,
    EffectShape,
    GiveShape,
    KeyShape,
    MemberShape,
    Memory,
    MemoryPlan,
    NumberPart,
    Question,
    TagShape,
    TakeShape,
    TextPart,
)
from compiler.plan.model import PART_VIEWS
from dsl.ancestry import ancestors_in
from dsl.catalogue import Field, Kind
from dsl.derived import AnyAncestor
from dsl.diagnostics import Collector
from dsl.membership import SUBJECTS, Add, HasTag, Member, RuntimeSet, Tag, Untag
from dsl.typed import Policy, Rule
from dsl.walk import rule_tests

EFFECTS_MAX = 64  # of all rules on an event: a bit each
# Words of a half: bytes of a text that are 0 and become spaces; units whose ASCII letters fold.
_ZEROS = 0x8080808080808080
_FOLDED = 0x0080008000800080


def memory_of(policy: Policy) -> Memory:
    """The sets and tags that a policy's rules mention.

    Args:
        policy: a checked policy.
    """
    found: dict[str, dict[str, None]] = {kind: {} for kind in TAG_KINDS}
    for rule in policy.rules:
        for effect in rule.effects:
            if isinstance(effect, Tag):
                found[SUBJECTS[effect.subject]][effect.tag] = None
    tests = (test for _, rule in policy.parts for test in rule_tests(rule))
    return Memory(
        policy.sets,
        {kind: tuple(sorted(names)) for kind, names in found.items() if names},
        tuple(dict.fromkeys(item.text for item in ancestors_in(tests))),
    )


def set_infos(memory: Memory) -> tuple[SetInfo, ...]:
    """What the manifest says of the sets."""
    return tuple(
        SetInfo(s.name, s.members, s.capacity, s.lifetime, f"set_{number}", f"set_{number}_head")
        for number, s in enumerate(memory.sets)
    )


def memory_maps(memory: Memory) -> tuple[MapInfo, ...]:
    """The maps of sets and tags."""
    maps = []
    for info in set_infos(memory):
        members = info.members
        what = identity("set", info.name, members, info.capacity)
        heads = max(HEAD_AGENT, HEAD_KERNEL) + 1
        maps.append(
            MapInfo(
                info.map,
                "hash",
                key_size(members),
                value_size(members),
                info.capacity,
                "kept",
                0,
                what,
            )
        )
        maps.append(
            MapInfo(info.head, "array", 4, head_size(members), heads, "kept", 0, f"head of {what}")
        )
    for kind, names in memory.tags.items():
        size = 8 * memory.tag_room(kind)
        what = identity("tags", kind, names, size)
        room = TAG_ROOM[kind]
        maps.append(MapInfo(f"tags_{kind}", "hash", 16, size, room, "kept", 0, what))
        head = f"head of {what}"
        maps.append(MapInfo(f"tags_{kind}_head", "array", 4, TAG_HEAD_SIZE, 1, "kept", 0, head))
    if memory.ancestors:
        what = identity("ancestors", "proc", ANCESTRY_SIZE)
        maps.append(
            MapInfo(ANCESTRY_MAP, "hash", 8, ANCESTRY_SIZE, ANCESTRY_ROOM, KEPT_SCOPE, 0, what)
        )
    return tuple(maps)


@define
class MemoryBuilder:
    """Numbers keys, constants and effects of an event.

    Args:
        memory: of the policy.
        layout: of the event's records.
    """

    memory: Memory
    layout: EventLayout
    _keys: dict[tuple[str, ...], int] = Factory(dict)
    _shapes: list[KeyShape] = Factory(list)
    _constants: list[tuple[int, int]] = Factory(list)
    _effects: list[EffectShape] = Factory(list)
    _masks: list[int] = Factory(list)
    _asked: bool = False

    def shape(self, source: Member | HasTag | AnyAncestor) -> Question:
        """What code has to find out.

        Args:
            source: a question that a condition asks.
        """
        if isinstance(source, AnyAncestor):
            bit = self.memory.ancestors.index(source.text)
            return AncestorShape(bit, self._identity(source.fields))
        self._asked = True
        if isinstance(source, Member):
            return MemberShape(self._key(source.fields, source.set), self._set(source.set))
        kind = SUBJECTS[source.subject]
        return TagShape(kind, self._identity(source.fields), self._tag(kind, source.tag))

    def rule(self, rule: Rule, event: str, problems: Collector) -> None:
        """Enter the effects of the event's next rule.

        Args:
            rule: the rule.
            event: catalogue name, for messages.
            problems: takes a diagnostic where there are too many.
        """
        mask = 0
        for effect in rule.effects:
            if len(self._effects) == EFFECTS_MAX:
                problems.error(
                    "BPFC0676",
                    f"the rules on {event} add, tag and untag in more than {EFFECTS_MAX} places",
                    effect.span,
                    remedy="join rules that do the same, or compile two policies",
                )
                break
            mask |= 1 << len(self._effects)
            self._effects.append(self._effect(effect))
        self._masks.append(mask)

    def _effect(self, effect: Add | Tag | Untag) -> EffectShape:
        if isinstance(effect, Add):
            key, number = self._key(effect.fields, effect.set), self._set(effect.set)
            return AddShape(key, number, self._constant(effect.lifetime))
        kind = SUBJECTS[effect.subject]
        places, tag = self._identity(effect.fields), self._tag(kind, effect.tag)
        if isinstance(effect, Untag):
            return TakeShape(kind, places, tag)
        return GiveShape(kind, places, tag, effect.inherited, self._constant(effect.lifetime))

    def tables(self, room: int) -> tuple[bytes, bytes, bytes]:
        """Constants of each half, and the effects of each rule.

        Args:
            room: rules that the rules map has room for.
        """
        count = power_of_two(len(self._constants)) if self._constants else 0
        linux, windows = (
            struct.pack(f"<{len(self._constants)}Q", *(pair[half] for pair in self._constants))
            for half in (0, 1)
        )
        masks = struct.pack(f"<{len(self._masks)}Q", *self._masks) if self._effects else b""
        return (
            linux.ljust(8 * count, b"\0"),
            windows.ljust(8 * count, b"\0"),
            masks.ljust(8 * room if self._effects else 0, b"\0"),
        )

    def plan(self, constants: int, effects: int) -> MemoryPlan:
        """The plan, with the places of its tables."""
        timed = self._asked or bool(self._effects)
        return MemoryPlan(tuple(self._shapes), tuple(self._effects), constants, effects, timed)

    def _key(self, fields: Iterable[Field], target: RuntimeSet) -> int:
        """The number of the key that fields make for sets of one type."""
        known = tuple(fields)
        name = (*(field.name for field in known), *target.members)
        if name not in self._keys:
            self._keys[name] = len(self._shapes)
            self._shapes.append(tuple(self._part(field) for field in known))
        return self._keys[name]

    def _part(self, field: Field) -> TextPart | NumberPart:
        if not field.kind.is_text:
            number = next(n for n in self.layout.numbers if n.name == field.name)
            return NumberPart(number.index, number.words)
        text = next(t for t in self.layout.texts if t.name == field.name)
        view = text.view + (PART_VIEWS if text.part == "name" else 0)
        path = field.kind is Kind.PATH
        place = self._constant(_ZEROS if text.joined else 0, 0)
        self._constant(0, _FOLDED if path else 0)
        return TextPart(view, path, place)

    def _constant(self, linux: int, windows: int | None = None) -> int:
        """The place of a new constant."""
        self._constants.append((linux, linux if windows is None else windows))
        return len(self._constants) - 1

    def _identity(self, fields: Iterable[Field]) -> tuple[int, ...]:
        numbers = {n.name: n.index for n in self.layout.numbers}
        return tuple(numbers[field.name] for field in fields)

    def _set(self, target: RuntimeSet) -> int:
        return next(n for n, known in enumerate(self.memory.sets) if known.name == target.name)

    def _tag(self, kind: str, name: str) -> int:
        return self.memory.tags[kind].index(name)
