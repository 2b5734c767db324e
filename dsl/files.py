"""Files in conditions: what stands for one, and what a comparison of two means.

A file is not a value but several fields. Two files are the same if device and inode are; everything
else that is asked of a file is asked of its path.
"""

from collections.abc import Sequence

from attrs import evolve

from dsl.catalogue import Event, File
from dsl.diagnostics import Collector, shown
from dsl.syntax import Broken, Comparison, Condition, Conjunction, Name, Negation

_EQUAL = ("==", "!=")


def file_of(name: str, events: Sequence[Event]) -> File | None:
    """The file of that name, if all events have it.

    Args:
        name: as written.
        events: the rule's.
    """
    found = [event.file(name) for event in events]
    return found[0] if found and all(found) else None


def in_fields(
    item: Comparison, events: Sequence[Event], report: Collector
) -> Condition | Broken | None:
    """A comparison of a file, in terms of fields.

    Args:
        item: as parsed.
        events: the rule's.
        report: takes a diagnostic if a file is compared with what is none.

    Returns:
        The condition; Broken after a diagnostic; None if no file is compared.
    """
    left = file_of(item.field.text, events)
    right = file_of(item.operand.text, events) if isinstance(item.operand, Name) else None
    if left is None and right is None:
        return None
    if left is not None and right is not None:
        if item.operator.text in _EQUAL and not item.suffixes:
            return _same(item, left, right)
    elif left is not None and item.operator.text not in _EQUAL:
        return evolve(item, field=Name(left.path, item.field.span))
    one = left or right
    assert one is not None
    report.error(
        "BPFC0349",
        f"`{shown(one.name)}` is a file: `==` compares it with another file",
        item.span,
        expected=tuple(file.name for file in events[0].files),
        remedy=f"its path is `{one.path}`",
    )
    return Broken(item.span)


def _same(item: Comparison, left: File, right: File) -> Condition:
    """Whether device and inode are the same, or not."""
    operator = Name("==", item.operator.span)
    parts = tuple(
        evolve(
            item,
            field=Name(mine, item.field.span),
            operator=operator,
            negated=False,
            operand=Name(other, item.operand.span),
        )
        for mine, other in ((left.inode, right.inode), (left.device, right.device))
    )
    both = Conjunction(parts)
    return Negation(both) if item.negated else both
