"""How a test judges an event by the compiled core: the places of a scratch slot, as plain numbers.

An artifact that was compiled for testing has one further program an event. A test writes a record
into a scratch slot, runs the program by BPF_PROG_TEST_RUN and reads the slot again. Nothing of this
stands in the manifest, since no sensor needs it.
"""

from attrs import frozen

# A judging program's context: u64 each, number of the scratch slot, STAGE_* (record.py), and words
# of the slot that adapters fill: id and start of the process, and of the one that it was forked by.
CONTEXT_SLOT = 0
CONTEXT_STAGE = 8
CONTEXT_WORDS = {"pid": 16, "start": 24, "forker_pid": 32, "forker_start": 40}
CONTEXT_SIZE = 48
# What it returns instead of a verdict if there is no such slot; no verdict has bits 8 to 15.
NO_SLOT = (1 << 32) - 1


@frozen
class Judge:
    """The program that judges one event's records.

    Args:
        event: catalogue name.
        program: its name in the Linux object; the manifest does not have it.
        limits: (match view, bytes): longest text that is examined, for each view that is tested. A
            match view is a text view of the record, or `SlotLayout.parts` plus one for the last
            component of its path.
    """

    event: str
    program: str
    limits: tuple[tuple[int, int], ...]


@frozen
class SlotLayout:
    """A scratch slot of one artifact; offsets and sizes in bytes. The record stands at offset 0.

    Args:
        size: of a slot.
        views: offset of the match views.
        view_size: of a view: u32 offset in the text window, u32 length, u32 VIEW_* flags, u32 zero.
        view_count: number of match views.
        parts: number of the first match view that is a last component.
        text: offset of the text window.
        text_size: of the text window.
        judges: the programs, in catalogue order of events.
    """

    size: int
    views: int
    view_size: int
    view_count: int
    parts: int
    text: int
    text_size: int
    judges: tuple[Judge, ...]
