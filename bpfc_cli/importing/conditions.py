"""Conditions of the language as values, and as text.

What an importer builds: a small tree, without places and types. `simplified` folds constants and
joins tests of one field; `shown` writes it. The front end checks the result (`checking`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from math import prod

from attrs import evolve, frozen

_LETTER = re.compile("[A-Za-z]")
_SIMPLE = re.compile(r"([\w.]+) (==|has any) (\w+)")
# What tests of one field can be joined into, and by what.
_ANY_OF = frozenset(
    {"==", "startswith", "endswith", "contains", "under", "glob", "regex", "has any"}
)
_ALL_OF = frozenset({"startswith", "endswith", "contains", "glob", "regex"})


@frozen
class Always:
    """A condition that does not depend on the event."""

    value: bool


@frozen
class Test:
    """A field against constants.

    Args:
        field: catalogue name.
        op: an operator of the language; "==" also for `in`; "exists" has no values.
        values: literals as the language writes them, at least one for all but "exists".
        every: whether all values are asked for, not any.
        nocase: whether ASCII letters fold.
        element: "any", "all" or "[n]" behind the name of a list, or "".
        exact: whether directory aliases are switched off.
        named: whether the one value is the name of a list.
    """

    field: str
    op: str
    values: tuple[str, ...] = ()
    every: bool = False
    nocase: bool = False
    element: str = ""
    exact: bool = False
    named: bool = False


@frozen
class Raw:
    """A test in the language's own words; it needs no parentheses behind `not`."""

    text: str


@frozen
class Not:
    """The opposite."""

    item: "Condition"


@frozen
class All:
    """All of some conditions."""

    items: tuple["Condition", ...]


@frozen
class Any:
    """Any of some conditions."""

    items: tuple["Condition", ...]


@frozen
class Unseen:
    """A test that nothing in the language can decide; it has no text (`without`)."""

    subject: str


Condition = Always | Test | Raw | Unseen | Not | All | Any


def without(item: Condition, dropped: Callable[[Condition], bool], holds: bool) -> Condition:
    """A condition without some of its tests.

    Args:
        item: a condition.
        dropped: which tests are left out.
        holds: what each of them is taken for, the opposite of that behind `not`.

    Returns:
        With `holds` true a condition that is true wherever the whole is, with false one that is
        true only there, whatever these tests come to.
    """
    match item:
        case Not():
            return Not(without(item.item, dropped, not holds))
        case All():
            return All(tuple(without(part, dropped, holds) for part in item.items))
        case Any():
            return Any(tuple(without(part, dropped, holds) for part in item.items))
        case _:
            return Always(holds) if dropped(item) else item


def is_unseen(item: Condition) -> bool:
    """Whether a condition is a test that nothing in the language can decide."""
    return isinstance(item, Unseen)


def as_condition(words: str) -> Condition:
    """A condition as tables of fields have it, in the language's words; "" holds always."""
    if words in ("", "true", "false"):
        return Always(words != "false")
    if words.startswith("not "):
        return Not(as_condition(words.removeprefix("not ")))
    if match := _SIMPLE.fullmatch(words):
        return Test(match[1], match[2], (match[3],))
    return Test(words.split()[0], "exists") if words.endswith(" exists") else Raw(words)


def quoted(text: str) -> str:
    r"""A string literal: raw where that saves escapes.

    Args:
        text: any characters but NUL and lone surrogates.

    Returns:
        `"text"` or `r"C:\text"`.
    """
    if "\\" in text and '"' not in text and text.isprintable():
        return f'r"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    simple = {"\n": r"\n", "\t": r"\t", "\r": r"\r", '"': r"\"", "\\": r"\\"}
    if character in simple or character.isprintable():
        return simple.get(character, character)
    return f"\\u{{{ord(character):x}}}"


def simplified(item: Condition) -> Condition:
    """The same condition with fewer words: constants folded, tests of one field joined.

    Args:
        item: a condition.

    Returns:
        An equivalent one; `Always` only as the whole.
    """
    match item:
        case Not():
            return _negated(simplified(item.item))
        case All():
            return _joined(item.items, True)
        case Any():
            return _joined(item.items, False)
        case _:
            return item


def _negated(item: Condition) -> Condition:
    match item:
        case Always():
            return Always(not item.value)
        case Not():
            return item.item
        case _:
            return Not(item)


def _joined(items: Iterable[Condition], conjunction: bool) -> Condition:
    """`all` or `any` of some conditions."""
    kind = All if conjunction else Any
    flat: list[Condition] = []
    for item in map(simplified, items):
        flat += item.items if isinstance(item, kind) else [item]
    # False decides a conjunction, true a disjunction.
    if any(isinstance(item, Always) and item.value != conjunction for item in flat):
        return Always(not conjunction)
    kept = _tests_joined([i for i in flat if not isinstance(i, Always)], conjunction)
    if len(kept) == 1:
        return kept[0]
    return kind(tuple(kept)) if kept else Always(conjunction)


def _tests_joined(items: Sequence[Condition], conjunction: bool) -> list[Condition]:
    """Tests of one field by one operator as one test, each item once."""
    result: dict[object, Condition] = {}
    for item in items:
        if not (isinstance(item, Test) and _joinable(item, conjunction)):
            result[item] = item
            continue
        key = (item.field, item.op, item.element, item.exact, _folds(item))
        before = result.get(key)
        result[key] = _both(before, item, conjunction) if isinstance(before, Test) else item
    return list(result.values())


def _joinable(test: Test, conjunction: bool) -> bool:
    if test.named:
        return False
    if conjunction:
        return test.op in _ALL_OF and not test.element and (test.every or len(test.values) == 1)
    return (
        test.op in _ANY_OF and test.element != "all" and not (test.every and len(test.values) > 1)
    )


def _folds(test: Test) -> bool:
    """Whether case makes a difference to a test."""
    return test.nocase and any(map(_LETTER.search, test.values))


def _both(first: Test, second: Test, conjunction: bool) -> Test:
    values = tuple(dict.fromkeys((*first.values, *second.values)))
    return evolve(first, values=values, every=conjunction and len(values) > 1)


def halves(item: Condition) -> tuple[Condition, Condition] | None:
    """Two conditions, one of which is true where a condition is.

    Args:
        item: a condition, simplified.

    Returns:
        Both, each with about half of the alternatives; None of one that has a single one.
    """
    match item:
        case Not(item=All() as inner):
            return halves(Any(tuple(map(Not, inner.items))))
        case Not(item=Any() as inner):
            return halves(All(tuple(map(Not, inner.items))))
        case Any() if len(item.items) > 1:
            middle = len(item.items) // 2
            return Any(item.items[:middle]), Any(item.items[middle:])
        case All():
            place = max(range(len(item.items)), key=lambda n: _alternatives(item.items[n]))
            if parts := halves(item.items[place]):
                before, behind = item.items[:place], item.items[place + 1 :]
                return All((*before, parts[0], *behind)), All((*before, parts[1], *behind))
    return None


def _alternatives(item: Condition, negated: bool = False) -> int:
    """How many conjunctions a condition multiplies out to, at most."""
    match item:
        case Not():
            return _alternatives(item.item, not negated)
        case All() | Any():
            counts = [_alternatives(part, negated) for part in item.items]
            return sum(counts) if isinstance(item, Any) != negated else prod(counts)
        case _:
            return 1


def shown(item: Condition) -> str:
    """A condition as text.

    Args:
        item: a condition, simplified.

    Returns:
        One line of the language.
    """
    match item:
        case Always():
            return "true" if item.value else "false"
        case Raw():
            return item.text
        case Unseen():
            raise ValueError(f"the language has nothing for {item.subject}")
        case Test():
            return _test(item, False)
        case Not(item=Test() as test):
            return _test(test, True)
        case Not():
            return f"not {_grouped(item.item)}"
        case All():
            return " and ".join(
                f"({shown(part)})" if isinstance(part, Any) else shown(part) for part in item.items
            )
        case Any():
            return " or ".join(map(shown, item.items))


def _grouped(item: Condition) -> str:
    return f"({shown(item)})" if isinstance(item, All | Any) else shown(item)


def _test(test: Test, negated: bool) -> str:
    if test.op == "exists":
        return f"{test.field} {'not ' if negated else ''}exists"
    single = len(test.values) == 1 and not test.named
    operand = test.values[0] if len(test.values) == 1 else f"[{', '.join(test.values)}]"
    words, front = [test.op], "not " if negated else ""
    if test.op == "==":
        words = ["=="] if single else ["in"]
        if negated and not test.element:
            words, front = ["!="] if single else ["not in"], ""
    elif not single and test.op in _ANY_OF and not test.op.startswith("has"):
        words.append("all" if test.every else "any")
    suffixes = ["nocase"] * _folds(test) + ["exact"] * test.exact
    left = test.field if not test.element else f"{test.field}{_element(test.element)}"
    return f"{front}{' '.join([left, *words, operand, *suffixes])}"


def _element(element: str) -> str:
    return element if element.startswith("[") else f" {element}"
