"""Values of fields about which a test says nothing (docs/language.md, Tests)."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from zlib import crc32

from dsl.catalogue import Event, Field, Kind
from dsl.paths import canonical
from dsl.semantics import ABSENT, UNKNOWN, FieldValue, State, Truncated

_IPV4, _IPV6 = 4, 6  # the constants of net.family
_FIRST_INODE = 16  # the ones below belong to the file system itself (ext4)


def complete(
    event: Event, given: Mapping[str, FieldValue], names: Iterable[str]
) -> dict[str, FieldValue]:
    """A record with those fields that it lacks.

    Args:
        event: the event.
        given: what the test says.
        names: of fields of any event; parts of a text follow from the text.

    Returns:
        The record; fields that the event does not have are left out.
    """
    found = dict(given)
    for name in names:
        field = event.as_confirmed.field(name)
        if field is not None and not field.part and name not in found:
            found[name] = value_of(field, event, given)
    return found


def value_of(field: Field, event: Event, given: Mapping[str, FieldValue]) -> FieldValue:
    """The value of a field.

    Args:
        field: of the event, no part of another one.
        event: the event.
        given: what the test says.

    Returns:
        What is given; else what follows from it or stands in the catalogue.
    """
    if field.name in given:
        return given[field.name]
    for file in event.files if field.name.endswith((".device", ".inode")) else ():
        if field.name in (file.device, file.inode) and (path := event.field(file.path)):
            return _identity(field, value_of(path, event, given))
    default = field.default
    if default is None:
        return ABSENT if field.optional else nothing(field)
    if default.same:
        return _same(default.same, field, event, given)
    for name in default.family_of:
        if (address := event.field(name)) is not None:
            return _family(value_of(address, event, given))
    if default.value is None:
        return nothing(field)
    return constant(field, default.value)


def nothing(field: Field) -> FieldValue:
    """0, false or empty, by the type of a field."""
    return constant(field, "" if field.kind.is_text else 0)


def constant(field: Field, value: int | str) -> FieldValue:
    """A value of the catalogue as one of a record."""
    if field.kind is Kind.IP:
        return ip_address(value)
    return value.encode() if isinstance(value, str) else value


def _same(name: str, field: Field, event: Event, given: Mapping[str, FieldValue]) -> FieldValue:
    """The value of another field, or the last component of one."""
    other = event.field(name)
    base = event.field(other.base) if other and other.part else other
    if other is None or base is None:
        return nothing(field)
    value = value_of(base, event, given)
    if isinstance(value, Truncated):
        return UNKNOWN if other.part else value
    if not isinstance(value, bytes):
        return value
    # The kernel cuts its short names in silence.
    return (value.rpartition(b"/")[2] if other.part else value)[: field.capacity]


def _family(address: FieldValue) -> FieldValue:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return _IPV6
    return _IPV4 if isinstance(address, IPv4Address | IPv6Address) else UNKNOWN


def _identity(field: Field, path: FieldValue) -> FieldValue:
    """Device or inode of the file at a path: the same path is the same file."""
    if isinstance(path, State):
        return path if path is UNKNOWN or field.optional else nothing(field)
    if field.name.endswith(".device"):
        value = field.default.value if field.default else None
        return value if isinstance(value, int) else nothing(field)
    text = path.prefix if isinstance(path, Truncated) else path
    assert isinstance(text, bytes)
    return _FIRST_INODE + crc32(canonical(text))
