"""How a record is handed to the core: the places of a scratch slot, as plain numbers.

A manifest has them, so that tests can have the core of any artifact judge a record: the simulator
calls `core_<event>` itself. In the kernel BPF_PROG_TEST_RUN needs a program, which artifacts that
were compiled for testing have, one an event. No sensor has a use for any of this.
"""

from attrs import frozen

# A judging program's context: u64 each, number of the scratch slot, STAGE_* (record.py), and words
# of the slot that adapters fill: id and start of the process, and of the one that it was forked by.
CONTEXT_SLOT = 0
CONTEXT_STAGE = 8
CONTEXT_WORDS = {"pid": 16, "start": 24, "forker_pid": 32, "forker_start": 40}
CONTEXT_SIZE = 48
# The fields that say so, in the order of CONTEXT_WORDS, and an id that no process has, for one that
# is not known; 0 is what forked the first process.
PROCESS = ("proc.pid", "proc.start_time", "proc.ppid", "proc.parent.start_time")
NOBODY = (1 << 64) - 1
# What it returns instead of a verdict if there is no such slot; no verdict has bits 28 to 31.
NO_SLOT = (1 << 32) - 1
# Functions of the core that keep what is remembered of processes, if the policy's core has them: in
# front of the judgement of an event, and behind it (once it has happened).
BEFORE = {"process.fork": ("fork_tags", "fork_ancestry")}
BEHIND = {
    "process.exec": ("forget_image",),
    "process.exit": ("exit_tags", "forget_ancestry"),
}
# What `core_<event>` returns instead of a verdict where it has to be told of ancestors, and to be
# called again; NOT_KNOWN tells it that nothing is known.
AGAIN = 1 << 28  # above the largest errno, so that it is no verdict
NOT_KNOWN = "ancestry_not_known"
# Words of a slot that a test writes; "buffer" says which of the two buffers of content judges.
WORDS = ("stage", *CONTEXT_WORDS, "buffer")
VIEW_SIZE = 16  # u32 offset in the text window, u32 length, u32 VIEW_* flags, u32 zero


@frozen
class Judge:
    """What can be judged: the records of one event.

    Args:
        event: catalogue name.
        limits: (match view, bytes): longest text that is examined, for each view that is tested. A
            match view is a text view of the record, or `SlotLayout.parts` plus one for the last
            component of its path.
    """

    event: str
    limits: tuple[tuple[int, int], ...]

    @property
    def symbol(self) -> str:
        """The event as part of a function's name."""
        return self.event.replace(".", "_")

    @property
    def program(self) -> str:
        """The judging program of an object that was compiled for testing."""
        return f"judge_{self.symbol}"


@frozen
class SlotLayout:
    """A scratch slot of one artifact; offsets and sizes in bytes. The record stands at offset 0.

    Args:
        size: of a slot.
        views: offset of the match views, VIEW_SIZE bytes each.
        view_count: number of match views.
        parts: number of the first match view that is a last component.
        words: offset of each of WORDS, in that order: what adapters say of an event besides its
            record, u64 each.
        text: offset of the text window.
        text_size: of the text window.
        judges: the events, in catalogue order: those with rules, and those at which tags are kept.
    """

    size: int
    views: int
    view_count: int
    parts: int
    words: tuple[int, ...]
    text: int
    text_size: int
    judges: tuple[Judge, ...]
