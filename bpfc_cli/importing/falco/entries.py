"""Falco's files: YAML to the items in them, with their lines. Texts stay as they are written."""

from collections.abc import Iterator, Mapping

import yaml
from attrs import frozen

from bpfc_cli.importing.files import MAX_FILE
from bpfc_cli.importing.model import Origin

Value = str | list["Value"] | dict[str, "Value"]
MAX_NODES = 200_000  # values of a file, what aliases repeat included
KINDS = ("rule", "macro", "list")
# What says something about a file, and nothing about rules.
ABOUT_FILES = ("required_engine_version", "required_plugin_versions")


@frozen
class Entry:
    """One item of a file.

    Args:
        origin: where it begins.
        kind: one of KINDS.
        name: of the rule, macro or list.
        keys: everything else.
    """

    origin: Origin
    kind: str
    name: str
    keys: Mapping[str, Value]

    def text(self, key: str) -> str:
        """The value of a key as text, "" without one.

        Raises:
            Wrong: it is a list or a mapping.
        """
        value = self.keys.get(key, "")
        if not isinstance(value, str):
            raise Wrong(self.origin, f"`{key}` is no text", self.name)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """The value of a key that is a list of texts.

        Raises:
            Wrong: it is none.
        """
        value = self.keys.get(key, [])
        if value in ("", "null", "~"):
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise Wrong(self.origin, f"`{key}` is no list of texts", self.name)
        return tuple(item for item in value if isinstance(item, str))

    def is_true(self, key: str, otherwise: bool = False) -> bool:
        """Whether a key says true.

        Raises:
            Wrong: it says neither true nor false.
        """
        word = self.text(key).lower() or str(otherwise).lower()
        if word not in ("true", "false", "yes", "no"):
            raise Wrong(self.origin, f"`{key}` is neither true nor false", self.name)
        return word in ("true", "yes")


class Wrong(Exception):
    """Something is no rule, macro or list."""

    def __init__(self, origin: Origin, text: str, title: str = "") -> None:
        super().__init__(text)
        self.origin, self.text, self.title = origin, text, title


def entries(name: str, data: bytes) -> Iterator[Entry | Wrong]:
    """The items of a file.

    Args:
        name: of the file, for places.
        data: what is in it.

    Returns:
        Items in order, and what is none; nothing behind what is no YAML.
    """
    if len(data) > MAX_FILE:
        yield Wrong(Origin(name, 1), f"the file has more than {MAX_FILE:,} bytes")
        return
    try:
        nodes = list(yaml.compose_all(data, yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        yield Wrong(Origin(name, line), " ".join(str(error).split()))
        return
    if not nodes:
        yield Wrong(Origin(name, 1), "there is nothing in the file")
    for node in nodes:
        origin = Origin(name, node.start_mark.line + 1)
        if not isinstance(node, yaml.SequenceNode):
            yield Wrong(origin, "it is no list of rules, macros and lists")
            continue
        yield from _items(name, node)


def _items(name: str, node: yaml.SequenceNode) -> Iterator[Entry | Wrong]:
    budget = [MAX_NODES]
    for item in node.value:
        origin = Origin(name, item.start_mark.line + 1)
        try:
            found = _entry(origin, _value(item, budget, origin))
        except Wrong as wrong:
            found = wrong
        except RecursionError:
            found = Wrong(origin, "values nest too deep")
        if found is not None:
            yield found


def _entry(origin: Origin, value: Value) -> Entry | Wrong | None:
    if not isinstance(value, dict):
        return Wrong(origin, "it is no mapping of names to values")
    for kind in KINDS:
        if kind in value:
            title = value[kind]
            if not isinstance(title, str) or not title.strip():
                return Wrong(origin, f"the {kind} has no name")
            keys = {key: item for key, item in value.items() if key != kind}
            return Entry(origin, kind, title.strip(), keys)
    if set(value) & set(ABOUT_FILES):
        return None
    return Wrong(origin, "it is neither a rule nor a macro nor a list")


def _value(node: yaml.Node, budget: list[int], origin: Origin) -> Value:
    """A node with all scalars as they are written."""
    budget[0] -= 1
    if budget[0] < 0:
        raise Wrong(origin, f"the file has more than {MAX_NODES:,} values")
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, budget, origin) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _value(item, budget, origin) for key, item in node.value}
    raise Wrong(origin, "a value is of no known kind")
