"""`bpfc compile` and `bpfc extract`: from rules to an artifact, and a half out of it."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from bpfc_cli.exits import OK
from bpfc_cli.files import check_writable, write_whole
from bpfc_cli.options import Allow, DenyWarnings


class Target(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """A platform's half of an artifact."""

    LINUX = "linux"
    WINDOWS = "windows"


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("compile")(compile_)
    app.command("extract")(extract)


def compile_(
    files: Annotated[
        list[Path], typer.Argument(help="The .det files of one policy.", metavar="FILE.DET...")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where to write the artifact.", metavar="RULES.O")
    ],
    allow_partial: Annotated[
        bool,
        typer.Option(
            "--allow-partial", help="Leave out, with a note, what a platform cannot carry."
        ),
    ] = False,
    allow: Allow = None,
    deny_warnings: DenyWarnings = False,
) -> int:
    """Compile rules to an artifact, and print which platform carries which rule.

    A rule that no platform's half can carry, or that Linux cannot, is an error unless
    --allow-partial is given.
    """
    from bpfc_cli.sources import compiled, show_coverage

    check_writable(output)
    result = compiled(files, allow_partial, allow or (), deny_warnings)
    write_whole(output, result.artifact.data)
    show_coverage(result.coverage)
    manifest = result.artifact.manifest
    windows = result.artifact.windows
    half = f", Windows half {len(windows):,}" if windows is not None else ", no Windows half"
    print(f"{output}: {len(result.artifact.data):,} bytes{half}")
    print(f"core: {manifest.linux.core_size:,} bytes, sha256 {manifest.linux.core_hash}")
    return OK


def extract(
    artifact: Annotated[Path, typer.Argument(help="What `bpfc compile` wrote.", metavar="RULES.O")],
    target: Annotated[Target, typer.Option(help="Which half.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the object.")],
) -> int:
    """Write one platform's object out of an artifact.

    The Windows object is what the SDK's converter and the signing of drivers take; the Linux object
    is the artifact itself.
    """
    from bpfc.artifact.container import load_artifact

    opened = load_artifact(artifact)
    data = opened.windows_object() if target is Target.WINDOWS else opened.data
    write_whole(output, data)
    print(f"{output}: {len(data):,} bytes")
    return OK
