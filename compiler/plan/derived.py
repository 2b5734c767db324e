"""Derived values of an event: numbered, with their constants in a table and their shape for code.

The shape of a value is its source with places instead of names and constants: number words, views,
places in the table of constants. Code depends on it, and on nothing else of the source.
"""

import struct

from attrs import Factory, define, evolve, frozen

from bpfc.artifact.manifest import EventLayout
from compiler.plan.classes import power_of_two
from compiler.plan.memory import MemoryBuilder
from compiler.plan.model import (
    DERIVED_MAX,
    PART_VIEWS,
    AddressShape,
    BinaryShape,
    CompareShape,
    DerivedPlan,
    FixedShape,
    LengthShape,
    NumberShape,
    Shape,
    TextShape,
    UnaryShape,
)
from dsl.catalogue import Field
from dsl.derived import (
    AnyAncestor,
    Binary,
    Compare,
    Derived,
    Fixed,
    Length,
    Masked,
    Read,
    Same,
    Source,
    Unary,
)
from dsl.diagnostics import Collector
from dsl.membership import HasTag, Member
from dsl.typed import Test

_ALL_ONES = (1 << 64) - 1


@frozen
class DerivedTables:
    """The derived values of an event.

    Args:
        plans: in the order in which rules first use them.
        linux, windows: the table of constants, words; its length is a capacity class.
    """

    plans: tuple[DerivedPlan, ...]
    linux: bytes
    windows: bytes

    def index(self, name: str) -> int:
        """The number of a derived value."""
        return next(plan.index for plan in self.plans if plan.name == name)


@define
class _Builder:
    """Makes shapes and collects constants.

    Args:
        layout: of the event.
        memory: makes the shapes of questions to sets and tags.
        constants: (on Linux, on Windows) by place.
    """

    layout: EventLayout
    memory: MemoryBuilder
    constants: list[tuple[int, int]] = Factory(list)

    def shape(self, source: Source) -> Shape:
        """What code has to compute."""
        match source:
            case Fixed():
                return FixedShape(self._constant(source.value))
            case Read():
                return self._number(source.field)
            case Masked():
                # As a signed number every pattern of bits is one.
                whole = evolve(self._number(source.field), signed=True)
                return BinaryShape("&", whole, FixedShape(self._constant(source.mask)))
            case Length():
                # A unit of UTF-16 has two bytes.
                return LengthShape(self._text(source.field), self._constant(0, 1))
            case Member() | HasTag() | AnyAncestor():
                return self.memory.shape(source)
            case Unary():
                return UnaryShape(source.operator, self.shape(source.item))
            case Binary():
                return BinaryShape(
                    source.operator, self.shape(source.left), self.shape(source.right)
                )
            case Compare():
                left, right = self.shape(source.left), self.shape(source.right)
                return CompareShape(source.operator, left, right, source.plain)
            case Same() if source.left.kind.is_text:
                longest = min(field.capacity for field in source.fields)
                return TextShape(self._text(source.left), self._text(source.right), longest)
            case Same():
                return AddressShape(
                    self._number(source.left).index, self._number(source.right).index
                )

    def _constant(self, linux: int, windows: int | None = None) -> int:
        """The place of a new constant."""
        pair = (linux, linux if windows is None else windows)
        self.constants.append((pair[0] & _ALL_ONES, pair[1] & _ALL_ONES))
        return len(self.constants) - 1

    def _number(self, field: Field) -> NumberShape:
        number = next(n for n in self.layout.numbers if n.name == field.name)
        return NumberShape(number.index, number.signed)

    def _text(self, field: Field) -> int:
        """The match view of a text."""
        text = next(t for t in self.layout.texts if t.name == field.name)
        return text.view + (PART_VIEWS if text.part == "name" else 0)


def derived_tables(
    tests: list[Test],
    layout: EventLayout,
    event: str,
    problems: Collector,
    memory: MemoryBuilder,
) -> DerivedTables:
    """Number the derived values that tests of an event ask for.

    Args:
        tests: all tests, in rule order.
        layout: of the event.
        event: its name, for messages.
        problems: takes a diagnostic where there are too many.
        memory: makes the shapes of questions to sets and tags.

    Returns:
        Their plans and constants; empty where there are none.
    """
    builder = _Builder(layout, memory)
    plans: dict[str, DerivedPlan] = {}
    for test in tests:
        field = test.field
        if not isinstance(field, Derived) or field.name in plans:
            continue
        if len(plans) == DERIVED_MAX:
            problems.error(
                "BPFC0670",
                f"the rules on {event} compute more than {DERIVED_MAX} values",
                test.span,
                remedy="use the same calculations in several rules, or compile two policies",
            )
            break
        plans[field.name] = DerivedPlan(field.name, len(plans), builder.shape(field.source))
    room = power_of_two(len(builder.constants)) if builder.constants else 0
    linux, windows = (
        struct.pack(f"<{len(builder.constants)}Q", *(pair[half] for pair in builder.constants))
        for half in (0, 1)
    )
    return DerivedTables(
        tuple(plans.values()), linux.ljust(8 * room, b"\0"), windows.ljust(8 * room, b"\0")
    )
