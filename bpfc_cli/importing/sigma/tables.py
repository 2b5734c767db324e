"""Log sources and their fields, read from sources.toml."""

import tomllib
from collections import ChainMap
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from attrs import frozen

PLATFORMS = ("linux", "windows")
_PARTS = ("fields", "values", "agent", "keys")


@frozen
class Source:
    """A log source: what Sigma calls the category of a product.

    Args:
        platform: "linux" or "windows".
        category: Sigma's word.
        events: catalogue names of the events that its rules are judged on.
        fields: the catalogue's name by Sigma's.
        values: by Sigma's name of a field: a condition by value.
        agent: what a field is that only user space knows, by Sigma's name.
        keys: a key of the language by Sigma's or the catalogue's name; "" for no key.
    """

    platform: str
    category: str
    events: tuple[str, ...]
    fields: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    agent: Mapping[str, str]
    keys: Mapping[str, str]

    @property
    def name(self) -> str:
        """How pipelines and the backend call it: "linux.process_creation"."""
        return f"{self.platform}.{self.category}"


@cache
def sources(platform: str) -> tuple[Source, ...]:
    """The log sources of a platform.

    Args:
        platform: one of PLATFORMS.

    Returns:
        They, in the order of the file.
    """
    text = files("bpfc_cli.importing.sigma").joinpath("sources.toml").read_text("utf-8")
    data: dict[str, Any] = tomllib.loads(text)
    shared = [data["common"], data[platform]]
    return tuple(
        Source(
            platform,
            category,
            tuple(row["events"]),
            *(dict(ChainMap(*(one.get(part, {}) for one in (row, *shared)))) for part in _PARTS),
        )
        for category, row in data["category"].items()
    )


@cache
def source_named(name: str) -> Source | None:
    """A log source by the name that `Source.name` gives it."""
    known = (source for platform in PLATFORMS for source in sources(platform))
    return next((source for source in known if source.name == name), None)
