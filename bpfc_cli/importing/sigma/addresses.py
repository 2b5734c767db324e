"""Addresses in Sigma's rules: networks, and beginnings of addresses as text."""

import re
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_address

from sigma.types import SpecialChars

from bpfc_cli.importing.conditions import Always, Condition, Test
from bpfc_cli.importing.model import Code, Refused
from bpfc_cli.importing.networks import MAPPED
from bpfc_cli.importing.sigma.texts import Part

_OCTET, _GROUP = re.compile(r"0|[1-9]\d{0,2}"), re.compile("0|[1-9a-f][0-9a-f]{0,3}")


def address_test(field: str, parts: tuple[Part, ...]) -> Condition:
    """An address against a text with wildcards.

    Args:
        field: catalogue name of an address.
        parts: of the text; not a star alone.

    Returns:
        The condition on the addresses whose usual text (RFC 5952) matches.

    Raises:
        Refused: they cannot be said as networks.
    """
    match parts:
        case (str() as text,):
            return _one(field, text)
        case (str() as text, SpecialChars.WILDCARD_MULTI):
            networks = [*_ipv4(text), *_ipv6(field, text.lower())]
            return _any_of(field, networks)
    raise Refused(
        Code.OPERATOR, field, f"{field} is an address: only its beginning can be compared as text"
    )


def _one(field: str, text: str) -> Condition:
    try:
        address = ip_address(text)
    except ValueError:
        return Always(False)  # no address is written so
    # Another spelling than the usual one is no text that an address has.
    return Test(field, "==", (str(address),)) if str(address) == text.lower() else Always(False)


def _any_of(field: str, networks: list[IPv4Network | IPv6Network]) -> Condition:
    if not networks:
        return Always(False)
    four = collapse_addresses(n for n in networks if isinstance(n, IPv4Network))
    six = collapse_addresses(n for n in networks if isinstance(n, IPv6Network))
    found = [*four, *six]
    if any(isinstance(n, IPv6Network) and n.supernet_of(MAPPED) for n in found):
        raise Refused(Code.OPERATOR, field, "so short a beginning fits addresses of both families")
    return Test(field, "==", tuple(map(str, found)))


def _ipv4(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks of IPv4 whose addresses begin with a text."""
    *whole, last = text.split(".")
    if len(whole) > 3 or not all(_OCTET.fullmatch(o) and int(o) < 256 for o in whole):
        return []
    if not last:
        return [_network4([*map(int, whole)])] if whole else []
    values = [v for v in range(256) if str(v).startswith(last)]
    return [_network4([*map(int, whole), value]) for value in values]


def _network4(octets: list[int]) -> IPv4Network:
    number = int.from_bytes(bytes(octets + [0] * (4 - len(octets))), "big")
    return IPv4Network((number, 8 * len(octets)))


def _ipv6(field: str, text: str) -> list[IPv4Network | IPv6Network]:
    """Networks of IPv6 whose addresses begin with a text, as RFC 5952 writes them."""
    if not re.fullmatch("[0-9a-f:]*", text) or "." in text:
        return []
    *whole, last = text.split(":")
    if len(whole) > 7:
        return []
    if not all(_GROUP.fullmatch(g) and g != "0" for g in whole) or last == "0":
        # Groups of zeros are written as :: or not, by what stands behind them.
        raise Refused(Code.OPERATOR, field, f"addresses that begin with {text} are no network")
    groups = [int(group, 16) for group in whole]
    if not last:
        return [_network6(groups)] if groups else []
    values = [v for v in range(1, 1 << 16) if format(v, "x").startswith(last)]
    return [_network6([*groups, value]) for value in values]


def _network6(groups: list[int]) -> IPv6Network:
    number = sum(group << 112 - 16 * place for place, group in enumerate(groups))
    return IPv6Network((number, 16 * len(groups)))
