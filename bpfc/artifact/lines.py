"""What .BTF.ext says of an object's instructions: source lines, and kernel structures they need.

Kernels before 6.10 quote a source line in the verifier's log without saying where it stands; the
object's own .BTF and .BTF.ext say so. Formats: Documentation/bpf/btf.rst.
"""

import struct
from collections.abc import Iterator, Mapping

from attrs import frozen

from bpfc.artifact.objects import Place, read_object

_HEADER = struct.Struct("<HBBI")  # magic, version, flags, hdr_len
_RECORD = struct.Struct("<IIII")  # struct bpf_line_info, and struct bpf_core_relo
_LINE_SHIFT = 10  # BPF_LINE_INFO_LINE_NUM of include/uapi/linux/bpf.h
_LINES, _RELOCATIONS = 8, 16  # places of offset and size behind the header's common part


@frozen
class Line:
    """Where an instruction comes from, and all behind it up to the next one that has a line.

    Args:
        section: of the instruction.
        offset: bytes from the section's begin.
        file, line: the place in the source.
        text: what stands there.
    """

    section: str
    offset: int
    file: str
    line: int
    text: str


def line_table(data: bytes, sections: Mapping[str, Place] | None = None) -> tuple[Line, ...]:
    """All lines of an object, section by section, in order of their instructions.

    Args:
        data: an object whose ELF structure has been checked.
        sections: where its sections stand, if somebody knows already.

    Returns:
        The lines; empty without a table, or if it cannot be read: it only serves messages.
    """
    found = []
    try:
        for strings, section, (offset, file, text, column) in _records(data, sections, _LINES):
            place = _text(strings, file), column >> _LINE_SHIFT
            found.append(Line(section, offset, *place, _text(strings, text)))
    except (struct.error, ValueError):
        return ()
    return tuple(found)


def line_places(data: bytes) -> dict[str, set[tuple[str, int]]]:
    """All source lines that the object's instructions come from.

    Args:
        data: an object whose ELF structure has been checked.

    Returns:
        (file, line) pairs by the line's text without surrounding blanks; empty without a table.
    """
    found: dict[str, set[tuple[str, int]]] = {}
    for line in line_table(data):
        found.setdefault(line.text.strip(), set()).add((line.file, line.line))
    return found


def kernel_relocations(
    data: bytes, sections: Mapping[str, Place] | None = None
) -> dict[tuple[str, int], int]:
    """The instructions that a loader adapts to the running kernel's structures (CO-RE).

    Args:
        data: an object whose ELF structure has been checked.
        sections: where its sections stand, if somebody knows already.

    Returns:
        What is asked (enum bpf_core_relo_kind: 0 for the place of a member) by (section, bytes
        from its begin).

    Raises:
        ValueError: the table cannot be read.
    """
    try:
        rows = _records(data, sections, _RELOCATIONS)
        return {(section, offset): kind for _, section, (offset, _, _, kind) in rows}
    except struct.error as error:
        raise ValueError("the table of kernel structures cannot be read") from error


def _strings(btf: bytes) -> bytes:
    length = _HEADER.unpack_from(btf)[3]
    offset, size = struct.unpack_from("<II", btf, _HEADER.size + 8)
    return btf[length + offset : length + offset + size]


def _text(strings: bytes, offset: int) -> str:
    return strings[offset : strings.index(b"\0", offset)].decode(errors="replace")


def _records(
    data: bytes, sections: Mapping[str, Place] | None, table: int
) -> Iterator[tuple[bytes, str, tuple[int, int, int, int]]]:
    """The string table, the section and the four words of each record of a table."""
    if sections is None:
        sections = read_object(data, "the object").sections
    if ".BTF" not in sections or ".BTF.ext" not in sections:
        return
    btf, ext = (
        data[place.offset : place.offset + place.size]
        for place in (sections[".BTF"], sections[".BTF.ext"])
    )
    strings, length = _strings(btf), _HEADER.unpack_from(ext)[3]
    if length < _HEADER.size + table + 8:
        return
    offset, size = struct.unpack_from("<II", ext, _HEADER.size + table)
    at, end = length + offset, length + offset + size
    if size < 4:
        return
    (step,) = struct.unpack_from("<I", ext, at)
    if step < _RECORD.size:
        raise ValueError("records are too short")
    at += 4
    while at < end:
        name, count = struct.unpack_from("<II", ext, at)
        at += 8
        section = _text(strings, name)
        for _ in range(count):
            yield strings, section, _RECORD.unpack_from(ext, at)
            at += step
