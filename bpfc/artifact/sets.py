"""Run-time sets and tags as they stand in maps: layouts, keys, values.

A set is a hash map and a small array, its head. Programs look elements up and add them; the agent
does everything else. The formats are this project's own; `FORMAT` is part of every identity.
"""

import hashlib
import struct
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from attrs import frozen

from bpfc.artifact.control import string_hash

FORMAT = 1
MEMBERS = ("string", "path", "ip", "cidr", "port", "int")
TEXTS = ("string", "path")
LONGEST_TEXT = 1024  # bytes as the kernel has them; what is longer is in no set

# Value of an element: u64 end of its life (nanoseconds since boot, 0: never), u32 first epoch and
# u32 epoch behind the last in which it is an element, then its parts unless the key says them.
END, SINCE, UNTIL, PARTS = 0, 8, 12, 16
ALWAYS = 0xFFFFFFFF
SHOWN = 120  # bytes of a text that a value keeps behind its length (u64)

# Head, two entries: the agent's own (u64 epoch, u64 prefixes in use, then HEAD_PREFIX each), and
# the programs' (u64 each of HEAD_COUNTS).
HEAD_AGENT, HEAD_KERNEL = 0, 1
HEAD_SIZE = 64
HEAD_PREFIXES = 16
HEAD_PREFIX = 24  # u64 high mask, u64 low mask, u64 prefix length
KEY_PREFIX = 16  # place of the prefix length in a network's key
PREFIXES_MAX = 64  # different prefix lengths of a set
PREFIX_STEP = 16  # that one function looks for
# Places of prefixes are masked; so much room is behind the last place that the mask lets through.
PREFIX_MASK = 2048 - 8
HEAD_NETWORKS = 2048 + HEAD_PREFIXES + PREFIX_STEP * HEAD_PREFIX
HEAD_COUNTS = ("added", "full", "undetermined")

# Tags: a hash map for each kind of thing, key two u64 words, value a u64 for each tag: the end of
# its life (ALL_BITS but the lowest for none) with TAG_INHERITED in bit 0; 0: the thing has it not.
# The tag head's entry: u64 each of TAG_COUNTS.
TAG_KINDS = ("proc", "container", "file")
TAG_ROOM = {"proc": 16384, "container": 4096, "file": 16384}
TAG_INHERITED = 1
TAG_FOREVER = (1 << 64) - 2
TAG_HEAD_SIZE = 64
TAG_COUNTS = ("full", "lost_ns")

# Directories whose path begins with four bytes that the shorter spelling lacks.
SKIPPED = 4
SHORTENED = (
    b"/usr/bin",
    b"/usr/sbin",
    b"/usr/lib",
    b"/usr/lib32",
    b"/usr/lib64",
    b"/usr/libx32",
    b"/var/run",
)

_MAPPED = 0xFFFF << 32  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_M64 = (1 << 64) - 1
_FOLD = {letter: letter + 32 for letter in range(ord("A"), ord("Z") + 1)}

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Part = str | int | Address | Network
Element = tuple[Part, ...]


@frozen
class SetInfo:
    """A run-time set as the manifest describes it.

    Args:
        name: in the policy.
        members: types of an element's parts.
        capacity: elements it holds.
        lifetime: nanoseconds that an element stays by default, 0 for ever.
        map, head: names of its maps.
    """

    name: str
    members: tuple[str, ...]
    capacity: int
    lifetime: int
    map: str
    head: str


def identity(kind: str, name: str, *shape: object) -> str:
    """What tells whether two policies mean one map by a name: the name, and a digest of the layout.

    Args:
        kind: for example "set".
        name: for people, and part of the identity.
        shape: whatever the meaning of the map's bytes depends on.
    """
    digest = hashlib.sha256(repr((FORMAT, kind, name, shape)).encode()).hexdigest()
    return f"{kind} {name} {digest[:16]}"


def key_size(members: Sequence[str]) -> int:
    """Bytes of a key: two words; a network has its prefix length behind them."""
    return 24 if is_networks(members) else 16


def value_size(members: Sequence[str]) -> int:
    """Bytes of a value."""
    return PARTS + sum(part_sizes(members))


def head_size(members: Sequence[str]) -> int:
    """Bytes of an entry of the head."""
    return HEAD_NETWORKS if is_networks(members) else HEAD_SIZE


def is_networks(members: Sequence[str]) -> bool:
    """Whether elements are networks."""
    return tuple(members) == ("cidr",)


def part_sizes(members: Sequence[str]) -> tuple[int, ...]:
    """Bytes of each part in a value; none where the key is the element."""
    if len(members) == 1 and members[0] not in TEXTS:
        return ()
    return tuple(8 + SHOWN if m in TEXTS else 16 if m == "ip" else 8 for m in members)


def text_bytes(text: str, member: str, wide: bool) -> bytes:
    """A text as programs see it and sets keep it.

    Args:
        text: the characters.
        member: "string" or "path".
        wide: UTF-16, of Windows, where paths fold ASCII letters.
    """
    if wide:
        folded = text.translate(_FOLD) if member == "path" else text
        return folded.encode("utf-16-le", "surrogatepass")
    data = text.encode("utf-8", "surrogateescape")
    return shortened(data) if member == "path" else data


def shortened(path: bytes) -> bytes:
    """A path in the shorter spelling of a merged directory."""
    for prefix in SHORTENED:
        if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"", b"/"):
            return path[SKIPPED:]
    return path


def address_words(address: Address) -> tuple[int, int]:
    """An address as its high and low word; IPv4 as ::ffff:a.b.c.d."""
    whole = int(address) | (_MAPPED if isinstance(address, IPv4Address) else 0)
    return whole >> 64, whole & _M64


def prefix_of(network: Network) -> int:
    """A network's prefix length among 128-bit addresses."""
    return network.prefixlen + (96 if isinstance(network, IPv4Network) else 0)


def prefix_entry(length: int) -> bytes:
    """HEAD_PREFIX bytes for a prefix length: its masks and itself."""
    mask = ((1 << length) - 1) << (128 - length)
    return struct.pack("<QQQ", mask >> 64, mask & _M64, length)


def key_of(members: Sequence[str], element: Element, secret: tuple[int, int], wide: bool) -> bytes:
    """The key of an element.

    Args:
        members: types of its parts.
        element: parts of those types.
        secret: key of the text hash, from the map `secret`.
        wide: whether programs see texts in UTF-16.
    """
    part = element[0]
    if isinstance(part, IPv4Network | IPv6Network):
        return struct.pack("<QQQ", *address_words(part.network_address), prefix_of(part))
    words = [_words(p, m, secret, wide) for p, m in zip(element, members, strict=True)]
    if len(members) == 1:
        return words[0].ljust(16, b"\0")
    return string_hash(b"".join(words), secret)


def _words(part: Part, member: str, secret: tuple[int, int], wide: bool) -> bytes:
    """A part's words of the key: of a text its hash."""
    if isinstance(part, str):
        return string_hash(text_bytes(part, member, wide), secret)
    if isinstance(part, IPv4Address | IPv6Address):
        return struct.pack("<QQ", *address_words(part))
    assert isinstance(part, int)
    return struct.pack("<Q", part & _M64)


def value_of(members: Sequence[str], element: Element, end: int, since: int, wide: bool) -> bytes:
    """The value of an element.

    Args:
        members: types of its parts.
        element: parts of those types.
        end: nanoseconds since boot, 0 for never.
        since: first epoch in which it is an element.
        wide: as for `key_of`.
    """
    value = struct.pack("<QII", end, since, ALWAYS)
    for part, member, size in zip(element, members, part_sizes(members), strict=False):
        if isinstance(part, str):
            data = text_bytes(part, member, wide)
            value += struct.pack("<Q", len(data)) + data[:SHOWN].ljust(SHOWN, b"\0")
        elif isinstance(part, IPv4Address | IPv6Address):
            value += struct.pack("<QQ", *address_words(part))
        else:
            assert isinstance(part, int)
            value += (part & _M64).to_bytes(size, "little")
    return value


@frozen
class Shown:
    """A text of which only the beginning is kept.

    Args:
        text: the beginning.
        length: bytes of all of it.
    """

    text: str
    length: int


def element_of(
    members: Sequence[str], key: bytes, value: bytes, wide: bool
) -> tuple[Part | Shown, ...]:
    """The element of a map entry; of long texts the beginning.

    Args:
        members: types of its parts.
        key, value: the entry.
        wide: as for `key_of`.
    """
    sizes = part_sizes(members)
    if not sizes:
        return (_from_key(members[0], key),)
    parts: list[Part | Shown] = []
    at = PARTS
    for member, size in zip(members, sizes, strict=True):
        parts.append(_shown(member, value[at : at + size], wide))
        at += size
    return tuple(parts)


def _from_key(member: str, key: bytes) -> Part:
    high, low = struct.unpack_from("<QQ", key)
    if member == "ip":
        return _address(high, low)
    if member == "cidr":
        (length,) = struct.unpack_from("<Q", key, 16)
        address = _address(high, low)
        mapped = isinstance(address, IPv4Address) and length >= 96
        if not mapped:
            return ip_network((IPv6Address(high << 64 | low), length))
        return ip_network((address, length - 96))
    return int(high)


def _address(high: int, low: int) -> Address:
    whole = high << 64 | low
    return ip_address(whole & 0xFFFFFFFF) if whole >> 32 == 0xFFFF else IPv6Address(whole)


def _shown(member: str, data: bytes, wide: bool) -> Part | Shown:
    (first,) = struct.unpack_from("<Q", data)
    if member == "ip":
        return _address(first, struct.unpack_from("<Q", data, 8)[0])
    if member not in TEXTS:
        return int(first)
    kept = data[8 : 8 + min(first, SHOWN)]
    if first > SHOWN:
        return Shown(kept.decode("utf-16-le" if wide else "utf-8", "replace"), first)
    return (
        kept.decode("utf-16-le", "surrogatepass")
        if wide
        else kept.decode("utf-8", "surrogateescape")
    )
