"""Cgroups of processes, by id and by /proc."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.userspace.cgroups import Cgroups
from runtime_linux import cgroups as module
from runtime_linux.cgroups import cgroups, path_of
from runtime_linux.procfs import cgroup2_mount, start_of

pytestmark = pytest.mark.root


@pytest.fixture
def group() -> Iterator[Path]:
    """A cgroup of the version 2 hierarchy."""
    mount = cgroup2_mount()
    assert mount is not None
    path = mount / f"bpfc-test-{os.getpid()}" / "deep"
    path.mkdir(parents=True)
    yield path
    for folder in (path, path.parent):
        if folder.exists():
            folder.rmdir()


def test_a_path_by_its_id(group: Path) -> None:
    mount = cgroup2_mount()
    assert mount is not None
    number = group.stat().st_ino
    assert path_of(number, mount) == f"/bpfc-test-{os.getpid()}/deep"
    assert path_of(mount.stat().st_ino, mount) == "/"
    group.rmdir()
    with pytest.raises(OSError):
        path_of(number, mount)


def test_cgroups_of_a_process() -> None:
    own, start = os.getpid(), start_of(os.getpid())
    assert start is not None
    found = cgroups(own, start + 5, None)
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    assert found is not None and not found.exact
    assert sorted(found.paths) == sorted(line.split(":", 2)[2] for line in lines)
    assert lines[-1].startswith("0::") and found.paths[0] == lines[-1].split(":", 2)[2]
    assert cgroups(own, start + 10**9, None) is None
    assert cgroups(None, start, None) is None
    assert cgroups((1 << 22) + 1, start, None) is None


def test_where_there_is_one_hierarchy_the_id_counts(
    group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_unified", lambda: True)
    number = group.stat().st_ino
    path = f"/bpfc-test-{os.getpid()}/deep"
    start = start_of(os.getpid())
    assert cgroups(None, None, number) == Cgroups((path,), True)
    assert cgroups(os.getpid(), start, number) == Cgroups((path,), True)
    group.rmdir()
    assert cgroups(None, None, number) is None
    # This process is in another cgroup, whichever it was in before.
    assert cgroups(os.getpid(), start, number) is None


def test_without_the_right_to_look_by_id_the_process_has_to_be_there_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(module, "_unified", lambda: True)
    monkeypatch.setattr(module, "open_by_handle", refuse)
    mount = cgroup2_mount()
    found = cgroups(os.getpid(), start_of(os.getpid()), None)
    assert mount is not None and found is not None
    number = os.stat(f"{mount}{found.paths[0]}").st_ino
    exact = cgroups(os.getpid(), start_of(os.getpid()), number)
    assert exact is not None and exact.exact and exact.paths[0] == found.paths[0]
    assert cgroups(os.getpid(), start_of(os.getpid()), number + 1) is None
