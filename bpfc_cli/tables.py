"""Tables on standard output: folded to the terminal's width, never cut.

Rich draws them on terminals and is imported only then; into a pipe or a file go plain columns,
which other programs can take apart.
"""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bpfc.artifact.alert import printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

WIDTH_OF_A_PIPE = 160  # characters, where nothing says how wide the reader is

# A cell: words, or (words, style) with a style of rich.
Cell = str | tuple[str, str]


def _is_pipe() -> bool:
    """Whether nothing says how wide the reader is."""
    return not sys.stdout.isatty() and "COLUMNS" not in os.environ


def _print(*parts: "RenderableType") -> None:
    """Print to standard output, without the blanks that fill up lines, and an empty line behind."""
    from rich.console import Console

    width = WIDTH_OF_A_PIPE if _is_pipe() else None
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    lines = (line.rstrip() for line in captured.get().splitlines())
    print("\n".join(line for line in lines if line), end="\n\n")


def text(cell: Cell) -> "Text":
    """A cell as rich text; its words are never read as markup, and can command no terminal."""
    from rich.text import Text

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
    if _is_pipe():
        _print_plain(title, columns, [[_words(cell) for cell in row] for row in rows], numbers)
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False
    )
    for name in columns:
        table.add_column(name, overflow="fold", justify="right" if name in numbers else "left")
    for row in rows:
        table.add_row(*(text(cell) for cell in row))
    _print(table)


def _words(cell: Cell) -> str:
    return printable(cell if isinstance(cell, str) else cell[0])


def _print_plain(
    title: str, columns: Sequence[str], rows: list[list[str]], numbers: Sequence[str]
) -> None:
    """A table as columns with two blanks between them."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if name in numbers else cell.ljust(width)
            for cell, width, name in zip(cells, widths, columns, strict=True)
        )
        return "  ".join(padded).rstrip()

    print("\n".join([title, line(columns), *map(line, rows)]), end="\n\n")


def print_facts(title: str, facts: Iterable[tuple[str, Cell]]) -> None:
    """Print names and values, one a line.

    Args:
        title: what they are about.
        facts: name and value.
    """
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(Text(name, style="dim"), text(value))
    _print(Text(title, style="bold"), grid)
