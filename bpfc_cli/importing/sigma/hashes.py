"""Sysmon's field Hashes: one text with several hashes, as in `MD5=...,SHA256=...,IMPHASH=...`."""

import re
from collections.abc import Mapping

from sigma.types import (
    SigmaBool,
    SigmaExists,
    SigmaNull,
    SigmaNumber,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from bpfc_cli.importing.conditions import All, Always, Any, Condition, Not, Test, quoted
from bpfc_cli.importing.model import Code, Refused
from bpfc_cli.importing.sigma.texts import Part, is_plain, parts_of
from bpfc_cli.importing.sigma.values import modifier
from dsl.catalogue import Field

_STAR = SpecialChars.WILDCARD_MULTI
_PAIR = re.compile("([A-Z0-9]+)=([0-9A-F]*)")
_DIGITS = re.compile("[0-9A-F]+")
_LONGER_THAN_NAMES = 5  # digits that no name of a hash has side by side: SHA256 has four


def hashes_test(name: str, fields: Mapping[str, Field], value: SigmaType) -> Condition:
    """All hashes of a file, in one text, against a value.

    Args:
        name: Sigma's, for messages.
        fields: of the catalogue, by Sysmon's names of hashes.
        value: whole hashes, with names or without; the first digits of one with its name; or
            digits that stand somewhere.

    Returns:
        The condition.

    Raises:
        Refused: it is about something else.
    """
    match value:
        case SigmaNull():
            return Always(False)
        case SigmaExists():
            return Always(value.exists)
        case SigmaNumber() | SigmaBool():
            value = SigmaString(str(value))
    if not isinstance(value, SigmaString):
        raise Refused(Code.OPERATOR, modifier(value), f"{name} is compared with hashes only")
    parts = parts_of(value)
    if parts == (_STAR,):
        return Always(True)
    first, last = parts[:1] == (_STAR,), parts[-1:] == (_STAR,)
    inner: tuple[Part, ...] = parts[first : len(parts) - last]
    if not is_plain(inner):
        raise Refused(Code.OPERATOR, "wildcard", f"{name} is compared with whole hashes")
    text = "".join(map(str, inner)).upper()
    tests = [_named(fields, pair) for pair in text.strip(",").split(",")]
    if all(test is not None for test in tests):
        return All(tuple(test for test in tests if test is not None))
    if _DIGITS.fullmatch(text):
        whole = [field for field in fields.values() if field.capacity == len(text)]
        if whole:
            return Any(tuple(_is(field, text) for field in whole))
        if first and last and len(text) >= _LONGER_THAN_NAMES:
            return Any(tuple(_part(field, "contains", text) for field in fields.values()))
    raise Refused(Code.VALUE, name, f"{text} says of no hash what it is")


def _named(fields: Mapping[str, Field], pair: str) -> Condition | None:
    """`NAME=DIGITS`, as many digits as there are given; None if it is none."""
    match = _PAIR.fullmatch(pair)
    field = fields.get(match[1]) if match else None
    if match is None or field is None or len(match[2]) > field.capacity:
        return None
    if len(match[2]) == field.capacity:
        return _is(field, match[2])
    return _part(field, "startswith", match[2]) if match[2] else Always(True)


def _is(field: Field, digits: str) -> Condition:
    if field.optional and not digits.strip("0"):
        return Not(Test(field.name, "exists"))  # so Sysmon says that there is none
    return Test(field.name, "==", (quoted(digits.lower()),))


def _part(field: Field, op: str, digits: str) -> Condition:
    return Test(field.name, op, (quoted(digits.lower()),))
