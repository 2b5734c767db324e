"""Tables on standard output: folded to the terminal's width, never cut."""

import os
import sys
from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from bpfc.artifact.alert import printable

WIDTH_OF_A_PIPE = 160  # characters, where nothing says how wide the reader is

# A cell: words, or (words, style) with a style of rich.
Cell = str | tuple[str, str]


def _print(*parts: RenderableType) -> None:
    """Print to standard output, without the blanks that fill up lines, and an empty line behind."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH_OF_A_PIPE
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    lines = (line.rstrip() for line in captured.get().splitlines())
    print("\n".join(line for line in lines if line), end="\n\n")


def text(cell: Cell) -> Text:
    """A cell as rich text; its words are never read as markup, and can command no terminal."""
    words, style = (cell, "") if isinstance(cell, str) else cell
    return Text(printable(words), style=style)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], numbers: Sequence[str] = ()
) -> None:
    """Print a table.

    Args:
        title: what it shows.
        columns: headings.
        rows: as many cells each.
        numbers: headings of the columns to align to the right.
    """
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in numbers else "left")
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    _print(table)


def print_facts(title: str, facts: Iterable[tuple[str, Cell]]) -> None:
    """Print names and values, one a line.

    Args:
        title: what they are about.
        facts: name and value.
    """
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(Text(name, style="dim"), text(value))
    _print(Text(title, style="bold"), grid)
