"""What benchmarks print."""

from collections.abc import Iterator, Mapping
from typing import Any

Result = dict[str, Any]


class Failed(Exception):
    """The benchmark cannot run here; the message says why and what to do."""


def table(result: Mapping[str, Any]) -> str:
    """A result as text: one line a figure, nested results indented.

    Args:
        result: figures by name.

    Returns:
        Lines without an end of line behind the last.
    """
    return "\n".join(_lines(result, 0))


def _lines(result: Mapping[str, Any], depth: int) -> Iterator[str]:
    width = max((len(name) for name in result), default=0)
    for name, value in result.items():
        margin = "  " * depth
        if isinstance(value, Mapping):
            yield f"{margin}{name}:"
            yield from _lines(value, depth + 1)
        else:
            yield f"{margin}{name:<{width}}  {_figure(value)}"


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(_figure(item) for item in value) or "none"
    return str(value)
