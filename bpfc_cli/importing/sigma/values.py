"""A field against one of Sigma's values, as a condition."""

from collections.abc import Callable
from itertools import groupby

from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaQueryExpression,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
)

from bpfc_cli.importing.conditions import All, Always, Any, Condition, Not, Raw, Test, quoted
from bpfc_cli.importing.model import Code, Refused
from bpfc_cli.importing.networks import network_test
from bpfc_cli.importing.numbers import equal, ordered, presence
from bpfc_cli.importing.sigma.addresses import address_test
from bpfc_cli.importing.sigma.texts import is_plain, parts_of, pattern_of, text_test
from dsl.catalogue import Field, Kind
from dsl.patterns import regex
from dsl.patterns.search import found
from dsl.patterns.tree import PatternError

_NUMBERS = (Kind.INT, Kind.PORT)
_ORDER = {
    CompareOperators.LT: "<",
    CompareOperators.LTE: "<=",
    CompareOperators.GT: ">",
    CompareOperators.GTE: ">=",
}
_BOOLEANS = (("false", 0), ("true", 1))
_FLAGS = {"IGNORECASE": "i", "MULTILINE": "m", "DOTALL": "s"}
# Modifiers by the type of the value that they make.
_MODIFIERS = {
    SigmaRegularExpression: "re",
    SigmaCIDRExpression: "cidr",
    SigmaFieldReference: "fieldref",
    SigmaExists: "exists",
    SigmaQueryExpression: "query expression",
}


def condition_of(field: Field, value: SigmaType) -> Condition:
    """A field of the catalogue against a value of Sigma.

    Args:
        field: the field.
        value: a string, number, boolean, null, network, regular expression or comparison.

    Returns:
        The condition.

    Raises:
        Refused: the field cannot be compared in this way.
    """
    match value:
        case SigmaNull():
            return _null(field)
        case SigmaString():
            return _string(field, value, isinstance(value, SigmaCasedString))
        case SigmaBool():
            return _string(field, SigmaString(str(value).lower()), False)
        case SigmaTimestampPart():
            raise _unfit(field, modifier(value), "it is no date")
        case SigmaNumber():
            return _number(field, value)
        case SigmaRegularExpression():
            return _regular(field, value)
        case SigmaCIDRExpression():
            if field.kind is not Kind.IP:
                raise _unfit(field, "cidr", "networks are for addresses")
            return network_test(field.name, value.network)
        case SigmaCompareExpression():
            return _comparison(field, value)
    raise _unfit(field, modifier(value), "there is no such test in the language")


def modifier(value: SigmaType) -> str:
    """What Sigma calls the way in which a value is compared."""
    if isinstance(value, SigmaCompareExpression):
        return value.op.name.lower()
    if isinstance(value, SigmaTimestampPart):
        return value.timestamp_part.name.lower()
    return _MODIFIERS.get(type(value), "wildcard")


def _unfit(field: Field, operator: str, why: str) -> Refused:
    return Refused(Code.OPERATOR, operator, f"{field.name} is of type {field.kind.value}: {why}")


def _null(field: Field) -> Condition:
    """No value. What an event always has is empty at most."""
    if field.optional:
        return Not(Test(field.name, "exists"))
    if field.kind in (Kind.STRING, Kind.PATH):
        return Test(field.name, "==", ('""',))
    return Always(False)


def _string(field: Field, value: SigmaString, cased: bool) -> Condition:
    if field.kind.is_text:
        return text_test(field, value, cased)
    parts = parts_of(value)
    if parts == parts_of(SigmaString("*")):
        return presence(field)
    matches = pattern_of(parts, cased).fullmatch
    match field.kind:
        case Kind.IP:
            return address_test(field.name, parts)
        case Kind.ENUM:
            return _named(field, field.constants, lambda name: bool(matches(name)))
        case Kind.BOOL:
            return _named(field, _BOOLEANS, lambda name: bool(matches(name)))
        case Kind.PORT:
            return _ranges(field, [n for n in range(1 << 16) if matches(str(n))])
        case Kind.INT if is_plain(parts):
            text = "".join(map(str, parts))
            whole = text.removeprefix("-").isdecimal() and str(int(text)) == text
            return equal(field, int(text)) if whole else Always(False)
    raise _unfit(field, "wildcard", "it cannot be compared as text")


def _named(
    field: Field, names: tuple[tuple[str, int], ...], matches: Callable[[str], bool]
) -> Condition:
    """A field with named values against those that match."""
    chosen = tuple(name for name, _ in names if matches(name))
    if not chosen:
        return Always(False)
    if field.kind is Kind.BOOL:
        return Any(tuple(Test(field.name, "==", (name,)) for name in chosen))
    return Test(field.name, "==", chosen)


def _ranges(field: Field, numbers: list[int]) -> Condition:
    """A number against numbers in rising order, as ranges."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])
    ]
    values = [str(r[0]) if len(r) == 1 else f"{r[0]}..{r[-1]}" for r in runs]
    return Test(field.name, "==", tuple(values)) if values else Always(False)


def _number(field: Field, value: SigmaNumber) -> Condition:
    if field.kind in _NUMBERS:
        return equal(field, value.number)
    if field.kind is Kind.ENUM and value.number == int(value.number):
        return Test(field.name, "==", (str(int(value.number)),))
    return _string(field, SigmaString.from_str(str(value)), False)


def _comparison(field: Field, value: SigmaCompareExpression) -> Condition:
    number, op = value.number.number, value.op
    if field.kind not in _NUMBERS:
        raise _unfit(field, modifier(value), "only numbers are compared by size")
    if op is CompareOperators.NEQ:
        return Not(equal(field, number))
    return ordered(field, _ORDER[op], number)


def _regular(field: Field, value: SigmaRegularExpression) -> Condition:
    if not field.kind.is_text:
        raise _unfit(field, "re", "it cannot be compared as text")
    text = str(value.regexp)
    if value.contains_placeholder():
        raise Refused(Code.PLACEHOLDER, text, "no pipeline gives a value for a name in it")
    flags = "".join(sorted(_FLAGS[flag.name] for flag in value.flags))
    pattern = f"(?{flags}){text}" if flags else text
    try:
        if found(regex.parse(pattern), b"", cut=True):
            return presence(field)  # found in every text
    except PatternError as error:
        raise Refused(Code.OPERATOR, "re", f"{error}, in {text}") from error
    if "\0" in pattern:
        raise Refused(Code.VALUE, field.name, "a text of the kernel has no NUL character in it")
    element = "any" if field.kind is Kind.STRINGS else ""
    return Test(field.name, "regex", (quoted(pattern),), element=element)


def two_fields(first: Field, second: Field, windows: bool) -> Condition:
    """Two fields of one event that are the same.

    Args:
        first, second: the fields.
        windows: whether the rule is for Windows.

    Returns:
        The condition.

    Raises:
        Refused: they are of types that cannot be compared.
    """
    if windows and first.kind.is_text:
        raise Refused(
            Code.OPERATOR, "fieldref", "texts of Windows are compared with constants only"
        )
    if first.known_by or second.known_by:
        text = "what the agent knows is compared with constants only"
        raise Refused(Code.OPERATOR, "fieldref", text)
    if first.kind is Kind.STRINGS or second.kind is Kind.STRINGS:
        raise Refused(Code.OPERATOR, "fieldref", "lists are compared with constants only")
    return Raw(f"{first.name} == {second.name}")


def chosen(
    name: str, table: dict[str, Condition], value: SigmaType, open_: bool
) -> Condition | None:
    """A field of Sigma that the catalogue has in other words.

    Args:
        name: Sigma's.
        table: what each of its values comes to.
        value: what it is compared with.
        open_: whether the field has other values too.

    Returns:
        The condition; None if the field itself has to be asked.

    Raises:
        Refused: it is no comparison with a value.
    """
    if isinstance(value, SigmaNull) and not open_:
        return Always(False)
    if isinstance(value, SigmaBool | SigmaNumber):
        value = SigmaString.from_str(str(value).lower())
    if not isinstance(value, SigmaString):
        if open_:
            return None
        raise Refused(Code.OPERATOR, modifier(value), f"{name} is compared with names only")
    parts = parts_of(value)
    matches = pattern_of(parts, isinstance(value, SigmaCasedString)).fullmatch
    holds = tuple(condition for text, condition in table.items() if matches(text))
    if open_ and not (is_plain(parts) and holds):
        return None
    return All((Any(holds),)) if holds else Always(False)
