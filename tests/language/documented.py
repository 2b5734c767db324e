"""The documentation's examples: blocks of rules, and the events that may stand below them.

```det fragment
rule telnet { on net.connect when remote.port == 23 }
```

```toml events
[[event]]
event = "net.connect"
"remote.port" = 23
expect = ["alert telnet"]
```
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import evolve, frozen

from tests.language.fixture import Case, read

ROOT = Path(__file__).parents[2]
PAGES = (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md")
HEADER = 'policy "page" version "1" language 1\n'  # in front of a block that is a fragment
FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


class Includes(Mapping[str, str]):
    """Whatever a page includes is a list of shells."""

    def __getitem__(self, name: str) -> str:
        return 'list shells = ["sh", "bash"]'

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@frozen
class Block:
    """A block of rules.

    Args:
        name: page and line.
        source: a whole file.
        events: text of the block of events below it, or "".
    """

    name: str
    source: str
    events: str


def blocks() -> Iterator[Block]:
    """All blocks of rules of all pages."""
    for page in PAGES:
        yield from blocks_of(page.name, page.read_text("utf-8"))


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """All blocks of rules of one page.

    Raises:
        ValueError: events without rules above them.
    """
    waiting: Block | None = None
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        words = match["info"].split()
        if words == ["toml", "events"]:
            if waiting is None:
                raise ValueError(f"{page}:{line}: events without rules above them")
            yield Block(waiting.name, waiting.source, match["body"])
            waiting = None
            continue
        if waiting is not None:
            yield waiting
        waiting = None
        if words[:1] == ["det"]:
            head = HEADER if "fragment" in words else ""
            waiting = Block(f"{page}:{line}", head + match["body"], "")
    if waiting is not None:
        yield waiting


def examples() -> Iterator[Case]:
    """The blocks as cases; those without events have none.

    The page of diagnostics is left out: it is made from `dsl/codes.toml`, which has its own tests.
    """
    for block in blocks():
        if block.name.startswith("diagnostics.md"):
            continue
        if block.events:
            case = read(block.name, block.source, block.events)
            yield evolve(case, files=Includes())
        else:
            yield Case(block.name, block.source, (), (), {}, Includes())
