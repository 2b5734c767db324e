"""The layout of a scratch slot: one entry of the map `scratch`, the working memory of one event.

Everything that functions hand to each other stands here, since they take scalars only. All texts
lie in one 64 KiB window, so that one mask bounds every index into it.
"""

from attrs import frozen

from bpfc.artifact import control, record
from bpfc.artifact.testing import VIEW_SIZE
from compiler.plan.model import NOTHING_CARRIED, Carry

VIEW_COUNT = 32  # the record's views, then their last components (plan.model.PART_VIEWS)

# Single words, by name: u64 each from WORDS on.
WORD_NAMES = (
    "position",  # automaton, command line, hash: next byte
    "state",  # automaton: state
    "bits",  # iteration over a bit set: bits left in the current word
    "word",  # iteration: current word
    "pair",  # automaton: next pair to apply
    "pair_end",
    "rule",  # matching: local rule being collected, or all ones
    "rule_bits",  # matching: 1 fired, 2 definite, 4 may deny and kill
    "actions",  # matching: ACT_* so far
    "errno",
    "stage",  # STAGE_* of this event
    "task",  # address of the subject's task_struct
    "file",  # address of the program's struct file
    "binprm",  # address of the exec's struct linux_binprm
    "old_thread",  # thread id before an exec
    "walk_dentry",
    "walk_mount",
    "walk_position",  # place in the text window where the path begins so far
    "walk_name",  # length of the last component
    "pid",
    "start",  # start_boottime of the subject's leader
    "parent_pid",
    "parent_start",
    "id0",  # key of an interned text
    "id1",
    "length",  # of that text
    "flags",  # PROCESS_* of the entry being made
    "device",  # of the program's file
    "inode",
    "out",  # bytes of text in the record
    "buffer",  # which content judges this event (control.POLICY_BUFFER)
    "automaton",  # number of the automaton within its bank
    "text_at",  # place in the text window of the text that an automaton reads
    "text_length",
    "derived_unknown",  # a bit for each derived value
    "derived_absent",
    "effects",  # effects that are due, a bit each
    "forker_pid",  # the process that forks
    "forker_start",
    "ancestry",  # whether the next two words hold for this event: 0 not asked yet, WANTED or KNOWN
    "ancestors",  # conditions that an ancestor satisfies, a bit each
    "ancestors_unknown",  # conditions of which that cannot be said
    "own",  # the same of a process's own image
    "own_unknown",
    "climbed",  # address of the task_struct of an ancestor; its id and its start
    "climbed_pid",
    "climbed_start",
    "walked",  # what holds of the ancestors that were looked at so far
    "walked_unknown",
    "live",  # a bit for each chunk of terms that is looked at
)

# The word `ancestry`.
WANTED, KNOWN = 1, 2

RECORD = 0
VIEWS = (record.RECORD_MAX + 63) // 64 * 64
WORDS = VIEWS + VIEW_COUNT * VIEW_SIZE
HITS = WORDS + 64 * 8
# Copies of process table entries: the subject's and its parent's.
STAGE_HEADER = 8
STAGING_SIZE = STAGE_HEADER + 4096 + 8
TEXT_WINDOW = 64 * 1024  # twice that where texts of proc.ancestors[n] are in use
TEXT_SLACK = 4096 + 16

# Where each text of the process context is put in the window.
CMDLINE_AT = 0
CMDLINE_MAX = 32768
EXE_AT = 0x8000
EXE_END = 0x9000  # the path walk writes from here backwards
PARENT_EXE_AT = 0xA000
PARENT_CMDLINE_AT = 0xB100
SCRIPT_AT = 0xC200
INVOKED_AT = 0xD300
COMM_AT = 0xD400
TTY_AT = 0xD440
PARENT_COMM_AT = 0xD480
CGROUP_NAME_AT = 0xD4C0
PARENT_INVOKED_AT = 0xD600
PARENT_SCRIPT_AT = 0xD700
PREV_EXE_AT = 0xE700
PREV_CMDLINE_AT = 0xF700  # its end lies in the slack behind the window
ANCESTORS_AT = 0x11000  # texts of ANCESTOR_TEXT bytes, one behind the other
ANCESTOR_TEXT = 4096


@frozen
class Layout:
    """Places that depend on a policy's capacity classes.

    Args:
        hit_words: u64 words of the hit bitmap, a power of two.
        accumulator_words: u64 words of the accumulators, a power of two.
        row_words: u64 words of a row of terms, a power of two (largest of all events).
        derived_words: derived values of the event that has most.
        state_size: bytes for rules that remember something.
        index_words: numbers with sparse rows of the event that has most.
        carry: what sequences remember of their steps.
        text_window: bytes of the text window, a power of two.
    """

    hit_words: int
    accumulator_words: int
    row_words: int
    derived_words: int = 0
    state_size: int = 0
    index_words: int = 0
    carry: Carry = NOTHING_CARRIED
    text_window: int = TEXT_WINDOW

    @property
    def text_mask(self) -> int:
        """Bounds a place in the text window."""
        return self.text_window - 1

    @property
    def accumulators(self) -> int:
        """Offset of the accumulators."""
        return HITS + 8 * self.hit_words

    @property
    def fire(self) -> int:
        """Offset of the terms that fire."""
        return self.accumulators + 8 * self.accumulator_words

    @property
    def definite(self) -> int:
        """Offset of the terms that are certain."""
        return self.fire + 8 * self.row_words

    @property
    def possible(self) -> int:
        """Offset of the terms that are possible."""
        return self.definite + 8 * self.row_words

    @property
    def enforced(self) -> int:
        """Offset of the terms that may deny and kill."""
        return self.possible + 8 * self.row_words

    @property
    def derived(self) -> int:
        """Offset of the derived values."""
        return self.enforced + 8 * self.row_words

    @property
    def indices(self) -> int:
        """Offset of the row indices of numbers with sparse rows."""
        return self.derived + 8 * self.derived_words

    @property
    def state(self) -> int:
        """Offset of what the state of rules works with (`compiler.emit.state`)."""
        return self.indices + 8 * self.index_words

    @property
    def process(self) -> int:
        """Offset of the copy of the subject's process table entry."""
        return self.state + self.state_size

    @property
    def parent(self) -> int:
        """Offset of the copy of the parent's process table entry."""
        return self.process + control.PROCESS_SIZE

    @property
    def staging(self) -> int:
        """Offset of the place where a table entry is put together."""
        return self.parent + control.PROCESS_SIZE

    @property
    def text(self) -> int:
        """Offset of the text window."""
        return (self.staging + STAGING_SIZE + 63) // 64 * 64

    @property
    def size(self) -> int:
        """Bytes of a slot."""
        return self.text + self.text_window + TEXT_SLACK


def word(name: str) -> int:
    """Offset of a single word."""
    return WORDS + 8 * WORD_NAMES.index(name)


def view(index: int) -> int:
    """Offset of a view."""
    return VIEWS + VIEW_SIZE * index


def number(index: int) -> int:
    """Offset of a number word of the record."""
    return RECORD + record.NUMBERS_OFFSET + 8 * index


def header(name: str) -> int:
    """Offset of a header field of the record."""
    return RECORD + record.HEADER[name].offset
