"""The forms in which alerts say values: JSON, and times."""

from datetime import UTC, datetime

from bpfc.artifact.decode import Value

_SECOND_NS = 1_000_000_000

# JSON form of a field's value.
Json = bool | int | str | list[str]


def json_form(value: Value) -> Json:
    """A value in its JSON form."""
    if isinstance(value, tuple):
        return list(value)
    return value if isinstance(value, bool | int | str) else str(value)


def iso(wall_ns: int) -> str:
    """Nanoseconds since 1970 in ISO 8601; a clock that cannot be is shown as it is."""
    seconds, rest = divmod(wall_ns, _SECOND_NS)
    try:
        day = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}.{rest:09}"
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
