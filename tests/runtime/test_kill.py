"""Kills by the agent, on real processes."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from runtime_linux import procfs
from runtime_linux.kill import kill_process

NOW = 1 << 62


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that runs until it is killed."""
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_the_process_that_was_named_is_killed(child: subprocess.Popen[bytes]) -> None:
    start = procfs.start_of(child.pid)
    assert start is not None
    # The kernel side gives nanoseconds, /proc hundredths of a second.
    result = kill_process(child.pid, start + 1234, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    assert result.done
    assert child.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize(("later", "before"), [(10_000_000, NOW), (None, 1)])
def test_another_process_of_the_same_number_is_left_alone(
    child: subprocess.Popen[bytes], later: int | None, before: int
) -> None:
    start = procfs.start_of(child.pid)
    assert start is not None
    result = kill_process(child.pid, None if later is None else start + later, before)
    assert not result.done and "another process" in result.reason
    assert child.poll() is None


@pytest.mark.parametrize("pid", [-1, 0, 1, 2, os.getpid()])
def test_these_are_never_killed(pid: int) -> None:
    result = kill_process(pid, None, NOW)
    assert not result.done and result.reason


def test_a_process_that_has_ended_is_not_an_error(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    result = kill_process(child.pid, None, NOW)
    assert not result.done and "ended" in result.reason


def test_in_a_pid_namespace_of_its_own_it_names_nobody(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procfs, "INITIAL_PID_NAMESPACE", "pid:[1]")
    assert not kill_process(child.pid, None, NOW).done
    assert child.poll() is None
