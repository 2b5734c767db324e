"""Nothing may skip where everything can run: a pytest plugin, loaded by `tests/conftest.py`.

In CI, and on a machine that lets its root user load BPF programs, a skipped (or expectedly failed)
test counts as failed, unless its reason begins with a prefix of `ALLOWED`. Elsewhere skips are only
listed: a laptop without root rights still runs what it can.
"""

import ctypes
import os
from collections.abc import Generator
from functools import cache

import pytest

# What a kernel cannot offer, however the machine is set up; each needs a virtual machine instead.
ALLOWED = (
    "kernel: BPF LSM",  # the program type is refused, or `bpf` is not in the active LSM list
    "kernel: fentry",  # no trampolines
)
BPF_PROG_TYPE_RAW_TRACEPOINT = 17  # include/uapi/linux/bpf.h


@cache
def everything_can_run() -> bool:
    """Whether skips are forbidden here: CI, or root on a kernel that loads BPF programs."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        return True
    if os.name != "posix" or os.geteuid() != 0:
        return False
    try:
        probe = ctypes.CDLL("libbpf.so.1").libbpf_probe_bpf_prog_type
    except (OSError, AttributeError):
        return False
    return bool(probe(BPF_PROG_TYPE_RAW_TRACEPOINT, None) == 1)


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Why a report skips."""
    if hasattr(report, "wasxfail"):
        return f"expected failure: {report.wasxfail}"
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip that is not allowed here into a failure, in place."""
    if report.outcome != "skipped" or not everything_can_run():
        return
    reason = _reason(report)
    if reason.startswith(ALLOWED):
        return
    report.outcome = "failed"
    report.longrepr = (
        f"skipped on a machine where nothing may skip: {reason}\n"
        "(tests/skips.py lists what a kernel may lack)"
    )
    if hasattr(report, "wasxfail"):
        del report.wasxfail


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge each test's report."""
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge modules that skip as a whole."""
    report = yield
    _judge(report)
    return report
