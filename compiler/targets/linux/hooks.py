"""The hooks of the Linux half, as data: where programs attach, and which function handles the
event."""

from attrs import frozen


@frozen
class Hook:
    """A hook.

    Args:
        name: short name, part of symbols; its PROG_ARRAY is progs_<name>.
        section: ELF section of its programs.
        handler: function that handles the event in a scratch slot.
        events: events whose rules are judged here.
        needs: capabilities it takes.
        always: whether it is there without rules, to keep the process table.
        optional: whether a kernel that offers everything else may lack it (the section gets
            libbpf's "?").
        neutral: return value that changes nothing.
    """

    name: str
    section: str
    handler: str
    events: tuple[str, ...]
    needs: tuple[str, ...]
    always: bool
    optional: bool
    neutral: int

    @property
    def progs(self) -> str:
        """Name of its PROG_ARRAY."""
        return f"progs_{self.name}"


def _connect(family: int, kind: str) -> Hook:
    return Hook(
        f"{kind}{family}",
        f"cgroup/{kind}{family}",
        "on_connect",
        ("net.connect",),
        ("cgroup",),
        always=False,
        optional=False,
        neutral=1,
    )


def _process(name: str, tracepoint: str, event: str) -> Hook:
    return Hook(name, f"raw_tp/{tracepoint}", f"on_{name}", (event,), ("raw_tp",), True, False, 0)


# Where the process table depends on it, order is that of attachment: what adds entries comes first.
HOOKS = (
    _process("fork", "sched_process_fork", "process.fork"),
    _process("exec", "sched_process_exec", "process.exec"),
    _process("exit", "sched_process_exit", "process.exit"),
    Hook(
        "exec_check",
        "lsm/bprm_check_security",
        "on_exec_check",
        ("process.exec",),
        ("bpf_lsm",),
        always=False,
        optional=True,
        neutral=0,
    ),
    _connect(4, "connect"),
    _connect(6, "connect"),
    _connect(4, "sendmsg"),
    _connect(6, "sendmsg"),
)
