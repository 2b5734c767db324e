"""Character classes of regular expressions and globs: those with names, and those in brackets."""

from collections.abc import Callable

from dsl.patterns.tree import Chars, PatternError, chars, folded, negated

DIGIT = Chars(((0x30, 0x39),))
WORD = Chars(((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)))
# Perl's \s without the vertical tab, as in RE2.
SPACE = Chars(((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)))
PERL = {"d": DIGIT, "w": WORD, "s": SPACE}
PERL |= {name.upper(): negated(found) for name, found in PERL.items()}

# POSIX.1-2017, 7.3.1, in the C locale; `word` is Perl's.
POSIX = {
    "alnum": chars([(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)]),
    "alpha": chars([(0x41, 0x5A), (0x61, 0x7A)]),
    "ascii": chars([(0, 0x7F)]),
    "blank": chars([(0x09, 0x09), (0x20, 0x20)]),
    "cntrl": chars([(0, 0x1F), (0x7F, 0x7F)]),
    "digit": DIGIT,
    "graph": chars([(0x21, 0x7E)]),
    "lower": chars([(0x61, 0x7A)]),
    "print": chars([(0x20, 0x7E)]),
    "punct": chars([(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)]),
    "space": chars([(0x09, 0x0D), (0x20, 0x20)]),
    "upper": chars([(0x41, 0x5A)]),
    "word": WORD,
    "xdigit": chars([(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)]),
}

# Reads an escape at a place: what it stands for, and the place behind it.
Escape = Callable[[int], tuple[Chars, int]]


def bracketed(
    source: str, start: int, negations: str, nocase: bool, escape: Escape | None
) -> tuple[Chars, int]:
    """A class in brackets.

    Args:
        source: the whole pattern.
        start: place of the `[`.
        negations: characters that negate the class where they stand first.
        nocase: whether ASCII letters fold (before a negation).
        escape: reads what begins with a backslash; None: a backslash is a character.

    Returns:
        The set, and the place behind the `]`.

    Raises:
        PatternError: the class has no end, an empty range, or a name that does not exist.
    """
    at = start + 1
    negative = source[at : at + 1] != "" and source[at] in negations
    at += negative
    found: list[tuple[int, int]] = []
    first = at
    while source[at : at + 1] != "]" or at == first:
        if at >= len(source):
            raise PatternError(
                "the class has no end", start, len(source), "add `]`, or write `[[]` for a bracket"
            )
        begin = at
        item, at = _item(source, at, escape)
        if source[at : at + 1] == "-" and source[at + 1 : at + 2] not in ("", "]"):
            high, at = _item(source, at + 1, escape)
            item = _range(source, begin, at, item, high)
        found.extend(item.ranges)
    result = chars(found)
    if nocase:
        result = folded(result)
    return (negated(result) if negative else result), at + 1


def _item(source: str, at: int, escape: Escape | None) -> tuple[Chars, int]:
    """One character, one escape or one named class inside brackets."""
    if source.startswith("[:", at):
        end = source.find(":]", at + 2)
        if end >= 0:
            return _named(source, at, end), end + 2
    if source[at] == "\\" and escape is not None:
        return escape(at)
    return Chars(((ord(source[at]),) * 2,)), at + 1


def _named(source: str, at: int, end: int) -> Chars:
    name = source[at + 2 : end]
    found = POSIX.get(name.removeprefix("^"))
    if found is None:
        raise PatternError(
            f"there is no class `[:{name}:]`", at, end + 2, f"classes are {' '.join(POSIX)}"
        )
    return negated(found) if name.startswith("^") else found


def _range(source: str, begin: int, end: int, low: Chars, high: Chars) -> Chars:
    """`a-z`."""
    ends = [item.ranges[0][0] for item in (low, high) if _single(item)]
    if len(ends) < 2:
        raise PatternError(
            f"`{source[begin:end]}` is no range: both ends have to be characters",
            begin,
            end,
            "put `-` last in the class if it is meant",
        )
    if ends[0] > ends[1]:
        raise PatternError(
            f"the range `{source[begin:end]}` is empty", begin, end, "turn its ends round"
        )
    return Chars(((ends[0], ends[1]),))


def _single(item: Chars) -> bool:
    return len(item.ranges) == 1 and item.ranges[0][0] == item.ranges[0][1]
