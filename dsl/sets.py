"""Run-time sets: their declarations, and what is looked up in them or added to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from dsl import syntax
from dsl.catalogue import Field, Kind
from dsl.derived import derived
from dsl.diagnostics import Collector, nearest, shown
from dsl.membership import (
    CAPACITY_MAX,
    LIFETIME_MAX,
    MEMBERS_MAX,
    SET_TYPES,
    SETS_MAX,
    Add,
    Member,
    RuntimeSet,
)
from dsl.syntax import Broken, Membership, Name, Number, SetItem
from dsl.typed import Expr, Not, Op, Test

_EXAMPLE = 1024  # elements, in suggestions
Sets = Mapping[str, RuntimeSet]
Find = Callable[[Name], Field | None]


def declared(items: Iterable[syntax.Item]) -> list[SetItem]:
    """All declarations of sets, also those inside exceptions.

    Args:
        items: of all files.
    """
    found = []
    for item in items:
        if isinstance(item, SetItem):
            found.append(item)
        elif isinstance(item, syntax.Rule | syntax.Override):
            clauses = (c for c in item.clauses if isinstance(c, syntax.Exception_))
            found += [c.declares for c in clauses if c.declares is not None]
    return found


def check_declarations(items: Sequence[SetItem], report: Collector) -> dict[str, RuntimeSet | None]:
    """Check declarations of sets.

    Args:
        items: the declarations.
        report: takes diagnostics.

    Returns:
        The first set of each name; None for one that was wrong.
    """
    found: dict[str, RuntimeSet | None] = {}
    for item in items:
        checked = _declaration(item, report)
        found.setdefault(item.name.text, checked)
    for item in items[SETS_MAX:][:1]:
        report.error(
            "BPFC0478",
            f"the policy has more than {SETS_MAX} sets",
            item.name.span,
            remedy="join sets of one type",
        )
    return found


def _declaration(item: SetItem, report: Collector) -> RuntimeSet | None:
    members = _members(item, report)
    capacity = _capacity(item, report)
    life = lifetime(item.lifetime, report)
    if members is None or capacity is None or life is None:
        return None
    return RuntimeSet(item.name.text, members, capacity, life, item.span)


def _members(item: SetItem, report: Collector) -> tuple[str, ...] | None:
    """The types of an element's parts."""
    good = True
    for name in item.members:
        if name.text not in SET_TYPES:
            good = False
            report.error(
                "BPFC0467",
                f"`{shown(name.text)}` is not a type of elements",
                name.span,
                expected=tuple(SET_TYPES),
                suggestion=nearest(name.text, SET_TYPES),
            )
        elif name.text == "cidr" and item.is_tuple:
            good = False
            report.error(
                "BPFC0468",
                "a tuple cannot hold networks",
                name.span,
                suggestion="ip",
                remedy="tuples are compared part by part for equality",
            )
    if item.is_tuple and not 2 <= len(item.members) <= MEMBERS_MAX:
        good = False
        report.error(
            "BPFC0468",
            f"a tuple has 2 to {MEMBERS_MAX} parts, not {len(item.members)}",
            item.members[0].span.until(item.members[-1].span),
            remedy="leave the parentheses out" if len(item.members) == 1 else "use fewer parts",
        )
    return tuple(name.text for name in item.members) if good else None


def _capacity(item: SetItem, report: Collector) -> int | None:
    """The number of elements there is to be room for."""
    if item.capacity is None:
        report.error(
            "BPFC0465",
            f"set `{shown(item.name.text)}` does not say how many elements it is to hold",
            item.members[0].span.until(item.members[-1].span),
            suggestion=f"{_type_text(item)}[{_EXAMPLE}]",
            remedy="the kernel sets the memory aside when the policy is loaded",
        )
        return None
    if isinstance(item.capacity, Broken):
        return None
    if item.capacity.unit or not 1 <= item.capacity.value <= CAPACITY_MAX:
        report.error(
            "BPFC0466",
            f"a set holds 1 to {CAPACITY_MAX:,} elements",
            item.capacity.span,
            remedy="write a number such as 4096",
        )
        return None
    return item.capacity.value


def _type_text(item: SetItem) -> str:
    names = ", ".join(name.text for name in item.members)
    return f"({names})" if item.is_tuple else names


def lifetime(literal: Number | Broken | None, report: Collector) -> int | None:
    """A time to live.

    Args:
        literal: behind `for`, None where that was left out.
        report: takes diagnostics.

    Returns:
        Nanoseconds, 0 without one; None after a diagnostic.
    """
    if literal is None:
        return 0
    if isinstance(literal, Broken):
        return None
    if literal.unit != "duration" or not 0 < literal.value <= LIFETIME_MAX:
        report.error(
            "BPFC0469",
            "a time to live is a duration of up to ten years",
            literal.span,
            remedy="write a number with a unit, such as 10min, 12h or 30d",
        )
        return None
    return literal.value


def find_set(
    name: Name, sets: Mapping[str, RuntimeSet | None], others: Iterable[str], report: Collector
) -> RuntimeSet | None:
    """The set of a name, or None after a diagnostic.

    Args:
        name: as written.
        sets: all sets; None for one that was reported.
        others: names of lists and macros, and of what could not be read.
        report: takes diagnostics.
    """
    if name.text in sets:
        return sets[name.text]
    known = name.text in set(others)
    report.error(
        "BPFC0473",
        f"`{shown(name.text)}` is not a set" if known else f"unknown set `{shown(name.text)}`",
        name.span,
        suggestion=nearest(name.text, sets),
        remedy="declare it: set NAME : TYPE[CAPACITY]",
    )
    return None


def test_of(
    item: Membership, target: RuntimeSet | None, find: Find, report: Collector
) -> Expr | None:
    """`FIELD in NAME` as a typed test.

    Args:
        item: as parsed.
        target: the set; None if it was reported.
        find: gives a field by its name, None after a diagnostic.
        report: takes diagnostics.
    """
    fields = [find(name) for name in item.fields]
    known = tuple(field for field in fields if field is not None)
    if target is None or len(known) < len(fields):
        return None
    if not _fits(item.fields, known, target, item.set, report):
        return None
    member = derived(Member(target, known), Kind.BOOL)
    test = Test(member, Op.EQ, (1,), item.span)
    return Not(test) if item.negated else test


def add_of(
    item: syntax.Add, target: RuntimeSet | None, find: Find, report: Collector
) -> Add | None:
    """`add FIELD to NAME` as a typed effect; arguments as for `test_of`."""
    fields = [find(name) for name in item.fields]
    known = tuple(field for field in fields if field is not None)
    life = lifetime(item.lifetime, report)
    if target is None or life is None or len(known) < len(fields):
        return None
    if not _fits(item.fields, known, target, item.set, report):
        return None
    return Add(target, known, life or target.lifetime, item.span)


def _fits(
    names: Sequence[Name],
    fields: Sequence[Field],
    target: RuntimeSet,
    place: Name,
    report: Collector,
) -> bool:
    """Whether fields can be an element of a set; a diagnostic if not."""
    note = (("the set is here", target.span),)
    if len(fields) != len(target.members):
        report.error(
            "BPFC0471",
            f"an element of `{target.name}` takes {len(target.members)} fields, not {len(fields)}",
            names[0].span.until(names[-1].span),
            remedy=f"give {', '.join(target.members)}",
            related=note,
        )
        return False
    good = True
    for name, field, member in zip(names, fields, target.members, strict=True):
        part = field.part in ("directory", "extension")
        if field.kind is SET_TYPES[member] and not part:
            continue
        good = False
        if field.kind is Kind.STRINGS or part:
            what = "is a part of a path" if part else "is a list; its elements"
            report.error(
                "BPFC0472",
                f"`{field.name}` {what}{' that' if part else ''} cannot be looked up in a set",
                name.span,
                remedy=f"look `{field.base}` up, or compare it with a list of the policy"
                if part
                else "compare them with a list of the policy: `any in [...]`",
            )
            continue
        fitting = [known for known, kind in SET_TYPES.items() if kind is field.kind]
        report.error(
            "BPFC0470",
            f"`{field.name}` is of type {field.kind.value}; `{place.text}` holds {member} elements",
            name.span,
            remedy=f"a set of {' or '.join(fitting)} can hold it" if fitting else "",
            related=note,
        )
    return good
