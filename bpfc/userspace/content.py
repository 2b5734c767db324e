"""Reading program files: digests, and PE files into memory. Bounded in size and time."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence

from bpfc.userspace.budget import Budget
from bpfc.userspace.reasons import Reason, Unknown

BLOCK = 1 << 20  # bytes read at a time; the budget is looked at in between

DIGESTS: Mapping[str, str] = {
    "md5": "MD5 of the program file, as hexadecimal digits in lower case.",
    "sha1": "SHA-1 of the program file, as hexadecimal digits in lower case.",
    "sha256": "SHA-256 of the program file, as hexadecimal digits in lower case.",
}


def blocks(descriptor: int, size: int, budget: Budget) -> Iterator[memoryview]:
    """The first bytes of a file, wherever its descriptor stands.

    Args:
        descriptor: the file.
        size: how many bytes.
        budget: what this is charged to.

    Yields:
        Its blocks; each is valid until the next one is asked for.

    Raises:
        Unknown: it became shorter, or the time was used up.
        OSError: it cannot be read.
    """
    buffer = bytearray(min(BLOCK, size))
    at = 0
    while at < size:
        budget.check()
        view = memoryview(buffer)[: min(BLOCK, size - at)]
        count = _read_at(descriptor, view, at)
        if count == 0:
            raise Unknown(Reason.CHANGED)
        yield view[:count]
        at += count


def digests(descriptor: int, size: int, names: Sequence[str], budget: Budget) -> dict[str, str]:
    """Digests of a file, all in one pass.

    Args:
        descriptor: the file.
        size: its size in bytes.
        names: of `DIGESTS`.
        budget: what this is charged to.

    Returns:
        Hexadecimal digits by name.

    Raises:
        Unknown: it became shorter, or the time was used up.
        OSError: it cannot be read.
    """
    made = {name: hashlib.new(name, usedforsecurity=False) for name in names}
    for block in blocks(descriptor, size, budget):
        for one in made.values():
            one.update(block)
    return {name: one.hexdigest() for name, one in made.items()}


def whole(descriptor: int, size: int, budget: Budget) -> bytearray:
    """All of a file.

    Args:
        descriptor: the file.
        size: its size in bytes.
        budget: what this is charged to.

    Raises:
        Unknown: it became shorter, or the time was used up.
        OSError: it cannot be read.
    """
    # Never mapped: who cuts a mapped file off ends the process that reads it.
    read = bytearray()
    for block in blocks(descriptor, size, budget):
        read += block
    return read


def _read_at(descriptor: int, view: memoryview, at: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [view], at)
    os.lseek(descriptor, at, os.SEEK_SET)
    data = os.read(descriptor, len(view))
    view[: len(data)] = data
    return len(data)
