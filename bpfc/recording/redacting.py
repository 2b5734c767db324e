"""Records of the ring with the secrets taken out of their texts."""

from collections.abc import Callable

from bpfc.artifact.decode import Decoder, Record
from bpfc.artifact.manifest import EventLayout
from bpfc.recording.packing import with_texts
from bpfc.recording.redaction import Redactor


class RecordRedactor:
    """Makes of a ring's record the one that is kept.

    Args:
        decoder: of the policy that wrote the record.
        redactor: what takes secrets out of texts.
        notice: is shown each record before.
    """

    def __init__(
        self,
        decoder: Decoder,
        redactor: Redactor,
        notice: Callable[[Record], None] = lambda record: None,
    ) -> None:
        self._decoder, self._redactor, self._notice = decoder, redactor, notice
        self._lists: dict[int, frozenset[int]] = {}

    def __call__(self, raw: bytes) -> bytes:
        """A record without secrets. A marker can be longer than what it stands for: what does not
        fit then is cut off, and the record says so.

        Args:
            raw: one sample of the ring.

        Returns:
            The record, cut to its length.

        Raises:
            RecordError: it does not follow its layout.
        """
        record = self._decoder.decode(raw)
        self._notice(record)
        lists = self._lists_of(record.plan.layout)
        texts = [
            self._redactor(text, view in lists) if text else text
            for view, text in enumerate(record.texts)
        ]
        length = record.header.length
        if all(map(bytes.__eq__, texts, record.texts)):
            return raw[:length]
        views = enumerate(zip(texts, record.view_flags, strict=True))
        return with_texts(raw, ((view, text, flags) for view, (text, flags) in views))

    def _lists_of(self, layout: EventLayout) -> frozenset[int]:
        """The views that hold lists of arguments."""
        found = self._lists.get(layout.digest)
        if found is None:
            lists = (t.view for t in layout.texts if t.joined or t.kind == "strings")
            found = self._lists[layout.digest] = frozenset(lists)
        return found
