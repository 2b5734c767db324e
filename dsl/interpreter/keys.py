"""Keys of state: the values by which events belong together (docs/language.md, Keys)."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from dsl.semantics import ABSENT, UNKNOWN, Record, address_number
from dsl.typed import KeyPart

KeyValue = tuple[int | None, ...]


def key_of(parts: Sequence[KeyPart], record: Record) -> KeyValue | None:
    """The value of a key on one event.

    Args:
        parts: of the key.
        record: the event's fields as they are known at this stage.

    Returns:
        A number for each field, None for an absent one; None if a field is unknown.
    """
    found: list[int | None] = []
    for field in (field for part in parts for field in part.fields):
        value = record[field.name]
        if value is UNKNOWN:
            return None
        if isinstance(value, IPv4Address | IPv6Address):
            value = address_number(value)
        assert value is ABSENT or isinstance(value, int)
        found.append(value if isinstance(value, int) else None)
    return tuple(found)
