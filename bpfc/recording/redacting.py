"""Records of the ring with the secrets taken out of their texts."""

import struct

from bpfc.artifact.decode import Decoder, Record
from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.record import (
    HEADER,
    TEXT_MAX,
    TEXT_OFFSET,
    VIEW_LENGTH_MASK,
    VIEW_TRUNCATED,
    VIEWS_OFFSET,
)
from bpfc.recording.redaction import Redactor

STORED_MAX = 4095  # bytes of a text in a record
_VIEW = struct.Struct("<II")
_FLAGS_SHIFT = 24
_LENGTH = HEADER["length"]


class RecordRedactor:
    """Makes of a ring's record the one that is kept.

    Args:
        decoder: of the policy that wrote the record.
        redactor: what takes secrets out of texts.
    """

    def __init__(self, decoder: Decoder, redactor: Redactor) -> None:
        self._decoder, self._redactor = decoder, redactor
        self._lists: dict[int, frozenset[int]] = {}

    def __call__(self, raw: bytes) -> bytes:
        """A record without secrets.

        Args:
            raw: one sample of the ring.

        Returns:
            The record, cut to its length.

        Raises:
            RecordError: it does not follow its layout.
        """
        record = self._decoder.decode(raw)
        lists = self._lists_of(record.plan.layout)
        texts = [
            self._redactor(text, view in lists) if text else text
            for view, text in enumerate(record.texts)
        ]
        length = record.header.length
        if all(map(bytes.__eq__, texts, record.texts)):
            return raw[:length]
        return _rebuilt(raw, record, texts)

    def _lists_of(self, layout: EventLayout) -> frozenset[int]:
        """The views that hold lists of arguments."""
        found = self._lists.get(layout.digest)
        if found is None:
            lists = (t.view for t in layout.texts if t.joined or t.kind == "strings")
            found = self._lists[layout.digest] = frozenset(lists)
        return found


def _rebuilt(raw: bytes, record: Record, texts: list[bytes]) -> bytes:
    """A record with other texts, behind each other.

    A marker can be longer than what it stands for. What does not fit then is cut off, and the
    record says so.
    """
    data, room = bytearray(raw[:TEXT_OFFSET]), TEXT_MAX
    for view, (text, before) in enumerate(zip(texts, record.texts, strict=True)):
        kept = text[: min(room, max(STORED_MAX, len(before)))]
        flags = record.view_flags[view] | (VIEW_TRUNCATED if len(kept) < len(text) else 0)
        word = (len(kept) & VIEW_LENGTH_MASK) | flags << _FLAGS_SHIFT
        _VIEW.pack_into(data, VIEWS_OFFSET + _VIEW.size * view, len(data) if kept else 0, word)
        data += kept
        room -= len(kept)
    data[_LENGTH.offset : _LENGTH.offset + _LENGTH.size] = len(data).to_bytes(
        _LENGTH.size, "little"
    )
    return bytes(data)
