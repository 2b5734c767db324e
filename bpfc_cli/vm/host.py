"""What the host must have: commands, and a static busybox."""

import shutil
from pathlib import Path

from bpfc_cli.vm.errors import VmError

ELF_MAGIC = b"\x7fELF"
LOADER = b"/ld-"  # in the path that a dynamic program's interpreter segment names


def need_command(command: str, package: str) -> str:
    """Where a command of the host lies.

    Args:
        command: its name.
        package: Debian package that has it.

    Returns:
        Its path.

    Raises:
        VmError: BPFC0807, it is not there.
    """
    # sbin is not on every user's PATH, and half of these commands lie there.
    found = shutil.which(command) or shutil.which(command, path="/usr/local/sbin:/usr/sbin:/sbin")
    if found is None:
        raise VmError(
            "BPFC0807",
            f"virtual machines need the command {command!r}, which is not installed",
            f"install it (Debian package {package})",
        )
    return found


def busybox() -> Path:
    """The host's static busybox.

    Returns:
        Where it lies.

    Raises:
        VmError: BPFC0808, it is missing or not static.
    """
    found = shutil.which("busybox")
    data = Path(found).read_bytes() if found else b""
    # A dynamic one names its loader near the start of the file, in the interpreter segment.
    if not data.startswith(ELF_MAGIC) or LOADER in data[:4096]:
        raise VmError(
            "BPFC0808",
            "virtual machines need a static busybox, which is not installed"
            + (f" ({found} is not static)" if found else ""),
            "install it (Debian package busybox-static)",
        )
    return Path(found or "").resolve()
