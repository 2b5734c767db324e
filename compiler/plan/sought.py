"""What the automata of a text field look for: literals, and shapes that no literal describes."""

from itertools import product

from attrs import evolve, field, frozen

from compiler.plan.automaton import Needle
from compiler.plan.normal_form import Literal
from dsl.catalogue import Kind
from dsl.paths import aliases, directory, separator
from dsl.patterns.tree import (
    EMPTY,
    Chars,
    Choice,
    Look,
    Node,
    Repeat,
    Sequence,
    choice,
    folded,
    sequence,
)
from dsl.patterns.tree import text as text_node
from dsl.patterns.values import glob_of, regex_of
from dsl.semantics import satisfies
from dsl.typed import Op, Range, Test

# Texts that a pattern may stand for to be looked for as literals.
_LITERALS_MAX = 64

_FOLD = bytes(byte + 32 if 0x41 <= byte <= 0x5A else byte for byte in range(256))
_ALIASED = (Op.EQ, Op.STARTSWITH, Op.UNDER, Op.GLOB)
# Parts of a path that are looked for in the path as a whole.
DERIVED = ("directory", "extension")


@frozen(cache_hash=True)
class Shape:
    """A set of texts.

    Args:
        linux, windows: the patterns that are all found in them, by platform.
        element: "" for the whole text, "any" or "all" elements of a list, or a position.
        failing: found is an element that does not fit, where a whole one is there.
        part: "", or the part of a path that the pattern is put to.
        counts: numbers of elements that are meant (element "count"); the greatest of `most` and all
            behind it are one.
        most: see there.
        test: where it comes from.
    """

    linux: tuple[Node, ...]
    windows: tuple[Node, ...]
    element: str
    failing: bool
    part: str
    test: Test = field(eq=False)
    counts: frozenset[int] = frozenset()
    most: int = 0


Sought = Needle | Shape


def sought_of(literal: Literal) -> tuple[Sought, ...]:
    """What satisfies a text test where one of them is found.

    Args:
        literal: a test of a text field, any of its values or (with `every`) all of them in one
            element, or, failing, the question whether an element does not satisfy it.

    Returns:
        Literals with their anchors, and shapes; without duplicates.
    """
    test = literal.test
    if test.element == "count":
        return (_counted(literal),)
    values = [value for value in test.values if isinstance(value, bytes)]
    if len(values) != len(test.values):
        raise TypeError(f"{test.field.name}: a text is compared with something else")
    element = test.element or ""
    if element not in ("", "any") or literal.failing or test.every:
        linux, windows = (_nodes(test, values, half) for half in (0, 1))
        return (Shape(linux, windows, element, literal.failing, test.field.part, test),)
    found: dict[Sought, None] = {}
    for value in values:
        found.update(dict.fromkeys(_sought(test, value, element)))
    return tuple(found)


def _nodes(test: Test, values: list[bytes], half: int) -> tuple[Node, ...]:
    """The patterns of which all are to be found: one for each value, or one for any of them."""
    nodes = tuple(pattern_of(test, value, half) for value in values)
    return tuple(dict.fromkeys(nodes)) if test.every else (choice(nodes),)


def _counted(literal: Literal) -> Shape:
    """A comparison of a list's number of elements, by the numbers that satisfy it."""
    test = literal.test
    ends = [value.high if isinstance(value, Range) else value for value in test.values]
    most = max(end for end in ends if isinstance(end, int)) + 1
    counts = frozenset(n for n in range(1, most + 1) if satisfies(test, n))
    return Shape((EMPTY,), (EMPTY,), "count", literal.failing, "", test, counts, most)


def _sought(test: Test, value: bytes, element: str) -> tuple[Sought, ...]:
    part = test.field.part
    if part not in DERIVED:
        if test.op not in (Op.GLOB, Op.REGEX):
            folded = value.translate(_FOLD) if test.nocase else value
            return tuple(
                needle
                for spelling in spellings_of(test, folded)
                for needle in _anchored(test.op, spelling)
            )
        needles = _as_literals(test, value)
        if needles is not None:
            return needles
    linux, windows = pattern_of(test, value, 0), pattern_of(test, value, 1)
    return (Shape((linux,), (windows,), element, False, part, test),)


def _as_literals(test: Test, value: bytes) -> tuple[Needle, ...] | None:
    """A pattern as literals, if both halves can look for the same ones."""
    needles = literals_of(pattern_of(test, value, 0), test.nocase)
    others = literals_of(pattern_of(test, value, 1), _folds(test, 1))
    if needles is None or others is None:
        return None
    if _folds(test, 1):
        alike = {evolve(needle, text=needle.text.translate(_FOLD)) for needle in needles}
        return needles if alike == set(others) else None
    return needles if needles == others else None


def folds_by_type(test: Test) -> bool:
    """Whether ASCII letters fold on Windows without being told to: in paths and their parts."""
    return test.field.kind is Kind.PATH or test.field.part in ("name", *DERIVED)


def _folds(test: Test, half: int) -> bool:
    """Whether ASCII letters fold."""
    return test.nocase or bool(half and folds_by_type(test))


def spellings_of(test: Test, value: bytes) -> tuple[bytes, ...]:
    """All spellings of a text that is compared with a path; of any other the text itself.

    Args:
        test: the test.
        value: one of its values.
    """
    aliased = test.op in _ALIASED and not test.exact
    return aliases(value) if aliased and test.field.kind is Kind.PATH else (value,)


def _anchored(op: Op, value: bytes) -> tuple[Needle, ...]:
    match op:
        case Op.EQ:
            return (Needle(value, True, True),)
        case Op.STARTSWITH:
            return (Needle(value, True, False),)
        case Op.ENDSWITH:
            return (Needle(value, False, True),)
        case Op.CONTAINS:
            return (Needle(value, False, False),)
        case Op.UNDER:
            root = directory(value)
            return Needle(root + separator(value), True, False), Needle(root, True, True)
        case _:
            raise TypeError(f"{op.value} is no test of a text")


def pattern_of(test: Test, value: bytes, half: int) -> Node:
    """The pattern that a test with one value asks for.

    Args:
        test: a test of a text.
        value: one of its values.
        half: 0 on Linux, 1 on Windows.
    """
    path = test.field.kind is Kind.PATH
    folds = _folds(test, half)
    if test.op is Op.REGEX:
        return regex_of(value, folds)
    if test.op is Op.GLOB:
        aliased = path and not test.exact
        return glob_of(value, folds, path, aliased, "/\\" if half else "/")
    needles = [n for spelling in spellings_of(test, value) for n in _anchored(test.op, spelling)]
    return choice(
        sequence(
            *[Look.START] * needle.start,
            text_node(needle.text.decode("utf-8", "surrogateescape"), folds),
            *[Look.END] * needle.end,
        )
        for needle in needles
    )


def literals_of(node: Node, nocase: bool) -> tuple[Needle, ...] | None:
    """A pattern as literals to be found.

    Args:
        node: the pattern.
        nocase: whether letters are folded where the literals are looked for.

    Returns:
        The literals; None if it has something that no literal has, or stands for too many.
    """
    found: dict[Needle, None] = {}
    for item in node.items if isinstance(node, Choice) else (node,):
        items: list[Node] = list(item.items) if isinstance(item, Sequence) else [item]
        start, end = _trimmed(items, Look.START, 0), _trimmed(items, Look.END, -1)
        _shorten(items, start, end)
        texts = _texts(items, nocase)
        if texts is None or "" in texts:
            return None
        found.update((Needle(text.encode("utf-8"), start, end), None) for text in texts)
    return tuple(found) if len(found) <= _LITERALS_MAX else None


def _trimmed(items: list[Node], look: Look, at: int) -> bool:
    """Take an anchor off one end of a sequence; false if there is none."""
    if not items or items[at] is not look:
        return False
    items.pop(at)
    return True


def _shorten(items: list[Node], start: bool, end: bool) -> None:
    """Drop what need not be there, where nothing holds the pattern to that end."""
    for at, held in ((0, start), (-1, end)):
        while not held and items and isinstance(last := items[at], Repeat) and not last.low:
            items.pop(at)


def _texts(items: list[Node], nocase: bool) -> list[str] | None:
    """All texts of a sequence, if there are few."""
    parts: list[list[str]] = []
    count = 1
    for item in items:
        match item:
            case Chars():
                part = _characters(item, nocase)
            case Choice():
                part = _choices(item, nocase)
            case _:
                return None
        if part is None or count * len(part) > _LITERALS_MAX:
            return None
        count *= len(part)
        parts.append(part)
    return ["".join(text) for text in product(*parts)]


def _characters(item: Chars, nocase: bool) -> list[str] | None:
    if sum(high - low + 1 for low, high in item.ranges) > _LITERALS_MAX:
        return None
    codes = [code for low, high in item.ranges for code in range(low, high + 1)]
    if 0 in codes or any(0xD800 <= code <= 0xDFFF for code in codes):
        return None
    if nocase:
        if folded(item) != item:
            return None
        codes = [code + 32 if 0x41 <= code <= 0x5A else code for code in codes]
    return [chr(code) for code in dict.fromkeys(codes)]


def _choices(item: Choice, nocase: bool) -> list[str] | None:
    found: dict[str, None] = {}
    for alternative in item.items:
        items = alternative.items if isinstance(alternative, Sequence) else (alternative,)
        texts = _texts(list(items), nocase)
        if texts is None:
            return None
        found.update(dict.fromkeys(texts))
    return list(found)
