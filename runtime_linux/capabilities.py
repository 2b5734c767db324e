"""What this machine offers, found by trying it: each probe loads, attaches and takes away again.

The kernel's version says little (distributions backport, containers forbid): nothing asks it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bpfc.runtime.platform import Capability
from runtime_linux import instructions, procfs
from runtime_linux.library import libbpf
from runtime_linux.maps import MAP_TYPES, Map, u32

BTF_FILE = Path("/sys/kernel/btf/vmlinux")
LSM_FILE = Path("/sys/kernel/security/lsm")
STATS_FILE = Path("/proc/sys/kernel/bpf_stats_enabled")
_PAGE_RING = os.sysconf("SC_PAGESIZE")

# A probe gives a sentence on what it saw, or raises OSError or _Unavailable.
Probe = Callable[[], str]


class _Unavailable(Exception):
    """A probe found that something is not there; the text says why."""


@contextmanager
def _held(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _privileges() -> str:
    if not procfs.has_rights():
        raise _Unavailable(
            "this process has neither CAP_SYS_ADMIN nor CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN"
        )
    return "this process may load and attach programs"


def _libbpf() -> str:
    library = libbpf()
    return f"libbpf {library.libbpf_major_version()}.{library.libbpf_minor_version()}"


def _btf() -> str:
    if not BTF_FILE.exists():
        raise _Unavailable(
            f"{BTF_FILE} does not exist: the kernel was built without CONFIG_DEBUG_INFO_BTF"
        )
    return f"{BTF_FILE} exists"


def _ringbuf() -> str:
    with _held(instructions.create_map(MAP_TYPES["ringbuf"], 0, 0, _PAGE_RING)):
        return "a ring buffer was made"


def _raw_tracepoint() -> str:
    code = instructions.returning(0)
    with ExitStack() as stack:
        load = instructions.load_program(instructions.PROG_RAW_TRACEPOINT, code)
        program = stack.enter_context(_held(load))
        stack.enter_context(_held(instructions.open_raw_tracepoint(program, b"sched_process_exit")))
        return "a program was attached to a raw tracepoint"


def _cgroup() -> str:
    mount = procfs.cgroup2_mount()
    if mount is None:
        raise _Unavailable("no cgroup2 hierarchy is mounted (mount -t cgroup2 none /sys/fs/cgroup)")
    _attach_connect(instructions.returning(1), mount)
    return f"a program was attached to the cgroup2 hierarchy at {mount}"


def _cgroup_signal() -> str:
    attach = instructions.ATTACH_CGROUP_INET4_CONNECT
    kind = instructions.PROG_CGROUP_SOCK_ADDR
    with _held(instructions.load_program(kind, instructions.signalling(), attach)):
        return "programs on connect may send signals"


def _attach_connect(code: bytes, mount: Path) -> None:
    attach = instructions.ATTACH_CGROUP_INET4_CONNECT
    with ExitStack() as stack:
        kind = instructions.PROG_CGROUP_SOCK_ADDR
        program = stack.enter_context(_held(instructions.load_program(kind, code, attach)))
        cgroup = stack.enter_context(
            _held(os.open(mount, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        )
        stack.enter_context(_held(instructions.create_link(program, cgroup, attach)))


def _atomics() -> str:
    code = instructions.fetching_atomic()
    with _held(instructions.load_program(instructions.PROG_SOCKET_FILTER, code)):
        return "atomics that return a value load"


def _bpf_lsm() -> str:
    """Attach a program that only counts, and see whether the kernel calls it."""
    active = LSM_FILE.read_text().strip() if LSM_FILE.is_file() else ""
    if active and "bpf" not in active.split(","):
        raise _Unavailable(
            f"bpf is not among the active security modules ({active}); boot with lsm=...,bpf"
        )
    kind, attach = instructions.PROG_LSM, instructions.ATTACH_LSM_MAC
    function = libbpf().libbpf_find_vmlinux_btf_id(b"task_getpgid", attach)
    if function < 0:
        raise _Unavailable("the kernel was built without CONFIG_BPF_LSM")
    with ExitStack() as stack:
        counter = Map("probe", instructions.create_map(MAP_TYPES["array"], 4, 8, 1), 4, 8, 1)
        stack.callback(os.close, counter.fd)
        code = instructions.counting(counter.fd)
        load = instructions.load_program(kind, code, attach, function)
        program = stack.enter_context(_held(load))
        stack.enter_context(_held(instructions.open_raw_tracepoint(program, None)))
        os.getpgid(os.getpid())  # calls the hook; rare otherwise, and the program only counts
        if not any(counter.lookup(u32(0)) or b""):
            raise _Unavailable("an LSM program attaches but is never called; boot with lsm=...,bpf")
    return "an LSM program was attached and called"


def _initial_pid_namespace() -> str:
    if not procfs.in_initial_pid_namespace():
        raise _Unavailable("this process runs in a pid namespace of its own")
    return "process ids here are the kernel's own"


def _bpf_stats() -> str:
    state = STATS_FILE.read_text().strip()
    if state == "0":
        raise _Unavailable("accounting is off (sysctl kernel.bpf_stats_enabled=1 turns it on)")
    return "accounting is on"


# Name, what it enables, probe; in the order in which `bpfc doctor` shows them.
PROBES: tuple[tuple[str, str, Probe], ...] = (
    ("privileges", "everything", _privileges),
    ("libbpf", "everything", _libbpf),
    ("btf", "programs that fit any kernel", _btf),
    ("ringbuf", "alerts", _ringbuf),
    ("raw_tp", "process.*; killing a process before its first instruction", _raw_tracepoint),
    ("bpf_lsm", "denying process.exec", _bpf_lsm),
    ("cgroup", "net.connect, observed and denied", _cgroup),
    ("cgroup_signal", "nothing yet: on net.connect the agent kills", _cgroup_signal),
    ("atomics", "programs for kernels that preempt them; 5.10 gets a variant", _atomics),
    ("pid_namespace", "processes older than the sensor; kills by it", _initial_pid_namespace),
    ("bpf_stats", "run counts and times of hooks", _bpf_stats),
)  # fmt: skip


def probe() -> tuple[Capability, ...]:
    """Try everything.

    Returns:
        One capability for each entry of PROBES.

    Raises:
        SensorError: BPFC0701 or BPFC0702, there is no libbpf.
    """
    return tuple(_probed(name, enables, attempt) for name, enables, attempt in PROBES)


def _probed(name: str, enables: str, attempt: Probe) -> Capability:
    try:
        return Capability(name, True, attempt(), enables)
    except _Unavailable as reason:
        return Capability(name, False, str(reason), enables)
    except OSError as error:
        return Capability(name, False, f"the kernel refuses it: {error.strerror}", enables)
