"""What PE files say of themselves. They are an attacker's to write: everything is bounded."""

import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from bpfc.artifact.decode import State
from bpfc.userspace.budget import Budget
from bpfc.userspace.reasons import Answer, Reason

PE: Mapping[str, str] = {
    "imphash": "Hash of the names that a PE file imports, as pefile and others compute it.",
    "pe.original_name": "OriginalFilename of a PE file's version resource.",
    "pe.internal_name": "InternalName of a PE file's version resource.",
    "pe.product": "ProductName of a PE file's version resource.",
    "pe.company": "CompanyName of a PE file's version resource.",
    "pe.description": "FileDescription of a PE file's version resource.",
    "pe.file_version": "FileVersion of a PE file's version resource, as text.",
}
_STRINGS = {  # names of strings, VERSIONINFO resource, "StringFileInfo statement"
    "pe.original_name": b"OriginalFilename",
    "pe.internal_name": b"InternalName",
    "pe.product": b"ProductName",
    "pe.company": b"CompanyName",
    "pe.description": b"FileDescription",
    "pe.file_version": b"FileVersion",
}
HEAD = 64  # bytes of IMAGE_DOS_HEADER
SIGNATURE = b"PE\0\0"
# Where a PE header may begin at the most; compilers put it below 4 KiB. pefile goes through what
# stands before it byte by byte.
HEAD_MOST = 1 << 16
_SMALL = 4096  # bytes that take no time to look at
# pefile takes UTF-16 for UCS-2 and writes down surrogates as escapes.
_PAIR = re.compile(r"\\ud([89ab][0-9a-f]{2})\\ud([c-f][0-9a-f]{2})")
_LFANEW = 0x3C  # place of e_lfanew, u32: where the PE header begins


def starts_as_pe(head: bytes | bytearray) -> int | None:
    """Where the PE header of a file would begin.

    Args:
        head: the file's first bytes, `HEAD` of them unless it is shorter.

    Returns:
        Its place, or None if this is no PE file.
    """
    if len(head) < HEAD or head[:2] != b"MZ":
        return None
    place: int = struct.unpack_from("<I", head, _LFANEW)[0]
    return place


def no_pe() -> dict[str, Answer]:
    """The answers for a file that is no PE file."""
    return dict.fromkeys(PE, State.ABSENT)


def unknown_pe(reason: Reason) -> dict[str, Answer]:
    """The answers for a PE file that cannot be taken apart.

    Args:
        reason: why not.
    """
    return dict.fromkeys(PE, reason)


def take_apart(data: bytes | bytearray, budget: Budget, text: int) -> dict[str, Answer]:
    """What a PE file says.

    Args:
        data: all of the file.
        budget: what this is charged to.
        text: characters; a longer string is unknown.

    Returns:
        Answers by source.

    Raises:
        Unknown: the time was used up.
    """
    try:
        import pefile
    except ImportError:
        return unknown_pe(Reason.NO_LIBRARY)
    try:
        parsed = pefile.PE(data=_Timed(data, budget), fast_load=True)
    except Exception:  # whatever a broken file brings about in a parser
        budget.check()
        return unknown_pe(Reason.BROKEN)
    return {"imphash": _imphash(pefile, parsed, budget), **_version(pefile, parsed, budget, text)}


class _Timed(bytes):
    """Bytes that raise when the time is used up: pefile has no limit of its own, but it never goes
    far without slicing what it was given."""

    budget: Budget

    def __new__(cls, data: bytes | bytearray, budget: Budget) -> "_Timed":
        """Wrap some bytes."""
        new = super().__new__(cls, data)
        new.budget = budget
        return new

    def __getitem__(self, at: Any) -> Any:
        """A byte, or a slice; a large one is timed as well, since pefile slices it further."""
        self.budget.check()
        part = super().__getitem__(at)
        # Names have to be plain bytes: pefile compares types.
        return _Timed(part, self.budget) if isinstance(at, slice) and len(part) > _SMALL else part


def _imphash(pefile: Any, parsed: Any, budget: Budget) -> Answer:
    try:
        parsed.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]])
        if not getattr(parsed, "DIRECTORY_ENTRY_IMPORT", None):
            return State.ABSENT
        found = str(parsed.get_imphash())
    except Exception:
        budget.check()
        return Reason.BROKEN
    return found or State.ABSENT


def _version(pefile: Any, parsed: Any, budget: Budget, text: int) -> dict[str, Answer]:
    try:
        parsed.parse_data_directories([pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_RESOURCE"]])
        entries: dict[bytes, bytes] = {}
        for key, value in _entries(parsed):
            entries.setdefault(bytes(key), bytes(value))
    except Exception:
        budget.check()
        return dict.fromkeys(_STRINGS, Reason.BROKEN)
    return {source: _text(entries.get(key), text) for source, key in _STRINGS.items()}


def _entries(parsed: Any) -> Iterator[tuple[bytes, bytes]]:
    """Strings of all languages, the first language first."""
    for info in getattr(parsed, "FileInfo", []):
        for part in info:
            for table in getattr(part, "StringTable", []):
                yield from table.entries.items()


def _text(value: bytes | None, text: int) -> Answer:
    if value is None:
        return State.ABSENT
    found = _PAIR.sub(_joined, value.decode("utf-8", "backslashreplace").rstrip("\0"))
    return found if len(found) <= text else Reason.TOO_BIG


def _joined(pair: re.Match[str]) -> str:
    """The character that two surrogates stand for."""
    high, low = (
        int(part, 16) - base for part, base in zip(pair.groups(), (0x800, 0xC00), strict=True)
    )
    return chr(0x10000 + (high << 10 | low))
