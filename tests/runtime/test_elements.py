"""Values as elements of run-time sets: the short way to a key is the long one, only shorter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact.sets import SetInfo, key_of
from bpfc.runtime.elements import checked
from bpfc.runtime.errors import SensorError
from bpfc.runtime.quick import KEYS

ADDRESSES = st.one_of(
    st.ip_addresses(),
    st.ip_addresses().map(str),
    st.tuples(st.ip_addresses(v=4), st.integers(0, 34)).map(lambda p: f"{p[0]}/{p[1]}"),
    st.tuples(st.integers(0, 255), st.integers(0, 32)).map(lambda p: f"{p[0]}.0.0.0/{p[1]}"),
    st.sampled_from(["1.2.3", "1.2.3.04", "1.2.3.4/", "1.2.3.4/032", "1.2.3.4 ", "::/0", "", "x"]),
)
VALUES = st.one_of(ADDRESSES, st.integers(-2, 1 << 65), st.booleans(), st.none())


def _info(member: str) -> SetInfo:
    return SetInfo("test", (member,), 16, 0, "m", "h")


@pytest.mark.parametrize("member", sorted(KEYS))
@given(VALUES)
def test_the_short_way_agrees_with_the_long_one(member: str, value: object) -> None:
    quick = KEYS[member](value)
    try:
        slow = key_of((member,), checked(_info(member), value, False), (0, 0), False)
    except SensorError:
        slow = None
    assert quick is None or quick == slow


def test_what_no_text_can_hold() -> None:
    for value in ("\ud800", "a\0b", "x" * 1025):
        with pytest.raises(SensorError, match="BPFC0721"):
            checked(_info("string"), value, False)


def test_what_is_meant_is_said() -> None:
    with pytest.raises(SensorError, match=r"did you mean 10\.0\.0\.0/8"):
        checked(_info("cidr"), "10.1.2.3/8", False)
