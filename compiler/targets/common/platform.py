"""What differs between the systems for code that both halves share."""

from collections.abc import Collection, Mapping
from typing import Protocol

from compiler.emit.function import Function
from compiler.emit.scratch import Layout
from compiler.emit.values import Int, Ptr


class Platform(Protocol):
    """One system, as the shared adapter code sees it.

    Attributes:
        helpers: helper numbers by name.
        map_types: map type numbers by name ("array", "hash", "prog_array", "ringbuf",
            "percpu_array").
        direct: maps of one entry whose address programs may hold, which saves them a lookup.
        layout: the scratch slot.
    """

    @property
    def helpers(self) -> Mapping[str, int]: ...

    @property
    def map_types(self) -> Mapping[str, int]: ...

    @property
    def direct(self) -> Collection[str]: ...

    @property
    def layout(self) -> Layout: ...

    def copy(self, fn: Function, target: Ptr, size: Int | int, source: Ptr) -> Int:
        """Copy `size` bytes between map values; returns 0 or an error."""
        ...

    def ring_length(self, length: Int) -> Int:
        """The length of a record in the form that the platform's verifier understands."""
        ...
