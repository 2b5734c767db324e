"""Reading and writing the files that a command line names, with one clear diagnostic each."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from bpfc_cli.exits import USAGE, Stop
from bpfc_cli.problems import Problem

ELF_MAGIC = b"\x7fELF"


def check_readable(path: Path) -> None:
    """Make sure that a path names a file that can be read.

    Args:
        path: as the user gave it.

    Raises:
        Stop: BPFC0901, with the reason.
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise unreadable(path, "it is a directory")
        with path.open("rb"):
            pass
    except OSError as error:
        raise unreadable(path, _reason(error)) from error


def looks_compiled(path: Path) -> bool:
    """Whether a file is an ELF file (an artifact, perhaps a damaged one) rather than rules.

    Args:
        path: a file.

    Returns:
        True by its first bytes, or for what is named `.o` whatever it holds.

    Raises:
        Stop: BPFC0901, it cannot be read.
    """
    check_readable(path)
    with path.open("rb") as file:
        return file.read(len(ELF_MAGIC)) == ELF_MAGIC or path.suffix == ".o"


def check_writable(path: Path) -> None:
    """See whether a file can probably be written, before the work for it is done.

    Args:
        path: where something is to be written.

    Raises:
        Stop: BPFC0902, it cannot.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a directory")
        if not stat.S_ISDIR(path.parent.stat().st_mode):
            raise NotADirectoryError(None, f"{path.parent} is not a directory")
    except OSError as error:
        raise unwritable(path, error) from error


def write_whole(path: Path, data: bytes, keep: bool = False) -> None:
    """Write a file so that nobody ever sees half of it.

    Args:
        path: where to; an existing file is replaced.
        data: what.
        keep: give it the mode and, as far as this user may, the owner of the file it replaces.

    Raises:
        Stop: BPFC0902, it cannot be written.
    """
    check_writable(path)
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or device: nothing to replace
        else:
            _replace(path, data, path.stat() if keep else None)
    except OSError as error:
        raise unwritable(path, error) from error


def _replace(path: Path, data: bytes, like: os.stat_result | None) -> None:
    """Write beside the target, then rename over it."""
    umask = os.umask(0)
    os.umask(umask)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if like is not None:
            with suppress(PermissionError):
                os.chown(name, like.st_uid, like.st_gid)
        os.chmod(name, 0o666 & ~umask if like is None else stat.S_IMODE(like.st_mode))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _reason(error: OSError) -> str:
    """An OSError's own words, in lower case."""
    words = error.strerror or str(error)
    return words[:1].lower() + words[1:]


def unreadable(path: Path, reason: str) -> Stop:
    """BPFC0901, for a file that another part of bpfc reads.

    Args:
        path: the file.
        reason: why it cannot be read.
    """
    return Stop(
        USAGE,
        Problem(
            code="BPFC0901",
            message=f"cannot read {path}: {reason}",
            remedy="name one or more .det files or an artifact that exist and that you may read",
        ),
    )


def unwritable(path: Path, error: OSError) -> Stop:
    """BPFC0902, for a file that another part of bpfc writes.

    Args:
        path: the file.
        error: what the system said.
    """
    return Stop(
        USAGE,
        Problem(
            code="BPFC0902",
            message=f"cannot write {path}: {_reason(error)}",
            remedy="name a place that you may write to",
        ),
    )
