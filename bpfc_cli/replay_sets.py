"""What run-time sets hold while a recording is replayed: files that `--set` names."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bpfc_cli.exits import USAGE, Stop
from bpfc_cli.files import check_readable
from bpfc_cli.problems import Problem

if TYPE_CHECKING:
    from bpfc.artifact.sets import SetInfo
    from bpfc.recording.replay import Core
    from bpfc.runtime.sets import Value

_NUMBERS = ("port", "int")


def fill(core: "Core", files: Sequence[str]) -> None:
    """Put the elements in some files into the sets of a policy; they stay to the end.

    Args:
        core: the policy. Sets that it does not have are passed over: another policy may have them.
        files: NAME=FILE each; a file has an element a line, parts of a tuple with tabs between
            them, and comments behind `#` at the beginning of a line.

    Raises:
        Stop: BPFC0900, this is no such option; BPFC0901, a file cannot be read.
        SensorError: BPFC0721, an element is not of its set's type; BPFC0722, the set is full.
    """
    known = {info.name: info for info in core.artifact.manifest.sets}
    for words in files:
        name, found, path = words.partition("=")
        if not found or not name or not path:
            raise _wrong(words)
        check_readable(Path(path))
        if name in known:
            core.set(name).update(_elements(known[name], Path(path)), ttl=0)


def check_names(cores: "Sequence[Core]", files: Sequence[str]) -> None:
    """Make sure that some policy has each set.

    Args:
        cores: the policies.
        files: as for `fill`.

    Raises:
        Stop: BPFC0900, none of them has one of the sets.
    """
    known = {info.name for core in cores for info in core.artifact.manifest.sets}
    for words in files:
        name = words.partition("=")[0]
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise Stop(
                USAGE,
                Problem("BPFC0900", f"--set {words}: there is no set {name}", f"sets: {there}"),
            )


def _elements(info: "SetInfo", path: Path) -> "Iterator[Value]":
    """The elements in a file, of the types that the set asks for as far as words can be that."""
    for line in path.read_text("utf-8").splitlines():
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


def _wrong(words: str) -> Stop:
    return Stop(
        USAGE,
        Problem("BPFC0900", f"--set {words}: this is not NAME=FILE", "for example blocked=ips.txt"),
    )
