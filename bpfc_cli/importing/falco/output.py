"""Falco's output as the text of an alert."""

import re

from bpfc_cli.importing.conditions import quoted
from bpfc_cli.importing.falco.syntax import FieldName
from bpfc_cli.importing.falco.tables import EventTable

# %field, %field[argument], %(field); a word in front of it with `=` belongs to it.
_NAME = r"([a-zA-Z]\w*(?:\.[a-zA-Z]\w*)+)(?:\[([^\]]*)\])?"
_FIELD = re.compile(rf"(?P<label>[\w.-]+=)?%(?:{_NAME}|\({_NAME}\))")
_BLANKS = re.compile(r"\s+")
_EMPTY = re.compile(r"\(\s*\)|\[\s*\]")


def alert_text(output: str, table: EventTable) -> tuple[str, tuple[str, ...]]:
    """The text of an alert.

    Args:
        output: Falco's.
        table: what Falco knows of the event.

    Returns:
        The text as a literal, "" if nothing is left; names of Falco's fields that are not in it.
    """
    lost: dict[str, None] = {}
    result, at = "", 0
    text = output.strip().removeprefix("*")
    for match in _FIELD.finditer(text):
        result += _braces(text[at : match.start()])
        at = match.end()
        _, first, argument, second, other = match.groups()
        name = FieldName(first or second, argument or other or "")
        shown = _shown(name, table)
        spec = table.spec(name)
        if shown is None and (spec is None or not (spec.absent or spec.result)):
            lost[str(name)] = None
        if shown is None:
            continue
        result += _braces(match["label"] or "") + shown
    result += _braces(text[at:])
    result = _BLANKS.sub(" ", _EMPTY.sub("", result)).replace(" )", ")").replace("( ", "(").strip()
    return quoted(result) if result else "", tuple(lost)


def _braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _shown(name: FieldName, table: EventTable) -> str | None:
    """What stands for a field; None if nothing does."""
    if name.name in ("evt.type", "syscall.type"):
        return table.event.name
    spec = table.spec(name)
    if spec is None or spec.absent:
        return None
    if spec.constant is not None:
        return None if spec.result else _braces(spec.constant)
    field = spec.shown
    return f"{{{field}}}" if field and table.event.as_confirmed.field(field) is not None else None
