"""eBPF for Windows as bpfc uses it.

Sources: ebpf-for-windows 1.6.0 (include/ebpf_structs.h, include/ebpf_nethooks.h, netebpfext,
libs/execution_context/ebpf_general_helpers.c, libs/elf_spec/Elf.3d) and ntosebpfext
(include/ebpf_ntos_hooks.h). Layouts are for x64, checked by compiling the headers.
"""

from enum import IntEnum
from typing import Final, NamedTuple


class ProgramType(IntEnum):
    """Program types by their Windows number."""

    XDP = 1
    BIND = 2
    CGROUP_SOCK_ADDR = 3
    SOCK_OPS = 4
    NETEVENT = 5
    PROCESS = 6


class MapType(IntEnum):
    """ebpf_map_type_t; only 1, 2 and 3 mean the same as on Linux."""

    HASH = 1
    ARRAY = 2
    PROG_ARRAY = 3
    PERCPU_HASH = 4
    PERCPU_ARRAY = 5
    HASH_OF_MAPS = 6
    ARRAY_OF_MAPS = 7
    LRU_HASH = 8
    LPM_TRIE = 9
    QUEUE = 10
    LRU_PERCPU_HASH = 11
    STACK = 12
    RINGBUF = 13
    PERF_EVENT_ARRAY = 14


MAP_TYPE_MAX: Final = 16  # the kernel refuses higher numbers; 15 and 16 are custom maps


class Section(NamedTuple):
    """A section prefix; the longest one that a name starts with decides.

    Args:
        prefix: what the section's name starts with.
        program: type of its programs.
        attach: Windows attach type number.
    """

    prefix: str
    program: ProgramType
    attach: int


SECTIONS: Final = (
    Section("xdp", ProgramType.XDP, 1),
    Section("bind", ProgramType.BIND, 2),
    Section("cgroup/connect4", ProgramType.CGROUP_SOCK_ADDR, 3),
    Section("cgroup/connect6", ProgramType.CGROUP_SOCK_ADDR, 4),
    Section("cgroup/recv_accept4", ProgramType.CGROUP_SOCK_ADDR, 5),
    Section("cgroup/recv_accept6", ProgramType.CGROUP_SOCK_ADDR, 6),
    Section("cgroup/connect_authorization4", ProgramType.CGROUP_SOCK_ADDR, 12),
    Section("cgroup/connect_authorization6", ProgramType.CGROUP_SOCK_ADDR, 13),
    Section("cgroup/bind4", ProgramType.CGROUP_SOCK_ADDR, 14),
    Section("cgroup/bind6", ProgramType.CGROUP_SOCK_ADDR, 15),
    Section("cgroup/listen4", ProgramType.CGROUP_SOCK_ADDR, 16),
    Section("cgroup/listen6", ProgramType.CGROUP_SOCK_ADDR, 17),
    Section("sockops", ProgramType.SOCK_OPS, 7),
    Section("netevent_monitor", ProgramType.NETEVENT, 10),
    Section("process", ProgramType.PROCESS, 11),
)


def section_of(name: str) -> Section | None:
    """What Windows makes of a section's name, None if no registered prefix fits."""
    fitting = [s for s in SECTIONS if name.startswith(s.prefix)]
    return max(fitting, key=lambda s: len(s.prefix), default=None)


class Member(NamedTuple):
    """A member of a context: `size` bytes at `offset`."""

    offset: int
    size: int


# bpf_sock_addr_t: addresses and ports in network byte order. At connect user_* is the other side.
SOCK_ADDR: Final[dict[str, Member]] = {
    "family": Member(0, 4),
    "msg_src_ip4": Member(4, 4),
    "msg_src_ip6": Member(4, 16),
    "msg_src_port": Member(20, 2),
    "user_ip4": Member(24, 4),
    "user_ip6": Member(24, 16),
    "user_port": Member(40, 2),
    "protocol": Member(44, 4),
    "compartment_id": Member(48, 4),
    "interface_luid": Member(56, 8),
}
# process_md_t: the command line is UTF-16LE between two pointers, not terminated, up to 64 KiB.
PROCESS: Final[dict[str, Member]] = {
    "command_start": Member(0, 8),
    "command_end": Member(8, 8),
    "process_id": Member(16, 8),
    "parent_process_id": Member(24, 8),
    "creating_process_id": Member(32, 8),
    "creating_thread_id": Member(40, 8),
    "creation_time": Member(48, 8),  # FILETIME
    "exit_time": Member(56, 8),
    "process_exit_code": Member(64, 4),
    "operation": Member(68, 1),  # an 8-bit bit-field: read one byte
    "token_sid_size": Member(72, 4),
    "token_sid": Member(76, 68),
}
BIND: Final[dict[str, Member]] = {
    "app_id_start": Member(0, 8),
    "app_id_end": Member(8, 8),
    "process_id": Member(16, 8),
    "socket_address": Member(24, 16),
    "socket_address_length": Member(40, 1),
    "operation": Member(44, 4),
    "protocol": Member(48, 1),
}
SOCK_OPS: Final[dict[str, Member]] = {
    "op": Member(0, 4),
    "family": Member(4, 4),
    "local_ip": Member(8, 16),
    "local_port": Member(24, 4),
    "remote_ip": Member(28, 16),
    "remote_port": Member(44, 4),
    "protocol": Member(48, 1),
    "compartment_id": Member(52, 4),
    "interface_luid": Member(56, 8),
}
NETEVENT: Final[dict[str, Member]] = {
    "data_meta": Member(0, 8),
    "data": Member(8, 8),
    "data_end": Member(16, 8),
}
XDP: Final[dict[str, Member]] = {
    "data": Member(0, 8),
    "data_end": Member(8, 8),
    "data_meta": Member(16, 8),
    "ingress_ifindex": Member(24, 4),
}


class Context(NamedTuple):
    """The context of a program type: its members and its size in bytes."""

    members: dict[str, Member]
    size: int


CONTEXTS: Final[dict[ProgramType, Context]] = {
    ProgramType.XDP: Context(XDP, 32),
    ProgramType.BIND: Context(BIND, 56),
    ProgramType.CGROUP_SOCK_ADDR: Context(SOCK_ADDR, 64),
    ProgramType.SOCK_OPS: Context(SOCK_OPS, 64),
    ProgramType.NETEVENT: Context(NETEVENT, 24),
    ProgramType.PROCESS: Context(PROCESS, 144),
}

AF_INET: Final = 2
AF_INET6: Final = 23
PROCESS_CREATE: Final = 0  # process_md_t.operation
PROCESS_DELETE: Final = 1

# Helpers that every program type has.
HELPERS: Final[dict[str, int]] = {
    "map_lookup_elem": 1,
    "map_update_elem": 2,
    "map_delete_elem": 3,
    "map_lookup_and_delete_elem": 4,
    "tail_call": 5,
    "get_prandom_u32": 6,
    "ktime_get_boot_ns": 7,
    "get_smp_processor_id": 8,
    "ktime_get_ns": 9,
    "csum_diff": 10,
    "ringbuf_output": 11,
    "trace_printk2": 12,
    "trace_printk3": 13,
    "trace_printk4": 14,
    "trace_printk5": 15,
    "map_push_elem": 16,
    "map_pop_elem": 17,
    "map_peek_elem": 18,
    "get_current_pid_tgid": 19,
    "get_current_logon_id": 20,
    "is_current_admin": 21,
    "memcpy_s": 22,
    "memcmp_s": 23,
    "memset": 24,
    "memmove_s": 25,
    "get_socket_cookie": 26,
    "strncpy_s": 27,
    "strncat_s": 28,
    "strnlen_s": 29,
    "ktime_get_boot_ms": 30,
    "ktime_get_ms": 31,
    "perf_event_output": 32,
    "get_current_process_start_key": 33,
    "get_current_thread_create_time": 34,
    "redirect_map": 35,
}

# Helpers of one type: the same number means another function for each.
SPECIAL_HELPERS: Final[dict[ProgramType, dict[str, int]]] = {
    ProgramType.XDP: {},
    ProgramType.BIND: {},
    ProgramType.CGROUP_SOCK_ADDR: {"set_redirect_context": 65537, "get_network_context": 65538},
    ProgramType.SOCK_OPS: {"get_flow_id": 65536},
    ProgramType.NETEVENT: {"push_event": 65536},
    ProgramType.PROCESS: {
        "get_image_path": 65536,
        "get_account_name": 65537,
        "get_account_domain": 65538,
    },
}


def helper_name(number: int, program: ProgramType) -> str | None:
    """The name of a helper that programs of a type may call, None if there is none."""
    tables = (HELPERS, SPECIAL_HELPERS[program])
    return next((name for table in tables for name, n in table.items() if n == number), None)


# Return values.
SOCK_ADDR_DENY: Final = 0
SOCK_ADDR_ALLOW: Final = 1  # PROCEED_SOFT
PROCESS_ALLOW: Final = 0  # NTSTATUS
STATUS_ACCESS_DENIED: Final = 0xC0000022

# Limits and ELF rules.
STACK_SIZE: Final = 512
CALL_DEPTH: Final = 8
MAP_NAME: Final = 63  # BPF_OBJ_NAME_LEN 64 with the terminator
PROGRAM_INSTRUCTIONS: Final = 65536  # uBPF
RELOCATIONS: Final = (0, 1, 10)  # R_BPF_NONE, R_BPF_64_64, R_BPF_64_32
