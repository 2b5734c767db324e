"""Capability probes on the running kernel, and the mount table."""

import os
from pathlib import Path

import pytest

from runtime_linux import capabilities, procfs
from runtime_linux.grace import wait_by_map, wait_grace_period


def bpf_descriptors() -> list[str]:
    """What this process holds of the BPF subsystem."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue
        if "bpf" in target:
            found.append(target)
    return found


@pytest.mark.bpf
def test_probing_says_something_of_everything_and_leaves_nothing() -> None:
    before = bpf_descriptors()
    found = {c.name: c for c in capabilities.probe()}
    assert bpf_descriptors() == before
    assert list(found) == [name for name, _, _ in capabilities.PROBES]
    assert all(c.detail and c.enables for c in found.values())
    needed = ("privileges", "libbpf", "btf", "ringbuf", "raw_tp")
    assert all(found[name].available for name in needed), found


@pytest.mark.bpf
def test_what_the_kernel_forbids_is_a_capability_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("runtime_linux.instructions.load_program", refused)
    found = {c.name: c for c in capabilities.probe()}
    for name in ("raw_tp", "atomics", "cgroup_signal"):
        assert not found[name].available and "not permitted" in found[name].detail


def test_a_security_module_list_without_bpf_is_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = tmp_path / "lsm"
    listed.write_text("lockdown,capability,landlock\n")
    monkeypatch.setattr(capabilities, "LSM_FILE", listed)
    found = {c.name: c for c in capabilities.probe()}["bpf_lsm"]
    assert not found.available and "lsm=" in found.detail


@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ("proc /proc proc rw 0 0\n", None),
        ("none /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", None),
        ("cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", "/sys/fs/cgroup/unified"),
        ("x /a\\040b\\134c cgroup2 rw 0 0\ny /second cgroup2 rw 0 0\n", "/a b\\c"),
    ],
)
def test_the_cgroup_hierarchy_is_found_by_its_type(
    mounts: str, expected: str | None, tmp_path: Path
) -> None:
    table = tmp_path / "mounts"
    table.write_text(mounts)
    found = procfs.cgroup2_mount(str(table))
    assert found == (None if expected is None else Path(expected))


@pytest.mark.bpf
def test_both_ways_of_waiting_return() -> None:
    before = bpf_descriptors()
    wait_grace_period()
    wait_by_map()
    assert bpf_descriptors() == before
