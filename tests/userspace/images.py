"""Small PE files, made by hand: headers, a section of resources, a section of imports.

Offsets are those of the PE format: DOS header, COFF header, optional header PE32+ with 16
directories, section table.
"""

import struct
from collections.abc import Mapping, Sequence

_ALIGN = 0x200
_PAGE = 0x1000
RESOURCES, IMPORTS = 0x1000, 0x3000  # addresses of the sections
_VERSION_SIGNATURE = 0xFEEF04BD  # VS_FIXEDFILEINFO.dwSignature
RT_VERSION = 16


def image(
    strings: Mapping[str, str] | None, imports: Sequence[tuple[str, Sequence[str]]] = ()
) -> bytes:
    """A PE file.

    Args:
        strings: of its version resource, None for a file without one.
        imports: names of libraries and of what is imported from each.

    Returns:
        The file.
    """
    parts = []
    if strings is not None:
        parts.append((b".rsrc", RESOURCES, _resources(strings), 2))
    if imports:
        parts.append((b".idata", IMPORTS, _imports(imports), 1))
    directories = [(0, 0)] * 16
    table, body, at = b"", b"", 2 * _ALIGN
    for name, address, data, directory in parts:
        directories[directory] = (address, len(data))
        stored = data + bytes(-len(data) % _ALIGN)
        table += struct.pack(
            "<8sIIIIIIHHI", name, len(data), address, len(stored), at, 0, 0, 0, 0, 0x40000040
        )
        body += stored
        at += len(stored)
    dos = struct.pack("<2s58xI", b"MZ", 64)
    coff = struct.pack("<4sHHIIIHH", b"PE\0\0", 0x8664, len(parts), 0, 0, 0, 112 + 16 * 8, 0x22)
    optional = struct.pack(
        "<HBBIIIIIQIIHHHHHHIIIIHHQQQQII",
        *(0x20B, 14, 0, 0, len(body), 0, 0, _PAGE, 0x140000000, _PAGE, _ALIGN),
        *(6, 0, 0, 0, 6, 0, 0, 0x8000, 2 * _ALIGN, 0, 3, 0, 1 << 20, _PAGE, 1 << 20, _PAGE, 0, 16),
    )
    head = dos + coff + optional + b"".join(struct.pack("<II", *one) for one in directories) + table
    return head + bytes(2 * _ALIGN - len(head)) + body


def _node(key: str, value: bytes, words: int, text: bool, children: Sequence[bytes] = ()) -> bytes:
    """A block of VS_VERSIONINFO: length, length of the value, type, key, value, children."""
    head = key.encode("utf-16-le") + b"\0\0"
    data = bytes(6) + head
    data += bytes(-len(data) % 4) + value
    for child in children:
        data += bytes(-len(data) % 4) + child
    return struct.pack("<HHH", len(data), words, int(text)) + data[6:]


def _resources(strings: Mapping[str, str]) -> bytes:
    """A tree of three levels (type, name, language) with one version resource."""
    entries = [
        _node(key, (value + "\0").encode("utf-16-le"), len(value) + 1, True)
        for key, value in strings.items()
    ]
    table = _node("040904b0", b"", 0, True, entries)
    fixed = struct.pack("<II44x", _VERSION_SIGNATURE, 0x10000)
    version = _node(
        "VS_VERSION_INFO",
        fixed,
        len(fixed),
        False,
        [_node("StringFileInfo", b"", 0, True, [table])],
    )
    levels = b""
    for level, number in enumerate((RT_VERSION, 1, 0x409)):
        below = (level + 1) * 24 | (0x80000000 if level < 2 else 0)
        levels += struct.pack("<12xHHII", 0, 1, number, below)
    data = struct.pack("<IIII", RESOURCES + 88, len(version), 0, 0)
    return levels + data + version


def _imports(imports: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    """Descriptors, then for each library its lookup table, address table and names."""
    place = (len(imports) + 1) * 20
    descriptors, rest = b"", b""
    for library, names in imports:
        tables, texts = place + len(rest), b""
        size = 8 * (len(names) + 1)
        entries = b""
        for name in names:
            entries += struct.pack("<Q", IMPORTS + tables + 2 * size + len(texts))
            texts += struct.pack("<H", 0) + name.encode() + b"\0"
        entries += bytes(8)
        title = IMPORTS + tables + 2 * size + len(texts)
        rest += entries + entries + texts + library.encode() + b"\0"
        rest += bytes(-len(rest) % 8)
        descriptors += struct.pack("<IIIII", IMPORTS + tables, 0, 0, title, IMPORTS + tables + size)
    return descriptors + bytes(20) + rest
