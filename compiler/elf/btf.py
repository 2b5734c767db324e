"""The maps that an object declares, read from its BTF as both systems' loaders read them.

Format: Documentation/bpf/btf.rst. A map is a variable in the DATASEC `.maps` whose struct has
members such as `int (*type)[N]` for a number and `T *key` for a type.
"""

import struct
from collections.abc import Mapping

from attrs import frozen

from compiler.elf.model import Elf, ElfError

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")  # magic, version, flags, hdr_len, type off/len, string off/len
_TYPE = struct.Struct("<III")  # name, info, size or type
_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _VAR, _DATASEC = 1, 2, 3, 4, 5, 6, 14, 15
_FLOAT, _ENUM64 = 16, 19
_TRANSPARENT = (8, 9, 10, 11, 18)  # typedef, volatile, const, restrict, type tag
# Bytes behind the common header by kind: fixed, and for each of the `vlen` members.
_EXTRA = {
    _INT: (4, 0),
    _ARRAY: (12, 0),
    _STRUCT: (0, 12),
    _UNION: (0, 12),
    _ENUM: (0, 8),
    13: (0, 8),  # FUNC_PROTO
    _VAR: (4, 0),
    _DATASEC: (0, 12),
    17: (4, 0),  # DECL_TAG
    _ENUM64: (0, 12),
}
_POINTER_SIZE = 8
_DEPTH = 64  # of nested types; nothing that is declared goes near it
_NUMBERS = ("type", "max_entries", "key_size", "value_size", "map_flags", "pinning")


@frozen
class MapDeclaration:
    """A map as declared.

    Args:
        type: number of the map type of the system that the object is for.
        key_size, value_size: bytes.
        max_entries: number of entries, bytes for a ring.
        flags: map_flags.
        pinning: 0 none, 1 by name.
    """

    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    pinning: int


@frozen
class _Type:
    """One BTF type: offset of its name, and `rest`, which follows the common header."""

    name: int
    kind: int
    size: int  # or the number of the type that is referred to
    rest: tuple[int, ...]


def map_declarations(elf: Elf) -> Mapping[str, MapDeclaration]:
    """The maps of an object by name.

    Args:
        elf: the object.

    Returns:
        What .BTF says about each variable in `.maps`, empty without either section.

    Raises:
        ElfError: the BTF is damaged, or declares a map in a way that loaders do not read.
    """
    section = elf.section(".BTF")
    if section is None:
        return {}
    try:
        return _Btf(section.data).maps()
    except (struct.error, IndexError, ValueError, RecursionError) as error:
        raise ElfError(f".BTF is damaged or odd ({error})") from error


class _Btf:
    """The types of an object by number, number 0 being void, and their names."""

    def __init__(self, data: bytes) -> None:
        magic, _, _, start, type_at, type_size, text_at, text_size = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError("no BTF header")
        self._texts = data[start + text_at : start + text_at + text_size]
        self._types = [_Type(0, 0, 0, ())]
        at, end = start + type_at, start + type_at + type_size
        while at < end:
            name, info, size = _TYPE.unpack_from(data, at)
            kind, count = info >> 24 & 0x1F, info & 0xFFFF
            fixed, each = _EXTRA.get(kind, (0, 0))
            words = (fixed + each * count) // 4
            rest = struct.unpack_from(f"<{words}I", data, at + _TYPE.size)
            self._types.append(_Type(name, kind, size, rest))
            at += _TYPE.size + 4 * words

    def maps(self) -> dict[str, MapDeclaration]:
        """Every variable of the DATASEC `.maps`."""
        variables = [
            self._types[number]
            for section in self._types
            if section.kind == _DATASEC and self._text(section.name) == ".maps"
            for number in section.rest[::3]
        ]
        return {self._text(v.name): self._map(self._plain(v.size)) for v in variables}

    def _text(self, at: int) -> str:
        """The name at an offset of the string table."""
        return self._texts[at : self._texts.index(b"\0", at)].decode()

    def _plain(self, number: int) -> _Type:
        """A type behind typedefs and qualifiers."""
        for _ in range(_DEPTH):
            found = self._types[number]
            if found.kind not in _TRANSPARENT:
                return found
            number = found.size
        raise ValueError("types refer to each other in a circle")

    def _map(self, struct_type: _Type) -> MapDeclaration:
        """The map that a struct declares."""
        if struct_type.kind != _STRUCT:
            raise ValueError("a map is declared by something that is not a struct")
        found = dict.fromkeys(_NUMBERS, 0)
        for at, member in zip(struct_type.rest[::3], struct_type.rest[1::3], strict=True):
            name = self._text(at)
            if name not in _NUMBERS and name not in ("key", "value"):
                raise ValueError(f"a map has the unknown attribute {name}")
            pointer = self._plain(member)
            target = self._plain(pointer.size)
            if pointer.kind != _PTR or (name in _NUMBERS) > (target.kind == _ARRAY):
                raise ValueError(f"the attribute {name} of a map is not a pointer of its form")
            if name in _NUMBERS:
                found[name] = target.rest[2]
            else:
                found[f"{name}_size"] = self._size(pointer.size, _DEPTH)
        return MapDeclaration(
            type=found["type"],
            key_size=found["key_size"],
            value_size=found["value_size"],
            max_entries=found["max_entries"],
            flags=found["map_flags"],
            pinning=found["pinning"],
        )

    def _size(self, number: int, depth: int) -> int:
        """Bytes of a type."""
        found = self._plain(number)
        if found.kind == _PTR:
            return _POINTER_SIZE
        if found.kind == _ARRAY and depth:
            return found.rest[2] * self._size(found.rest[0], depth - 1)
        if found.kind in (_INT, _STRUCT, _UNION, _ENUM, _FLOAT, _ENUM64):
            return found.size
        raise ValueError("a key or value has a type without a size")
