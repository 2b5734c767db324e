"""A text of Falco against a value: also where the catalogue has more around it."""

import re

from bpfc_cli.importing.conditions import Always, Condition, Test, quoted
from bpfc_cli.importing.falco import predicates
from bpfc_cli.importing.falco.tables import Spec
from bpfc_cli.importing.model import Code, Refused
from bpfc_cli.importing.numbers import presence
from dsl.catalogue import Field, Kind
from dsl.patterns import regex
from dsl.patterns.search import found
from dsl.patterns.tree import PatternError

_PARTS = ("contains", "startswith", "endswith")
_INSENSITIVE = {"icontains": "contains", "iglob": "glob"}
_EMPTY = r"^\z"
_WILD = re.compile(r"[?*\[]")


def text_test(
    name: str, field: Field, spec: Spec, op: str, value: str, fold: bool, element: str
) -> Condition:
    """A text against a value.

    Args:
        name: Falco's, for messages.
        field: of type string, path or list of strings.
        spec: what Falco's text is a part of.
        op: Falco's operator.
        value: the value.
        fold: whether ASCII letters fold.
        element: "[n]" of a list, or "".

    Returns:
        The condition.

    Raises:
        Refused: there is no such test.
    """
    fold, op = fold or op in _INSENSITIVE, _INSENSITIVE.get(op, op)
    if "\0" in value:
        raise Refused(Code.VALUE, name, "a text of the kernel has no NUL character in it")
    if spec.slash:
        op, value = _without_slash(name, op, value)
    if spec.cut and op in ("=", "startswith"):
        size = len(value.encode())
        if size > spec.cut:
            return Always(False)  # Falco has only so much of it
        op = "startswith" if size == spec.cut else op
    operator, text = _operation(name, field, spec, op, value)
    if operator == "exists":
        return presence(field)
    if operator == "==" and not text and field.optional:
        operator, text = "regex", _EMPTY  # the language takes no == "" of what can be absent
    if operator == "regex":
        _check(name, text)
        if found(regex.parse(text, fold), b"", cut=True):
            return presence(field)
    return Test(field.name, operator, (quoted(text),), nocase=fold, element=element)


def _operation(name: str, field: Field, spec: Spec, op: str, value: str) -> tuple[str, str]:
    """The operator of the language, and its constant."""
    around = bool(spec.head or spec.tail)
    if op in ("glob", "regex") or (op == "pmatch" and _WILD.search(value)):
        return _pattern(field, spec, op, value)
    if op == "pmatch":
        if around:
            raise Refused(Code.OPERATOR, "pmatch", f"{name} is no path")
        return _under(value)
    if op not in ("=", *_PARTS):
        raise Refused(Code.OPERATOR, op, f"{name} is a text: no {op} for that")
    if value == "" and op != "=" and not spec.head:
        return "exists", ""
    if not around or _fits(spec, op):
        return "==" if op == "=" else op, value
    text = predicates.escaped(value)
    begin = "" if not spec.head else f"^{spec.head}"
    if op in ("contains", "endswith") and spec.head:
        begin = f"(?s){begin}.*"
    if op in ("=", "startswith"):
        begin = begin or "^"
    end = rf"{spec.tail}\z" if op in ("=", "endswith") else ""
    return "regex", f"{begin}{text}{end}"


def _fits(spec: Spec, op: str) -> bool:
    """Whether what stands around Falco's text makes no difference, or hardly any."""
    optional = spec.head.endswith("?") or not spec.head
    match op:
        case "contains":
            return optional
        case "startswith":
            return not spec.head
        case "endswith":
            return optional and not spec.tail
    return False


def _pattern(field: Field, spec: Spec, op: str, value: str) -> tuple[str, str]:
    plain = not spec.head and not spec.tail and field.kind is not Kind.PATH
    if op == "glob" and plain and predicates.is_plain_glob(value):
        return "glob", value
    if op == "regex":
        loose = "|" in value or value.startswith("(?")
        inner, mode = f"(?:{value})" if loose else value, ""
    elif op == "glob":
        inner, mode = predicates.glob_pattern(value), "(?s)"
    else:
        inner, mode = predicates.glob_pattern(value.rstrip("/"), "[^/]") + "(?:/.*)?", "(?s)"
    return "regex", rf"{mode}^{spec.head}{inner}{spec.tail}\z"


def _under(value: str) -> tuple[str, str]:
    """A path, or what is below it."""
    if value.strip("/") == "":
        # Everything is below the root; nothing is below nothing.
        return ("startswith", "/") if value else ("regex", _EMPTY)
    return "under", value.rstrip("/")


def _without_slash(name: str, op: str, value: str) -> tuple[str, str]:
    """A test of a text that has a slash at its end, for one that has none."""
    if op in ("glob", "regex"):
        raise Refused(Code.OPERATOR, op, f"{name} has no slash at its end: it has no {op} for that")
    if op == "startswith" and value.endswith("/") and value != "/":
        return "pmatch", value
    if op in ("=", "endswith") and value != "/":
        return op, value.removesuffix("/")
    return op, value


def _check(name: str, pattern: str) -> None:
    try:
        regex.parse(pattern)
    except PatternError as error:
        raise Refused(Code.OPERATOR, "regex", f"{error}, in {pattern} for {name}") from error
