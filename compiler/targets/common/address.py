"""Addresses in an event record: one form for both families."""

from attrs import frozen

from bpfc.artifact.manifest import EventLayout
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr

MAPPED = 0xFFFF  # ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2
IPV4, IPV6 = 4, 6  # the catalogue's constants of net.family


@frozen
class Address:
    """Where a connection goes, in the form of the catalogue's numbers.

    Args:
        high, low: the address in host order, IPv4 as ::ffff:a.b.c.d.
        port: host order.
        protocol: IANA number.
        family: 4 or 6; IPv4-mapped addresses count as 4.
    """

    high: Int
    low: Int
    port: Int
    protocol: Int
    family: Int

    def words(self, field: str) -> list[Int]:
        """The words of a number by catalogue name."""
        return {
            "remote.ip": [self.high, self.low],
            "remote.port": [self.port],
            "net.protocol": [self.protocol],
            "net.family": [self.family],
        }[field]


# What a context has at hand, cheapest to look up first.
AT_HAND = ("remote.port", "net.protocol", "net.family", "remote.ip")


def read_address(fn: Function, parts: list[Int], port: Int, protocol: Int) -> Address:
    """Bring an address into one form.

    Args:
        fn: the adapter.
        parts: the address in 32-bit words as the context has them (network order), one or four.
        port: network order, in the low 16 bits.
        protocol: IANA number.

    Returns:
        The address.
    """
    words = [fn.byte_swap(part, 4) for part in parts]
    if len(words) == 1:
        high, low = fn.const(0), words[0] | (MAPPED << 32)
        family = fn.const(IPV4)
    else:
        high, low = (words[0] << 32) | words[1], (words[2] << 32) | words[3]
        family = (high.eq(0) & (low >> 32).eq(MAPPED)).select(IPV4, IPV6)
    return Address(high, low, fn.byte_swap(port, 2), protocol, family)


def store_address(slot: Ptr, layout: EventLayout, address: Address) -> None:
    """Write remote.ip, remote.port, net.protocol and net.family into the record."""
    numbers = {n.name: n.index for n in layout.numbers}
    for field in AT_HAND:
        for offset, value in enumerate(address.words(field)):
            slot.at(scratch.number(numbers[field] + offset)).store(value)
