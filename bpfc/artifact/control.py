"""What dispatcher, adapters and runtime share: map names, the control word, counters, the process
table.

Shared maps live longer than a policy; they are reused by every generation. Layouts are this
project's own and are part of `SHARED_VERSION`, which stands in pin paths.
"""

from attrs import frozen

SHARED_VERSION = 2

# The map `control`: one 64-byte entry. Dispatchers read the first word once per event.
CONTROL_MAP = "control"
CONTROL_SIZE = 64
CONTROL_WORD = 0  # u64: slot in bits 0..7, generation in bits 32..63; 0 means no policy
# u64: not 0 once something latches execs. Dispatchers outlive policies, so the one of the second
# hook cannot know it from the policy that it came with.
CONTROL_LATCHING = 8
SLOT_MASK = 0xFF
GENERATION_SHIFT = 32
SLOTS = 8  # entries of every progs_* PROG_ARRAY; slot 0 stays empty, so word 0 dispatches nowhere

# Content (lists, literals, tables, rules) stands in maps of scope "content" in two buffers: entry k
# of buffer b is entry b * max_entries / 2 + k. The map `policy`, one entry a loaded object, says
# which buffer judges: u32 buffer (only its lowest byte ever changes, so a flip is one byte), u32
# slot, u32 generation of each buffer's content, then each buffer's gate: a bit for every remainder
# modulo 8 * GATE_SIZE of a number by which events can be ruled out, 0 where no rule can match.
POLICY_MAP = "policy"
POLICY_BUFFER = 0
POLICY_SLOT = 4
POLICY_GENERATIONS = 8
POLICY_GATES = 16
GATE_SIZE = 128  # a power of two
BUFFERS = 2
POLICY_SIZE = POLICY_GATES + BUFFERS * GATE_SIZE
CONTENT_SCOPE = "content"
# Maps that outlive their policy if the next one has them too, found again by their identity.
KEPT_SCOPE = "kept"
OUTLIVING = ("shared", KEPT_SCOPE)  # maps that are there before a policy and after it

# The map `secret`: one entry, two random u64, key of the string hash; set once, before anything is
# attached.
SECRET_MAP = "secret"
SECRET_SIZE = 16

EVENTS_MAP = "events"
RING_BYTES = 4 * 1024 * 1024

# Scratch slots (policy scope): `scratch` has SCRATCH_PER_CPU entries per possible CPU,
# `scratch_bits` one u64 per possible CPU whose low SCRATCH_PER_CPU bits say which are taken.
SCRATCH_MAP = "scratch"
SCRATCH_BITS_MAP = "scratch_bits"
SCRATCH_PER_CPU = 4

# The map `counters`: per-CPU array of one u64 per name, indexed by the name's place here.
COUNTERS_MAP = "counters"
COUNTERS = (
    "events",  # hook invocations that reached an adapter
    "no_policy",  # dispatched while no policy was active
    "empty_slot",  # dispatched to a slot without a program
    "no_scratch",  # no free scratch slot: event not judged
    "ring_full",  # alert record lost
    "process_table_full",  # process not entered: it is unknown from then on
    "string_table_full",  # text not interned: it is unknown to later events
    "unreadable",  # memory of a process or the kernel could not be read
    "path_too_long",  # more components than the walk takes
    "latch_full",  # generation of an exec could not be latched
    "internal",  # a bound that cannot be exceeded was
    "ancestry_full",  # what is known of a process's ancestors found no room
    "records",  # alert records made, lost ones too
)


@frozen
class Member:
    """A member of a map value: `size` bytes at `offset`."""

    offset: int
    size: int


# The map `processes`: hash, key u32 process id.
PROCESSES_MAP = "processes"
PROCESSES_MAX = 32768
PROCESS = {
    "start": Member(0, 8),  # task->start_boottime of the leader, ns; from /proc when PROCESS_PRIMED
    "pid": Member(8, 4),
    "ppid": Member(12, 4),
    "parent_start": Member(16, 8),
    "flags": Member(24, 4),  # PROCESS_*
    "exe_flags": Member(28, 4),  # VIEW_* of the texts below
    "exe_length": Member(32, 4),
    "cmdline_flags": Member(36, 4),
    "cmdline_length": Member(40, 4),
    "invoked_flags": Member(44, 4),
    "invoked_length": Member(48, 4),
    "script_flags": Member(52, 4),
    "script_length": Member(56, 4),
    "exe_name": Member(60, 4),  # length of the last component of the path
    "exe_id": Member(64, 16),  # keys of the string tables
    "cmdline_id": Member(80, 16),
    "invoked_id": Member(96, 16),
    "script_id": Member(112, 16),
    "exe_device": Member(128, 8),
    "exe_inode": Member(136, 8),
    # Who forked it, which the parent need not be any more; of a primed process its parent.
    "forker_start": Member(144, 8),
    "forker_pid": Member(152, 4),
}
PROCESS_SIZE = 192
PROCESS_PRIMED = 1  # entered from /proc: `start` is a multiple of PRIMED_TICK_NS
PROCESS_IN_MEMORY = 2
PRIMED_TICK_NS = 10_000_000  # USER_HZ is 100 on every architecture we run on (asm-generic/param.h)

# The map `ancestry` (of policies with conditions on ancestors): hash, key u64: process id in bits
# 32..63, start in ticks of PRIMED_TICK_NS in bits 0..31; what holds of a process's ancestors and of
# its own image, a bit for each condition.
ANCESTRY_MAP = "ancestry"
ANCESTRY = {
    "digest": Member(0, 8),  # of the conditions that the bits stand for; another one: nothing known
    "ancestors": Member(8, 8),
    "ancestors_unknown": Member(16, 8),
    "own": Member(24, 8),
    "own_unknown": Member(32, 8),
    "examined": Member(40, 8),  # 1 where `own` is of the present image
}
ANCESTRY_SIZE = 48
ANCESTRY_ROOM = PROCESSES_MAX

# String tables: hashes, key = 128-bit keyed hash of the text (`string_hash`), value = u32
# references, u32 length, bytes, zero-padded to a multiple of 8.
STRINGS_SHORT_MAP = "strings_short"
STRINGS_LONG_MAP = "strings_long"
STRING_HEADER = 8
# Longest texts: one less than a power of two, so that a mask bounds a length for the verifier.
SHORT_TEXT = 255
LONG_TEXT = 4095
SHORT_SIZE = STRING_HEADER + SHORT_TEXT + 1  # bytes of a value
LONG_SIZE = STRING_HEADER + LONG_TEXT + 1
STRINGS_SHORT_MAX = 32768
STRINGS_LONG_MAX = 4096

# The map `exec_latch`: hash, key u32 thread id, value u64 control word read by the first hook of
# an exec; its adapter puts 1 + the buffer that it judged by into the byte LATCH_BUFFER.
LATCH_MAP = "exec_latch"
LATCHING_HOOK = "exec_check"
LATCH_MAX = 4096
LATCH_BUFFER = 1

_M64 = (1 << 64) - 1
HASH_P0 = 0x9E3779B97F4A7C15
HASH_P1 = 0xC2B2AE3D27D4EB4F


def string_hash(text: bytes, key: tuple[int, int]) -> bytes:
    """The 128-bit keyed hash under which a text is interned; the kernel side computes the same.

    Two 64-bit lanes take the text in little-endian words, zero-padded. It spreads keys over buckets
    and makes collisions unlikely to be found without the key; equality is always checked by bytes.

    Args:
        text: the bytes, at most LONG_TEXT.
        key: two 64-bit words from the map `secret`.

    Returns:
        16 bytes: lane 0, then lane 1, little-endian.
    """
    h0, h1 = key[0] ^ len(text), key[1]
    padded = text + bytes(-len(text) % 8)
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        h0 = ((h0 ^ word) * HASH_P0) & _M64
        h0 ^= h0 >> 29
        h1 = ((h1 + word) * HASH_P1) & _M64
        h1 ^= h1 >> 32
    h0 = ((h0 ^ h1) * HASH_P1) & _M64
    h0 ^= h0 >> 32
    return h0.to_bytes(8, "little") + h1.to_bytes(8, "little")


def control_word(generation: int, slot: int) -> int:
    """What dispatchers read.

    Args:
        generation: of the active policy, 32 bits.
        slot: its place in the PROG_ARRAYs.

    Returns:
        64 bits; 0 for slot 0 of generation 0, which is no policy.
    """
    return generation << GENERATION_SHIFT | slot & SLOT_MASK
