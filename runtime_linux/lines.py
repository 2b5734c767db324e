"""The line table of an object: which source line a quoted text stands on.

Kernels before 6.10 quote a source line in the verifier's log without saying where it stands; the
object's own .BTF and .BTF.ext say so. Formats: Documentation/bpf/btf.rst.
"""

import struct

from bpfc.artifact.objects import read_object

_HEADER = struct.Struct("<HBBI")  # magic, version, flags, hdr_len
_LINE = struct.Struct("<IIII")  # insn_off, file_name_off, line_off, line_col
_LINE_SHIFT = 10  # BPF_LINE_INFO_LINE_NUM of include/uapi/linux/bpf.h


def line_places(data: bytes) -> dict[str, set[tuple[str, int]]]:
    """All source lines that the object's instructions come from.

    Args:
        data: an object whose ELF structure has been checked.

    Returns:
        (file, line) pairs by the line's text without surrounding blanks; empty without a table.
    """
    sections = read_object(data, "the object").sections
    if ".BTF" not in sections or ".BTF.ext" not in sections:
        return {}
    btf, ext = (
        data[place.offset : place.offset + place.size]
        for place in (sections[".BTF"], sections[".BTF.ext"])
    )
    found: dict[str, set[tuple[str, int]]] = {}
    try:
        strings = _strings(btf)
        for file, text, line in _records(ext):
            found.setdefault(_text(strings, text).strip(), set()).add((_text(strings, file), line))
    except (struct.error, ValueError):
        return {}  # a table that cannot be read only costs the place in a message
    return found


def _strings(btf: bytes) -> bytes:
    length = _HEADER.unpack_from(btf)[3]
    offset, size = struct.unpack_from("<II", btf, _HEADER.size + 8)
    return btf[length + offset : length + offset + size]


def _text(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode(errors="replace")


def _records(ext: bytes) -> list[tuple[int, int, int]]:
    length = _HEADER.unpack_from(ext)[3]
    offset, size = struct.unpack_from("<II", ext, _HEADER.size + 8)
    at, end = length + offset, length + offset + size
    if size < 4:
        return []
    (step,) = struct.unpack_from("<I", ext, at)
    if step < _LINE.size:
        raise ValueError("line records are too short")
    at += 4
    found = []
    while at < end:
        _, count = struct.unpack_from("<II", ext, at)
        at += 8
        for _ in range(count):
            _, file, text, column = _LINE.unpack_from(ext, at)
            found.append((file, text, column >> _LINE_SHIFT))
            at += step
    return found
