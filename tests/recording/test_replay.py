"""The language's cases once more, by way of a recording: the same alerts come of it."""

from pathlib import Path

import pytest
from attrs import evolve

from bpfc.artifact.alert import Alert
from bpfc.artifact.control import LONG_TEXT
from bpfc.artifact.layout import with_digest
from bpfc.artifact.manifest import EventLayout, Manifest, NumberField
from bpfc.artifact.testing import PROCESS
from bpfc.recording.reader import Reader
from bpfc.recording.replay import Replay
from bpfc.simulator.runner import SimulatedCore
from bpfc_cli.replay_ import late_fields
from bpfc_cli.testing.play import Work
from dsl.catalogue import load
from tests.language.results import ALL, compiled, expected
from tests.recording.samples import HEADER, recording, ring_record, stream


def layouts_of(manifest: Manifest) -> dict[str, EventLayout]:
    """Layouts by event, also of those at which a policy only remembers something."""
    found = {layout.event: layout for layout in manifest.layouts}
    judged = {judge.event for judge in manifest.slot.judges} if manifest.slot else set()
    for name in judged - set(found):
        kind = load().event(name)
        assert kind is not None
        context = manifest.context or EventLayout(name, 0, (), (), 0)
        found[name] = evolve(context, event=name, number=kind.number)
    return {name: with_digest(_with_identity(layout)) for name, layout in found.items()}


def _with_identity(layout: EventLayout) -> EventLayout:
    """A layout with what recordings always have."""
    there = {number.name for number in layout.numbers}
    free = max((number.index + number.words for number in layout.numbers), default=0)
    lacking = [name for name in PROCESS if name not in there]
    more = [NumberField(n, "int", free + at, 1, False, ()) for at, n in enumerate(lacking)]
    return evolve(layout, numbers=(*layout.numbers, *more))


def fits(work: Work) -> bool:
    """Whether records can hold all texts of a case."""
    return all(
        len(text.data) <= LONG_TEXT
        for step in work.steps
        for _, made in step.stages
        for text in made.texts.values()
    )


def told(alert: Alert) -> str:
    """An alert as cases have it."""
    return f"alert {alert.rule.name}{' partial' if alert.certainty == 'partial' else ''}"


def replayed(work: Work, path: Path) -> list[list[str]]:
    """The alerts on each event of a case, by way of a recording."""
    layouts = layouts_of(work.artifact.manifest)
    # The last stage knows most; a replay judges the others without what is known later.
    last = [(step.event, step.stages[-1][1]) for step in work.steps if step.stages]
    records = [ring_record(layouts[event], made) for event, made in last]
    header = evolve(HEADER, layouts=tuple(layouts.values()))
    reader = Reader(stream(recording(path, records, header=header)))
    core = SimulatedCore(work.artifact)
    for name, values in work.sets.items():
        core.set(name).update(values)
    replay = Replay(core, reader.header, late=late_fields(work.artifact))
    found = iter([sorted(map(told, replay.play(item))) for item in reader])
    assert reader.malformed == 0
    return [next(found) if step.stages else [] for step in work.steps]


# Cases of texts that records cannot hold.
LONG = {
    "cases/argument_lists",
    "cases/argv",
    "cases/padding",
    "cases/regular_expressions",
    "cases/second_stage",
    "cases/truncated",
    "policies/obfuscated_commands",
    "policies/padded_arguments",
}
# Cases of what is remembered between events are replayed in any case, of others one in eight.
REMEMBERING = ("ancest", "tag", "set", "sequence", "threshold", "limit", "stages", "deny")
NAMES = [
    name
    if number % 8 == 0 or any(word in name for word in REMEMBERING)
    else pytest.param(name, marks=pytest.mark.long)
    for number, name in enumerate(sorted(ALL))
]


@pytest.mark.parametrize("name", NAMES)
def test_cases(name: str, tmp_path: Path) -> None:
    work = compiled(name)
    if not fits(work):
        assert name in LONG
        return
    wanted = [
        sorted(line for line in lines if line.startswith("alert ")) for lines in expected(ALL[name])
    ]
    assert replayed(work, tmp_path / "case.rec") == wanted
