"""Numbers of other systems against fields of the catalogue."""

import math

from bpfc_cli.importing.conditions import Always, Condition, Test
from dsl.catalogue import Field
from dsl.values import limits


def presence(field: Field) -> Condition:
    """Whether a field has a value."""
    return Test(field.name, "exists") if field.optional else Always(True)


def equal(field: Field, number: int | float) -> Condition:
    """Whether a field has a value, which may be none that it can have."""
    low, high = limits(field)
    if number != int(number) or not low <= number <= high:
        return Always(False)
    return Test(field.name, "==", (str(int(number)),))


def ordered(field: Field, op: str, number: int | float) -> Condition:
    """A field against a limit that need be none of its values.

    Args:
        field: a number.
        op: "<", "<=", ">" or ">=".
        number: the limit.

    Returns:
        The condition; true of every value, or of none, where the limit is beyond them.
    """
    low, high = limits(field)
    if op in ("<", "<="):
        top = math.ceil(number) - 1 if op == "<" else math.floor(number)
        holds, fails, test = top >= high, top < low, ("<=", top)
    else:
        least = math.floor(number) + 1 if op == ">" else math.ceil(number)
        holds, fails, test = least <= low, least > high, (">=", least)
    if holds or fails:
        return presence(field) if holds else Always(False)
    return Test(field.name, test[0], (str(test[1]),))
