"""Syntax nodes of run-time sets and tags."""

from attrs import frozen

from dsl.literal_syntax import Broken, Name, Number
from dsl.span import Span


@frozen
class Membership:
    """`(field, field) in NAME`; of an exception `from set` also with one field.

    Args:
        fields: at least one.
        negated: `not in`.
        set: name of a run-time set.
        span: from the first field to the set.
    """

    fields: tuple[Name, ...]
    negated: bool
    set: Name
    span: Span


@frozen
class Tagged:
    """`proc tagged NAME`."""

    subject: Name
    tag: Name
    span: Span


@frozen
class SetItem:
    """`set NAME : TYPE[CAPACITY] for 10min`, at the top of a file or inside an exception.

    Args:
        name: of the set.
        members: what its elements are made of; one name, or those of a tuple.
        is_tuple: whether they stand in parentheses.
        capacity: None if it was left out.
        lifetime: how long an element stays; None if it was left out.
        span: from the keyword to the last part.
    """

    name: Name
    members: tuple[Name, ...]
    is_tuple: bool
    capacity: Number | Broken | None
    lifetime: Number | Broken | None
    span: Span


@frozen
class Add:
    """`add FIELD to NAME for 10min`, or `add (FIELD, FIELD) to NAME`."""

    fields: tuple[Name, ...]
    set: Name
    lifetime: Number | Broken | None
    span: Span


@frozen
class Tag:
    """`tag proc NAME inherited for 10min`."""

    subject: Name
    tag: Name
    inherited: Name | None
    lifetime: Number | Broken | None
    span: Span


@frozen
class Untag:
    """`untag proc NAME`."""

    subject: Name
    tag: Name
    span: Span
