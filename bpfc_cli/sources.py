"""From the files of a command line to a checked policy or an artifact."""

from collections.abc import Callable, Sequence
from datetime import date
from errno import EINVAL
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from bpfc.own import check_own
from bpfc_cli.exits import FINDINGS, USAGE, Stop
from bpfc_cli.files import ELF_MAGIC, check_readable, looks_compiled
from bpfc_cli.problems import Problem, guess, of_diagnostic
from bpfc_cli.render import show

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from compiler.coverage import CoverageRow
    from dsl.typed import Policy

READ_MAX = 64 << 20  # bytes; the front end refuses far smaller files, this only ends endless ones


@frozen
class Compiled:
    """An artifact and which platform carries which rule, and how."""

    artifact: "Artifact"
    coverage: "tuple[CoverageRow, ...]"


def checked(
    paths: Sequence[Path], allow: Sequence[str] = ()
) -> "tuple[Policy | None, tuple[Problem, ...]]":
    """Check the files of one policy.

    Args:
        paths: its files.
        allow: codes of warnings that are left out.

    Returns:
        The policy, None if there is any error; all findings.

    Raises:
        Stop: a file cannot be read, or is an artifact, or a code is not one of a warning.
    """
    policy, problems, _ = checked_texts(paths, allow)
    return policy, problems


def checked_texts(
    paths: Sequence[Path], allow: Sequence[str] = ()
) -> "tuple[Policy | None, tuple[Problem, ...], dict[str, str | bytes]]":
    """Check the files of one policy, and keep what they say.

    Args:
        paths, allow: as for `checked`.

    Returns:
        The policy, None if there is any error; all findings; the files' contents by name, those of
        included files too.

    Raises:
        Stop: as for `checked`.
    """
    check_own("dsl")
    from dsl.frontend import check

    codes = _warnings(allow)
    sources = read(paths)
    texts: dict[str, str | bytes] = dict(sources)
    policy, found = check(sources, load=_loader(texts), today=date.today(), allow=codes)
    return policy, tuple(of_diagnostic(item, texts) for item in found), texts


def _warnings(codes: Sequence[str]) -> frozenset[str]:
    """Codes that a user wants to hear nothing of: BPFC0501, or 501."""
    from dsl.allowed import warnings

    found = {f"BPFC{code:0>4}" if code.isdecimal() else code.upper() for code in codes}
    known = warnings()
    for code in sorted(found - known):
        raise Stop(
            USAGE,
            Problem(
                code="BPFC0900",
                message=f"--allow {code}: there is no warning of that code",
                remedy=f"{guess(code, known)}errors cannot be turned off",
            ),
        )
    return frozenset(found)


def compiled(
    paths: Sequence[Path],
    allow_partial: bool = False,
    allow: Sequence[str] = (),
    deny_warnings: bool = False,
) -> "Compiled":
    """Compile the files of one policy; warnings are shown.

    Args:
        paths: its files.
        allow_partial: leave out, instead of refusing, what a platform cannot carry.
        allow: codes of warnings that are left out.
        deny_warnings: whether the others count as errors.

    Returns:
        The artifact and which platform carries what.

    Raises:
        Stop: a file cannot be read, or the rules have errors.
    """
    check_own("dsl", "compiler")
    codes = _warnings(allow)
    sources = read(paths)
    from compiler.driver import compile_sources

    texts: dict[str, str | bytes] = dict(sources)
    result = compile_sources(
        sources,
        allow_partial=allow_partial,
        load=_loader(texts),
        today=date.today(),
        allow=codes,
    )
    problems = [of_diagnostic(item, texts) for item in result.diagnostics]
    if result.artifact is None or (deny_warnings and problems):
        raise Stop(FINDINGS, *problems)
    show(problems)
    return Compiled(result.artifact, result.coverage)


def artifact_of(path: Path) -> "Artifact":
    """The artifact in a file, or what the rules in it compile to.

    Args:
        path: an artifact, or rules.

    Returns:
        The artifact.

    Raises:
        Stop: the file cannot be read, or the rules have errors.
        ArtifactError: it is an artifact, but not a sound one.
    """
    if not looks_compiled(path):
        return compiled([path]).artifact
    from bpfc.artifact.container import load_artifact

    return load_artifact(path)


def show_coverage(rows: "Sequence[CoverageRow]") -> None:
    """Print which platform carries which rule on which event, and how or why not.

    Args:
        rows: rule by event by platform.
    """
    from bpfc_cli.tables import print_table

    print_table(
        "Coverage",
        ["rule", "event", "platform", "carried", "how, or why not"],
        (
            (
                row.rule,
                row.event,
                row.platform,
                ("yes", "green") if row.carried else ("no", "yellow"),
                row.text,
            )
            for row in rows
        ),
    )


def _loader(texts: dict[str, str | bytes]) -> Callable[[str], bytes]:
    """What reads included files, and keeps their texts for messages."""

    def load(name: str) -> bytes:
        path = Path(name)
        if path.exists() and not path.is_file():
            raise OSError(EINVAL, "it is not a file")
        with path.open("rb") as file:
            data = file.read(READ_MAX)
        texts[name] = data
        return data

    return load


def read(paths: Sequence[Path]) -> tuple[tuple[str, bytes], ...]:
    """Read rule files.

    Args:
        paths: of the files.

    Returns:
        Names, as the user gave them, and contents.

    Raises:
        Stop: a file cannot be read, or is an artifact.
    """
    found = []
    for path in paths:
        check_readable(path)
        with path.open("rb") as file:
            data = file.read(READ_MAX)
        if data.startswith(ELF_MAGIC):
            raise Stop(
                USAGE,
                Problem(
                    code="BPFC0905",
                    message=f"{path} is a compiled object, not rules",
                    remedy="name .det files here; inspect, verify, run and extract take artifacts",
                ),
            )
        found.append((str(path), data))
    return tuple(found)
