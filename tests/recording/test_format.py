"""The file: what was written is read, and what is not whole is never read as something else."""

import struct
import zlib
from errno import ENOSPC
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.decode import Record
from bpfc.recording.counts import parse_counts
from bpfc.recording.errors import RecordingError
from bpfc.recording.frames import (
    COMPLETE,
    CUT,
    DAMAGED,
    FRAME_MAGIC,
    KIND_HEADER,
    PLAIN_MAX,
    FrameReader,
    FrameWriter,
)
from bpfc.recording.header import Header, header_bytes, parse_header
from bpfc.recording.reader import Reader, ending_words
from bpfc.recording.users import MOST
from bpfc.recording.writer import Writer
from tests.recording.samples import COUNTS, HEADER, LAYOUTS, event, recording, stream

RECORDS = [event(number, b"/usr/bin/program" * number) for number in range(1, 9)]


@cache
def whole() -> bytes:
    """A recording of all RECORDS."""
    with TemporaryDirectory() as folder:
        return recording(Path(folder) / "a.rec", RECORDS)


def read(data: bytes) -> tuple[list[Record], Reader]:
    """All events of a recording, and its reader."""
    reader = Reader(stream(data))
    return [item.record for item in reader], reader


def test_what_was_written_is_read() -> None:
    found, reader = read(whole())
    assert reader.header == HEADER
    assert [record.header.time_ns for record in found] == list(range(1, 9))
    assert [record.texts[LAYOUTS[0].texts[0].view] for record in found] == [
        b"/usr/bin/program" * number for number in range(1, 9)
    ]
    assert reader.counts == COUNTS and reader.malformed == 0
    assert reader.ending is not None and reader.ending.kind == COMPLETE


@given(size=st.integers(0, len(whole())))
def test_a_file_that_is_cut_off_anywhere_is_read_up_to_there(size: int) -> None:
    try:
        found, reader = read(whole()[:size])
    except RecordingError as error:
        assert error.code in ("BPFC0940", "BPFC0942")
        return
    times = [record.header.time_ns for record in found]
    assert times == list(range(1, 9))[: len(times)] and len(times) in (0, 3, 6, 8)
    assert reader.ending is not None
    assert (reader.ending.kind == COMPLETE) == (size == len(whole()))
    if reader.ending.kind != COMPLETE:
        assert reader.ending.kind == CUT and "cut off" in ending_words(reader.ending)


@given(data=st.data())
def test_a_byte_that_was_flipped_never_gives_wrong_events(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(whole()) - 1))
    change = data.draw(st.integers(1, 255))
    damaged = bytearray(whole())
    damaged[place] ^= change
    try:
        found, reader = read(bytes(damaged))
    except RecordingError as error:
        assert error.code in ("BPFC0940", "BPFC0941", "BPFC0942")
        return
    times = [record.header.time_ns for record in found]
    assert times == list(range(1, 9))[: len(times)]
    assert reader.ending is not None and reader.ending.kind != COMPLETE
    assert ending_words(reader.ending)


@given(rest=st.binary(min_size=1, max_size=64))
def test_what_stands_behind_the_end_is_damage(rest: bytes) -> None:
    found, reader = read(whole() + rest)
    assert len(found) == 8
    assert reader.ending is not None and reader.ending.kind == DAMAGED


@given(garbage=st.binary(max_size=200))
def test_anything_else_is_no_recording(garbage: bytes) -> None:
    with pytest.raises(RecordingError) as caught:
        Reader(stream(garbage))
    assert caught.value.code in ("BPFC0940", "BPFC0941")


@given(garbage=st.binary(max_size=200))
def test_a_header_of_anything_is_refused(garbage: bytes) -> None:
    file = stream(b"")
    frames = FrameWriter(file)
    frames.begin()
    frames.write(KIND_HEADER, garbage)
    with pytest.raises(RecordingError) as caught:
        Reader(stream(file.getvalue()))
    assert caught.value.code == "BPFC0942"


@pytest.mark.parametrize(
    "change",
    [
        {"platform": "plan9"},
        {"host": 7},
        {"capabilities": [1]},
        {"capabilities": "raw_tp"},
        {"boot_time_ns": -1},
        {"layouts": {}},
        {"layouts": [{**asdict(LAYOUTS[0]), "number": 4}]},
    ],
    ids=str,
)
def test_a_header_with_a_wrong_member_is_refused(change: dict[str, object]) -> None:
    import json

    value = {**json.loads(header_bytes(HEADER)), **change}
    with pytest.raises(RecordingError) as caught:
        parse_header(json.dumps(value).encode())
    assert caught.value.code == "BPFC0942"


def test_members_of_later_versions_are_passed_over() -> None:
    import json

    value = {**json.loads(header_bytes(HEADER)), "weather": "fine"}
    assert parse_header(json.dumps(value).encode()) == HEADER


names = st.text(max_size=20)


@given(
    header=st.builds(
        evolve,
        st.just(HEADER),
        host=names,
        kernel=names,
        boot_time_ns=st.integers(0, 1 << 63),
        capabilities=st.lists(names, max_size=4).map(tuple),
        redaction=st.lists(names, max_size=4).map(tuple),
    )
)
def test_headers_are_read_as_they_were_written(header: Header) -> None:
    assert parse_header(header_bytes(header)) == header


def test_a_newer_version_is_named() -> None:
    data = bytearray(whole())
    data[8] = 2
    with pytest.raises(RecordingError, match="version 2") as caught:
        Reader(stream(bytes(data)))
    assert caught.value.code == "BPFC0941"


def test_frames_are_not_taken_from_elsewhere_or_twice() -> None:
    data = whole()
    places = [at for at in range(len(data)) if data.startswith(FRAME_MAGIC, at)]
    first, second, third = (data[a:b] for a, b in pairwise(places[:4]))
    for wrong in (first + third, first + second + second, first + first):
        _, reader = read(data[: places[0]] + wrong)
        assert reader.ending is not None and reader.ending.kind == DAMAGED


def test_a_frame_that_unpacks_to_more_than_it_says_is_damage() -> None:
    stored = zlib.compress(bytes(1 << 20))
    head = struct.pack("<4s4I", FRAME_MAGIC, KIND_HEADER, 0, len(stored), 100)
    check = zlib.crc32(stored, zlib.crc32(head))
    data = whole()[:16] + head + struct.pack("<I", check) + stored
    frames = FrameReader(stream(data))
    assert list(frames) == []
    assert frames.ending is not None and frames.ending.kind == DAMAGED


def test_a_frame_has_a_bound() -> None:
    with pytest.raises(ValueError, match="more than"):
        FrameWriter(stream(b"")).write(KIND_HEADER, bytes(PLAIN_MAX + 1))


def test_events_that_do_not_follow_their_layout_are_counted(tmp_path: Path) -> None:
    data = recording(tmp_path / "a.rec", [event(1), b"nothing", event(2)])
    found, reader = read(data)
    assert [record.header.time_ns for record in found] == [1, 2] and reader.malformed == 1


def test_a_file_that_cannot_be_begun_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(ENOSPC, "no space")

    monkeypatch.setattr(FrameWriter, "write", full)
    with pytest.raises(OSError, match="no space"):
        Writer(tmp_path / "a.rec", HEADER)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN", '"x"', "[]", "null"])
def test_counts_of_anything_are_passed_over(number: str) -> None:
    text = f'{{"events": 1, "lost": {{"a": {number}}}, "doubtful": {{}}, "malformed": 0}}'
    assert parse_counts(text.encode()) is None


def test_the_users_of_a_recording_have_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    with Writer(path, HEADER) as writer:
        for first in range(0, 8 * MOST, MOST // 2):
            writer.users({first + n: "u" for n in range(MOST // 2)})
        writer.end(COUNTS)
    _, reader = read(path.read_bytes())
    assert len(reader.users) == MOST


def test_a_recording_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    recording(path, RECORDS)
    with pytest.raises(RecordingError) as caught:
        Writer(path, HEADER)
    assert caught.value.code == "BPFC0944"
    assert path.read_bytes() == whole()


def test_only_its_owner_reads_a_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.rec"
    recording(path, RECORDS)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_flushed_is_there_though_nobody_ended_it(tmp_path: Path) -> None:
    data = recording(tmp_path / "a.rec", RECORDS, batch=4, end=False)
    found, reader = read(data)
    assert len(found) == 8
    assert reader.ending is not None and reader.ending.kind == CUT and reader.ending.rest == 0
