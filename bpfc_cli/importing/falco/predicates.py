"""Falco's operators on texts that are known beforehand, and its patterns in the language."""

import re

from bpfc_cli.importing.model import Code, Refused

# Operators that take one value. `in` and `intersects` ask for `=`.
ONE_VALUE = {"in": "=", "intersects": "=", "==": "="}
_CLASS = re.compile(r"\[([!^]?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]")
_NAMED = re.compile(r"(\[:[a-z]+:\])")
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


def holds(op: str, text: str, value: str) -> bool:
    """Whether a text satisfies a test.

    Args:
        op: Falco's operator for one value.
        text: on the left.
        value: on the right.

    Returns:
        What Falco says.

    Raises:
        Refused: the operator is not for such texts.
    """
    match op:
        case "=":
            return text == value
        case "contains":
            return value in text
        case "icontains":
            return value.lower() in text.lower()
        case "startswith":
            return text.startswith(value)
        case "endswith":
            return text.endswith(value)
        case "glob" | "iglob":
            flags = re.IGNORECASE if op == "iglob" else 0
            return re.fullmatch(glob_pattern(value), text, flags) is not None
        case "pmatch":
            return text == value or text.startswith(value.rstrip("/") + "/")
        case "<" | "<=" | ">" | ">=":
            first, second = number(text), number(value)
            return {"<": first < second, "<=": first <= second, ">": first > second}.get(
                op, first >= second
            )
    raise Refused(Code.OPERATOR, op, f"{op} cannot be decided for {text}")


def number(text: str) -> int:
    """A whole number as Falco writes it.

    Raises:
        Refused: it is none.
    """
    try:
        return int(text, 16) if text[:2].lower() == "0x" else int(text)
    except ValueError as error:
        raise Refused(Code.VALUE, text, f"{text} is no whole number") from error


def is_number(text: str) -> bool:
    """Whether Falco takes a text for a whole number."""
    try:
        number(text)
    except Refused:
        return False
    return True


def escaped(text: str) -> str:
    """A text in a regular expression of the language."""
    return "".join(f"\\{c}" if c in _SPECIAL else c for c in text)


def is_plain_glob(pattern: str) -> bool:
    """Whether a glob means the same in the language, on a text where nothing separates."""
    return not re.search(r"[?*+@!]\(", pattern) and "**" not in pattern


def glob_pattern(pattern: str, any_sign: str = ".") -> str:
    """A glob as a regular expression for a whole text, without anchors.

    Falco's globs are those of fnmatch(3) with FNM_EXTMATCH.

    Args:
        pattern: the glob.
        any_sign: what stands for any sign.

    Returns:
        The expression, for the flag s.

    Raises:
        Refused: it asks for what is not there (`!(...)`).
    """
    result, _ = _glob(pattern, 0, any_sign, "")
    return result


def _glob(pattern: str, at: int, any_sign: str, stop: str) -> tuple[str, int]:
    result = ""
    while at < len(pattern) and pattern[at] not in stop:
        sign = pattern[at]
        if sign in "?*+@!" and pattern[at + 1 : at + 2] == "(":
            part, at = _extended(pattern, at, any_sign)
            result += part
            continue
        if sign == "[" and (found := _CLASS.match(pattern, at)):
            negated, inside = found.groups()
            result += f"[{'^' if negated else ''}{_class(inside)}]"
            at = found.end()
            continue
        if sign == "\\" and at + 1 < len(pattern):
            at += 1
            sign = escaped(pattern[at])
        elif sign == "*":
            sign = f"{any_sign}*"
        else:
            sign = any_sign if sign == "?" else escaped(sign)
        result += sign
        at += 1
    return result, at


def _class(inside: str) -> str:
    parts = _NAMED.split(inside)
    parts[::2] = ["".join(f"\\{c}" if c in "\\[]^" else c for c in part) for part in parts[::2]]
    return "".join(parts)


def _extended(pattern: str, at: int, any_sign: str) -> tuple[str, int]:
    """`@(a|b)` and the like."""
    sign, start, choices = pattern[at], at, []
    if sign == "!":
        text = "a glob that says what must not be there needs a `not`"
        raise Refused(Code.OPERATOR, "glob", text)
    at += 2
    while at < len(pattern):
        choice, at = _glob(pattern, at, any_sign, "|)")
        choices.append(choice)
        if pattern[at : at + 1] == ")":
            return f"(?:{'|'.join(choices)}){'' if sign == '@' else sign}", at + 1
        at += 1
    raise Refused(Code.VALUE, "glob", f"a parenthesis of {pattern[start:]} is not closed")
