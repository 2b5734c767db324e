"""Properties of addresses, such as `remote.ip is_private`: networks, from `addresses.toml`."""

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

from attrs import frozen

Network = IPv4Network | IPv6Network
N = TypeVar("N", IPv4Network, IPv6Network)
_MAPPED = IPv6Network("::ffff:0:0/96")


@frozen
class Property:
    """A property.

    Args:
        name: as rules write it.
        networks: the addresses that have it.
        doc: what they are.
        sources: where that is laid down.
    """

    name: str
    networks: tuple[Network, ...]
    doc: str
    sources: str


@cache
def load() -> dict[str, Property]:
    """All properties by name; the same value on every call."""
    rows = tomllib.loads(resources.files("dsl").joinpath("addresses.toml").read_text("utf-8"))
    return {
        name: Property(name, _networks(row), row["doc"], row["sources"])
        for name, row in rows.items()
    }


def _networks(row: dict[str, list[str]]) -> tuple[Network, ...]:
    if "networks" in row:
        return tuple(map(ip_network, row["networks"]))
    excluded = [ip_network(text) for text in row["but"]]
    narrow = [n for n in excluded if isinstance(n, IPv4Network)]
    wide = [n for n in excluded if isinstance(n, IPv6Network)]
    return (
        *_without([IPv4Network("0.0.0.0/0")], narrow),
        *_without([IPv6Network("::/0")], [*wide, _MAPPED]),
    )


def _without(rest: list[N], excluded: Iterable[N]) -> list[N]:
    """Networks without those that are excluded."""
    for network in excluded:
        kept: list[N] = []
        for item in rest:
            if network.subnet_of(item):
                kept += item.address_exclude(network)
            elif not item.subnet_of(network):
                kept.append(item)
        rest = kept
    return sorted(rest)
