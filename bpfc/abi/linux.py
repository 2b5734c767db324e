"""Linux as bpfc uses it.

Numbers are those of include/uapi/linux/bpf.h. Kernel versions are the first release that has the
thing; which program type may call which helper is in the kernel's *_func_proto functions
(kernel/bpf/helpers.c, kernel/trace/bpf_trace.c, kernel/bpf/bpf_lsm.c, net/core/filter.c). Newer
kernels may allow more than is said here, never less.
"""

from enum import IntEnum
from typing import Final, NamedTuple

Version = tuple[int, int]

OLDEST: Final[Version] = (5, 10)  # the oldest kernel bpfc supports (Debian 11)


class ProgramType(IntEnum):
    """enum bpf_prog_type, those that bpfc makes or may soon make."""

    KPROBE = 2
    TRACEPOINT = 5
    XDP = 6
    RAW_TRACEPOINT = 17
    CGROUP_SOCK_ADDR = 18
    TRACING = 26
    LSM = 29


class AttachType(IntEnum):
    """enum bpf_attach_type."""

    CGROUP_INET4_BIND = 8
    CGROUP_INET6_BIND = 9
    CGROUP_INET4_CONNECT = 10
    CGROUP_INET6_CONNECT = 11
    CGROUP_UDP4_SENDMSG = 14
    CGROUP_UDP6_SENDMSG = 15
    TRACE_RAW_TP = 23
    TRACE_FENTRY = 24
    TRACE_FEXIT = 25
    MODIFY_RETURN = 26
    LSM_MAC = 27
    XDP = 37


class MapType(IntEnum):
    """enum bpf_map_type."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    LRU_HASH = 9
    LRU_PERCPU_HASH = 10
    LPM_TRIE = 11
    ARRAY_OF_MAPS = 12
    HASH_OF_MAPS = 13
    QUEUE = 22
    STACK = 23
    RINGBUF = 27
    INODE_STORAGE = 28
    TASK_STORAGE = 29


MAP_SINCE: Final[dict[MapType, Version]] = {
    MapType.HASH: (3, 19),
    MapType.ARRAY: (3, 19),
    MapType.PROG_ARRAY: (4, 2),
    MapType.PERF_EVENT_ARRAY: (4, 3),
    MapType.PERCPU_HASH: (4, 6),
    MapType.PERCPU_ARRAY: (4, 6),
    MapType.LRU_HASH: (4, 10),
    MapType.LRU_PERCPU_HASH: (4, 10),
    MapType.LPM_TRIE: (4, 11),
    MapType.ARRAY_OF_MAPS: (4, 12),
    MapType.HASH_OF_MAPS: (4, 12),
    MapType.QUEUE: (4, 20),
    MapType.STACK: (4, 20),
    MapType.RINGBUF: (5, 8),
    MapType.INODE_STORAGE: (5, 10),
    MapType.TASK_STORAGE: (5, 11),
}


class Section(NamedTuple):
    """What libbpf makes of a section's name (tools/lib/bpf/libbpf.c, section_defs).

    Args:
        prefix: the name, or its part before the target where it ends in "/".
        program: type of its programs.
        attach: expected attach type, None where there is none.
    """

    prefix: str
    program: ProgramType
    attach: AttachType | None


SECTIONS: Final = (
    Section("raw_tp/", ProgramType.RAW_TRACEPOINT, None),
    Section("tp_btf/", ProgramType.TRACING, AttachType.TRACE_RAW_TP),
    Section("fentry/", ProgramType.TRACING, AttachType.TRACE_FENTRY),
    Section("fmod_ret/", ProgramType.TRACING, AttachType.MODIFY_RETURN),
    Section("lsm/", ProgramType.LSM, AttachType.LSM_MAC),
    Section("kprobe/", ProgramType.KPROBE, None),
    Section("tp/", ProgramType.TRACEPOINT, None),
    Section("cgroup/bind4", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_BIND),
    Section("cgroup/bind6", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_BIND),
    Section("cgroup/connect4", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET4_CONNECT),
    Section("cgroup/connect6", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_INET6_CONNECT),
    Section("cgroup/sendmsg4", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP4_SENDMSG),
    Section("cgroup/sendmsg6", ProgramType.CGROUP_SOCK_ADDR, AttachType.CGROUP_UDP6_SENDMSG),
    Section("xdp", ProgramType.XDP, AttachType.XDP),
)


class Helper(NamedTuple):
    """A helper function.

    Args:
        name: without "bpf_".
        number: FN() number.
        since: first kernel that has it.
        callers: first kernel in which programs of a type may call it, OLDEST for older ones; a
            type that is missing may not.
    """

    name: str
    number: int
    since: Version
    callers: dict[ProgramType, Version]


_TRACE, _LSM = ProgramType.TRACING, ProgramType.LSM
_TRACERS = (
    ProgramType.KPROBE,
    ProgramType.TRACEPOINT,
    ProgramType.RAW_TRACEPOINT,
    ProgramType.TRACING,
    ProgramType.LSM,
)
_ADDR = ProgramType.CGROUP_SOCK_ADDR


def _everywhere() -> dict[ProgramType, Version]:
    """Part of bpf_base_func_proto, to which every type's function falls back."""
    return dict.fromkeys(ProgramType, OLDEST)


def _in(*types: ProgramType, since: Version = OLDEST) -> dict[ProgramType, Version]:
    """Some types, from one kernel on."""
    return dict.fromkeys(types, since)


_LATE = _in(_ADDR, since=(6, 18))
_STORAGE = {**_in(*_TRACERS, since=(5, 13)), _LSM: (5, 11), **_LATE}

HELPERS: Final[dict[str, Helper]] = {
    h.name: h
    for h in (
        Helper("map_lookup_elem", 1, (3, 19), _everywhere()),
        Helper("map_update_elem", 2, (3, 19), _everywhere()),
        Helper("map_delete_elem", 3, (3, 19), _everywhere()),
        Helper("ktime_get_ns", 5, (4, 1), _everywhere()),
        Helper("get_prandom_u32", 7, (4, 1), _everywhere()),
        Helper("get_smp_processor_id", 8, (4, 1), _everywhere()),
        Helper("tail_call", 12, (4, 2), _everywhere()),
        Helper("get_current_pid_tgid", 14, (4, 2), _in(*_TRACERS, _ADDR)),
        Helper("get_current_uid_gid", 15, (4, 2), _in(*_TRACERS, _ADDR)),
        Helper("get_current_comm", 16, (4, 2), _in(*_TRACERS, _ADDR)),
        # With CAP_PERFMON part of the base functions since 5.8, like the probe_read family.
        Helper("get_current_task", 35, (4, 8), _everywhere()),
        Helper("get_current_cgroup_id", 80, (4, 18), _in(*_TRACERS, _ADDR)),
        # Cgroup programs: refused (-22) by 5.10, 6.1 and 6.12, accepted by 6.18 (measured).
        Helper("send_signal", 109, (5, 3), {**_in(*_TRACERS), **_LATE}),
        Helper("probe_read_user", 112, (5, 5), _everywhere()),
        Helper("probe_read_kernel", 113, (5, 5), _everywhere()),
        Helper("probe_read_user_str", 114, (5, 5), _everywhere()),
        Helper("probe_read_kernel_str", 115, (5, 5), _everywhere()),
        Helper("send_signal_thread", 117, (5, 6), {**_in(*_TRACERS), **_LATE}),
        Helper("ktime_get_boot_ns", 125, (5, 8), _everywhere()),
        Helper("ringbuf_output", 130, (5, 8), _everywhere()),
        Helper("ringbuf_reserve", 131, (5, 8), _everywhere()),
        Helper("ringbuf_submit", 132, (5, 8), _everywhere()),
        Helper("ringbuf_discard", 133, (5, 8), _everywhere()),
        # d_path is further limited to a list of functions (bpf_trace.c, btf_allowlist_d_path).
        Helper("d_path", 147, (5, 10), _in(_TRACE, _LSM)),
        # LSM programs first, all tracing programs later (bpf_tracing_func_proto).
        Helper("task_storage_get", 156, (5, 11), _STORAGE),
        Helper("task_storage_delete", 157, (5, 11), _STORAGE),
        Helper("get_current_task_btf", 158, (5, 11), {**_in(*_TRACERS, since=(5, 11)), **_LATE}),
        Helper("ima_file_hash", 193, (5, 18), _in(_LSM, since=(5, 18))),
    )
}

HELPER_NAMES: Final[dict[int, str]] = {h.number: h.name for h in HELPERS.values()}


def helper_allowed(name: str, program: ProgramType, kernel: Version) -> bool:
    """Whether programs of a type may call a helper in a kernel.

    Args:
        name: a key of HELPERS.
        program: the program's type.
        kernel: major and minor version, OLDEST or newer.
    """
    since = HELPERS[name].callers.get(program)
    return since is not None and since <= kernel


class Member(NamedTuple):
    """A member of a context: `size` bytes at `offset`."""

    offset: int
    size: int


# struct bpf_sock_addr. user_* is the other side in connect and sendmsg; addresses and port are in
# network byte order, the port in the low 16 bits of its word.
SOCK_ADDR: Final[dict[str, Member]] = {
    "user_family": Member(0, 4),
    "user_ip4": Member(4, 4),
    "user_ip6": Member(8, 16),
    "user_port": Member(24, 4),
    "family": Member(28, 4),
    "type": Member(32, 4),
    "protocol": Member(36, 4),
    "msg_src_ip4": Member(40, 4),
    "msg_src_ip6": Member(44, 16),
    "sk": Member(64, 8),
}
SOCK_ADDR_SIZE: Final = 72
CONTEXT_WORD: Final = 8  # raw tracepoint, tracing and LSM contexts are arrays of u64 arguments

AF_INET: Final = 2
AF_INET6: Final = 10

# Return values.
CGROUP_DENY: Final = 0
CGROUP_ALLOW: Final = 1
LSM_ALLOW: Final = 0  # a denial is the negative error number, provably within -4095..0
TRACE_RETURN: Final = 0

# Flags of map updates and of the ring.
UPDATE_ANY: Final = 0
UPDATE_NEW: Final = 1
UPDATE_EXISTING: Final = 2
RINGBUF_NO_WAKEUP: Final = 1
RINGBUF_FORCE_WAKEUP: Final = 2
NO_PREALLOC: Final = 1  # BPF_F_NO_PREALLOC

# Limits.
STACK_SIZE: Final = 512  # MAX_BPF_STACK, for one function
CALL_DEPTH: Final = 8  # MAX_CALL_FRAMES
TAIL_CALLS: Final = 33  # MAX_TAIL_CALL_CNT
VERIFIED_INSTRUCTIONS: Final = 1_000_000  # BPF_COMPLEXITY_LIMIT_INSNS
OBJECT_NAME: Final = 15  # BPF_OBJ_NAME_LEN without the terminator: names are cut there
SIGKILL: Final = 9
