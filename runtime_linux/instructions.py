"""The few BPF programs and maps that probes and grace periods need, made by bpf(2).

Layouts are those of union bpf_attr and struct bpf_insn in include/uapi/linux/bpf.h.
"""

import ctypes
import struct

from runtime_linux import syscalls

BPF_MAP_CREATE = 0
BPF_PROG_LOAD = 5
BPF_RAW_TRACEPOINT_OPEN = 17
BPF_LINK_CREATE = 28

PROG_SOCKET_FILTER = 1
PROG_RAW_TRACEPOINT = 17
PROG_CGROUP_SOCK_ADDR = 18
PROG_LSM = 29
ATTACH_CGROUP_INET4_CONNECT = 10
ATTACH_LSM_MAC = 27

HELPER_MAP_LOOKUP = 1
HELPER_SEND_SIGNAL = 109

_LICENSE = ctypes.create_string_buffer(b"GPL")


def instruction(
    code: int, dst: int = 0, src: int = 0, offset: int = 0, immediate: int = 0
) -> bytes:
    """One instruction (struct bpf_insn).

    Args:
        code: opcode byte.
        dst, src: registers.
        offset: signed 16 bits.
        immediate: signed 32 bits.

    Returns:
        8 bytes.
    """
    return struct.pack("<BBhi", code, dst | src << 4, offset, immediate)


def move(register: int, value: int) -> bytes:
    """`register = value` (BPF_ALU64 | BPF_MOV | BPF_K)."""
    return instruction(0xB7, register, immediate=value)


def call(helper: int) -> bytes:
    """A call of a helper (BPF_JMP | BPF_CALL)."""
    return instruction(0x85, immediate=helper)


EXIT = instruction(0x95)


def returning(value: int) -> bytes:
    """A program that does nothing but return a number."""
    return move(0, value) + EXIT


def fetching_atomic() -> bytes:
    """A program with an atomic that returns the old value (BPF_ATOMIC, BPF_ADD | BPF_FETCH)."""
    store = instruction(0x7A, 10, offset=-8)  # *(u64 *)(r10 - 8) = 0
    fetch = instruction(0xDB, 10, 1, -8, 0x01)  # r1 = atomic_fetch_add(r10 - 8, r1)
    return store + move(1, 1) + fetch + returning(0)


def counting(map_fd: int) -> bytes:
    """A program that adds one to the only entry of an array map of u64 and returns 0."""
    return b"".join(
        (
            instruction(0x62, 10, offset=-4),  # *(u32 *)(r10 - 4) = 0
            instruction(0xBF, 2, 10),  # r2 = r10
            instruction(0x07, 2, immediate=-4),  # r2 += -4
            instruction(0x18, 1, 1, immediate=map_fd),  # r1 = map (BPF_PSEUDO_MAP_FD)
            instruction(0),
            call(HELPER_MAP_LOOKUP),
            instruction(0x15, 0, offset=2),  # if r0 == 0 goto +2
            move(1, 1),
            instruction(0xDB, 0, 1),  # lock *(u64 *)r0 += r1
            returning(0),
        )
    )


def signalling() -> bytes:
    """A program that would send signal 0 to the current process."""
    return move(1, 0) + call(HELPER_SEND_SIGNAL) + returning(1)


def load_program(kind: int, code: bytes, attach: int = 0, btf_id: int = 0) -> int:
    """BPF_PROG_LOAD.

    Args:
        kind: PROG_*.
        code: instructions.
        attach: expected attach type.
        btf_id: type id of the function that an LSM program attaches to.

    Returns:
        A descriptor for the caller to close.

    Raises:
        OSError: the kernel refused it.
    """
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack(
        "<IIQQ", kind, len(code) // 8, ctypes.addressof(buffer), ctypes.addressof(_LICENSE)
    )
    # log_level, log_size, log_buf, kern_version, prog_flags, name, ifindex: none
    middle = struct.pack("<IIQII16sI", 0, 0, 0, 0, 0, b"bpfc_probe", 0)
    # expected_attach_type, prog_btf_fd, func_info (rec_size, pointer, count), line_info
    # (likewise), attach_btf_id
    tail = struct.pack("<IIIQIIQII", attach, 0, 0, 0, 0, 0, 0, 0, btf_id)
    return _call(BPF_PROG_LOAD, head + middle + tail)


def create_map(kind: int, key: int, value: int, entries: int, inner_fd: int = 0) -> int:
    """BPF_MAP_CREATE.

    Args:
        kind: enum bpf_map_type.
        key, value: sizes in bytes.
        entries: max_entries.
        inner_fd: example of the maps inside, for a map of maps.

    Returns:
        A descriptor for the caller to close.

    Raises:
        OSError: the kernel refused it.
    """
    return _call(BPF_MAP_CREATE, struct.pack("<IIIIII", kind, key, value, entries, 0, inner_fd))


def open_raw_tracepoint(program: int, name: bytes | None) -> int:
    """BPF_RAW_TRACEPOINT_OPEN, which is also how LSM programs are attached.

    Args:
        program: descriptor.
        name: the tracepoint, None for an LSM program.

    Returns:
        A link's descriptor; closing it detaches.

    Raises:
        OSError: the kernel refused it.
    """
    text = ctypes.create_string_buffer(name) if name is not None else None
    address = ctypes.addressof(text) if text is not None else 0
    return _call(BPF_RAW_TRACEPOINT_OPEN, struct.pack("<QI4x", address, program))


def create_link(program: int, target: int, attach: int) -> int:
    """BPF_LINK_CREATE.

    Args:
        program: descriptor.
        target: descriptor of what it is attached to.
        attach: ATTACH_*.

    Returns:
        A link's descriptor; closing it detaches.

    Raises:
        OSError: the kernel refused it.
    """
    return _call(BPF_LINK_CREATE, struct.pack("<IIII", program, target, attach, 0))


def _call(command: int, attributes: bytes) -> int:
    # The kernel takes a union that ends early and fills it with zeros.
    return syscalls.bpf(command, ctypes.create_string_buffer(attributes, len(attributes)))
