"""`bpfc record`: write this machine's events into a file, for `bpfc replay`."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bpfc_cli.exits import OK, USAGE, Stop
from bpfc_cli.files import check_readable, unwritable, write_whole
from bpfc_cli.options import seconds, size
from bpfc_cli.problems import Problem, guess
from bpfc_cli.streaming import ended_by_signals, say

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from bpfc.recording.counts import Counts
    from bpfc.recording.recorder import Progress
    from bpfc.recording.redaction import Redactor


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("record")(record)


def record(
    file: Annotated[Path, typer.Argument(help="Where to write.", metavar="FILE.REC")],
    wanted: Annotated[
        list[Path] | None,
        typer.Option(
            "--for",
            metavar="RULES.DET|RULES.O",
            help="Record what these rules read, instead of all that fits; may be repeated.",
        ),
    ] = None,
    events: Annotated[
        str,
        typer.Option(
            metavar="EVENT,...",
            help="Events to record, by default all that this version reads, or those of --for. "
            "Starts and ends of processes are always among them.",
        ),
    ] = "",
    duration: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="TIME", help="End after this time, e.g. 10min."),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(parser=size, metavar="SIZE", help="End at this size, e.g. 500MiB."),
    ] = None,
    redact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGEX", help="Take what this finds out of all texts; may be repeated."
        ),
    ] = None,
    redact_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Such expressions, one a line; # begins a comment."),
    ] = None,
    default_redaction: Annotated[
        bool,
        typer.Option(help="Also take out well-known secrets (docs/recording.md lists them)."),
    ] = True,
    replace: Annotated[bool, typer.Option("--replace", help="Write over FILE.REC.")] = False,
    using: Annotated[
        Path | None,
        typer.Option(metavar="POLICY.O", help="A recording policy that --policy-only wrote."),
    ] = None,
    policy_only: Annotated[
        bool,
        typer.Option(
            "--policy-only",
            help="Write the compiled recording policy to FILE.REC, for hosts without a compiler, "
            "and record nothing.",
        ),
    ] = False,
) -> int:
    """Record this machine's events until Ctrl-C, a time or a size.

    Command lines can hold secrets: those of well-known forms are taken out before anything is
    written, others by --redact. `bpfc replay` judges a recording by any policy.
    """
    redactor = _redactor(redact or [], redact_file, default_redaction)
    if using is not None and (wanted or events or policy_only):
        raise _wrong(
            "--using brings its own fields and events: leave out --for, --events and --policy-only"
        )
    policy = _given(using) if using else _made(_names(events), wanted or [])
    if policy_only:
        write_whole(file, policy.data)
        say(f"{file}: a recording policy for {', '.join(_events(policy))}")
        return OK
    return _record(file, policy, redactor, (duration, max_size), replace)


def _record(
    file: Path,
    policy: "Artifact",
    redactor: "Redactor",
    limits: tuple[float | None, int | None],
    replace: bool,
) -> int:
    """Record until something ends it."""
    from bpfc.recording.recorder import Limits, Recorder
    from bpfc.runtime.sensor import Sensor

    with Sensor() as sensor, ended_by_signals(sensor.stop), _shown() as show:
        say(f"recording {', '.join(_events(policy))} to {file} (Ctrl-C ends it)")
        recorder = Recorder(sensor, redactor)
        try:
            done = recorder.record(file, policy, Limits(*limits), replace, show)
        except OSError as error:
            raise unwritable(file, error) from error
    _report(file, done)
    return OK


def _events(policy: "Artifact") -> tuple[str, ...]:
    return tuple(layout.event for layout in policy.manifest.layouts)


@contextmanager
def _shown() -> Iterator[Callable[["Progress"], bool]]:
    """What shows on a terminal how far the recording is."""
    if not sys.stderr.isatty():
        yield lambda progress: True
        return
    from rich.console import Console

    with Console(stderr=True).status("recording") as status:

        def show(progress: "Progress") -> bool:
            status.update(_words(progress))
            return True

        yield show


def _words(progress: "Progress") -> str:
    """How far it is, in one line."""
    lost = sum(progress.counts.lost.values())
    rest = f", {lost:,} lost" if lost else ""
    return (
        f"{progress.counts.events:,} events, {progress.size:,} bytes, {progress.seconds:,.0f} s"
        f"{rest}"
    )


def _report(file: Path, done: "Progress") -> None:
    """What there is now."""
    say(f"{file}: {_words(done)}")
    say_counts(done.counts)


def say_counts(counts: "Counts", when: str = "") -> None:
    """Say what is not, or only in part, in a recording; nothing if all of it is.

    Args:
        counts: of the recording.
        when: words behind what happened.
    """
    for what, found in (("lost", counts.lost), ("in doubt", counts.doubtful)):
        if found:
            words = ", ".join(f"{name} {count:,}" for name, count in found.items())
            say(f"  {what}{when}: {words}")
    if counts.malformed:
        say(f"  unreadable records{when}: {counts.malformed:,}")


def _redactor(patterns: Sequence[str], file: Path | None, default: bool) -> "Redactor":
    """What takes secrets out of texts."""
    from bpfc.recording.redaction import Redactor, default_patterns

    lines: list[str] = []
    if file is not None:
        check_readable(file)
        text = file.read_text("utf-8", errors="surrogateescape")
        lines = [line for line in text.splitlines() if line.strip() and line[:1] != "#"]
    return Redactor([*(default_patterns() if default else ()), *patterns, *lines])


def _names(words: str) -> tuple[str, ...]:
    """The events of --events."""
    return tuple(name.strip() for name in words.split(",") if name.strip())


def _given(path: Path) -> "Artifact":
    """A recording policy that was compiled before."""
    from bpfc.artifact.container import load_artifact
    from bpfc.recording.recorder import only_records

    artifact = load_artifact(path)
    if not only_records(artifact.manifest):
        raise Stop(
            USAGE,
            Problem(
                "BPFC0947",
                f"{path} is no recording policy",
                "name what `bpfc record FILE --policy-only` wrote; what rules read is recorded by "
                "--for",
            ),
        )
    return artifact


def _made(events: Sequence[str], wanted: Sequence[Path]) -> "Artifact":
    """A recording policy for some events and for what the rules in some files read."""
    from bpfc_cli.sources import artifact_of

    return recording_artifact(events, [artifact_of(path) for path in wanted])


def recording_artifact(events: Sequence[str], wanted: "Sequence[Artifact]") -> "Artifact":
    """A recording policy.

    Args:
        events: names of events; none for all that this version reads, or those of `wanted`.
        wanted: policies whose fields are recorded; none for all that fits.

    Returns:
        The compiled policy.

    Raises:
        Stop: BPFC0945, such an event is not read; BPFC0946, the fields are too many.
    """
    from compiler.driver import compile_sources
    from compiler.recording import readable_events, recording_policy
    from dsl.catalogue import load

    catalogue, platform = load(), "linux"
    known = readable_events(catalogue, platform)
    for name in events:
        if name not in known:
            raise _unknown_event(name, known)
    fields = _fields(wanted) if wanted else None
    chosen = events or (known if fields is None else tuple(fields))
    policy = recording_policy(catalogue, platform, chosen, fields)
    if policy.left_out:
        left_out = ", ".join(policy.left_out)
        say(f"no room in records for {left_out}: name rules that need them (--for)")
    result = compile_sources([("recording.det", policy.source.encode())])
    if result.artifact is None:
        raise _too_much([str(item.message) for item in result.diagnostics])
    return result.artifact


def _fields(artifacts: "Sequence[Artifact]") -> dict[str, set[str]]:
    """The fields in the records of some policies, by event."""
    found: dict[str, set[str]] = {}
    for artifact in artifacts:
        for layout in artifact.manifest.layouts:
            names = found.setdefault(layout.event, set())
            names |= {number.name for number in layout.numbers}
            names |= {text.name for text in layout.texts}
    return found


def _wrong(message: str) -> Stop:
    return Stop(
        USAGE,
        Problem("BPFC0900", message, "bpfc record --help lists what it takes"),
    )


def _unknown_event(name: str, known: Sequence[str]) -> Stop:
    return Stop(
        USAGE,
        Problem(
            "BPFC0945",
            f"--events {name}: this version does not read such an event here",
            f"{guess(name, known)}it reads {', '.join(known)}",
        ),
    )


def _too_much(reasons: Sequence[str]) -> Stop:
    return Stop(
        USAGE,
        Problem(
            "BPFC0946",
            "these fields cannot be recorded together: " + "; ".join(dict.fromkeys(reasons)),
            "record for fewer rules at a time, or fewer events",
        ),
    )
