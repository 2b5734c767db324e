"""`bpfc explain`: the long text of a diagnostic's code; what an event or a field is."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Annotated

import typer

from bpfc_cli.exits import OK, USAGE, Stop
from bpfc_cli.problems import Problem, guess

# Each part of bpfc keeps its texts in a codes.toml of its own: [CODE] title = "...", text = "...".
PARTS = (
    "dsl",
    "compiler",
    "compiler.targets.windows",
    "bpfc.artifact",
    "bpfc.recording",
    "bpfc.runtime",
    "runtime_linux",
    "bpfc_cli",
    "bpfc_cli.importing",
    "bpfc_cli.vm",
)


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("explain")(explain)


def explain(
    code: Annotated[
        str,
        typer.Argument(
            help="A code such as BPFC0123, an event or a field; without one, all codes are listed."
        ),
    ] = "",
) -> int:
    """Print the long form of a diagnostic, or what an event or a field is."""
    if entry := _entry(code.strip()):
        print("\n".join(entry))
        return OK
    texts = all_texts()
    if not code:
        for known, (title, _) in texts.items():
            print(f"{known}  {title}")
        return OK
    name = code.strip().strip("[]").upper()
    if name.isdecimal():
        name = f"BPFC{name:0>4}"
    if name not in texts:
        raise _unknown(code, texts)
    from dsl.codes import explain as with_examples

    title, text = texts[name]
    print(with_examples(name) or f"{name}: {title}\n\n{text.strip()}")
    return OK


def _entry(name: str) -> list[str]:
    """What the catalogue says of an event or a field; nothing if it is neither."""
    if "." not in name:
        return []
    # Codes are looked up much more often.
    from dsl.catalogue import form_of, load
    from dsl.reference import event_entry, field_entry

    event = load().event(name)
    lines = event_entry(event) if event else field_entry(load(), form_of(name))
    return [name, "", *lines] if lines else []


def all_texts() -> dict[str, tuple[str, str]]:
    """Title and text of every code, in the order of the codes."""
    found: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        source = files(part).joinpath("codes.toml")
        if not source.is_file():
            continue
        for code, row in tomllib.loads(source.read_text("utf-8")).items():
            found[code] = (str(row["title"]), str(row["text"]))
    return dict(sorted(found.items()))


def _unknown(code: str, texts: Mapping[str, object]) -> Stop:
    """BPFC0904."""
    return Stop(
        USAGE,
        Problem(
            code="BPFC0904",
            message=f"there is no diagnostic code {code!r}",
            remedy=f"{guess(code, texts)}`bpfc explain` lists all codes",
        ),
    )
