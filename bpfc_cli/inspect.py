"""`bpfc inspect`: what an artifact says about itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc_cli.exits import OK
from bpfc_cli.options import Format

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from bpfc.artifact.manifest import EventLayout, Half, Manifest, RuleEvent


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("inspect")(inspect)


def inspect(
    artifact: Annotated[Path, typer.Argument(help="What `bpfc compile` wrote.", metavar="RULES.O")],
    form: Annotated[
        Format, typer.Option("--format", help="For people, or for programs.")
    ] = Format.TEXT,
) -> int:
    """Show an artifact's rules, programs, maps, layouts and hashes."""
    from bpfc.artifact.container import load_artifact

    opened = load_artifact(artifact)
    if form is Format.JSON:
        print(_as_json(opened))
    else:
        _as_tables(opened, artifact)
    return OK


def _as_json(opened: "Artifact") -> str:
    """The manifest and the file's digest."""
    from attrs import asdict

    return json.dumps(
        {"digest": opened.digest, "bytes": len(opened.data), "manifest": asdict(opened.manifest)},
        indent=2,
        ensure_ascii=False,
    )


def _as_tables(opened: "Artifact", path: Path) -> None:
    """Everything, for people."""
    from bpfc_cli.tables import print_facts, print_table

    manifest = opened.manifest
    print_facts(str(path), _facts(opened))
    print_table(
        "Rules", ["rule", "severity", "event", "linux", "windows", "place"], _rules(manifest)
    )
    for name, half in halves(manifest):
        print_table(
            f"Programs, {name}",
            ["program", "section", "role", "variant", "needs", "events"],
            (
                (p.name, p.section, p.role, p.variant, _words(p.needs), _words(p.events))
                for p in half.programs
            ),
        )
        print_table(
            f"Maps, {name}",
            ["map", "type", "scope", "key", "value", "entries"],
            _maps(half),
            numbers=["key", "value", "entries"],
        )
    print_table(
        "Event layouts",
        ["event", "number", "digest", "numbers", "texts"],
        (_layout(layout) for layout in manifest.layouts),
        numbers=["number"],
    )


def halves(manifest: "Manifest") -> Iterator[tuple[str, "Half"]]:
    """The halves that an artifact has, by platform."""
    yield "linux", manifest.linux
    if manifest.windows is not None:
        yield "windows", manifest.windows


def _facts(opened: "Artifact") -> Iterator[tuple[str, str]]:
    """What is said once for the whole file."""
    manifest = opened.manifest
    yield "policy", f"{manifest.policy} {manifest.policy_version}"
    yield "compiled by", f"bpfc {manifest.compiler}"
    yield "size", f"{len(opened.data):,} bytes"
    yield "sha256", opened.digest
    yield "source sha256", manifest.source_digest
    yield "needs catalogue", str(manifest.catalogue)
    yield "shared maps", f"version {manifest.shared_version}"
    for name, half in halves(manifest):
        yield f"core, {name}", f"{half.core_size:,} bytes, sha256 {half.core_hash}"
        yield f"structure, {name}", f"sha256 {opened.structure(name)}"
        yield f"memory, {name}", _memory(half)


def _memory(half: "Half") -> str:
    """What the policy's own maps take in the kernel; shared maps are there once for all."""
    from bpfc.artifact.difference import map_bytes, memory_of

    each = sum(map_bytes(m) // m.max_entries * m.per_cpu for m in half.maps if m.scope != "shared")
    content = sum(map_bytes(m) for m in half.maps if m.scope == "content")
    return (
        f"{memory_of(half):,} bytes ({content:,} of content, both buffers) and {each:,} a processor"
    )


def _rules(manifest: "Manifest") -> Iterator[tuple[str, ...]]:
    """A row for each rule and event."""
    for rule in manifest.rules:
        carried = {
            name: {at.event: at for at in getattr(rule, name)} for name in ("linux", "windows")
        }
        severity = dict(rule.metadata).get("severity", "")
        for event in dict.fromkeys([*carried["linux"], *carried["windows"]]):
            ways = [ladder(carried[name].get(event)) for name in ("linux", "windows")]
            mode = " (audit)" if rule.mode == "audit" else ""
            yield rule.name + mode, severity, event, *ways, f"{rule.file}:{rule.line}"


def ladder(at: "RuleEvent | None") -> str:
    """A rule's forms on an event, the first choice first."""
    return ", else ".join(form.label for form in at.forms) if at is not None else "-"


def _maps(half: "Half") -> Iterator[tuple[str, ...]]:
    """A row for each map."""
    for m in half.maps:
        entries = f"{m.max_entries:,}" + (" a CPU" if m.per_cpu else "")
        yield m.name, m.type, m.scope, f"{m.key_size:,}", f"{m.value_size:,}", entries


def _layout(layout: "EventLayout") -> tuple[str, ...]:
    """A row for an event's layout."""
    numbers = (f"{n.index}: {n.name}" for n in layout.numbers)
    texts = (f"{t.view}: {t.name}" for t in layout.texts)
    return (
        layout.event,
        str(layout.number),
        f"{layout.digest:016x}",
        ", ".join(numbers),
        ", ".join(texts),
    )


def _words(words: tuple[str, ...]) -> str:
    """Words for a cell."""
    return ", ".join(words) or "-"
