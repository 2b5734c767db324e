"""`bpfc replay`: judge recorded events by a policy, or by two that are compared."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import define, field

from bpfc_cli.exits import FINDINGS, INTERRUPTED, OK, USAGE, Stop
from bpfc_cli.files import check_readable
from bpfc_cli.problems import Problem
from bpfc_cli.render import show
from bpfc_cli.streaming import AlertFormat, ended_by_signals

if TYPE_CHECKING:
    from bpfc.artifact.container import Artifact
    from bpfc.recording.reader import Item, Reader
    from bpfc.recording.replay import Replay
    from bpfc_cli.replay_report import Report


class Half(str, Enum):  # noqa: UP042  # typer shows the values of a str enum
    """Which half of an artifact judges."""

    LINUX = "linux"
    WINDOWS = "windows"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("replay")(replay)


def replay(
    file: Annotated[Path, typer.Argument(help="What `bpfc record` wrote.", metavar="FILE.REC")],
    source: Annotated[
        Path,
        typer.Argument(help="An artifact, or rules to compile first.", metavar="RULES.O|FILE.DET"),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="RULES.O|FILE.DET", help="Show what differs from the alerts of this policy."
        ),
    ] = None,
    form: Annotated[
        AlertFormat, typer.Option("--format", help="Tables, or a JSON object a line.")
    ] = AlertFormat.TABLE,
    half: Annotated[
        Half, typer.Option(help="Whose bytes judge; texts are turned into those of the system.")
    ] = Half.LINUX,
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=FILE",
            help="Elements of a run-time set, one a line, tabs inside tuples; may be repeated.",
        ),
    ] = None,
    summary_only: Annotated[
        bool, typer.Option("--summary-only", help="Print no alerts, only what they add up to.")
    ] = False,
    fail_on_change: Annotated[
        bool,
        typer.Option(
            "--fail-on-change", help="With --against: end with exit code 1 if anything differs."
        ),
    ] = False,
) -> int:
    """Have a policy judge recorded events, without rights and on any system.

    Time is that of the recording. What rules read and the recording does not have is unknown.
    """
    from bpfc.recording.reader import Reader
    from bpfc_cli.replay_report import Report

    if fail_on_change and against is None:
        raise Stop(
            USAGE,
            Problem("BPFC0900", "--fail-on-change compares two policies", "name one by --against"),
        )
    check_readable(file)
    new = _artifact(source)
    old = None if against is None else _artifact(against)
    with file.open("rb") as stream:
        reader = Reader(stream)
        run = _Run.of(reader, new, old, half.value, sets or [])
        report = Report.begin(form, summary_only, reader.header.boot_time_ns, old is not None)
        with ended_by_signals(run.stop), _progress(file) as told:
            run.go(report, told)
        show(run.problems())
        report.finish(run.replay, reader, run.seconds)
    if run.stopped:
        return INTERRUPTED
    changed = fail_on_change and report.changed
    return FINDINGS if changed or run.damaged else OK


def _artifact(path: Path) -> "Artifact":
    from bpfc_cli.sources import artifact_of

    return artifact_of(path)


@define
class _Run:
    """One replay.

    Args:
        reader: of the recording.
        replay: the policy that is tried.
        other: the policy that it is compared with.
        notes: what was found out before.
        stopped: whether a signal ended it.
        seconds: what judging took.
    """

    reader: "Reader"
    replay: "Replay"
    other: "Replay | None"
    notes: list[Problem]
    stopped: bool = field(default=False, init=False)
    seconds: float = field(default=0.0, init=False)

    @classmethod
    def of(
        cls,
        reader: "Reader",
        new: "Artifact",
        old: "Artifact | None",
        half: str,
        sets: Sequence[str],
    ) -> "_Run":
        """Make the policies ready."""
        from bpfc_cli.replay_sets import fill, set_files

        notes: list[Problem] = []
        tried = _ready(reader, new, half, notes)
        other = None if old is None else _ready(reader, old, half, notes)
        cores = [tried.runner, *([] if other is None else [other.runner])]
        files = set_files(cores, sets)
        for core in cores:
            fill(core, files)
        return cls(reader, tried, other, notes)

    def stop(self) -> None:
        """End it behind the event that is being judged."""
        self.stopped = True

    def go(self, report: "Report", told: Callable[["Item"], None]) -> None:
        """Judge all events."""
        begun = time.monotonic()
        for item in self.reader:
            told(item)
            before = None if self.other is None else self.other.play(item)
            alerts = self.replay.play(item)
            if not item.before:
                report.event(item.record, alerts, before)
            if self.stopped:
                break
        self.seconds = time.monotonic() - begun

    @property
    def damaged(self) -> bool:
        """Whether something in the file is no recording."""
        from bpfc.recording.frames import DAMAGED

        ending = self.reader.ending
        return self.reader.malformed > 0 or (ending is not None and ending.kind == DAMAGED)

    def problems(self) -> list[Problem]:
        """What to know before one believes the result."""
        from bpfc.recording.frames import COMPLETE
        from bpfc.recording.reader import ending_words

        found = [*self.notes]
        for one in (self.replay, self.other):
            if one is not None and (one.missing.events or one.missing.fields):
                found.append(_missing(one))
        ending = self.reader.ending
        if ending is not None and ending.kind != COMPLETE:
            found.append(_warning("BPFC0949", ending_words(ending)))
        if self.reader.malformed:
            found.append(
                _warning(
                    "BPFC0949",
                    f"{self.reader.malformed:,} recorded events do not follow their layout and "
                    "were left out",
                )
            )
        return found


def _warning(code: str, message: str, remedy: str = "", notes: tuple[str, ...] = ()) -> Problem:
    return Problem(code, message, remedy, severity="warning", notes=notes)


def _missing(one: "Replay") -> Problem:
    """BPFC0948."""
    lacks = one.missing
    notes = [f"{event}: not recorded, rules on it have nothing to judge" for event in lacks.events]
    notes += [f"{event}: {', '.join(fields)}" for event, fields in lacks.fields.items()]
    return _warning(
        "BPFC0948",
        f"{one.runner.artifact.manifest.policy} reads what the recording does not have",
        "these fields are unknown here; record again with --for and these rules",
        tuple(notes),
    )


def _ready(reader: "Reader", artifact: "Artifact", half: str, notes: list[Problem]) -> "Replay":
    """A policy in the simulator, as the recorded machine would carry it out."""
    from bpfc.recording.replay import Replay, offered
    from bpfc.runtime.errors import SensorError
    from bpfc.simulator.runner import SimulatedCore

    manifest, header = artifact.manifest, reader.header
    if getattr(manifest, half) is None or manifest.slot is None:
        raise Stop(
            FINDINGS,
            Problem(
                "BPFC0951",
                f"{manifest.policy} has no {half} half that can judge records",
                "compile its rules with this version; `bpfc inspect` says which halves there are",
            ),
        )
    known = offered(header) if half == header.platform else None
    try:
        core = SimulatedCore(artifact, half, known)
    except SensorError as error:
        if error.code != "BPFC0708":
            raise
        notes.append(
            _warning(
                "BPFC0950",
                "the recorded machine does not carry this policy: it is judged as if it did",
                notes=(error.message,),
            )
        )
        core = SimulatedCore(artifact, half, None)
    return Replay(core, header, reader.users.get, late_fields(artifact))


def late_fields(artifact: "Artifact") -> dict[str, tuple[str, ...]]:
    """The fields of a policy's records that are known after the decision only.

    Args:
        artifact: the policy.

    Returns:
        Names by event.
    """
    from dsl.catalogue import load

    found = {}
    for layout in artifact.manifest.layouts:
        event = load().event(layout.event)
        names = [*(n.name for n in layout.numbers), *(t.name for t in layout.texts)]
        fields = [event.field(name) for name in names] if event is not None else []
        found[layout.event] = tuple(f.name for f in fields if f is not None and f.phase == "after")
    return found


@contextmanager
def _progress(file: Path) -> "Iterator[Callable[[Item], None]]":
    """What shows on a terminal how far it is."""
    if not sys.stderr.isatty() or not file.is_file():
        yield lambda item: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # Where alerts go to the same terminal they are printed above the bar.
    shared = sys.stdout.isatty()
    with Progress(
        console=Console(stderr=True), transient=True, redirect_stdout=shared, redirect_stderr=False
    ) as bar:
        task = bar.add_task("replay", total=file.stat().st_size)
        yield lambda item: bar.update(task, completed=item.place)
