"""Made-up Sigma rules in the statistical shape of a public corpus; `sigma_shape.toml` has it.

Which fields a rule uses, how they are compared, with how many values, and how detections are joined
is drawn with the corpus's frequencies; texts are made of numbered words.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

SHAPE = Path(__file__).with_name("sigma_shape.toml")
_ALTERNATIVES = 0.7  # of rules with a program's path and its own name: any of the two
# What expressions in rules look like.
_EXPRESSIONS = (
    r"\s-{word}(?:\s|$)",
    r"\\{word}[0-9]{{1,4}}\.exe",
    r"(?i){word}.*--?[a-z]+",
    r"[a-zA-Z0-9+/]{{50,}}",
    r"{word}\s+[^\s]{{1,16}}\s",
    r"^{word}$",
    r"(?:{word}|{other})\.(?:txt|dat)",
)
_HOSTS = ("example.org", "example.com", "example.net")  # RFC 2606
# Fields whose values are not words.
_NAMES = {
    "Initiated": ("true", "true", "true", "true", "false"),
    "Protocol": ("tcp", "udp"),
    "DestinationIsIpv6": ("true", "false"),
    "SourceIsIpv6": ("true", "false"),
    "IntegrityLevel": ("High", "System"),
    "User": ("root", "AUTHORI", "nobody"),
}
_FORMS = {
    "sel_0": ("sel",),
    "all of sel_*": ("sel",),
    "1 of sel_*": ("sel",),
    "all of sel_* and not 1 of filter_*": ("sel", "filter"),
    "all of sel_* or 1 of opt_*": ("sel", "opt"),
}


def rules(count: int, seed: int) -> list[dict[str, Any]]:
    """Made-up rules.

    Args:
        count: how many.
        seed: the same rules for the same one.

    Returns:
        Rules as YAML has them.
    """
    random = Random(seed)
    sources = tomllib.loads(SHAPE.read_text("utf-8"))["source"]
    weights = [source["rules"] for source in sources]
    drawn = random.choices(sources, weights, k=count)
    return [_Maker(random, source).rule(number) for number, source in enumerate(drawn)]


def _one(random: Random, counts: Mapping[str, int]) -> str:
    """A key, as often as its count says."""
    return random.choices(list(counts), list(counts.values()))[0]


class _Maker:
    """Makes rules of one log source."""

    def __init__(self, random: Random, shape: Mapping[str, Any]) -> None:
        self.random = random
        self.shape = shape
        self.windows = shape["product"] == "windows"

    def rule(self, number: int) -> dict[str, Any]:
        """One rule."""
        condition = _one(self.random, self.shape["conditions"])
        count = int(_one(self.random, self.shape["selections"]))
        count = 1 if condition == "sel_0" else max(2, count)
        kinds = _FORMS[condition]
        names = [f"{kinds[n * len(kinds) // count]}_{n}" for n in range(count)]
        return {
            "title": f"Generated rule {number}",
            "logsource": {k: self.shape[k] for k in ("product", "category")},
            "detection": {**self._detections(names), "condition": condition},
        }

    def _detections(self, names: list[str]) -> dict[str, Any]:
        """All detections; each of the rule's fields stands in one of them at least."""
        left = [f for f, n in self.shape["fields"].items() if self._chance(n, self.shape["rules"])]
        found: dict[str, Any] = {}
        if {"Image", "OriginalFileName"} <= set(left) and self.random.random() < _ALTERNATIVES:
            left = [field for field in left if field not in ("Image", "OriginalFileName")]
            maps = [dict([self._item("Image")]), dict([self._item("OriginalFileName")])]
            found[names[0]] = maps
        for name in names[len(found) :]:
            several = self._chance(self.shape["lists"], self.shape["detections"])
            maps = [self._map(left) for _ in range(2 if several else 1)]
            found[name] = maps if several else maps[0]
        return found

    def _chance(self, part: int, whole: int) -> bool:
        return self.random.random() * whole < part

    def _map(self, left: list[str]) -> dict[str, Any]:
        fields = []
        for _ in range(int(_one(self.random, self.shape["items"]))):
            fields.append(left.pop(0) if left else _one(self.random, self.shape["fields"]))
        kept = [field for field in dict.fromkeys(fields) if field != "keywords"]
        return dict(map(self._item, kept or ["Image"]))

    def _item(self, field: str) -> tuple[str, Any]:
        modifiers = _one(self.random, self.shape["modifiers"][field])
        count = int(_one(self.random, self.shape["values"]))
        count = max(2, min(count, 8)) if "all" in modifiers else count
        values = [self._value(field, modifiers) for _ in range(count)]
        key = f"{field}|{modifiers}" if modifiers else field
        return key, values if len(values) > 1 else values[0]

    # ------------------------------------------------------------ values

    def _word(self) -> str:
        return f"word{self.random.randrange(5000)}"

    def _value(self, field: str, modifiers: str) -> Any:
        if modifiers == "fieldref":
            return "ParentImage" if field == "Image" else "Image"
        if "re" in modifiers.split("|"):
            form = self.random.choice(_EXPRESSIONS)
            return form.format(word=self._word(), other=self._word())
        if field.endswith("Port"):
            return self.random.choice((22, 80, 443, 3389, 4444, 8080, self.random.randrange(65536)))
        if field.endswith("Ip"):
            return self._address(modifiers)
        if field in _NAMES:
            return self.random.choice(_NAMES[field])
        return self._text(field, modifiers)

    def _address(self, modifiers: str) -> str:
        random = self.random
        if "cidr" in modifiers:
            return random.choice(
                ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fe80::/10", "::1/128")
            )
        if "startswith" in modifiers:
            return random.choice(("10.", "192.168.", "172.16.", "fe80:", "127."))
        return f"198.51.100.{random.randrange(256)}"

    def _text(self, field: str, modifiers: str) -> str:
        """A piece of text: of a path, a command line or a name."""
        word, other = self._word(), self._word()
        if field.endswith(("Hostname", "QueryName")):
            host = f"{word}.{self.random.choice(_HOSTS)}"
            return f".{host}" if "endswith" in modifiers else host
        if field == "Hashes":
            return f"MD5={self.random.randrange(1 << 64):032x}"
        if field.endswith(("Image", "Filename", "Directory")):
            return self._path(word, other, modifiers)
        if "windash" in modifiers:
            return f" -{word}"
        return self.random.choice((f" {word} ", f"--{word}", f"{word} {other}", f"/{word}", word))

    def _path(self, word: str, other: str, modifiers: str) -> str:
        name = f"\\{word}.exe" if self.windows else f"/{word}"
        folder = f"C:\\{other}\\" if self.windows else f"/opt/{other}/"
        if "endswith" in modifiers:
            return name
        if "contains" in modifiers:
            return folder[2:] if self.windows else folder[4:]
        return folder if "startswith" in modifiers else folder + name[1:]
