"""What the files of a policy declare: header, lists, macros, rules, each name once."""

from collections.abc import Sequence
from typing import NamedTuple

from attrs import Factory, frozen

from dsl.diagnostics import Collector
from dsl.inheritance import inherit
from dsl.lists import mentioned as listed
from dsl.lists import resolve_lists
from dsl.macros import check_declarations, mentioned
from dsl.membership import RuntimeSet
from dsl.sets import check_declarations as check_sets
from dsl.sets import declared
from dsl.span import Span
from dsl.syntax import File, Header, ListItem, Literal, Macro, Name, Rule, SetItem
from dsl.tags import Tags, given
from dsl.tuning import tune


@frozen
class Names:
    """The names of a policy.

    Args:
        headers: policy headers; exactly one is right.
        lists: by name, the first of each.
        values: of each list; none of one that was wrong.
        macros: by name, the first of each.
        sets: by name, the first of each; None for one that was wrong.
        tags: that rules give, by kind of subject.
        circular: names of macros that use themselves.
        rules: in source order, also those whose name another one has; overridden, with what they
            inherit, and without those that are disabled.
        announced: names of lists and macros that the text seems to declare, also of those that
            could not be read.
        included: names of files that the user did not name; they may have more than is used.
        used: names of lists and macros that a condition mentions; grows while rules are checked.
    """

    headers: tuple[Header, ...]
    lists: dict[str, ListItem]
    values: dict[str, tuple[Literal, ...]]
    macros: dict[str, Macro]
    sets: dict[str, RuntimeSet | None]
    tags: Tags
    circular: frozenset[str]
    rules: tuple[Rule, ...]
    announced: frozenset[str]
    included: frozenset[str]
    used: set[str] = Factory(set)


class _Place(NamedTuple):
    """A declaration of a name."""

    what: str
    code: str
    name: Name


def resolve(files: Sequence[File], report: Collector) -> Names:
    """Collect the declarations of all files.

    Args:
        files: the syntax trees in the order in which the user gave them.
        report: takes diagnostics: names given twice, empty lists, no header or two.

    Returns:
        The names.
    """
    items = [item for file in files for item in file.items]
    named = [file for file in files if file.included is None]
    headers = tuple(item for file in named for item in file.items if isinstance(item, Header))
    lists = [item for item in items if isinstance(item, ListItem)]
    found = [item for item in items if isinstance(item, Macro)]
    macros = {item.name.text: item for item in reversed(found)}
    macros = dict(reversed(macros.items()))
    rules = tuple(item for item in items if isinstance(item, Rule))
    _headers(files, report)
    sets = declared(items)
    named_values = [item for item in items if isinstance(item, ListItem | Macro)]
    values: list[ListItem | Macro | SetItem] = [*named_values, *sets]
    values.sort(key=lambda item: _order(files, item.name))
    kinds = {ListItem: "list", Macro: "macro", SetItem: "set"}
    _unique([_Place(kinds[type(item)], "BPFC0207", item.name) for item in values], report)
    _unique([_Place("rule", "BPFC0206", r.name) for r in rules if r.name], report)
    by_name = {item.name.text: item for item in reversed(lists)}
    by_name = dict(reversed(by_name.items()))
    tuned, mentions = tune(items, rules, inherit, report)
    announced = frozenset().union(*(file.announced for file in files))
    return Names(
        headers=headers,
        lists=by_name,
        values=resolve_lists(by_name, macros, announced, report),
        macros=macros,
        sets=check_sets(sets, report),
        tags=given(tuned, report),
        circular=check_declarations(macros, report),
        rules=tuned,
        announced=announced,
        included=frozenset(file.name for file in files if file.included is not None),
        used=set(mentions),
    )


def _order(files: Sequence[File], name: Name) -> tuple[int, int]:
    """A sort key: where a name stands among all files."""
    names = [file.name for file in files]
    return names.index(name.span.file), name.span.start


def _headers(files: Sequence[File], report: Collector) -> None:
    """Report a policy without a header or with several, and headers of included files."""
    named = [file for file in files if file.included is None]
    headers = [item for file in named for item in file.items if isinstance(item, Header)]
    for file in files:
        for item in file.items:
            if isinstance(item, Header) and file.included is not None:
                report.error(
                    "BPFC0415",
                    "an included file cannot have a policy header",
                    item.span,
                    remedy="keep the header of the file that includes it",
                    related=(("it is included here", file.included),),
                )
    if not headers and not any(file.headed for file in named):
        report.error(
            "BPFC0401",
            "the policy has no header",
            Span(named[0].name, 0, 0, 1, 1),
            remedy='begin with: policy "name" version "1.0" language 1',
        )
    for header in headers[1:]:
        report.error(
            "BPFC0402",
            "the policy has a header already",
            header.span,
            remedy="keep one for all files of the policy",
            related=(("the first one is here", headers[0].span),),
        )


def _unique(places: Sequence[_Place], report: Collector) -> None:
    """Report each name that is declared again."""
    first: dict[str, _Place] = {}
    for place in places:
        what, code, name = place
        before = first.setdefault(name.text, place)
        if before is not place:
            twice = f"{what} `{name.text}` is declared twice"
            other = f"{what} `{name.text}` has the name of a {before.what}"
            report.error(
                code,
                twice if what == before.what else other,
                name.span,
                remedy="give one of them another name",
                related=(("the first one is here", before.name.span),),
            )


def unused(names: Names, report: Collector) -> None:
    """Warn of lists, sets and macros that nothing mentions.

    Args:
        names: after all rules were checked.
        report: takes the warnings.
    """
    # What only an unused macro or list mentions is not reported too: it goes with that or stays.
    inside = {name.text for macro in names.macros.values() for name in mentioned(macro.body)}
    inside |= {name.text for item in names.lists.values() for name in listed(item)}
    places = {name: ("list", item.name.span) for name, item in names.lists.items()}
    places |= {name: ("macro", item.name.span) for name, item in names.macros.items()}
    places |= {name: ("set", item.span) for name, item in names.sets.items() if item}
    for name, (what, span) in places.items():
        if name not in names.used | inside and span.file not in names.included:
            report.warning(
                "BPFC0501",
                f"{what} `{name}` is not used",
                span,
                remedy="remove it",
            )
