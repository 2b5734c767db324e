"""Values that several commands' options take."""

import re
from enum import Enum
from typing import Annotated

import typer

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

SIZE_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


class Format(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """How to print what is meant for a reader."""

    TEXT = "text"
    JSON = "json"


class CheckFormat(str, Enum):  # noqa: UP042  # as above
    """How to print what was found in rules."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


Allow = Annotated[
    list[str] | None,
    typer.Option("--allow", metavar="CODE", help="Leave out this warning; may be repeated."),
]
DenyWarnings = Annotated[
    bool, typer.Option("--deny-warnings", help="End with exit code 1 if there are warnings.")
]


def seconds(words: str) -> float:
    """A duration as the language writes it.

    Args:
        words: for example "10s", "1.5min" or "500ms"; a bare number is in seconds.

    Returns:
        Seconds, above 0.

    Raises:
        typer.BadParameter: it is not one.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", words.strip())
    unit = (match[2] or "s") if match else ""
    if match is None or unit not in DURATION_UNITS or float(match[1]) == 0:
        raise typer.BadParameter(f"{words!r} is not a duration such as 10s, 500ms or 2min")
    return float(match[1]) * DURATION_UNITS[unit]


def size(words: str) -> int:
    """A size as the language writes it.

    Args:
        words: for example "100MiB" or "2GiB"; a bare number is in bytes.

    Returns:
        Bytes, above 0.

    Raises:
        typer.BadParameter: it is not one.
    """
    match = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", words.strip())
    if match is None or match[2] not in SIZE_UNITS or int(match[1]) == 0:
        raise typer.BadParameter(f"{words!r} is not a size such as 100MiB or 2GiB")
    return int(match[1]) * SIZE_UNITS[match[2]]
