"""Texts put into a record, as programs put them there."""

import struct
from collections.abc import Iterable

from bpfc.artifact.control import LONG_TEXT
from bpfc.artifact.record import (
    HEADER,
    TEXT_MAX,
    TEXT_OFFSET,
    VIEW_TRUNCATED,
    VIEWS_OFFSET,
)

_VIEW = struct.Struct("<II")
_FLAGS_SHIFT = 24


def with_texts(head: bytes, texts: Iterable[tuple[int, bytes, int]]) -> bytes:
    """A record with these texts behind each other; what does not fit is cut off and says so.

    Args:
        head: the record in front of its texts.
        texts: (view, bytes, VIEW_*); of those over LONG_TEXT bytes the beginning is kept.

    Returns:
        The record, its length in its header.
    """
    data, room = bytearray(head[:TEXT_OFFSET]), TEXT_MAX
    for view, text, flags in texts:
        kept = text[: min(room, LONG_TEXT)]
        cut = VIEW_TRUNCATED if len(kept) < len(text) else 0
        word = len(kept) | (flags | cut) << _FLAGS_SHIFT
        _VIEW.pack_into(data, VIEWS_OFFSET + _VIEW.size * view, len(data) if kept else 0, word)
        data += kept
        room -= len(kept)
    length = HEADER["length"]
    data[length.offset : length.offset + length.size] = len(data).to_bytes(length.size, "little")
    return bytes(data)
