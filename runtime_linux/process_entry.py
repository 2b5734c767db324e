"""Values of the process table and the string tables, by the layouts of bpfc.artifact.control."""

from collections.abc import Mapping

from bpfc.artifact.control import (
    LONG_SIZE,
    PROCESS,
    PROCESS_SIZE,
    SHORT_SIZE,
    SHORT_TEXT,
)

Value = int | bytes


def pack_process(values: Mapping[str, Value]) -> bytes:
    """A value of the map `processes`.

    Args:
        values: members of control.PROCESS by name: ids as bytes of their full size, the rest as
            numbers; what is left out is zero.

    Returns:
        PROCESS_SIZE bytes.

    Raises:
        ValueError: an unknown member, or a value that does not fit.
    """
    packed = bytearray(PROCESS_SIZE)
    for name, value in values.items():
        if name not in PROCESS:
            raise ValueError(f"a process has no member {name}")
        member = PROCESS[name]
        if isinstance(value, int):
            if not 0 <= value < 1 << 8 * member.size:
                raise ValueError(f"{name} = {value} does not fit in {member.size} bytes")
            value = value.to_bytes(member.size, "little")
        if len(value) != member.size:
            raise ValueError(f"{name} takes {member.size} bytes, not {len(value)}")
        packed[member.offset : member.offset + member.size] = value
    return bytes(packed)


def unpack_process(raw: bytes) -> dict[str, Value]:
    """The members of a value of the map `processes`.

    Args:
        raw: PROCESS_SIZE bytes.

    Returns:
        All members by name: those of 16 bytes as bytes, the rest as numbers.
    """
    members: dict[str, Value] = {}
    for name, member in PROCESS.items():
        part = raw[member.offset : member.offset + member.size]
        members[name] = part if member.size > 8 else int.from_bytes(part, "little")
    return members


def pack_text(text: bytes, references: int) -> bytes:
    """A value of the string table that a text belongs to.

    Args:
        text: at most LONG_TEXT bytes.
        references: how many process members name it.

    Returns:
        SHORT_SIZE or LONG_SIZE bytes.
    """
    size = SHORT_SIZE if is_short(text) else LONG_SIZE
    head = references.to_bytes(4, "little") + len(text).to_bytes(4, "little")
    return (head + text).ljust(size, b"\0")


def is_short(text: bytes) -> bool:
    """Whether a text belongs to `strings_short`."""
    return len(text) <= SHORT_TEXT
