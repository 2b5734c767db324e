"""Values of the process table: what is packed comes out again, where the kernel side reads it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.control import (
    LONG_SIZE,
    LONG_TEXT,
    PROCESS,
    PROCESS_SIZE,
    SHORT_SIZE,
    STRING_HEADER,
)
from runtime_linux.process_entry import Value, is_short, pack_process, pack_text, unpack_process

MEMBERS = st.fixed_dictionaries(
    {
        name: st.binary(min_size=m.size, max_size=m.size)
        if m.size > 8
        else st.integers(0, (1 << 8 * m.size) - 1)
        for name, m in PROCESS.items()
    }
)


@given(MEMBERS)
def test_members_come_out_as_they_went_in(members: dict[str, Value]) -> None:
    raw = pack_process(members)
    assert len(raw) == PROCESS_SIZE
    assert unpack_process(raw) == members


@given(MEMBERS, st.sampled_from(sorted(PROCESS)))
def test_each_member_stands_at_its_own_place(members: dict[str, Value], name: str) -> None:
    member = PROCESS[name]
    alone = pack_process({name: members[name]})
    outside = alone[: member.offset] + alone[member.offset + member.size :]
    assert not any(outside)
    assert (
        alone[member.offset :][: member.size]
        == pack_process(members)[member.offset :][: member.size]
    )


@pytest.mark.parametrize(
    "members",
    [{"colour": 1}, {"pid": -1}, {"pid": 1 << 32}, {"exe_id": b"short"}, {"exe_id": bytes(17)}],
)
def test_what_does_not_fit_is_refused(members: dict[str, Value]) -> None:
    with pytest.raises(ValueError, match=next(iter(members))):
        pack_process(members)


@given(st.binary(max_size=LONG_TEXT), st.integers(0, (1 << 32) - 1))
def test_a_text_has_references_length_and_bytes(text: bytes, references: int) -> None:
    raw = pack_text(text, references)
    assert len(raw) == (SHORT_SIZE if is_short(text) else LONG_SIZE)
    assert struct.unpack_from("<II", raw) == (references, len(text))
    assert raw[STRING_HEADER:].startswith(text) and not any(raw[STRING_HEADER + len(text) :])
