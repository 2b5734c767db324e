"""Falco's conditions as values."""

from collections.abc import Iterator

from attrs import frozen


@frozen
class FieldName:
    """A field, as a condition names it.

    Args:
        name: for example "proc.aname".
        argument: what stands in brackets behind it, or "".
        transformers: "tolower" and the like, the innermost one first.
    """

    name: str
    argument: str = ""
    transformers: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{self.name}[{self.argument}]" if self.argument else self.name
        for transformer in self.transformers:
            text = f"{transformer}({text})"
        return text


@frozen
class Word:
    """A value.

    Args:
        text: without quotes and escapes.
        quoted: whether it stood in quotes: then it is no name of a list.
    """

    text: str
    quoted: bool = False


@frozen
class Compare:
    """A field against values, or another field.

    Args:
        field: on the left.
        op: Falco's operator; "=" also for "==".
        values: on the right; none of "exists" and of an empty list.
        modifier: "anyof", "allof", "oneof" between operator and values, or "".
        other: a field on the right in the place of values.
    """

    field: FieldName
    op: str
    values: tuple[Word, ...] = ()
    modifier: str = ""
    other: FieldName | None = None


@frozen
class Macro:
    """A condition by its name."""

    name: str


@frozen
class Not:
    """The opposite."""

    item: "Expression"


@frozen
class And:
    """All of some conditions."""

    items: tuple["Expression", ...]


@frozen
class Or:
    """Any of some conditions."""

    items: tuple["Expression", ...]


Expression = Compare | Macro | Not | And | Or


def leaves(item: Expression) -> Iterator[Compare | Macro]:
    """Comparisons and names of macros in a condition.

    Args:
        item: a condition.
    """
    match item:
        case Not():
            yield from leaves(item.item)
        case And() | Or():
            for part in item.items:
                yield from leaves(part)
        case _:
            yield item
