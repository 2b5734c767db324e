"""Sigma's strings: plain parts and wildcards, and what they mean for a field of type text."""

import re
from collections.abc import Iterator

from sigma.types import Placeholder, SigmaString, SpecialChars

from bpfc_cli.importing.conditions import Always, Condition, Test, quoted
from bpfc_cli.importing.model import Code, Refused
from bpfc_cli.importing.numbers import presence
from dsl.catalogue import Field, Kind

_STAR = SpecialChars.WILDCARD_MULTI
_GLOB = re.compile(r"[\\*?\[]")
Part = str | SpecialChars


def parts_of(value: SigmaString) -> tuple[Part, ...]:
    """The parts of a string, without empty ones and stars behind stars.

    Args:
        value: as pySigma reads it.

    Returns:
        Plain texts and wildcards.

    Raises:
        Refused: it has a placeholder that no pipeline has filled.
    """
    found: list[Part] = []
    for part in value.s:
        if isinstance(part, Placeholder):
            raise Refused(
                Code.PLACEHOLDER, part.name, f"no pipeline gives a value for %{part.name}%"
            )
        if part == "" or (part is _STAR and found[-1:] == [_STAR]):
            continue
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def is_plain(parts: tuple[Part, ...]) -> bool:
    """Whether there are no wildcards."""
    return all(isinstance(part, str) for part in parts)


def pattern_of(parts: tuple[Part, ...], cased: bool) -> re.Pattern[str]:
    """What matches the same texts, for choosing among names."""
    flags = re.DOTALL if cased else re.DOTALL | re.IGNORECASE
    return re.compile("".join(map(_regex, parts)), flags)


def _regex(part: Part) -> str:
    """A part in a regular expression with the flag s."""
    if isinstance(part, str):
        return "".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in part)
    return ".*" if part is _STAR else "."


def _glob(part: Part) -> str:
    if isinstance(part, str):
        return _GLOB.sub(r"\\\g<0>", part)
    return "*" if part is _STAR else "?"


def text_test(field: Field, value: SigmaString, cased: bool) -> Condition:
    """A text against a string with wildcards.

    Args:
        field: of type string, path or list of strings.
        value: Sigma's string.
        cased: whether case makes a difference.

    Returns:
        The condition, exactly as Sigma means it, but that only ASCII letters fold.

    Raises:
        Refused: it has a placeholder, or a character that no text of the kernel has.
    """
    parts = parts_of(value)
    if any(isinstance(part, str) and "\0" in part for part in parts):
        raise Refused(Code.VALUE, field.name, "a text of the kernel has no NUL character in it")
    op, literal = _operation(parts, field.kind is Kind.PATH)
    if op == "exists":
        return presence(field)
    if literal == "" and field.optional:
        return Always(False)  # absent, never empty
    element = "any" if field.kind is Kind.STRINGS else ""
    return Test(field.name, op, (quoted(literal),), nocase=not cased, element=element)


def _operation(parts: tuple[Part, ...], path: bool) -> tuple[str, str]:
    """The operator for some parts, and its constant."""
    match parts:
        case ():
            return "==", ""
        case (str() as text,):
            return "==", text
        case (SpecialChars.WILDCARD_MULTI,):
            return "exists", ""
        case (str() as text, SpecialChars.WILDCARD_MULTI):
            return "startswith", text
        case (SpecialChars.WILDCARD_MULTI, str() as text):
            return "endswith", text
        case (SpecialChars.WILDCARD_MULTI, str() as text, SpecialChars.WILDCARD_MULTI):
            return "contains", text
    if not path:
        return "glob", "".join(map(_glob, parts))
    # Wildcards of a glob do not pass over the separators of a path, Sigma's do.
    return "regex", "".join(_anchored(parts))


def _anchored(parts: tuple[Part, ...]) -> Iterator[str]:
    """A regular expression for a whole text; a star at an end is an anchor left out."""
    first, last = parts[0] is _STAR, parts[-1] is _STAR
    yield "(?s)"
    if not first:
        yield "^"
    yield from map(_regex, parts[first : len(parts) - last])
    if not last:
        yield r"\z"
