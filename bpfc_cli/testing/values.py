"""Values of fields in words, for reports."""

from dsl.catalogue import Event, Field, Kind
from dsl.derived import AnyAncestor, Derived, fields_of
from dsl.membership import HasTag, Member
from dsl.semantics import FieldValue, Record, State, Truncated, value_of
from dsl.typed import Test

_LONGEST = 80  # characters of a text that is shown
_SECOND = 10**9


def shown(field: Field, value: FieldValue) -> str:
    """A value in words: texts quoted, constants by name.

    Args:
        field: whose value it is.
        value: the value.
    """
    if isinstance(value, State):
        return value.value
    if isinstance(value, Truncated):
        return f"{_text(value.prefix, field)} and goes on"
    if isinstance(value, tuple):
        value = b"\0".join(value)
    if isinstance(value, bytes):
        return _text(value, field)
    if isinstance(value, int):
        return _number(value, field)
    return str(value)


def _text(value: bytes, field: Field) -> str:
    if field.kind is Kind.STRINGS:
        return "[" + ", ".join(_quoted(part) for part in value.split(b"\0")) + "]"
    return _quoted(value.replace(b"\0", b" "))


def _quoted(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    if len(text) > _LONGEST:
        return f'"{text[: _LONGEST - 3]}..." ({len(value):,} bytes)'
    return f'"{text}"'


def _number(value: int, field: Field) -> str:
    if field.kind is Kind.BOOL:
        return "true" if value else "false"
    if field.kind in (Kind.TIME, Kind.DURATION):
        return f"{value / _SECOND:g}s"
    names = [name for name, constant in field.constants if constant == value]
    if field.kind is Kind.FLAGS and not names:
        names = [name for name, bit in field.constants if bit and value & bit == bit]
        return " ".join(names) or f"{value:#x}"
    return names[0] if names else str(value)


def reading(test: Test, record: Record, event: Event, defaults: frozenset[str]) -> str:
    """What a test saw: "proc.exe.name is "dash"".

    Args:
        test: the test.
        record: the event's fields and facts.
        event: the event.
        defaults: names of fields that the test block does not give.

    Returns:
        The values of the fields that it reads, with a mark on those that are defaults.
    """
    field = test.field
    parts = []
    if isinstance(field, Derived) and isinstance(field.source, HasTag | AnyAncestor):
        # Which process that is tells nobody anything.
        return ""
    if isinstance(field, Derived) and not isinstance(field.source, Member):
        parts.append(f"{field.name} is {shown(field, value_of(field, record))}")
    for read in dict.fromkeys(fields_of(field)):
        told = f"{read.name} is {shown(read, value_of(read, record))}"
        parts.append(told + (" (default)" if base_of(read, event) in defaults else ""))
    return ", ".join(parts)


def base_of(field: Field, event: Event) -> str:
    """The name of the field that has a field's value: that of the path for its last component."""
    base = event.field(field.base) if field.part else None
    return base.name if base is not None else field.name
