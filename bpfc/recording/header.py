"""What a recording says about itself, before the first event."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, field, fields_dict, frozen
from attrs.validators import and_, deep_iterable, ge, instance_of, max_len

from bpfc.artifact.codec import parse_layouts
from bpfc.artifact.errors import ArtifactError
from bpfc.artifact.layout import with_digest
from bpfc.artifact.manifest import EventLayout
from bpfc.recording.errors import RecordingError

_TEXT_MAX = 16384  # characters of a name or pattern
_LIST_MAX = 4096

_number = and_(instance_of(int), ge(0))
_text = and_(instance_of(str), max_len(_TEXT_MAX))
_texts: Callable[[Any, Any, Any], Any] = deep_iterable(
    _text, and_(instance_of(tuple), max_len(_LIST_MAX))
)


@frozen
class Header:
    """What a recording says about itself.

    Args:
        bpfc: version that recorded.
        platform: "linux" or "windows": which system's records these are.
        host: name of the machine.
        kernel: release of its kernel.
        boot_id: the kernel's id of this boot.
        boot_time_ns: wall clock at boot, nanoseconds since 1970; event times count from there.
        started_ns: time of the boot clock at which recording began.
        catalogue: version of the event catalogue that the layouts come from.
        artifact: SHA-256 of the recording policy.
        capabilities: what the machine offered to rules, by name.
        redaction: the patterns that texts were searched for, as regular expressions.
        marker: what stands in the place of a text that one of them found.
        layouts: where fields stand in the records.
    """

    bpfc: str = field(validator=_text)
    platform: str = field(validator=_text)
    host: str = field(validator=_text)
    kernel: str = field(validator=_text)
    boot_id: str = field(validator=_text)
    boot_time_ns: int = field(validator=_number)
    started_ns: int = field(validator=_number)
    catalogue: int = field(validator=_number)
    artifact: str = field(validator=_text)
    capabilities: tuple[str, ...] = field(validator=_texts)
    redaction: tuple[str, ...] = field(validator=_texts)
    marker: str = field(validator=_text)
    layouts: tuple[EventLayout, ...] = field(validator=instance_of(tuple))

    @property
    def events(self) -> tuple[str, ...]:
        """The events that were recorded."""
        return tuple(layout.event for layout in self.layouts)

    def layout(self, event: str) -> EventLayout | None:
        """The layout of an event's records, None if it was not recorded."""
        return next((one for one in self.layouts if one.event == event), None)


def header_bytes(header: Header) -> bytes:
    """A header as it stands in the file: JSON, UTF-8.

    Args:
        header: the header.
    """
    return json.dumps(asdict(header), sort_keys=True, separators=(",", ":")).encode()


def parse_header(data: bytes) -> Header:
    """Read a header, trusting nothing in it. Members of later versions are passed over.

    Args:
        data: JSON as `header_bytes` writes it.

    Returns:
        The header.

    Raises:
        RecordingError: BPFC0942, it is not one.
    """
    try:
        value = parse_object(data)
        layouts = parse_layouts(value.get("layouts"))
        known = {name: value[name] for name in fields_dict(Header) if name in value}
        known |= {n: tuple(v) for n, v in known.items() if isinstance(v, list)}
        header = Header(**{**known, "layouts": layouts})
    except ArtifactError as error:
        raise _wrong(error.message) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong(
            f"it has not the members that it must have ({type(error).__name__})"
        ) from error
    if any(with_digest(layout) != layout for layout in layouts):
        raise _wrong("a layout does not have the digest that belongs to it")
    if header.platform not in ("linux", "windows"):
        raise _wrong("it names no platform that there is")
    return header


def parse_object(data: bytes) -> Mapping[str, Any]:
    """A JSON object.

    Args:
        data: UTF-8.

    Raises:
        ValueError: it is none.
    """
    value = json.loads(data.decode())
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def _wrong(text: str) -> RecordingError:
    return RecordingError(
        "BPFC0942",
        f"the header of the recording cannot be used: {text}",
        "record again; without its header nothing in the file can be read",
    )
