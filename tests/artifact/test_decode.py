"""Records: each kind of field, each state, and bytes that are no record."""

import struct
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.decode import Decoder, Record, State
from bpfc.artifact.errors import RecordError
from bpfc.artifact.manifest import EventLayout
from bpfc.artifact.record import (
    HEADER,
    KIND_ALERT,
    NUMBERS_OFFSET,
    RECORD_MAX,
    RECORD_VERSION,
    RULE_PARTIAL,
    RULES_OFFSET,
    STAGE_BEFORE,
    TEXT_OFFSET,
    VIEW_ABSENT,
    VIEW_TRUNCATED,
    VIEW_UNKNOWN,
    VIEWS_OFFSET,
)
from tests.artifact import samples

DECODER = Decoder(samples.manifest().layouts)


def record_bytes(
    layout: EventLayout,
    numbers: Mapping[int, int],
    texts: Mapping[int, tuple[bytes, int]],
    rules: tuple[int, ...] = (0,),
    /,
    **header: int,
) -> bytes:
    """A record as the kernel side writes it: numbers by word, (bytes, VIEW_* flags) by view."""
    data = bytearray(TEXT_OFFSET)
    for view, (text, flags) in texts.items():
        word = len(text) | flags << 24
        struct.pack_into("<II", data, VIEWS_OFFSET + 8 * view, len(data), word)
        data += text
    for at, rule in enumerate(rules):
        struct.pack_into("<I", data, RULES_OFFSET + 4 * at, rule)
    for at, number in numbers.items():
        struct.pack_into("<Q", data, NUMBERS_OFFSET + 8 * at, number & (1 << 64) - 1)
    values = {
        "kind": KIND_ALERT,
        "version": RECORD_VERSION,
        "length": len(data),
        "layout": layout.digest,
        "event": layout.number,
        "rule_count": len(rules),
    }
    for name, value in (values | header).items():
        place = HEADER[name]
        data[place.offset : place.offset + place.size] = value.to_bytes(place.size, "little")
    return bytes(data)


GOOD = record_bytes(
    samples.EXEC,
    {0: 77, 1: -5, 2: 1, 3: 1 | 32 | 4},
    {0: (b"/usr/bin/dash", 0), 1: (b"sh\0-c\0id x", 0)},
    (0, 1 | RULE_PARTIAL),
    time_ns=5,
    generation=3,
    cpu=2,
)


def _decoded(data: bytes) -> Record:
    return DECODER.decode(data)


def test_each_kind_of_field() -> None:
    record = _decoded(GOOD)
    assert record.event == "process.exec"
    assert record.stage == "after"
    assert record.rules == (0, 1 | RULE_PARTIAL)
    assert (record.header.time_ns, record.header.generation, record.header.cpu) == (5, 3, 2)
    assert record.values() == {
        "proc.pid": 77,
        "proc.nice": -5,
        "proc.exe.in_memory": True,
        "proc.caps": ("chown", "kill", "0x4"),
        "proc.exe.path": "/usr/bin/dash",
        "proc.cmdline": "sh -c id x",
        "proc.exe.name": "dash",
        "proc.exe.directory": "/usr/bin",
        "proc.argv": ("sh", "-c", "id x"),
    }
    assert record.truncated() == ()


@pytest.mark.parametrize(
    ("high", "low", "address"),
    [
        (0, 0xFFFF_C000_0201, IPv4Address("192.0.2.1")),
        (0, 1, IPv6Address("::1")),
        (0x20010DB8 << 32, 5, IPv6Address("2001:db8::5")),
    ],
)
def test_addresses(high: int, low: int, address: IPv4Address | IPv6Address) -> None:
    numbers = {0: 1, 1: high, 2: low, 3: 443, 4: 6}
    data = record_bytes(samples.CONNECT, numbers, {}, stage=STAGE_BEFORE)
    record = _decoded(data)
    assert record.value("remote.ip") == address
    assert record.value("net.protocol") == "tcp"
    assert record.stage == "before"
    assert _decoded(record_bytes(samples.CONNECT, {4: 99}, {})).value("net.protocol") == 99


def test_states() -> None:
    texts = {0: (b"", VIEW_ABSENT), 1: (b"long\0argum", VIEW_TRUNCATED)}
    data = record_bytes(samples.EXEC, {0: 1}, texts, unknown=0b10, absent=0b100)
    record = _decoded(data)
    assert record.value("proc.pid") == 1
    assert record.value("proc.nice") is State.UNKNOWN
    assert record.value("proc.exe.in_memory") is State.ABSENT
    assert record.value("proc.exe.path") is State.ABSENT
    assert record.value("proc.exe.name") is State.ABSENT
    assert record.value("proc.argv") == ("long", "argum")
    assert record.truncated() == ("proc.cmdline", "proc.argv")
    unknown = _decoded(record_bytes(samples.EXEC, {}, {1: (b"x", VIEW_UNKNOWN)}))
    assert unknown.value("proc.cmdline") is State.UNKNOWN
    with pytest.raises(KeyError):
        record.value("file.path")


@pytest.mark.parametrize(
    ("raw", "argv", "joined"),
    [
        (b"", ("",), ""),
        (b"a", ("a",), "a"),
        (b"a\0", ("a", ""), "a "),
        (b"a\0b", ("a", "b"), "a b"),
        (b"\xff\xfe", ("\\xff\\xfe",), "\\xff\\xfe"),
        ("ü".encode(), ("ü",), "ü"),
    ],
)
def test_argument_lists(raw: bytes, argv: tuple[str, ...], joined: str) -> None:
    record = _decoded(record_bytes(samples.EXEC, {}, {1: (raw, 0)}))
    assert record.value("proc.argv") == argv
    assert record.value("proc.cmdline") == joined


@pytest.mark.parametrize(
    ("path", "name", "directory"),
    [(b"/", "", "/"), (b"/init", "init", "/"), (b"memfd:x", "memfd:x", ""), (b"", "", "")],
)
def test_parts_of_paths(path: bytes, name: str, directory: str) -> None:
    record = _decoded(record_bytes(samples.EXEC, {}, {0: (path, 0)}))
    assert record.value("proc.exe.name") == name
    assert record.value("proc.exe.directory") == directory


def test_windows_texts() -> None:
    decoder = Decoder(samples.manifest().layouts, "windows")
    text = r"C:\Windows\cmd.exe".encode("utf-16-le")
    record = decoder.decode(record_bytes(samples.EXEC, {}, {0: (text, 0)}))
    assert record.value("proc.exe.name") == "cmd.exe"
    assert record.value("proc.exe.directory") == r"C:\Windows"


BAD = {
    "kind": 2,
    "version": 9,
    "length": TEXT_OFFSET - 1,
    "layout": 12345,
    "event": 4,
    "rule_count": 33,
    "stage": 2,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_headers(name: str) -> None:
    with pytest.raises(RecordError):
        _decoded(record_bytes(samples.EXEC, {}, {}, **{name: BAD[name]}))


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 1), (TEXT_OFFSET, 9), (1 << 31, 8), (TEXT_OFFSET + 4, 5)]
)
def test_bad_views(offset: int, length: int) -> None:
    data = bytearray(record_bytes(samples.EXEC, {}, {0: (b"12345678", 0)}))
    struct.pack_into("<II", data, VIEWS_OFFSET, offset, length)
    with pytest.raises(RecordError):
        _decoded(bytes(data))


def test_length_beyond_the_sample_and_beyond_any_record() -> None:
    for length in (len(GOOD) + 1, RECORD_MAX + 1):
        with pytest.raises(RecordError):
            _decoded(record_bytes(samples.EXEC, {}, {}, length=length) + bytes(RECORD_MAX % 7))


@given(st.binary(max_size=900), st.booleans(), st.integers(0, len(GOOD)))
def test_random_bytes(data: bytes, headed: bool, at: int) -> None:
    mutated = GOOD[:at] + data + GOOD[at + len(data) :] if headed else data
    try:
        record = _decoded(mutated)
    except RecordError:
        return
    for value in record.values().values():
        str(value).encode()
    assert record.truncated() is not None
