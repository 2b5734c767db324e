"""The event record: the one layout that compiled programs write and the runtime reads.

A record is the header, up to 32 matched rules, the event's numbers, its text views and the text
itself. All integers are little-endian; offsets are bytes from the record's start. The format is
this project's own; its version is `RECORD_VERSION`.
"""

from attrs import frozen

RECORD_VERSION = 1
KIND_ALERT = 1


@frozen
class HeaderField:
    """One integer of the record header: `size` bytes at `offset`."""

    offset: int
    size: int


HEADER = {
    "kind": HeaderField(0, 2),
    "version": HeaderField(2, 2),
    "length": HeaderField(4, 4),  # bytes of the whole record
    "layout": HeaderField(8, 8),  # EventLayout.digest of the event
    "time_ns": HeaderField(16, 8),  # since boot, suspended time included
    "sequence": HeaderField(24, 8),  # cpu << 48 | count of records on that cpu
    "generation": HeaderField(32, 4),
    "cpu": HeaderField(36, 4),
    "event": HeaderField(40, 2),  # Event.number of the catalogue
    "stage": HeaderField(42, 1),  # STAGE_*
    "actions": HeaderField(43, 1),  # ACT_* that were taken, over all matched rules
    "rule_count": HeaderField(44, 2),  # entries used in the rule list
    "flags": HeaderField(46, 2),
    "rules_more": HeaderField(48, 4),  # alerting rules that did not fit in the list
    "errno": HeaderField(52, 2),  # of a denial, as a positive number
    "unknown": HeaderField(56, 8),  # bit per number word: could not be read
    "absent": HeaderField(64, 8),  # bit per number word: known to be absent
    "steps": HeaderField(72, 4),  # bytes of step blocks, from TEXT_OFFSET on (bpfc.artifact.steps)
}

HEADER_SIZE = 80
RULES_OFFSET = HEADER_SIZE
RULES_MAX = 32  # one u32 each: local rule index, RULE_PARTIAL in the top bit
RULE_PARTIAL = 1 << 31
NUMBERS_OFFSET = RULES_OFFSET + 4 * RULES_MAX
NUMBERS_MAX = 48  # 64-bit words; an address takes two (high, low)
VIEWS_OFFSET = NUMBERS_OFFSET + 8 * NUMBERS_MAX
VIEWS_MAX = 16  # two u32 each: offset in the record, length in the low 24 bits and VIEW_* << 24
TEXT_OFFSET = VIEWS_OFFSET + 8 * VIEWS_MAX
TEXT_MAX = 24 * 1024
RECORD_MAX = TEXT_OFFSET + TEXT_MAX

VIEW_LENGTH_MASK = 0xFFFFFF
VIEW_ABSENT = 1  # known not to exist
VIEW_UNKNOWN = 2  # could not be read
VIEW_TRUNCATED = 4  # the value goes on behind what is here

STAGE_AFTER = 0
STAGE_BEFORE = 1

# What a rule does at a stage, and what was done (rules_<event> entries and the header's `actions`).
ACT_ALERT = 1
ACT_DENY = 2
ACT_KILL = 4  # by the kernel, before the process runs on
ACT_KILL_AGENT = 8  # by the runtime when it reads the record: asynchronous
ACT_KILL_PARENT = 16  # likewise, the parent
ACT_WOULD_DENY = 32  # audit: reported, not done
ACT_WOULD_KILL = 64
ACT_JUDGE = 128  # the rule is judged at this stage at all
# By the runtime, likewise: processes of earlier steps, which the record's step blocks name. Not in
# the header's byte; in a rule's entry it is the top bit of the errno.
ACT_KILL_STEP = 256

# Entry of the map rules_<event>, by local rule index: u8 actions at STAGE_AFTER, u8 actions at
# STAGE_BEFORE, u16 errno of a denial (ENTRY_ERRNO) and ENTRY_KILL_STEP, u32 entry of rule_stats.
RULE_ENTRY_SIZE = 8
ENTRY_ERRNO = 0x7FFF
ENTRY_KILL_STEP = 0x8000

# Entry of the map rule_stats, by index in the policy's rule list within a buffer,
# u64 each. Of rules that count:
# alerts that a limit held back, keys that were forgotten to make room for the rule's, events that
# were not counted since they matched more of such rules than fit.
RULE_STATS = ("fired", "partial", "unknown", "denied", "suppressed", "evicted", "skipped")
RULE_STATS_SIZE = 8 * len(RULE_STATS)
