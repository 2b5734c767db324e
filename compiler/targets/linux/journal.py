"""The journal: how often adapters judged an event, by the event's own number (tests and
benchmarks)."""

from compiler.emit.function import Function
from compiler.emit.values import Int
from compiler.targets.common.maps import JOURNAL_MAP

# The journal's entry 0 of net.connect: low word of 127.64.0.0 as an IPv4-mapped address.
JOURNAL_ADDRESS = 0xFFFF_7F40_0000


def note(fn: Function, journal: int, identity: Int) -> None:
    """Count, if the policy has a journal, that the event of that number was judged.

    Args:
        fn: the function.
        journal: entries of the journal, 0 for none.
        identity: the event's number; what lies outside the journal is not counted.
    """
    if not journal:
        return
    with fn.when(identity.lt(journal)):
        place = fn.find(JOURNAL_MAP, fn.key(identity))
        with fn.when(~place.is_null()):
            place.atomic_add(1)


def note_address(fn: Function, journal: int, low: Int) -> None:
    """The same for a connection, whose number is the low word of its address less
    JOURNAL_ADDRESS."""
    note(fn, journal, low - JOURNAL_ADDRESS)
