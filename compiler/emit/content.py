"""Content in the core: every table of a policy is reached through here.

Content stands twice in its maps, in two buffers; which one judges an event is decided once an event
by its adapter. A map of one table has an entry a buffer, a map of `room` entries has `room` a
buffer.
"""

from compiler.emit import scratch
from compiler.emit.function import Function
from compiler.emit.values import Int, Ptr


def table(fn: Function, slot: Ptr, name: str, missing: int = 0) -> Ptr:
    """A map's table in the event's buffer.

    Args:
        fn: the function.
        slot: the scratch slot.
        name: the map.
        missing: what the function returns if there is none (there always is one).
    """
    return fn.lookup(name, _buffer(slot), missing)


def entry(fn: Function, slot: Ptr, name: str, index: Int, room: int, missing: int = 0) -> Ptr:
    """An entry of a map of many, in the event's buffer.

    Args:
        fn: the function.
        slot: the scratch slot.
        name: the map.
        index: below `room`.
        room: entries of a buffer.
        missing: what the function returns if there is none.
    """
    return fn.lookup(name, index + _buffer(slot) * room, missing)


def _buffer(slot: Ptr) -> Int:
    return slot.at(scratch.word("buffer")).load()
