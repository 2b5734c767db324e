"""A policy of many patterns on one field, and texts with what Python's `re` finds in them.

200 globs and regular expressions of all shapes and 2,000 literals, in 200 rules.
"""

import random
import re
from collections.abc import Iterator

from attrs import frozen

from dsl.interpreter import Event
from tests.language.fixture import START, Case, record

RULES = 200
LITERALS = 10  # of each rule
EVENT = "process.exit"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@frozen
class Pattern:
    """A pattern with the same in the syntax of `re`, and pieces of texts that may satisfy it.

    Args:
        operator: glob or regex.
        text: the pattern.
        python: the same for `re.search`.
        pieces: what to make texts of.
    """

    operator: str
    text: str
    python: str
    pieces: tuple[str, ...]


def _pattern(kind: int, a: str, b: str) -> Pattern:
    """One of ten shapes."""
    match kind:
        case 0:
            return Pattern("regex", f"{a}.*{b}", f"{a}.*{b}", (a, b, f"{a}é{b}"))
        case 1:
            text = rf"^/opt/{a}/[a-z]+\.{b[:3]}"
            return Pattern("regex", f"{text}$", rf"{text}\Z", (f"/opt/{a}/x.{b[:3]}", a))
        case 2:
            text = rf"{a}\s+-[a-z]*{b[0]}"
            return Pattern("regex", text, text, (f"{a} -", b, f"{a}\n -é"))
        case 3:
            text = f"(?i:{a})=[0-9a-f]{{4,}}"
            return Pattern("regex", text, text, (f"{a.upper()}=", "00ff", "=12"))
        case 4:
            text = rf"\b({a}|{b})\b"
            return Pattern("regex", text, text, (a, b, "_", "-"))
        case 5:
            return Pattern("glob", f"*{a}*{b}", rf"(?s){a}.*{b}\Z", (a, b))
        case 6:
            text = rf"(?s)\A/tmp/.*/{a}.\.sh\Z"
            return Pattern("glob", f"/tmp/*/{a}?.sh", text, ("/tmp/", f"/{a}é.sh", f"/{a}xx.sh"))
        case 7:
            return Pattern("glob", f"{a}*", rf"\A{a}", (a,))
        case 8:
            text = rf"(?s)[^a-z]{a}-[0-9].*\.{b[:3]}\Z"
            return Pattern("glob", f"*[!a-z]{a}-[0-9]*.{b[:3]}", text, (f"é{a}-1", f".{b[:3]}"))
        case _:
            text = f"{a}[0-9]{{2,4}}(-{b})?( |$)"
            return Pattern("regex", text, text.replace("$", r"\Z"), (f"{a}123", f"-{b}", " "))


class ManyPatterns:
    """The policy and its texts; the same for the same seed."""

    def __init__(self, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._fields = record(EVENT, {})
        words = [self._word() for _ in range(3 * RULES)]
        pairs = [self._random.sample(words, 2) for _ in range(RULES)]
        self.patterns = [_pattern(n % 10, a, b) for n, (a, b) in enumerate(pairs)]
        self.literals = [
            [f"{self._random.choice(words)}-{n}-{m}" for m in range(LITERALS)] for n in range(RULES)
        ]
        self._wanted = [
            re.compile(f"{pattern.python}|{'|'.join(map(re.escape, literals))}", re.ASCII)
            if not pattern.python.startswith("(?s)")
            else re.compile(
                f"(?s:{pattern.python[4:]})|{'|'.join(map(re.escape, literals))}", re.ASCII
            )
            for pattern, literals in zip(self.patterns, self.literals, strict=True)
        ]

    def _word(self) -> str:
        return "".join(self._random.choices(_LETTERS, k=self._random.randint(4, 9)))

    def source(self) -> str:
        """The policy."""
        rules = [
            f'rule r{n} {{ on {EVENT} when proc.cmdline {pattern.operator} r"{pattern.text}"'
            f" or proc.cmdline contains [{', '.join(map(_quoted, literals))}] }}"
            for n, (pattern, literals) in enumerate(zip(self.patterns, self.literals, strict=True))
        ]
        return "\n".join(['policy "many patterns" version "1" language 1', *rules, ""])

    def texts(self, count: int) -> Iterator[str]:
        """Random texts, of which most satisfy something."""
        choose = self._random.choice
        for _ in range(count):
            parts = []
            for _ in range(self._random.randint(1, 4)):
                number = self._random.randrange(RULES)
                parts += self._random.choices(self.patterns[number].pieces, k=2)
                parts.append(choose((choose(self.literals[number]), " ", "é", "", "\n", "😀")))
            yield "".join(parts)

    def wanted(self, text: str) -> tuple[str, ...]:
        """Which rules alert on a text."""
        return tuple(
            f"alert r{n}" for n, pattern in enumerate(self._wanted) if pattern.search(text)
        )

    def event(self, text: str) -> Event:
        """An event with a text."""
        return Event(EVENT, START, {**self._fields, "proc.cmdline": text.encode()})

    def case(self, count: int) -> Case:
        """A case of the language."""
        texts = list(self.texts(count))
        return Case(
            "many patterns",
            self.source(),
            tuple(map(self.event, texts)),
            tuple(map(self.wanted, texts)),
            {},
            {},
        )


def many_letters() -> Case:
    """A case of 2,000 literals that have nearly all bytes in them."""
    choose = random.Random(2)
    letters = "".join(map(chr, (*range(0x21, 0x7F), *range(0xA1, 0x180), *range(0x4E00, 0x5E00))))
    letters = letters.replace('"', "").replace("\\", "")
    literals = ["".join(choose.choices(letters, k=choose.randint(6, 14))) for _ in range(2000)]
    rules = [
        f"rule r{n} {{ on {EVENT} when proc.invoked_as in [{', '.join(map(_quoted, values))}] }}"
        for n, values in enumerate(literals[start::20] for start in range(20))
    ]
    texts = [text[: -(number % 3)] if number % 3 else text for number, text in enumerate(literals)]
    fields = record(EVENT, {})
    return Case(
        "many letters",
        "\n".join(['policy "many letters" version "1" language 1', *rules, ""]),
        tuple(
            Event(EVENT, START, {**fields, "proc.invoked_as": text.encode()}) for text in texts[:60]
        ),
        tuple(() if number % 3 else (f"alert r{number % 20}",) for number in range(60)),
        {},
        {},
    )


def _quoted(text: str) -> str:
    return f'"{text}"'


def generated() -> tuple[Case, ...]:
    """Both cases."""
    return ManyPatterns().case(60), many_letters()
