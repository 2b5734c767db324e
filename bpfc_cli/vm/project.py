"""This project as a tar archive, for the guest: made for each boot, so it is never stale."""

import importlib.metadata
import importlib.util
import io
import tarfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from bpfc_cli.vm.table import GUEST

PACKAGES = ("bpfc", "bpfc_cli", "compiler", "dsl", "runtime_linux")
AGENT = "/opt/bpfc/agent.py"
BLOCK = 512  # a disk is a whole number of sectors; tar's records are multiples already


def project_archive() -> bytes:
    """The packages that are installed, or that lie in the checkout, and the agent.

    Returns:
        A tar archive with paths from the guest's root.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        agent = files("bpfc_cli.vm").joinpath("agent.py").read_bytes()
        entry = tarfile.TarInfo(AGENT.lstrip("/"))
        entry.size, entry.mode = len(agent), 0o755
        archive.addfile(entry, io.BytesIO(agent))
        for source, name in _members():
            # The time as well: Python compares it with the one in the .pyc file beside it.
            archive.add(source, f"{GUEST.project.lstrip('/')}/{name}", filter=_plain)
    return buffer.getvalue()


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member that root owns and all can read."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode = 0o644
    return entry


def _members() -> Iterator[tuple[Path, str]]:
    """Files and where they go below the project's folder."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            folder = Path(place)
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    yield path, f"{package}/{path.relative_to(folder)}"
    try:
        distribution = importlib.metadata.distribution("bpfc")
    except importlib.metadata.PackageNotFoundError:
        return  # a checkout that is not installed
    for file in distribution.files or ():
        # Entry points are found through it: platforms register themselves there.
        if file.parent.name.endswith(".dist-info"):
            source = Path(str(distribution.locate_file(file)))
            if source.is_file():
                yield source, f"{file.parent.name}/{file.name}"
