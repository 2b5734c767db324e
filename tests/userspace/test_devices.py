"""Files whose device is not that of their file system: the kernel records the latter."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bpfc.artifact.decode import State
from bpfc.userspace.fields import Sources
from runtime_linux.procfs import open_program, start_of

pytestmark = pytest.mark.root

# In a mount namespace of its own: an overlay of two file systems, and a program of its lower layer.
_SCRIPT = """
set -e
cd "$1"
mount -t tmpfs none lower; mount -t tmpfs none upper
mkdir upper/files upper/work
cp /bin/sleep lower/program
mount -t overlay -o lowerdir=lower,upperdir=upper/files,workdir=upper/work overlay merged
stat -c "%d %i" merged merged/program
exec merged/program 60
"""


def test_a_program_on_an_overlay_in_another_mount_namespace(tmp_path: Path) -> None:
    for name in ("lower", "upper", "merged"):
        (tmp_path / name).mkdir()
    command = [
        shutil.which("unshare") or "unshare",
        "--mount",
        "sh",
        "-c",
        _SCRIPT,
        "sh",
        str(tmp_path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            device, _ = map(int, process.stdout.readline().split())  # of the overlay
            layer, inode = map(int, process.stdout.readline().split())
            assert device != layer
            while not os.readlink(f"/proc/{process.pid}/exe").endswith("/program"):
                assert process.poll() is None
            began = start_of(process.pid)
            assert began is not None
            number = os.major(device) << 20 | os.minor(device)
            path = str(tmp_path / "merged/program")  # another namespace's
            sources = Sources(opener=open_program)
            expected = hashlib.sha256(Path("/bin/sleep").read_bytes()).hexdigest()
            answer = sources.value("sha256", (path, number, inode, process.pid, began))
            assert answer == expected
            for other in ((number + 1, inode), (number, inode + 1)):
                needs = (path, *other, process.pid, began)
                assert sources.value("sha256", needs) is State.UNKNOWN
            assert sources.counts.unknown["gone"] == 2  # by process another one, by path none
        finally:
            process.kill()
