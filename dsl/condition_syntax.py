"""Syntax nodes of conditions and calculations."""

from attrs import frozen

from dsl.literal_syntax import Broken, Literal, Literals, Name, Number
from dsl.set_syntax import Membership, Tagged
from dsl.span import Span


@frozen
class Flag:
    """A field alone, as a condition."""

    field: Name
    span: Span


@frozen
class Presence:
    """`field exists`, `field not exists`."""

    field: Name
    negated: bool
    span: Span


@frozen
class Comparison:
    """`field [element] operator [quantifier] operand [suffixes]`.

    Args:
        field: the field's name.
        element: "any", "all", "count" or "[n]" behind a list field's name, or None.
        operator: as written; "in" also for `not in`.
        negated: `!=` or `not in`.
        quantifier: "any" or "all" in front of the operand, or None.
        operand: one literal or a list.
        suffixes: `nocase`, `exact`.
    """

    field: Name
    element: Name | None
    operator: Name
    negated: bool
    quantifier: Name | None
    operand: Literal | Literals
    suffixes: tuple[Name, ...]
    span: Span


@frozen
class Negation:
    """`not CONDITION`."""

    item: "Condition"


@frozen
class Conjunction:
    """`a and b and c`."""

    items: tuple["Condition", ...]


@frozen
class Disjunction:
    """`a or b or c`."""

    items: tuple["Condition", ...]


@frozen
class Ancestors:
    """`proc.ancestors any CONDITION`.

    Args:
        subject: whose ancestors.
        condition: about one of them.
        span: of the words in front of the condition.
    """

    subject: Name
    condition: "Condition"
    span: Span


@frozen
class Call:
    """`macro(argument, ...)`: what the macro says of these arguments."""

    name: Name
    arguments: tuple[Literal | Literals, ...]
    span: Span


@frozen
class AddressProperty:
    """`field is_private`."""

    field: Name
    property: Name
    span: Span


@frozen
class Signed:
    """`-part` or `~part`.

    Args:
        operator: the sign.
        item: what it stands in front of.
        span: of both.
        size: operators in it.
    """

    operator: Name
    item: "Part"
    span: Span
    size: int


@frozen
class Calculation:
    """`left operator right`.

    Args:
        operator: as written.
        left, right: what is calculated with.
        span: of all of it.
        size: operators in it.
    """

    operator: Name
    left: "Part"
    right: "Part"
    span: Span
    size: int


@frozen
class Alone:
    """Something that is no condition, where one should stand: a number, a calculation."""

    item: "Part"
    span: Span


@frozen
class Relation:
    """A comparison that is more than a field's name, an operator and constants.

    Args:
        left: what is compared.
        operator: as written; "in" also for `not in`.
        negated: `!=` or `not in`.
        quantifier: "any" or "all" in front of the operand, or None.
        right: what it is compared with.
        suffixes: `nocase`, `exact`.
        span: of all of it.
    """

    left: "Part"
    operator: Name
    negated: bool
    quantifier: Name | None
    right: "Part | Literal | Literals"
    suffixes: tuple[Name, ...]
    span: Span


Condition = (
    Flag
    | Presence
    | AddressProperty
    | Comparison
    | Relation
    | Alone
    | Membership
    | Tagged
    | Ancestors
    | Call
    | Negation
    | Conjunction
    | Disjunction
)
# What can be calculated with, and what the grammar cannot tell from it: conditions in brackets.
Part = Number | Signed | Calculation | Condition | Broken
