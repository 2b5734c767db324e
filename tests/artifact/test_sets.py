"""Layouts of run-time sets: keys and values by hand, and back."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpfc.artifact import sets
from bpfc.artifact.control import string_hash
from dsl import membership, paths

SECRET = (1, 2)
PARTS = {
    "string": st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30
    ),
    "path": st.text("/abin.usrlvx3264", max_size=20),
    "ip": st.ip_addresses().filter(lambda a: getattr(a, "ipv4_mapped", None) is None),
    "port": st.integers(0, 0xFFFF),
    "int": st.integers(0, (1 << 64) - 1),
}


def test_the_language_says_the_same() -> None:
    assert tuple(membership.SET_TYPES) == sets.MEMBERS
    assert membership.LONGEST_TEXT == sets.LONGEST_TEXT
    assert tuple(dict.fromkeys(membership.SUBJECTS.values())) == sets.TAG_KINDS


@given(PARTS["path"] | st.sampled_from(sets.SHORTENED).map(lambda p: p.decode() + "/x"))
def test_paths_are_shortened_as_the_language_does_it(path: str) -> None:
    assert sets.shortened(path.encode()) == paths.canonical(path.encode())


@given(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=4), st.data())
def test_an_element_is_read_back(members: list[str], data: st.DataObject) -> None:
    element = tuple(data.draw(PARTS[member]) for member in members)
    for wide in (False, True):
        key = sets.key_of(members, element, SECRET, wide)
        value = sets.value_of(members, element, 5, 0, wide)
        assert (len(key), len(value)) == (sets.key_size(members), sets.value_size(members))
        shown = sets.element_of(members, key, value, wide)
        again = tuple(p for p in shown if not isinstance(p, sets.Shown))
        assert sets.key_of(members, again, SECRET, wide) == key


@pytest.mark.parametrize(
    ("members", "element", "key"),
    [
        (("port",), (22,), (22).to_bytes(16, "little")),
        (("int",), (-1,), b"\xff" * 8 + bytes(8)),
        (("ip",), (IPv4Address("1.2.3.4"),), bytes(8) + bytes([4, 3, 2, 1, 255, 255, 0, 0])),
        (("ip",), (IPv6Address("::2"),), bytes(8) + (2).to_bytes(8, "little")),
        (
            ("cidr",),
            (IPv4Network("1.2.0.0/16"),),
            bytes(8) + bytes([0, 0, 2, 1, 255, 255, 0, 0]) + (112).to_bytes(8, "little"),
        ),
        (("cidr",), (IPv6Network("::/0"),), bytes(24)),
        (("string",), ("sh",), string_hash(b"sh", SECRET)),
        (("path",), ("/usr/bin/sh",), string_hash(b"/bin/sh", SECRET)),
        (
            ("port", "string"),
            (22, "sh"),
            string_hash((22).to_bytes(8, "little") + string_hash(b"sh", SECRET), SECRET),
        ),
    ],
)
def test_keys(members: tuple[str, ...], element: sets.Element, key: bytes) -> None:
    assert sets.key_of(members, element, SECRET, False) == key


def test_windows_paths_fold() -> None:
    wide = sets.text_bytes(r"C:\Windows\É", "path", True)
    assert wide == r"c:\windows\É".encode("utf-16-le")
    assert sets.text_bytes("Sh", "string", True) == "Sh".encode("utf-16-le")


def test_of_long_texts_the_beginning_is_shown() -> None:
    value = sets.value_of(("string",), ("é" * 100,), 0, 0, False)
    (shown,) = sets.element_of(("string",), bytes(16), value, False)
    assert shown == sets.Shown("é" * 60, 200)
