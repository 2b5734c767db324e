"""Keys of the most common elements without a detour over objects: blocklists are long.

Whatever is not plainly right is left to `bpfc.runtime.elements`, which says what is wrong with it.
"""

import struct
from collections.abc import Callable
from ipaddress import IPv4Address
from socket import AF_INET, inet_pton

from bpfc.runtime.elements import PORT_MAX

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_PAIR = struct.Struct("<QQ")
_TRIPLE = struct.Struct("<QQQ")
_LENGTHS = {str(length): length for length in range(33)}


def _number(limit: int) -> Callable[[object], bytes | None]:
    def key(value: object) -> bytes | None:
        return _PAIR.pack(value, 0) if type(value) is int and 0 <= value <= limit else None

    return key


def _address(value: object) -> bytes | None:
    if type(value) is IPv4Address:
        return _PAIR.pack(0, _MAPPED | int(value))
    if type(value) is not str:
        return None
    try:
        packed = inet_pton(AF_INET, value)
    except (OSError, ValueError):
        return None
    return _PAIR.pack(0, _MAPPED | int.from_bytes(packed, "big"))


def _network(value: object) -> bytes | None:
    if type(value) is not str:
        return None
    host, slash, text = value.partition("/")
    length = _LENGTHS.get(text) if slash else 32
    try:
        number = int.from_bytes(inet_pton(AF_INET, host), "big")
    except (OSError, ValueError):
        return None
    if length is None or number & ((1 << 32 - length) - 1):
        return None
    return _TRIPLE.pack(0, _MAPPED | number, 96 + length)


# By the type of a set's elements: the key of a value, None where a closer look is needed.
KEYS: dict[str, Callable[[object], bytes | None]] = {
    "port": _number(PORT_MAX),
    "int": _number((1 << 64) - 1),
    "ip": _address,
    "cidr": _network,
}
