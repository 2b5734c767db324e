"""Values that users give as elements of run-time sets, checked."""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from bpfc.artifact.sets import LONGEST_TEXT, Element, Part, SetInfo, text_bytes
from bpfc.runtime.errors import SensorError

PORT_MAX = 0xFFFF
LEAST, GREATEST = -(1 << 63), (1 << 64) - 1


def checked(info: SetInfo, value: object, wide: bool, asking: bool = False) -> Element:
    """A value as an element.

    Args:
        info: the set.
        value: what the user gave.
        wide: whether programs see texts in UTF-16.
        asking: of a set of networks, an address may stand for the networks that contain it.

    Returns:
        Its parts, of the set's types.

    Raises:
        SensorError: BPFC0721.
    """
    if len(info.members) == 1:
        return (_part(info, info.members[0], value, wide, asking),)
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) != len(info.members):
        raise _wrong(info, value, f"a tuple of {', '.join(info.members)}")
    pairs = zip(info.members, value, strict=True)
    return tuple(_part(info, member, part, wide, asking) for member, part in pairs)


def _part(info: SetInfo, member: str, value: object, wide: bool, asking: bool) -> Part:
    match member:
        case "string" | "path":
            return _text(info, member, value, wide)
        case "ip":
            return _address(info, value)
        case "cidr":
            return _network(info, value, asking)
        case "port":
            return _number(info, member, value, 0, PORT_MAX)
        case _:
            return _number(info, member, value, LEAST, GREATEST)


def _text(info: SetInfo, member: str, value: object, wide: bool) -> str:
    if not isinstance(value, str):
        raise _wrong(info, value, f"a {member}")
    if "\0" in value:
        raise _wrong(info, value, f"a {member} without NUL characters")
    try:
        size = len(text_bytes(value, member, wide))
    except UnicodeEncodeError:
        raise _wrong(info, value, f"a {member} without lone surrogates") from None
    if size > LONGEST_TEXT:
        raise _wrong(info, value, f"a {member} of at most {LONGEST_TEXT} bytes; this has {size}")
    return value


def _number(info: SetInfo, member: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise _wrong(info, value, f"a number from {low} to {high} ({member})")
    return value


def _address(info: SetInfo, value: object) -> IPv4Address | IPv6Address:
    if isinstance(value, str):
        try:
            value = ip_address(value)
        except ValueError:
            raise _wrong(info, value, "an address such as 10.0.0.1 or 2001:db8::1") from None
    if not isinstance(value, IPv4Address | IPv6Address) or getattr(value, "scope_id", None):
        raise _wrong(info, value, "an address such as 10.0.0.1 or 2001:db8::1, without a zone")
    mapped = value.ipv4_mapped if isinstance(value, IPv6Address) else None
    return mapped or value


def _network(
    info: SetInfo, value: object, asking: bool
) -> IPv4Network | IPv6Network | IPv4Address | IPv6Address:
    single = isinstance(value, IPv4Address | IPv6Address)
    if asking and (single or (isinstance(value, str) and "/" not in value)):
        return _address(info, value)
    if single or isinstance(value, str):
        try:
            value = ip_network(value if isinstance(value, str) else str(value))
        except ValueError as error:
            hint = "a network such as 10.0.0.0/8 or 2001:db8::/32"
            if "host bits" in str(error):
                hint = f"a network; did you mean {ip_network(str(value), strict=False)}?"
            raise _wrong(info, value, hint) from None
    if not isinstance(value, IPv4Network | IPv6Network):
        raise _wrong(info, value, "a network such as 10.0.0.0/8 or 2001:db8::/32")
    if isinstance(value, IPv6Network) and value.prefixlen >= 96:
        mapped = value.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, value.prefixlen - 96))
    return value


def _wrong(info: SetInfo, value: object, wanted: str) -> SensorError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else shown[:77] + "..."
    return SensorError(
        "BPFC0721",
        f"{shown} cannot be an element of set {info.name}",
        f"give {wanted}",
    )
