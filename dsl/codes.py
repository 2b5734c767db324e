"""The long form of every diagnostic code, from `codes.toml`."""

import tomllib
from functools import cache
from importlib import resources

from attrs import frozen


@frozen
class Explanation:
    """What a code means.

    Args:
        code: "BPFC" and four digits.
        title: a few words.
        text: a paragraph or two.
        bad: source that gives the diagnostic.
        good: source that does not.
        whole: whether the examples are whole files; else they lack the policy header.
        checked: whether `bad` is source text; else it says in words what the file is like.
    """

    code: str
    title: str
    text: str
    bad: str
    good: str
    whole: bool
    checked: bool


@cache
def load() -> dict[str, Explanation]:
    """All explanations by code.

    Returns:
        The same mapping on every call; do not change it.
    """
    rows = tomllib.loads(resources.files("dsl").joinpath("codes.toml").read_text("utf-8"))
    return {
        code: Explanation(
            code=code,
            title=row["title"],
            text=row["text"].strip(),
            bad=row["bad"].strip("\n"),
            good=row["good"].strip("\n"),
            whole=row.get("whole", False),
            checked=row.get("checked", True),
        )
        for code, row in rows.items()
    }


def explain(code: str) -> str | None:
    """The long form of a code as text.

    Args:
        code: for example "BPFC0201"; case does not matter.

    Returns:
        Lines for a terminal, without a line end after the last; None if there is no such code.
    """
    found = load().get(code.upper())
    if found is None:
        return None
    parts = [f"{found.code}: {found.title}", "", found.text, "", "Wrong:", "", _indented(found.bad)]
    return "\n".join([*parts, "", "Right:", "", _indented(found.good)])


def _indented(text: str) -> str:
    """Source text set off from the words around it."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
