"""`bpfc diff`: what an update changes, and what it takes to put it in force."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc_cli.exits import FINDINGS, OK
from bpfc_cli.options import Format

if TYPE_CHECKING:
    from bpfc.artifact.difference import Difference
    from bpfc.artifact.manifest import Manifest

KINDS = {
    "same": "the same",
    "content": "content only: written beside the old one, one flip, no program is loaded",
    "structure": "structural: programs are loaded beside the old ones, then one flip",
    "added": "new",
    "removed": "gone",
}

FATES = {"carried": "carried on", "fresh": "new, empty", "dropped": "lost"}
STATE_MAP = "state"  # of compiler.emit.state, which an agent does not have


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("diff")(diff)


def diff(
    old: Annotated[Path, typer.Argument(help="What is active, say.", metavar="OLD.O")],
    new: Annotated[Path, typer.Argument(help="What is to replace it.", metavar="NEW.O")],
    form: Annotated[
        Format, typer.Option("--format", help="For people, or for programs.")
    ] = Format.TEXT,
    content_only: Annotated[
        bool,
        typer.Option("--content-only", help="End with exit code 1 if more than content differs."),
    ] = False,
) -> int:
    """Compare two artifacts: rules, their values, and what an update has to load."""
    from bpfc.artifact.container import load_artifact
    from bpfc.artifact.difference import compare

    before, after = load_artifact(old), load_artifact(new)
    found = compare(before, after)
    memory = list(_remembered(before.manifest, after.manifest, found))
    if form is Format.JSON:
        print(_as_json(found, memory))
    else:
        _as_tables(found, memory)
    return FINDINGS if content_only and not found.content_only else OK


def _remembered(old: "Manifest", new: "Manifest", found: "Difference") -> Iterator[tuple[str, str]]:
    """What the old policy remembers on Linux, and what becomes of it."""
    from bpfc.runtime.sensor_sets import carried

    fate = carried(new, old)
    for words in ("carried", "fresh", "dropped"):
        yield from ((name, FATES[words]) for name in getattr(fate, words))
    if any(info.name == STATE_MAP for info in old.linux.maps):
        stays = next(h.kind for h in found.halves if h.half == "linux") in ("same", "content")
        yield "counts of limits, thresholds and sequences", FATES["carried" if stays else "dropped"]


def _as_json(found: "Difference", memory: list[tuple[str, str]]) -> str:
    """All of it."""
    from attrs import asdict

    value = {**asdict(found), "content_only": found.content_only, "remembered": dict(memory)}
    return json.dumps(value, indent=2, ensure_ascii=False)


def _as_tables(found: "Difference", memory: list[tuple[str, str]]) -> None:
    """All of it, for people."""
    from bpfc_cli.tables import print_table

    if found.identical:
        print("the same file")
        return
    print_table(
        f"{found.policy[0]} -> {found.policy[1]}",
        ["half", "update", "memory of its maps"],
        ((h.half, KINDS[h.kind], _memory(h.old_bytes, h.new_bytes)) for h in found.halves),
    )
    for half in found.halves:
        if half.reasons:
            print_table(
                f"What of {half.half} is not content", ["part"], ([r] for r in half.reasons)
            )
    if memory:
        print_table("What is remembered", ["what", "update"], memory)
    if found.rules:
        print_table("Rules", ["rule", "change", "what"], _rules(found))
    else:
        print("no rule differs")
    if not found.values_known:
        print("one of the artifacts does not say which values its rules compare with")


def _memory(old: int, new: int) -> str:
    return f"{old:,} bytes" if old == new else f"{old:,} -> {new:,} bytes"


def _rules(found: "Difference") -> Iterator[tuple[str, str, str]]:
    """A row for each detail."""
    for rule in found.rules:
        for number, detail in enumerate(rule.details or ("",)):
            yield ("", "", detail) if number else (rule.rule, rule.change, detail)
