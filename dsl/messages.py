"""What alerts say where their rules give no text: for each event, from `messages.toml`."""

import tomllib
from functools import cache
from importlib import resources

from dsl.catalogue import Event
from dsl.templates import PIECE

_FIRST = "proc.exe.path"


@cache
def _data() -> dict[str, dict[str, str]]:
    """The file, with `who` among the families as ""."""
    data = tomllib.loads(resources.files("dsl").joinpath("messages.toml").read_text("utf-8"))
    return {"event": data["event"], "family": {**data["family"], "": data["who"]}}


def default_message(event: Event) -> tuple[tuple[str, str], ...]:
    """The text behind the title.

    Args:
        event: of the catalogue.

    Returns:
        ("text", words) and ("field", name) in turn.
    """
    data = _data()
    family = event.name.partition(".")[0]
    what = data["event"].get(event.name) or data["family"].get(family, "")
    who = data["family"][""] if event.field(_FIRST) else ""
    return _parts(" ".join(part for part in (who, what) if part))


def _parts(text: str) -> tuple[tuple[str, str], ...]:
    """A template that is right, in parts."""
    found = []
    for match in PIECE.finditer(text):
        name = match["field"]
        found.append(("text", match["text"]) if name is None else ("field", name))
    return tuple(found)
