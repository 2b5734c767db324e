"""From a record's bytes to its values.

A decoder is made once for a manifest's layouts: which words and views an event has is worked out
then, so a record costs four `struct` calls, one bounds check per text and one tuple. Values get
their types (addresses, names of constants, text) when they are asked for.
"""

import struct
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from attrs import frozen

from bpfc.artifact.errors import RecordError
from bpfc.artifact.manifest import EventLayout, NumberField, TextField
from bpfc.artifact.record import (
    HEADER,
    HEADER_SIZE,
    KIND_ALERT,
    NUMBERS_OFFSET,
    RECORD_MAX,
    RECORD_VERSION,
    RULES_MAX,
    RULES_OFFSET,
    STAGE_BEFORE,
    TEXT_OFFSET,
    VIEW_ABSENT,
    VIEW_LENGTH_MASK,
    VIEW_TRUNCATED,
    VIEW_UNKNOWN,
    VIEWS_OFFSET,
)
from bpfc.artifact.steps import StepBlock, blocks_of


class State(Enum):
    """Why a field has no value."""

    ABSENT = "absent"  # known not to exist
    UNKNOWN = "unknown"  # could not be read


Value = bool | int | str | tuple[str, ...] | IPv4Address | IPv6Address

_CODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
_VIEW_FLAGS_SHIFT = 24
_MAPPED = 0xFFFF  # ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2


def _header_struct() -> struct.Struct:
    """The header as one format, with the gaps between its fields as padding."""
    parts, at = ["<"], 0
    for entry in HEADER.values():
        parts.append(f"{entry.offset - at}x{_CODES[entry.size]}")
        at = entry.offset + entry.size
    return struct.Struct("".join(parts) + f"{HEADER_SIZE - at}x")


class Header(NamedTuple):
    """The record header; meanings as in `bpfc.artifact.record.HEADER`, in that order."""

    kind: int
    version: int
    length: int
    layout: int
    time_ns: int
    sequence: int
    generation: int
    cpu: int
    event: int
    stage: int
    actions: int
    rule_count: int
    flags: int
    rules_more: int
    errno: int
    unknown: int
    absent: int
    steps: int


_HEADER = _header_struct()
if tuple(HEADER) != Header._fields:
    raise ImportError("bpfc.artifact.record.HEADER and Header name different fields")
_RULES = tuple(struct.Struct(f"<{n}I") for n in range(RULES_MAX + 1))


@frozen
class Plan:
    """How to take an event's record apart.

    Args:
        layout: the event's layout.
        numbers: format of all number words up to the last one used.
        views: format of all text views up to the last one used.
        fields: by name, what gives the field's value or state from a record, in layout order.
    """

    layout: EventLayout
    numbers: struct.Struct
    views: struct.Struct
    fields: Mapping[str, Callable[["Record"], "Value | State"]]


class Record(NamedTuple):
    """One decoded record (a named tuple, since making one has to be cheap).

    Args:
        plan: how it is read.
        header: the header.
        rules: matched rules, local index and RULE_PARTIAL.
        numbers: number words.
        texts: bytes of each text view.
        view_flags: VIEW_* of each text view.
        steps: what earlier steps of sequences saw.
    """

    plan: Plan
    header: Header
    rules: tuple[int, ...]
    numbers: tuple[int, ...]
    texts: tuple[bytes, ...]
    view_flags: tuple[int, ...]
    steps: tuple[StepBlock, ...] = ()

    @property
    def event(self) -> str:
        """Catalogue name of the event."""
        return self.plan.layout.event

    @property
    def stage(self) -> str:
        """ "before" or "after"."""
        return "before" if self.header.stage == STAGE_BEFORE else "after"

    def value(self, name: str) -> Value | State:
        """A field's value, or why there is none.

        Args:
            name: catalogue name.

        Returns:
            Numbers as int, bool, address or name of a constant; texts as str, lists as tuples.

        Raises:
            KeyError: the event has no such field.
        """
        return self.plan.fields[name](self)

    def values(self) -> dict[str, Value | State]:
        """All fields in layout order."""
        return {name: read(self) for name, read in self.plan.fields.items()}

    def truncated(self) -> tuple[str, ...]:
        """Names of the text fields whose value goes on behind what the record holds."""
        flags = self.view_flags
        return tuple(t.name for t in self.plan.layout.texts if flags[t.view] & VIEW_TRUNCATED)


class Decoder:
    """Decodes records of known layouts."""

    def __init__(self, layouts: Iterable[EventLayout], platform: str = "linux") -> None:
        """Prepare the events.

        Args:
            layouts: checked: those of a manifest, say.
            platform: "linux" (texts are UTF-8, paths have slashes) or "windows" (UTF-16LE,
                backslashes).
        """
        self._plans = plans_of(layouts, platform)

    def decode(self, data: bytes) -> Record:
        """Take a record apart, trusting nothing in it.

        Args:
            data: one sample of the ring.

        Returns:
            The record.

        Raises:
            RecordError: it does not follow the layout it names, or names none that is known.
        """
        if len(data) < TEXT_OFFSET:
            raise RecordError(f"a record of {len(data)} bytes is shorter than {TEXT_OFFSET}")
        header = Header._make(_HEADER.unpack_from(data))
        plan = self._plans.get(header.layout)
        if plan is None:
            raise RecordError(f"a record names the unknown layout {header.layout:#018x}")
        if (
            header.kind != KIND_ALERT
            or header.version != RECORD_VERSION
            or header.event != plan.layout.number
            or not TEXT_OFFSET <= header.length <= min(len(data), RECORD_MAX)
            or header.rule_count > RULES_MAX
            or header.stage > STAGE_BEFORE
            or header.steps > header.length - TEXT_OFFSET
        ):
            raise RecordError(f"a record of {plan.layout.event} has a header that is not valid")
        length = header.length
        texts: list[bytes] = []
        flags: list[int] = []
        words = plan.views.unpack_from(data, VIEWS_OFFSET)
        for offset, word in zip(words[::2], words[1::2], strict=True):
            size = word & VIEW_LENGTH_MASK
            if size and not TEXT_OFFSET <= offset <= length - size:
                raise RecordError(f"a text of {plan.layout.event} lies outside its record")
            texts.append(data[offset : offset + size])
            flags.append(word >> _VIEW_FLAGS_SHIFT)
        return Record(
            plan,
            header,
            _RULES[header.rule_count].unpack_from(data, RULES_OFFSET),
            plan.numbers.unpack_from(data, NUMBERS_OFFSET),
            tuple(texts),
            tuple(flags),
            blocks_of(data[TEXT_OFFSET : TEXT_OFFSET + header.steps]) if header.steps else (),
        )


def plans_of(layouts: Iterable[EventLayout], platform: str) -> dict[int, Plan]:
    """How to take the records of some layouts apart.

    Args:
        layouts: the layouts.
        platform: "linux" or "windows", whose records they are.

    Returns:
        By digest of the layout.
    """
    windows = platform == "windows"
    return {layout.digest: _plan(layout, windows) for layout in layouts}


def _plan(layout: EventLayout, windows: bool) -> Plan:
    """Prepare one event."""
    words = max((n.index + n.words for n in layout.numbers), default=0)
    views = max((t.view + 1 for t in layout.texts), default=0)
    fields: dict[str, Callable[[Record], Value | State]] = {}
    for number in layout.numbers:
        fields[number.name] = _number_reader(number)
    for text in layout.texts:
        fields[text.name] = _text_reader(text, windows)
    return Plan(layout, struct.Struct(f"<{words}Q"), struct.Struct(f"<{2 * views}I"), fields)


def _number_reader(field: NumberField) -> Callable[[Record], Value | State]:
    """What reads one number field."""
    index, bit, typed = field.index, 1 << field.index, number_type(field)

    def read(record: Record) -> Value | State:
        if record.header.unknown & bit:
            return State.UNKNOWN
        if record.header.absent & bit:
            return State.ABSENT
        return typed(record.numbers, index)

    return read


def number_type(field: NumberField) -> Callable[[tuple[int, ...], int], Value]:
    """How a field's words become a value of its kind: takes all words, and where its own begin."""
    names = {value & 0xFFFFFFFFFFFFFFFF: name for name, value in field.constants}
    if field.kind == "ip":
        return lambda words, at: address_of(words[at], words[at + 1])
    if field.kind == "bool":
        return lambda words, at: words[at] != 0
    if field.kind == "enum":
        return lambda words, at: names.get(words[at], words[at])
    if field.kind == "flags":
        return lambda words, at: _flag_names(words[at], names)
    if field.signed:
        return lambda words, at: words[at] - ((words[at] >> 63) << 64)
    return lambda words, at: words[at]


def address_of(high: int, low: int) -> IPv4Address | IPv6Address:
    """An address from its two words; IPv4 travels as IPv4-mapped IPv6."""
    if high == 0 and low >> 32 == _MAPPED:
        return IPv4Address(low & 0xFFFFFFFF)
    return IPv6Address(high << 64 | low)


def _flag_names(value: int, names: Mapping[int, str]) -> tuple[str, ...]:
    """Names of the bits that are set; what has no name stands at the end as a number."""
    found = [(bits, name) for bits, name in names.items() if bits and value & bits == bits]
    rest = value
    for bits, _ in found:
        rest &= ~bits
    return tuple(name for _, name in found) + ((hex(rest),) if rest else ())


def _text_reader(field: TextField, windows: bool) -> Callable[[Record], Value | State]:
    """What reads one text field."""
    view, part, joined = field.view, field.part, field.joined
    encoding, separator = ("utf-16-le", "\\") if windows else ("utf-8", "/")

    def read(record: Record) -> Value | State:
        flags = record.view_flags[view]
        if flags & VIEW_UNKNOWN:
            return State.UNKNOWN
        if flags & VIEW_ABSENT:
            return State.ABSENT
        # Bytes that are no text stay visible as \xNN, so the result is always valid Unicode.
        text = record.texts[view].decode(encoding, "backslashreplace")
        if part == "elements":
            return tuple(text.split("\0"))
        if joined:
            return text.replace("\0", " ")
        return path_part(text, part, separator)

    return read


def path_part(path: str, part: str, separator: str) -> str:
    """A part of a path.

    Args:
        path: the path.
        part: "name", its last component; "directory", what is before that; "extension", that of the
            name; anything else: the path.
        separator: of its components.
    """
    head, found, name = path.rpartition(separator)
    if part == "name":
        return name
    if part == "directory":
        return head or found
    if part == "extension":
        stem, _, extension = name.rpartition(".")
        return extension if stem.strip(".") else ""
    return path
