"""Addresses in an event record: one form for both families."""

from bpfc.artifact.manifest import EventLayout
from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr

MAPPED = 0xFFFF  # ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2
IPV4, IPV6 = 4, 6  # the catalogue's constants of net.family


def store_address(
    fn: Function, slot: Ptr, layout: EventLayout, parts: list[Int], port: Int, protocol: Int
) -> None:
    """Write remote.ip, remote.port, net.protocol and net.family.

    Args:
        fn: the adapter.
        slot: the scratch slot.
        layout: layout of net.connect.
        parts: the address in 32-bit words as the context has them (network order), one or four.
        port: network order, in the low 16 bits.
        protocol: IANA number.
    """
    numbers = {n.name: n.index for n in layout.numbers}
    words = [fn.byte_swap(part, 4) for part in parts]
    if len(words) == 1:
        high, low = fn.const(0), words[0] | (MAPPED << 32)
    else:
        high, low = (words[0] << 32) | words[1], (words[2] << 32) | words[3]
    mapped = high.eq(0) & (low >> 32).eq(MAPPED)
    values = {
        numbers["remote.ip"]: high,
        numbers["remote.ip"] + 1: low,
        numbers["remote.port"]: fn.byte_swap(port, 2),
        numbers["net.protocol"]: protocol,
        numbers["net.family"]: mapped.select(IPV4, IPV6),
    }
    for index, value in values.items():
        slot.at(scratch.number(index)).store(value)
