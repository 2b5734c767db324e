"""Pages and parts of pages that are made from data; run it (`make pages`) to write them anew."""

import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import frozen

from bpfc_cli.explain import all_texts
from dsl import catalogue
from dsl.codes import load
from dsl.reference import events_page, fields_page
from tests.docs import falco, sigma
from tests.docs.grammar import ebnf
from tests.house.table import ROOT

DOCS = ROOT / "docs"
_AREAS = {
    "00": "Files",
    "01": "Syntax",
    "02": "Names",
    "03": "Types, values, rules that extend others",
    "04": "Policies and rules",
    "05": "Warnings",
    "06": "Compiling",
    "07": "Artifacts, loading and running",
    "08": "Virtual machines, rules of other systems",
    "09": "The command line, the simulator, recordings",
}


@frozen
class Part:
    """What is generated.

    Args:
        page: the file.
        name: of the part, between `<!-- begin NAME -->` and `<!-- end NAME -->`; "" for the page.
        make: its text, without line ends around it.
    """

    page: Path
    name: str
    make: Callable[[], str]

    def within(self, page: str) -> str:
        """The page with this part as it should be.

        Args:
            page: its present text.

        Returns:
            The text of the page.
        """
        if not self.name:
            return f"{self.make()}\n"
        begin, end = f"<!-- begin {self.name} -->\n", f"<!-- end {self.name} -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        assert found and closed, f"{self.page.name} has no place for {self.name}"
        return f"{before}{begin}\n{self.make()}\n\n{end}{after}"


def diagnostics() -> str:
    """The page of all diagnostics."""
    texts = all_texts()
    lines = [
        "# Diagnostics",
        "",
        "Every code that bpfc gives, as `bpfc explain CODE` prints it. This page is made from the",
        "files `codes.toml` of the packages by `make pages`.",
    ]
    for digits, area in _AREAS.items():
        codes = {c: text for c, text in texts.items() if c.startswith(f"BPFC{digits}")}
        lines += ["", f"## {area}"] if codes else []
        for code, (title, text) in codes.items():
            lines += ["", f"### {code}", "", f"**{title}**", "", text.strip(), *_examples(code)]
    return "\n".join(lines)


def properties() -> str:
    """The table of properties of addresses."""
    lines = ["| property | addresses | networks |", "|---|---|---|"]
    rows = tomllib.loads((ROOT / "dsl" / "addresses.toml").read_text("utf-8"))
    for name, row in rows.items():
        listed = ", ".join(f"`{network}`" for network in row.get("networks") or row["but"])
        without = "" if "networks" in row else "all but "
        lines.append(f"| `{name}` | {row['doc']} ({row['sources']}) | {without}{listed} |")
    return "\n".join(lines)


def _examples(code: str) -> list[str]:
    """Source that gives a code, and source that does not; only the front end's codes have any."""
    found = load().get(code)
    if found is None:
        return []
    bad = ["", "Wrong:", "", "```text", found.bad, "```"]
    if not found.checked:
        bad = ["", f"Wrong: {found.bad}."]
    form = "det" if found.whole else "det fragment"
    return [*bad, "", "Right:", "", f"```{form}", found.good, "```"]


def grammar() -> str:
    """The grammar as a block of code."""
    return f"```ebnf\n{ebnf()}\n```"


PARTS = (
    Part(DOCS / "diagnostics.md", "", diagnostics),
    Part(DOCS / "language.md", "addresses", properties),
    Part(DOCS / "language.md", "grammar", grammar),
    Part(DOCS / "events.md", "", lambda: events_page(catalogue.load())),
    Part(DOCS / "fields.md", "", lambda: fields_page(catalogue.load())),
    Part(DOCS / "import.md", "sigma sources", sigma.tables),
    Part(DOCS / "import.md", "falco events", falco.events),
    Part(DOCS / "import.md", "falco fields", falco.fields),
)


def pages(parts: tuple[Part, ...] = PARTS) -> Mapping[Path, str]:
    """The pages as they should be.

    Args:
        parts: what is generated.

    Returns:
        The text of each page that has a generated part.
    """
    found: dict[Path, str] = {}
    for part in parts:
        before = found.get(part.page)
        if before is None:
            before = part.page.read_text("utf-8") if part.page.exists() else ""
        found[part.page] = part.within(before)
    return found


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, "utf-8")
        sys.stdout.write(f"{path.name}\n")
