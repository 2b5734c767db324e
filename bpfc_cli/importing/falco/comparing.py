"""A field of Falco against one value, as a condition of the language."""

import re
from ipaddress import ip_address, ip_network

from attrs import evolve

from bpfc_cli.importing.conditions import (
    All,
    Always,
    Any,
    Condition,
    Not,
    Raw,
    Test,
    as_condition,
    shown,
    simplified,
)
from bpfc_cli.importing.falco import predicates
from bpfc_cli.importing.falco.tables import Spec
from bpfc_cli.importing.falco.texts import text_test
from bpfc_cli.importing.model import Code, Refused, unknown
from bpfc_cli.importing.networks import network_test
from bpfc_cli.importing.numbers import equal, ordered, presence
from dsl.catalogue import Event, Field, Kind

_NUMBERS = (Kind.INT, Kind.PORT, Kind.TIME, Kind.DURATION)
_ORDERED = ("<", "<=", ">", ">=")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_ELEMENT = re.compile(r"(.+?)(\[\d+\]| count)")
_ONLY_NAMES = re.compile(r"[\w.]+")


def catalogue_field(event: Event, name: str, ancestor: bool = False) -> Field | None:
    """The field that a name of the tables stands for.

    Args:
        event: where it is.
        name: a catalogue name, maybe with the position of an element or ` count` behind it.
        ancestor: whether it is a name of an ancestor.

    Returns:
        The field, named as in the table but for what stands behind it; None if the event lacks it.
    """
    match = _ELEMENT.fullmatch(name)
    base = match[1] if match else name
    field = event.as_confirmed.field(f"proc.{base}" if ancestor else base)
    return evolve(field, name=base, optional=False) if ancestor and field else field


def one_value(event: Event, name: str, spec: Spec, op: str, value: str, fold: bool) -> Condition:
    """A field against one value.

    Args:
        event: where the field is.
        name: Falco's, for messages.
        spec: what the field is; not one that is absent.
        op: Falco's operator for one value.
        value: the value.
        fold: whether ASCII letters fold.

    Returns:
        The condition.

    Raises:
        Refused: the field cannot be compared in this way.
    """
    if spec.constant is not None:
        return Always(predicates.holds(op, spec.constant, value))
    if spec.flags:
        return _flags(name, spec, op, value)
    if spec.words:
        chosen = _chosen(event, name, spec, op, value)
        if chosen is not None:
            return chosen
    if spec.agent and not spec.field:
        raise unknown(name, spec.agent)
    if spec.named and not predicates.is_number(value):
        spec = Spec(field=spec.named)
    if spec.any:
        parts = (Spec(field=field) for field in spec.any)
        return Any(tuple(one_value(event, name, part, op, value, fold) for part in parts))
    field = catalogue_field(event, spec.field, spec.ancestors)
    if field is None:
        raise Refused(Code.FIELD, name, f"{event.name} has no field that says {name}")
    return _typed(name, field, spec, op, value, fold)


def _typed(name: str, field: Field, spec: Spec, op: str, value: str, fold: bool) -> Condition:
    if spec.field.endswith(" count"):
        return _count(name, field, op, predicates.number(value) + spec.plus)
    if field.kind.is_text:
        match = _ELEMENT.fullmatch(spec.field)
        return text_test(name, field, spec, op, value, fold, match[2] if match else "")
    if field.kind in _NUMBERS:
        wanted = predicates.number(value)
        if op == "=":
            return equal(field, wanted)
        if op in _ORDERED:
            return ordered(field, op, wanted)
    if field.kind is Kind.BOOL and op == "=":
        if value.lower() not in _BOOLEANS:
            raise Refused(Code.VALUE, name, f"{value} is neither true nor false")
        wanted = _BOOLEANS[value.lower()]
        return Raw(field.name) if wanted else All((presence(field), Not(Raw(field.name))))
    if field.kind is Kind.IP and op == "=":
        try:
            if "/" not in value:
                return Test(field.name, "==", (str(ip_address(value)),))
            return network_test(field.name, ip_network(value, strict=False))
        except ValueError as error:
            raise Refused(Code.VALUE, name, f"{value} is no address or network") from error
    raise Refused(Code.OPERATOR, op, f"{name} is of type {field.kind.value}: no {op} for that")


def _count(name: str, field: Field, op: str, number: int) -> Condition:
    """The number of a list's elements; there is always one at least."""
    if op != "=" and op not in _ORDERED:
        raise Refused(Code.OPERATOR, op, f"{name} is a number: no {op} for that")
    if number < 1 or number > 255:
        holds = number < 1 and op in (">", ">=")
        if number > 255 and op != "=":
            raise Refused(Code.VALUE, name, "elements of a list are counted up to 255")
        return Always(holds)
    return Raw(f"{field.name} count {'==' if op == '=' else op} {number}")


def _flags(name: str, spec: Spec, op: str, value: str) -> Condition:
    """A text that is made of words."""
    if op not in ("contains", "icontains"):
        raise Refused(Code.OPERATOR, op, f"{name} is a set of flags: only `contains` asks for one")
    hits = [c for word, c in spec.words.items() if predicates.holds(op, word, value)]
    if not hits:
        raise Refused(Code.VALUE, name, f"{value} is no flag that {name} can have")
    return Any(tuple(map(as_condition, hits)))


def _chosen(event: Event, name: str, spec: Spec, op: str, value: str) -> Condition | None:
    """A value that is a condition; None if the field itself has to be asked."""
    field = event.field(spec.base) if spec.base else None
    if field is not None and op == "=" and value not in spec.words:
        if value.isdecimal():
            return Test(field.name, "==", (value,))
        raise Refused(Code.VALUE, name, f"{value} is no value that {name} can have")
    if (spec.field or spec.agent) and op != "=":
        return None
    hits = [c for word, c in spec.words.items() if predicates.holds(op, word, value)]
    if not hits and (spec.field or spec.agent):
        return None
    if not hits and set(spec.words) == {"0"}:
        raise Refused(Code.VALUE, name, f"{name} can only be compared with 0")
    return Any(tuple(map(as_condition, hits)))


def exists(event: Event, name: str, spec: Spec) -> Condition:
    """Whether a field has a value.

    Args:
        event: where the field is.
        name: Falco's, for messages.
        spec: what the field is.

    Returns:
        The condition.

    Raises:
        Refused: that cannot be said.
    """
    if spec.absent:
        return Always(False)
    if spec.agent and not spec.words and not spec.field:
        raise unknown(name, spec.agent)
    if not spec.field or spec.ancestors or spec.words:
        return Always(True)
    field = catalogue_field(event, spec.field)
    if field is None:
        raise Refused(Code.FIELD, name, f"{event.name} has no field that says {name}")
    match = _ELEMENT.fullmatch(spec.field)
    if match and match[2] != " count" and match[2] != "[0]":
        raise Refused(Code.OPERATOR, "exists", f"{name} is a part of a list")
    return presence(field)


def of_ancestors(inner: Condition) -> Condition:
    """A condition of which one ancestor satisfies all."""
    inner = simplified(inner)
    if isinstance(inner, Always):
        return inner
    text = shown(inner)
    return Raw(f"proc.ancestors any {text if isinstance(inner, Test) else f'({text})'}")


def presence_of(event: Event, spec: Spec) -> Condition:
    """What has to hold beside `!=`: a field without a value is not different."""
    if spec.words or spec.ancestors or not spec.field:
        return Always(True)
    field = catalogue_field(event, spec.field)
    return presence(field) if field is not None else Always(True)


def two_fields(
    event: Event, first: Spec, second: Spec, names: tuple[str, str], op: str
) -> Condition:
    """Two fields of one event against one another.

    Args:
        event: where they are.
        first, second: what they are.
        names: Falco's.
        op: its operator.

    Returns:
        The condition.

    Raises:
        Refused: they cannot be compared.
    """
    if first.absent or second.absent:
        return Always(False)
    plain = [s.plain or (s.field if s.cut and not s.words else "") for s in (first, second)]
    fields = [
        catalogue_field(event, name) if _ONLY_NAMES.fullmatch(name) else None for name in plain
    ]
    left, right = fields
    if left is None or right is None or first.cut != second.cut:
        text = f"{' and '.join(names)} are not both fields of {event.name} as they are"
        raise Refused(Code.OPERATOR, "val", text)
    if op in ("=", "!="):
        test: Condition = Raw(f"{left.name} == {right.name}")
        both = (presence(left), presence(right))
        return All((*both, Not(test))) if op == "!=" else test
    if op in _ORDERED and left.kind in _NUMBERS:
        return Raw(f"{left.name} {op} {right.name}")
    raise Refused(Code.OPERATOR, op, f"two fields of type {left.kind.value} have no {op}")


def length(event: Event, name: str, spec: Spec, op: str, value: str) -> Condition:
    """The number of bytes of a text.

    Raises:
        Refused: it is no text, or Falco's is another one.
    """
    field = catalogue_field(event, spec.plain) if spec.plain else None
    if field is None or field.kind not in (Kind.STRING, Kind.PATH):
        raise Refused(Code.OPERATOR, "len", f"{name} is no text whose length is known")
    if op != "=" and op not in _ORDERED:
        raise Refused(Code.OPERATOR, op, f"a length is a number: no {op} for that")
    number = predicates.number(value)
    if number < 0:
        return presence(field) if op in (">", ">=") else Always(False)
    return Raw(f"length({field.name}) {'==' if op == '=' else op} {number}")


def basename(event: Event, name: str, spec: Spec) -> Spec:
    """The last component of a path.

    Raises:
        Refused: it is no path with a name of its own.
    """
    if spec.cut:
        return spec  # a name already
    found = re.sub(r"\.path$", ".name", spec.plain)
    if found == spec.plain or event.field(found) is None:
        raise Refused(Code.OPERATOR, "basename", f"{name} is no path with a name of its own")
    return Spec(field=found)
