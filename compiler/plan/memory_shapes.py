"""Shapes of what code does with run-time sets and tags; `compiler.plan.memory` makes them."""

from collections.abc import Mapping

from attrs import Factory, frozen

from compiler.plan.classes import power_of_two
from dsl.membership import RuntimeSet


@frozen
class TextPart:
    """A text in a key.

    Args:
        view: match view.
        path: whether merged directories are one.
        constants: place of two constants: which zero bytes become spaces, which letters fold.
    """

    view: int
    path: bool
    constants: int


@frozen
class NumberPart:
    """A number, or an address of two words, in a key."""

    index: int
    words: int


KeyShape = tuple[TextPart | NumberPart, ...]


@frozen
class MemberShape:
    """Whether the element of a key is in a set, both by number."""

    key: int
    set: int


@frozen
class TagShape:
    """Whether something has a tag.

    Args:
        kind: one of TAG_KINDS.
        identity: number words by which it is told apart.
        tag: the tag's number among those of its kind.
    """

    kind: str
    identity: tuple[int, ...]
    tag: int


@frozen
class AncestorShape:
    """Whether an ancestor satisfies a condition.

    Args:
        bit: the condition's number.
        identity: number words by which the process is told apart.
    """

    bit: int
    identity: tuple[int, ...]


@frozen
class AddShape:
    """The element of a key goes into a set; the constant is its time to live."""

    key: int
    set: int
    lifetime: int


@frozen
class GiveShape:
    """Something gets a tag; the constant is its time to live."""

    kind: str
    identity: tuple[int, ...]
    tag: int
    inherited: bool
    lifetime: int


@frozen
class TakeShape:
    """Something loses a tag."""

    kind: str
    identity: tuple[int, ...]
    tag: int


# What conditions ask of what is remembered.
Question = MemberShape | TagShape | AncestorShape
EffectShape = AddShape | GiveShape | TakeShape


@frozen
class MemoryPlan:
    """Sets and tags on one event.

    Args:
        keys: the keys that are made of its records.
        effects: what rules do; each is a bit.
        constants_offset: place in the matcher table of the constants, u64 each.
        effects_offset: place in the matcher table of u64[rule room]: effects of each local rule.
        timed: whether anything depends on the time.
    """

    keys: tuple[KeyShape, ...] = ()
    effects: tuple[EffectShape, ...] = ()
    constants_offset: int = 0
    effects_offset: int = 0
    timed: bool = False


@frozen
class Memory:
    """What a policy remembers by name.

    Args:
        sets: run-time sets; the place of one is its number.
        tags: by kind, names of tags; the place of one is its number.
        ancestors: conditions on ancestors, by their texts; the place of one is its bit.
    """

    sets: tuple[RuntimeSet, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = Factory(dict)
    ancestors: tuple[str, ...] = ()

    @property
    def inherits(self) -> bool:
        """Whether the upkeep of processes has to think of tags."""
        return bool(self.tags.get("proc"))

    def tag_room(self, kind: str) -> int:
        """Tags that a value of a kind has room for, a power of two."""
        return power_of_two(len(self.tags[kind]))


NOTHING_ASKED = MemoryPlan()
NOTHING_KEPT = Memory()
