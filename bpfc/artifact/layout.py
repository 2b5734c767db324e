"""The digest of an event layout, by which a record and its description find each other."""

import hashlib
from collections.abc import Sequence

from attrs import evolve

from bpfc.artifact.manifest import EventLayout, NumberField, TextField


def digest_of(
    event: str, number: int, numbers: Sequence[NumberField], texts: Sequence[TextField]
) -> int:
    """The 64-bit number that stands for a layout, in the manifest and in every record.

    Args:
        event: catalogue name of the event.
        number: catalogue number of the event.
        numbers: its number fields in order.
        texts: its text fields in order.

    Returns:
        The first 8 bytes, little-endian, of SHA-256 over one line per field.
    """
    lines = [f"event {event} {number}"]
    for field in numbers:
        constants = ",".join(f"{name}={value}" for name, value in field.constants)
        lines.append(
            f"number {field.name} {field.kind} {field.index} {field.words} {int(field.signed)}"
            f" {constants}"
        )
    for text in texts:
        part = text.part or "-"
        lines.append(f"text {text.name} {text.kind} {text.view} {part} {int(text.joined)}")
    digest = hashlib.sha256("\n".join(lines).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def with_digest(layout: EventLayout) -> EventLayout:
    """The same layout with the digest that belongs to it."""
    digest = digest_of(layout.event, layout.number, layout.numbers, layout.texts)
    return evolve(layout, digest=digest)
