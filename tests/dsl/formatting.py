"""What a formatted file must have in common with its source; run it to write expectations anew."""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from dsl.diagnostics import Collector
from dsl.formatter import format_source
from dsl.lexer import tokens
from dsl.parser import parse
from dsl.span import Span

FORMAT = Path(__file__).parent / "format"


def formatted(source: str | bytes) -> str:
    """The canonical form of a source that has one."""
    text, found = format_source("x.det", source)
    assert text is not None and not found, found
    return text


def meaning(source: str) -> object:
    """The syntax tree without places."""
    report = Collector()
    file = parse("x.det", source, report)
    assert file is not None and not report.has_errors
    return _placeless(file.items)


def _placeless(node: Any) -> object:
    if isinstance(node, tuple):
        return tuple(map(_placeless, node))
    if isinstance(node, Span):
        return None
    if not attrs.has(type(node)):
        return node
    inside = (a.name for a in attrs.fields(type(node)))
    return (type(node).__name__, *((name, _placeless(getattr(node, name))) for name in inside))


def spelling(source: str) -> list[str]:
    """The words as they are written, without commas in front of a closing bracket."""
    found = [token.text for token in tokens("x.det", source, Collector()) or []]
    return [word for i, word in enumerate(found) if word != "," or found[i + 1] not in "]}"]


def comments(source: str) -> Counter[str]:
    """Every comment, by an independent reading: cut out the tokens, take what is left."""
    rest, position = [], 0
    for token in tokens("x.det", source, Collector()) or []:
        rest.append(source[position : token.start])
        position = token.start + token.width
    rest.append(source[position:])
    return Counter(c.rstrip() for c in re.findall("#[^\n]*", " ".join(rest)))


def hold(source: str) -> str:
    """Check everything that holds for every source that can be read; the formatted text."""
    text = formatted(source)
    assert formatted(text) == text
    assert meaning(text) == meaning(source)
    assert spelling(text) == spelling(source)
    assert comments(text) == comments(source)
    assert not text or text.endswith("\n")
    assert "\n\n\n" not in text and not re.search(r"[ \t]$", text, re.MULTILINE)
    assert not text.startswith("\n") and not text.endswith("\n\n")
    return text


if __name__ == "__main__":
    for fixture in sorted(FORMAT.glob("*.det")):
        fixture.with_suffix(".txt").write_text(formatted(fixture.read_bytes()), "utf-8")
        sys.stdout.write(f"{fixture.name}\n")
