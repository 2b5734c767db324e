"""Killing a process that an alert named, without ever hitting another."""

import os
import signal

from bpfc.artifact.control import PRIMED_TICK_NS
from bpfc.runtime.platform import KillResult
from runtime_linux import procfs


def kill_process(pid: int, start_ns: int | None, before_ns: int) -> KillResult:
    """Send SIGKILL through a pidfd, after checking that it is the same process.

    Args:
        pid: its id in the initial pid namespace.
        start_ns: when it started, nanoseconds since boot, if known.
        before_ns: when the event happened; a process that started later only has the same number.

    Returns:
        Whether the signal was sent, and if not, why.
    """
    refusal = _protected(pid)
    if refusal:
        return KillResult(pid, False, refusal)
    try:
        descriptor = os.pidfd_open(pid)
    except OSError as error:
        return KillResult(pid, False, f"it had ended already ({error.strerror})")
    try:
        # The descriptor holds on to one process; what /proc shows now is that one, or it has ended
        # and the signal goes nowhere.
        started = procfs.start_of(pid)
        if started is None:
            return KillResult(pid, False, "it had ended already")
        if procfs.is_kernel_thread(pid):
            return KillResult(pid, False, "it is a kernel thread")
        if not _same(started, start_ns, before_ns):
            return KillResult(pid, False, "its process id belongs to another process by now")
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError as error:
        return KillResult(pid, False, f"the signal could not be sent ({error.strerror})")
    finally:
        os.close(descriptor)
    return KillResult(pid, True, "kill requested")


def _protected(pid: int) -> str:
    if pid <= 1:
        return "process 1 and the kernel are never killed"
    if pid == os.getpid():
        return "the sensor does not kill itself"
    if not procfs.in_initial_pid_namespace():
        return "the sensor runs in a pid namespace of its own and cannot name the process"
    return ""


def _same(started: int, start_ns: int | None, before_ns: int) -> bool:
    if start_ns is not None and start_ns // PRIMED_TICK_NS * PRIMED_TICK_NS != started:
        return False
    return started <= before_ns
