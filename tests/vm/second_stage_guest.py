"""In the guest: what this kernel lets an agent find out about a process in a container's cgroup."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from bpfc.artifact.decode import State
from bpfc.userspace.fields import Sources
from runtime_linux.cgroups import cgroups
from runtime_linux.procfs import cgroup2_mount, open_program, start_of

ID = "5e" * 32


def play() -> dict[str, object]:
    """Everything, as the host compares it."""
    mount = cgroup2_mount()
    if mount is None:
        mount = Path("/tmp/cgroup2")
        mount.mkdir()
        subprocess.run(["mount", "-t", "cgroup2", "none", mount], check=True)
    group = mount / "system.slice" / f"docker-{ID}.scope"
    group.mkdir(parents=True)
    program = Path("/tmp/program")
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    expected = hashlib.sha256(program.read_bytes()).hexdigest()
    process = subprocess.Popen([program, "60"])
    (group / "cgroup.procs").write_text(str(process.pid))
    status, number = program.stat(), group.stat().st_ino
    device = os.major(status.st_dev) << 20 | os.minor(status.st_dev)
    start = start_of(process.pid)
    assert start is not None
    program.unlink()
    sources = Sources(opener=open_program, cgroups=cgroups)
    of_file = (str(program), device, status.st_ino, process.pid, start)
    seen: dict[str, object] = {
        "hierarchies": Path("/proc/self/cgroup").read_text().count("\n"),
        "deleted": sources.value("sha256", of_file) == expected,
        "container": sources.value("container.id", (process.pid, start, number)) == ID,
        "user": sources.value("user", (0,)),
    }
    process.kill()
    process.wait()
    fresh = Sources(opener=open_program, cgroups=cgroups)
    gone = (State.UNKNOWN, State.UNKNOWN, number)
    seen["by id"] = fresh.value("container.id", gone) == ID
    seen["gone"] = fresh.value("sha256", of_file) is State.UNKNOWN
    group.rmdir()
    after = Sources(cgroups=cgroups).value("container.id", gone)
    seen["removed"] = after is State.UNKNOWN
    return seen


if __name__ == "__main__":
    print(json.dumps(play()))
