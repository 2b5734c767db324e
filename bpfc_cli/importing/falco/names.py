"""Lists and macros of a policy: their names and texts."""

import re
from collections.abc import Iterator

from attrs import Factory, define

_STRING = re.compile(r'r"[^"]*"|"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"(?<![\w.])[a-z_]\w*(?![\w.])")
# Words that mean something where a condition can begin, or behind a field.
_WORDS = frozenset(
    [
        "all",
        "ancestor",
        "and",
        "any",
        "contains",
        "exists",
        "false",
        "in",
        "length",
        "not",
        "or",
        "true",
    ]
)


@define
class Declarations:
    """What the rules of a policy use by name.

    Args:
        texts: each item's text by its name.
        names: the name of each (kind, Falco's name, what it says).
    """

    texts: dict[str, str] = Factory(dict)
    names: dict[tuple[str, str, str], str] = Factory(dict)

    def declare(self, kind: str, name: str, value: str) -> str:
        """Give something a name.

        Args:
            kind: "list" or "macro".
            name: Falco's.
            value: what stands behind `=`.

        Returns:
            The name in the policy: Falco's own, unless something else has it.
        """
        key = (kind, name, value)
        if key not in self.names:
            free = self._free(re.sub(r"\W", "_", name.lower()))
            self.names[key] = free
            self.texts[free] = f"{kind} {free} = {value}"
        return self.names[key]

    def _free(self, word: str) -> str:
        word = f"falco_{word}" if word in _WORDS or not re.match("[a-z_]", word) else word
        name, number = word, 1
        while name in self.texts:
            number += 1
            name = f"{word}_{number}"
        return name

    def used(self, text: str) -> tuple[str, ...]:
        """The items that a text of the language needs, those that they need among them.

        Args:
            text: conditions.

        Returns:
            Their texts, each once.
        """
        found: dict[str, None] = {}
        waiting = [text]
        while waiting:
            for name in _names(waiting.pop()):
                if name in self.texts and name not in found:
                    found[name] = None
                    waiting.append(self.texts[name].partition("=")[2])
        return tuple(self.texts[name] for name in self.texts if name in found)


def _names(text: str) -> Iterator[str]:
    return (match.group() for match in _NAME.finditer(_STRING.sub('""', text)))
