"""What run-time sets hold while a recording is replayed: files that `--set` names."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bpfc_cli.exits import USAGE, Stop
from bpfc_cli.files import check_readable, unreadable
from bpfc_cli.problems import Problem

if TYPE_CHECKING:
    from bpfc.artifact.sets import SetInfo
    from bpfc.recording.replay import Core
    from bpfc.runtime.sets import Value

_NUMBERS = ("port", "int")


def set_files(cores: "Sequence[Core]", options: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """The sets that are filled, and from which files.

    Args:
        cores: the policies; at least one of them has each set.
        options: NAME=FILE each.

    Returns:
        Names with files that can be read.

    Raises:
        Stop: BPFC0900, this is no such option, or none of them has one of the sets; BPFC0901, a
            file cannot be read.
    """
    known = {info.name for core in cores for info in core.artifact.manifest.sets}
    found = []
    for words in options:
        name, _, path = words.partition("=")
        if not name or not path:
            raise _wrong(words, "this is not NAME=FILE", "for example blocked=ips.txt")
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise _wrong(words, f"there is no set {name}", f"sets: {there}")
        check_readable(Path(path))
        found.append((name, Path(path)))
    return tuple(found)


def fill(core: "Core", files: Sequence[tuple[str, Path]]) -> None:
    """Put the elements in some files into the sets of a policy; they stay to the end.

    Args:
        core: the policy. Sets that it does not have are passed over: another policy may have them.
        files: names of sets, and files that have an element a line, parts of a tuple with tabs
            between them, and comments behind `#` at the beginning of a line.

    Raises:
        Stop: BPFC0901, a file is not UTF-8.
        SensorError: BPFC0721, an element is not of its set's type; BPFC0722, the set is full.
    """
    known = {info.name: info for info in core.artifact.manifest.sets}
    for name, path in files:
        if name in known:
            core.set(name).update(_elements(known[name], path), ttl=0)


def _elements(info: "SetInfo", path: Path) -> "Iterator[Value]":
    """The elements in a file, of the types that the set asks for as far as words can be that."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise unreadable(path, f"it is not UTF-8 at byte {error.start:,}") from error
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t") if len(info.members) > 1 else [line.strip()]
        values = [
            int(part) if at < len(info.members) and _is_number(info.members[at], part) else part
            for at, part in enumerate(parts)
        ]
        yield tuple(values) if len(info.members) > 1 else values[0]


def _is_number(member: str, part: str) -> bool:
    return member in _NUMBERS and part.strip().removeprefix("-").isdecimal()


def _wrong(words: str, message: str, remedy: str) -> Stop:
    return Stop(USAGE, Problem("BPFC0900", f"--set {words}: {message}", remedy))
