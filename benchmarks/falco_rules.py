"""Made-up Falco rules in the statistical shape of a public corpus; `falco_shape.toml` has it.

Which events and fields a rule uses, how they are compared, with how many values, and how tests are
joined is drawn with the corpus's frequencies; texts are made of numbered words. A fifth of the
rules has exceptions, which the corpus leaves to its users.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

SHAPE = Path(__file__).with_name("falco_shape.toml")
_EXCEPTIONS = 0.2  # of rules
_OWN = 0.6  # of tests of other events than those of programs: fields of their own
_GROUP = 4  # tests that one macro or pair of parentheses holds, at most
# Values that are no words.
_VALUES: Mapping[str, tuple[str, ...]] = {
    "container.id": ("host",),
    "user.name": ("root", "root", "bin", "nobody"),
    "user.uid": ("0",),
    "user.loginuid": ("-1",),
    "proc.tty": ("0",),
    "proc.vpid": ("1",),
    "proc.duration": ("5",),
    "container.privileged": ("true",),
    "proc.is_exe_upper_layer": ("true",),
    "proc.is_vpgid_leader": ("true",),
    "evt.arg.flags": ("O_CREAT", "O_TRUNC", "O_WRONLY"),
    "thread.cap_permitted": ("CAP_SYS_ADMIN", "CAP_NET_RAW", "CAP_SYS_PTRACE"),
    "fd.l4proto": ("tcp", "udp"),
    "fd.sport": ("22", "53", "443", "4444", "8080"),
    "fd.snet": ('"10.0.0.0/8"', '"172.16.0.0/12"', '"192.168.0.0/16"'),
    "fd.rnet": ('"10.0.0.0/8"', '"172.16.0.0/12"', '"192.168.0.0/16"'),
    "fd.sip": ('"198.51.100.7"', '"203.0.113.9"'),
    "fd.cip": ('"198.51.100.7"', '"203.0.113.9"'),
}
_LISTS = ("in", "intersects", "pmatch")


def items(count: int, seed: int) -> list[dict[str, Any]]:
    """Made-up rules with their lists and macros.

    Args:
        count: how many rules.
        seed: the same ones for the same one.

    Returns:
        Items as YAML has them.
    """
    shape = tomllib.loads(SHAPE.read_text("utf-8"))
    random = Random(seed)
    made = (_Maker(random, shape, number).items() for number in range(count))
    return [item for found in made for item in found]


class _Maker:
    """Makes one rule."""

    def __init__(self, random: Random, shape: Mapping[str, Any], number: int) -> None:
        self.random, self.shape, self.number = random, shape, number
        self.others: list[dict[str, Any]] = []

    def items(self) -> list[dict[str, Any]]:
        """The rule, behind what it uses."""
        forms = self.shape["form"]
        form = self.random.choices(forms, [form["rules"] for form in forms])[0]
        tied = self._macro(f"evt.type in ({', '.join(form['types'])})")
        parts = [tied, *([self.random.choice(form["base"])] if "base" in form else [])]
        left = self._drawn("tests")
        while left > 0:
            size = min(left, self.random.randint(1, _GROUP))
            parts.append(self._group(form["kind"], size))
            left -= size
        rule: dict[str, Any] = {
            "rule": f"Generated rule {self.number}",
            "desc": "generated",
            "condition": " and ".join(parts),
            "output": "Generated (user=%user.name file=%fd.name command=%proc.cmdline)",
            "priority": self.random.choice(("CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO")),
            "tags": ["maturity_stable", "mitre_execution"],
        }
        if self.random.random() < _EXCEPTIONS:
            rule["exceptions"] = [self._exception()]
        return [*self.others, rule]

    def _drawn(self, key: str) -> int:
        counts = self.shape[key]
        return int(self.random.choices(list(counts), list(counts.values()))[0])

    def _is(self, key: str) -> bool:
        counts = self.shape[key]
        return (
            self.random.choices(("true", "false"), (counts["true"], counts["false"]))[0] == "true"
        )

    def _word(self) -> str:
        return f"word{self.random.randrange(5000)}"

    def _macro(self, condition: str) -> str:
        name = f"macro_{self.number}_{len(self.others)}"
        self.others.append({"macro": name, "condition": f"({condition})"})
        return name

    # ------------------------------------------------------------ conditions

    def _group(self, kind: str, size: int) -> str:
        """Some tests of one kind of fields; alternatives are mostly of one field."""
        counts = self.shape["joined"]
        word = self.random.choices(list(counts), list(counts.values()))[0] if size > 1 else "and"
        field = self._field(kind)
        fields = [field if word == "or" else self._field(kind) for _ in range(size)]
        text = f" {word} ".join(map(self._test, fields))
        if size > 1:
            text = self._macro(text) if self.random.random() < 0.5 else f"({text})"
        return f"not {text}" if self._is("negated") else text

    def _field(self, kind: str) -> str:
        own = kind if self.random.random() < _OWN else "process"
        counts = self.shape["fields"][own]
        return str(self.random.choices(list(counts), list(counts.values()))[0])

    def _test(self, field: str) -> str:
        counts = self.shape["operators"][field]
        operator = self.random.choices(list(counts), list(counts.values()))[0]
        if operator == "exists":
            return f"{field} exists"
        if operator not in _LISTS:
            return f"{field} {operator} {self._value(field, operator)}"
        values = [self._value(field, operator) for _ in range(self._drawn("values"))]
        if self._is("named"):
            name = f"list_{self.number}_{len(self.others)}"
            self.others.append({"list": name, "items": values})
            values = [name]
        return f"{field} {operator} ({', '.join(values)})"

    def _value(self, field: str, operator: str) -> str:
        if field in _VALUES:
            return self.random.choice(_VALUES[field])
        word, other = self._word(), self._word()
        if operator == "glob":
            return f"/opt/*/{word}*"
        if field in ("fd.filename", "proc.name", "proc.pname") or field.startswith("proc.aname"):
            return word
        if field.startswith(("fd.", "evt.arg", "proc.exe", "proc.cwd", "container.mount")):
            return self._path(word, other, operator)
        if field.startswith(("proc.cmdline", "proc.pcmdline", "proc.args")):
            return f'"{word} -{other}"' if operator == "startswith" else f'"--{word}"'
        return f"{word}/{other}" if field.startswith("container.image") else word

    def _path(self, word: str, other: str, operator: str) -> str:
        match operator:
            case "endswith" | "contains":
                return f"/{word}"
            case "startswith":
                return f"/opt/{other}/"
        return f"/opt/{other}/{word}"

    def _exception(self) -> dict[str, Any]:
        rows = range(self.random.choice((1, 1, 2, 3, 5)))
        return {
            "name": "known",
            "fields": ["proc.name", "proc.pname"],
            "comps": ["=", "in"],
            "values": [[self._word(), [self._word(), self._word()]] for _ in rows],
        }
