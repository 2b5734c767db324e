"""Derived values: what an event's fields are computed into before tests look at it.

A `Derived` is a field for all phases behind the checker: it has a name (its canonical text), a
type, and can be tested like a number. Where its value comes from says its `source`.

To add a source: a class here (with `fields` and `text`), its value in `dsl.computation`, its plan
in `compiler.plan.derived`, its code in `compiler.emit.derived`.
"""

from typing import TYPE_CHECKING

from attrs import field, frozen

from dsl.catalogue import Field, Kind
from dsl.membership import HasTag, Member

if TYPE_CHECKING:
    from dsl.typed import Expr


@frozen
class _OfField:
    """Something about one field."""

    field: Field

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is read."""
        return (self.field,)


@frozen
class _OfTwo:
    """An operator between two values."""

    operator: str
    left: "Source"
    right: "Source"

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is read."""
        return (*self.left.fields, *self.right.fields)

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"({self.left.text} {self.operator} {self.right.text})"


@frozen
class Fixed:
    """A constant in a calculation; content of a table, not code."""

    value: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is read: nothing."""
        return ()

    @property
    def text(self) -> str:
        """Canonical text."""
        return str(self.value)


@frozen
class Read(_OfField):
    """The value of a number field."""

    @property
    def text(self) -> str:
        """Canonical text."""
        return self.field.name


@frozen
class Masked(_OfField):
    """The bits of a flags field that a mask has: what `has` tests become. All 64 bits count."""

    mask: int

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"{self.field.name} masked {self.mask:#x}"


@frozen
class Length(_OfField):
    """Length of a text: bytes of UTF-8, on Windows units of UTF-16."""

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"length({self.field.name})"


@frozen
class Unary:
    """`-item` or `~item`."""

    operator: str
    item: "Source"

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is read."""
        return self.item.fields

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"{self.operator}{self.item.text}"


@frozen
class Binary(_OfTwo):
    """`left operator right`; the operator is one of `+ - * / % & | ^ << >>`."""


@frozen
class Compare(_OfTwo):
    """A truth: `left operator right` of two numbers; the operator is one of `== < <= > >=`."""

    @property
    def plain(self) -> bool:
        """Whether these are two fields of one sign, which are compared as they are."""
        sides = (self.left, self.right)
        signs = {side.field.signed for side in sides if isinstance(side, Read)}
        return all(isinstance(side, Read) for side in sides) and len(signs) == 1


@frozen
class Same:
    """A truth: two fields that are no numbers of one word (texts, addresses) are equal."""

    left: Field
    right: Field

    @property
    def fields(self) -> tuple[Field, ...]:
        """What is read."""
        return (self.left, self.right)

    @property
    def platforms(self) -> tuple[str, ...]:
        """Where it can be told: Windows folds the case of paths, which tables do for constants."""
        return ("linux",) if self.left.kind.is_text else ("linux", "windows")

    @property
    def text(self) -> str:
        """Canonical text."""
        return f"({self.left.name} == {self.right.name})"


@frozen
class AnyAncestor:
    """A truth: `proc.ancestors any CONDITION`.

    Args:
        when: about an ancestor: of fields of `dsl.ancestry.image()`.
        fields: by which the process is told apart whose ancestors are meant.
        text: canonical text.
    """

    when: "Expr"
    fields: tuple[Field, ...]
    text: str


Source = (
    Fixed | Read | Masked | Length | Unary | Binary | Compare | Same | Member | HasTag | AnyAncestor
)


@frozen
class Derived(Field):
    """A value that is computed from fields of the event.

    Args:
        source: how.
    """

    source: Source = field(kw_only=True)


def derived(source: Source, kind: Kind = Kind.INT) -> Derived:
    """A computed value as a field.

    Args:
        source: how it is computed.
        kind: INT, DURATION, or BOOL.

    Returns:
        A signed field (a truth and masked bits: unsigned) that is known where and when all its
        operands are.
    """
    read = source.fields
    bracketed = isinstance(source, Binary | Compare | Same)
    systems = source.platforms if isinstance(source, Same) else ("linux", "windows")
    platforms = [p for p in systems if all(p in f.platforms for f in read)]
    return Derived(
        name=source.text.removeprefix("(").removesuffix(")") if bracketed else source.text,
        kind=kind,
        signed=kind is not Kind.BOOL and not isinstance(source, Masked),
        capacity=0,
        optional=any(f.optional for f in read),
        relative=False,
        constants=(),
        base="",
        part="",
        phase="after" if any(f.phase == "after" for f in read) else "before",
        platforms=tuple(platforms),
        since=max((f.since for f in read), default=1),
        doc=f"Computed: {source.text}.",
        source=source,
    )


def fields_of(item: Field) -> tuple[Field, ...]:
    """The catalogue fields that a test of this field reads: its own, or those it is computed from.

    Args:
        item: a field of a test.

    Returns:
        Fields of the catalogue, in source order; one can stand there more than once.
    """
    return item.source.fields if isinstance(item, Derived) else (item,)
