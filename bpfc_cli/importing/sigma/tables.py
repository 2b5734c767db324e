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
class Known:
    """A field that user space knows.

    Args:
        what: what it is, in words.
        field: the catalogue's name of it in a second stage, or "".
        parts: of a text with several values, the catalogue's name by that in the text.
    """

    what: str
    field: str = ""
    parts: Mapping[str, str] = {}

    @property
    def has_field(self) -> bool:
        """Whether the language has it, in a second stage."""
        return bool(self.field or self.parts)


@frozen
class Source:
    """A log source: what Sigma calls the category of a product.

    Args:
        platform: "linux" or "windows".
        category: Sigma's word.
        events: catalogue names of the events that its rules are judged on.
        fields: the catalogue's name by Sigma's.
        values: by Sigma's name of a field: a condition by value.
        agent: fields that user space knows, by Sigma's name.
        keys: a key of the language by Sigma's or the catalogue's name; "" for no key.
    """

    platform: str
    category: str
    events: tuple[str, ...]
    fields: Mapping[str, str]
    values: Mapping[str, Mapping[str, str]]
    agent: Mapping[str, Known]
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
    shared = [data[platform], data["common"]]
    return tuple(
        _source(platform, category, row, [row, *shared])
        for category, row in data["category"].items()
    )


def _source(platform: str, category: str, row: Any, tables: list[Any]) -> Source:
    fields, values, agent, keys = (
        dict(ChainMap(*(table.get(part, {}) for table in tables))) for part in _PARTS
    )
    known = {
        name: Known(one) if isinstance(one, str) else Known(**one) for name, one in agent.items()
    }
    return Source(platform, category, tuple(row["events"]), fields, values, known, keys)


@cache
def source_named(name: str) -> Source | None:
    """A log source by the name that `Source.name` gives it."""
    known = (source for platform in PLATFORMS for source in sources(platform))
    return next((source for source in known if source.name == name), None)
