"""From libbpf's and the verifier's messages to one diagnostic that names rule and line."""

import errno
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from attrs import frozen

from bpfc.artifact.manifest import RuleInfo
from bpfc.runtime.errors import SensorError
from runtime_linux.objects import LoadFailure

Places = Mapping[str, set[tuple[str, int]]]

_PLACED = re.compile(r"^; (?P<text>.*) @ (?P<file>[^\s@]+):(?P<line>\d+)\s*$")
_QUOTED = re.compile(r"^; (?P<text>.*)$")
# Lines of the log that are not the verdict: instructions, states, jumps, statistics, headings.
_NOISE = re.compile(
    r"^\s*(\d+: |R\d+(_w)?=|from \d+ to |processed \d+ |verification time|stack depth|"
    r"max_states_per_insn|total_states|mark_precise|last_idx|regs=|parent |func#|Func#|"
    r"Validating |propagating|\(.*\)\s*$|--)"
)
_PREFIX = re.compile(r"^(libbpf: )?prog '[^']*': ")


@frozen
class Refusal:
    """What a verifier log says.

    Args:
        reason: its last sentence, "" if the log is empty.
        text: the source line quoted last, "" if none is.
        file: name of that line's file without folders, "" if the log does not say.
        line: its number, 0 if the log does not say.
    """

    reason: str
    text: str
    file: str
    line: int


def read_log(log: str) -> Refusal:
    """Find verdict and place in a verifier log.

    Args:
        log: as the kernel wrote it, level 1.

    Returns:
        What it says.
    """
    reason, text, file, line = "", "", "", 0
    for row in log.splitlines():
        if placed := _PLACED.match(row):
            text, file, line = placed["text"].strip(), placed["file"], int(placed["line"])
        elif quoted := _QUOTED.match(row):
            text, file, line = quoted["text"].strip(), "", 0
        elif row.strip() and not _NOISE.match(row):
            reason = row.strip()
    return Refusal(reason, text, PurePath(file).name, line)


def rules_at(rules: Sequence[RuleInfo], places: set[tuple[str, int]]) -> list[RuleInfo]:
    """The rules that source lines belong to.

    Args:
        rules: of the manifest.
        places: (file, line) pairs; files are compared by their last component, as the kernel
            gives no more.

    Returns:
        The last rule that begins at or above each line, in source order.
    """
    found = []
    for file, line in places:
        above = [
            r for r in rules if PurePath(r.file).name == PurePath(file).name and r.line <= line
        ]
        if above:
            found.append(max(above, key=lambda rule: rule.line))
    return [rule for rule in rules if rule in found]


def load_error(failure: LoadFailure, rules: Sequence[RuleInfo], places: Places) -> SensorError:
    """The diagnostic for an object that was not loaded.

    Args:
        failure: what libbpf gave back, with a level 1 log if a program was refused.
        rules: of the manifest.
        places: line table of the object (`lines.line_places`).

    Returns:
        BPFC0705 where the verifier refused a program, BPFC0703 for missing rights, else BPFC0706.
    """
    if failure.program and failure.log:
        return _refused(failure, rules, places)
    said = "; ".join(
        dict.fromkeys(_PREFIX.sub("", m).removeprefix("libbpf: ") for m in failure.messages)
    )
    what = f"program {failure.program}" if failure.program else "the object"
    if failure.number in (errno.EPERM, errno.EACCES):
        return SensorError(
            "BPFC0703",
            f"the kernel does not let this process load {what}: {os.strerror(failure.number)}",
            "run as root (or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN) where BPF is allowed",
        )
    return SensorError(
        "BPFC0706",
        f"{what} cannot be loaded: {os.strerror(failure.number)}{f' ({said})' if said else ''}",
        "`bpfc doctor` shows what this machine lacks",
    )


def _refused(failure: LoadFailure, rules: Sequence[RuleInfo], places: Places) -> SensorError:
    found = read_log(failure.log)
    where = {(found.file, found.line)} if found.file else places.get(found.text, set())
    named = rules_at(rules, where)
    names = tuple(rule.name for rule in named)
    file, line = next(iter(sorted(where)), ("", 0))
    if named:
        file = next(r.file for r in named)
        subject = (
            f"rule{'s' if len(names) > 1 else ''} {', '.join(names)} (program {failure.program})"
        )
    else:
        subject = f"program {failure.program}"
    reason = found.reason or os.strerror(failure.number)
    if failure.number == errno.ENOSPC:
        reason = "it is too large for the verifier"
    quoted = f", at `{found.text}`" if found.text else ""
    return SensorError(
        "BPFC0705",
        f"the kernel's verifier refused {subject}: {reason}{quoted}",
        "this is a fault of bpfc, not of the rule: report it with the output of `bpfc verify`; "
        "until then write the named line differently or leave the rule out",
        rules=names,
        file=file,
        line=line,
    )
