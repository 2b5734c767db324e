"""Line information: places in generated code become lines of the rules.

The emitter numbers places instead of lines. Here the line records of .BTF.ext get the real file,
line and text, which the kernel's verifier quotes. Format: Documentation/bpf/btf.rst, section
.BTF.ext.
"""

import struct

from attrs import evolve, frozen

from compiler.elf.model import Elf, ElfError
from compiler.elf.read import read_elf
from compiler.elf.write import write_elf

_BTF = struct.Struct("<HBBIIIII")  # magic, version, flags, hdr_len, type off/len, string off/len
_EXT = struct.Struct("<HBBIIIII")  # the same, then func_info off/len, line_info off/len
_SECTION = struct.Struct("<II")  # name, number of records
_LINE = struct.Struct("<IIII")  # instruction offset, file name, line text, line << 10 | column
_COLUMN_BITS = 10


@frozen
class SourceLine:
    """A line of a rule file: the file's name, the line's number from 1 and its text."""

    file: str
    line: int
    text: str


class _Strings:
    """The string table of .BTF, to which strings are added at the end."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self._places: dict[str, int] = {}

    def add(self, text: str) -> int:
        if text not in self._places:
            self._places[text] = len(self.data)
            self.data += text.encode("utf-8").replace(b"\0", b" ") + b"\0"
        return self._places[text]


def with_lines(obj: bytes, lines: tuple[SourceLine, ...]) -> bytes:
    """Replace place numbers in the line information by lines of the rules.

    Args:
        obj: an object as `strip_debug` leaves it.
        lines: the line of each place, that of place 1 first.

    Returns:
        The object; without line information it is unchanged.

    Raises:
        ElfError: a place has no line, or the BTF is damaged; a defect of the compiler.
    """
    elf = read_elf(obj)
    btf, ext = elf.section(".BTF"), elf.section(".BTF.ext")
    if btf is None or ext is None:
        return obj
    header = _BTF.unpack_from(btf.data)
    at = header[3] + header[6]
    strings = _Strings(btf.data[at : at + header[7]])
    records = _relined(ext.data, lines, strings)
    head = _BTF.pack(*header[:7], len(strings.data))
    types = btf.data[_BTF.size : at]
    changed = {".BTF": head + types + bytes(strings.data), ".BTF.ext": records}
    return write_elf(_replaced(elf, changed))


def _replaced(elf: Elf, data: dict[str, bytes]) -> Elf:
    sections = (evolve(s, data=data[s.name]) if s.name in data else s for s in elf.sections)
    return evolve(elf, sections=tuple(sections))


def _relined(ext: bytes, lines: tuple[SourceLine, ...], strings: _Strings) -> bytes:
    """The .BTF.ext section with new line records."""
    header = _EXT.unpack_from(ext)
    line_offset, line_length = struct.unpack_from("<II", ext, 16)
    at = header[3] + line_offset
    end = at + line_length
    (size,) = struct.unpack_from("<I", ext, at)
    if size != _LINE.size:
        raise ElfError(f"line records of {size} bytes")
    result = bytearray(ext)
    at += 4
    while at < end:
        _, count = _SECTION.unpack_from(ext, at)
        at += _SECTION.size
        for _ in range(count):
            _reline(result, at, lines, strings)
            at += _LINE.size
    return bytes(result)


def _reline(ext: bytearray, at: int, lines: tuple[SourceLine, ...], strings: _Strings) -> None:
    offset, _, _, position = _LINE.unpack_from(ext, at)
    place = position >> _COLUMN_BITS
    if not 1 <= place <= len(lines):
        raise ElfError(f"place {place} has no line")
    line = lines[place - 1]
    name, text = strings.add(line.file), strings.add(line.text.strip())
    _LINE.pack_into(ext, at, offset, name, text, line.line << _COLUMN_BITS | 1)
