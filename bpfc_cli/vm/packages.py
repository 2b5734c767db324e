"""The kernel package of each Debian release, fetched once."""

import subprocess
from pathlib import Path

from bpfc_cli.vm import apt
from bpfc_cli.vm.cache import Cache
from bpfc_cli.vm.errors import VmError
from bpfc_cli.vm.host import need_command
from bpfc_cli.vm.table import architecture, kernel


def kernel_package(series: str, cache: Cache) -> Path:
    """The package with a kernel and its modules.

    Args:
        series: for example "6.1".
        cache: where it is kept; a damaged one is fetched again.

    Returns:
        The .deb file.

    Raises:
        VmError: BPFC0801 to BPFC0806, no such kernel, or it cannot be fetched.
    """
    row, arch = kernel(series), architecture()
    return cache.file(
        f"linux-{series}-{arch.debian}.deb", lambda target: apt.download(row, arch, target)
    )


def unpack(package: Path, folder: Path) -> None:
    """Unpack a package's files.

    Args:
        package: the .deb file.
        folder: where to.

    Raises:
        VmError: BPFC0807, no dpkg-deb; BPFC0809, it cannot read the package.
    """
    command = need_command("dpkg-deb", "dpkg")
    answer = subprocess.run(
        [command, "--extract", str(package), str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if answer.returncode:
        raise VmError(
            "BPFC0809",
            f"the package {package.name} cannot be unpacked",
            f"delete {package} so that it is fetched again",
            answer.stderr.strip(),
        )
