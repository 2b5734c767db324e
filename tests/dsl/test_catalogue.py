"""The catalogue: that its rows fit together, and fields whose names have a parameter."""

import pytest

from dsl.catalogue import Event, Field, Kind, form_of, load
from dsl.diagnostics import Diagnostic
from dsl.frontend import check

HEADER = 'policy "p" version "1" language 1\n'
EVENTS = load().events


def named(name: str) -> Event:
    found = load().event(name)
    assert found is not None
    return found


def only_problem(rule: str) -> Diagnostic:
    policy, (found,) = check([("a.det", HEADER + rule)])
    assert policy is None
    return found


def test_events_have_names_and_numbers_of_their_own() -> None:
    assert len({e.name for e in EVENTS}) == len({e.number for e in EVENTS}) == len(EVENTS)
    for event in EVENTS:
        assert event.phases and set(event.phases) <= {"before", "after"}
        assert set(event.readers) <= set(event.platforms) <= {"linux", "windows"}
        assert 1 <= event.since <= load().version
        assert len({f.name for f in event.fields}) == len(event.fields)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_rows_fit_together(event: Event) -> None:
    for field in event.fields:
        assert (field.capacity > 0) == field.kind.is_text, field.name
        assert bool(field.constants) == (field.kind in (Kind.ENUM, Kind.FLAGS)), field.name
        assert len(dict(field.constants)) == len({v for _, v in field.constants}), field.name
        assert bool(field.base) == bool(field.part), field.name
        assert field.phase in ("before", "after") and field.phase in event.phases, field.name
        assert set(field.readers) <= set(field.platforms), field.name
        assert field.doc.endswith(".") and "{" not in field.doc, field.name
        assert field.since <= load().version and field.name == form_of(field.name)
        base = next((f for f in event.fields if f.name == field.base), None)
        if base is not None:
            assert field.phase == base.phase, field.name
            assert set(field.readers) <= set(base.readers), field.name
        else:
            assert not field.base, field.name


def test_context_is_the_same_on_all_events_and_comes_first() -> None:
    expected = [f.name for f in EVENTS[0].fields if f.context]
    for event in EVENTS:
        found = [f.name for f in event.fields if f.context]
        assert found == (expected if event.has_process else [])
        assert [f.name for f in event.fields][: len(found)] == found


def test_one_name_is_one_kind_of_value() -> None:
    kinds: dict[str, tuple[Kind, bool, bool, int, tuple[tuple[str, int], ...]]] = {}
    for event in EVENTS:
        for f in event.fields:
            # A constant's name means one value wherever the field stands.
            row = (f.kind, f.signed, f.relative, f.capacity, f.constants)
            assert kinds.setdefault(f.name, row) == row, f.name


def test_files_have_an_identity_and_a_path() -> None:
    rename = named("file.rename")
    assert [f.name for f in rename.files] == ["proc.exe.file", "file", "file.to"]
    for event in EVENTS:
        for file in event.files:
            kinds = [event.field(name) for name in (file.path, file.device, file.inode)]
            assert [f and f.kind for f in kinds] == [Kind.PATH, Kind.INT, Kind.INT], file
            assert event.file(file.name) == file
    assert rename.file("elsewhere") is None


def instance(name: str) -> Field | None:
    return named("process.exec").field(name)


def test_a_parameter_says_which_one() -> None:
    env, name = instance('proc.env["LD_PRELOAD"]'), instance("proc.ancestors[12].exe.name")
    assert env is not None and env.name == 'proc.env["LD_PRELOAD"]' and not env.parameter
    assert name is not None and name.base == "proc.ancestors[12].exe.path"


@pytest.mark.parametrize(
    "name",
    [
        'proc.env["*"]',
        'proc.env[""]',
        'proc.env["A B"]',
        f'proc.env["{"A" * 65}"]',
        "proc.env[1]",
        "proc.ancestors[0].pid",
        "proc.ancestors[17].pid",
        "proc.ancestors[01].pid",
        'proc.ancestors["1"].pid',
        "proc.ancestors[*].pid",
        "proc.pid[1]",
    ],
)
def test_parameters_that_fit_nothing(name: str) -> None:
    assert instance(name) is None


def test_fields_with_parameters_keep_their_place() -> None:
    names = ["remote.port", "proc.ancestors[2].pid", 'proc.env["B"]', 'proc.env["A"]', "proc.pid"]
    found = [f.name for f in named("net.connect").ordered([*names, "no.such.field"])]
    assert found == [
        "proc.pid",
        'proc.env["A"]',
        'proc.env["B"]',
        "proc.ancestors[2].pid",
        "remote.port",
    ]


@pytest.mark.parametrize(
    ("rule", "code", "text", "help_text"),
    [
        (
            'rule a { on net.packet when proc.exe.name == "x" }',
            "BPFC0346",
            "net.packet has no process, so there is no `proc.exe.name`: a packet is seen where",
            "net.connect or net.accept",
        ),
        (
            "rule a { on net.connect or net.flow_close when remote.port == 1 kill proc.parent }",
            "BPFC0347",
            "net.flow_close has no process, so there is nothing to kill",
            "seen where the process runs",
        ),
        (
            'rule a { on process.exec when proc.env["A-B"] exists }',
            "BPFC0348",
            '`proc.env["A-B"]` is not a field: a name is missing',
            "at most 64",
        ),
        (
            "rule a { on process.exec when proc.ancestors[17].pid exists }",
            "BPFC0348",
            "there is no such position",
            "",
        ),
    ],
)
def test_what_the_checker_says(rule: str, code: str, text: str, help_text: str) -> None:
    found = only_problem(rule)
    assert found.code == code and text in found.message and help_text in found.remedy


def test_declared_events_are_accepted_and_shown_in_part() -> None:
    policy, found = check([("a.det", HEADER + "rule a { on file.rename when true }")])
    assert policy is not None and not found
    unknown = only_problem("rule a { on file.renam when true }")
    assert unknown.suggestion == "file.rename"
    assert len(unknown.expected) == 9 and unknown.expected[-1].endswith(" more")
