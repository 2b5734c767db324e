"""Alerts as a table that grows by lines: who, what, outcome. Long texts are folded, never cut."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from attrs import frozen
from rich.cells import cell_len, chop_cells

from bpfc.artifact.alert import Alert, printable
from bpfc.artifact.alert_steps import AlertStep
from bpfc.artifact.own_alerts import EVICTED
from bpfc.artifact.wording import argument, duration

WIDTH_OF_A_PIPE = 160  # characters, where nothing says how wide the reader is
NARROWEST = 80
_GAP = "  "
_HEADINGS = ("time", "rule", "who", "outcome", "what")
_TIME, _RULE, _WHO, _OUTCOME = 12, 18, 24, 14  # characters; who gets more where there is more
_STYLES = {"denied": "31", "killed": "31", "kill requested": "31", "observed": "32"}
_PROCESS = ("proc.pid", "proc.start_time")  # of a step: shown in front of its other fields
_OTHER_STYLE = "33"


@frozen
class AlertTable:
    """The look of the table.

    Args:
        width: characters of a line.
        colour: whether outcomes are coloured.
    """

    width: int
    colour: bool

    def head(self) -> str:
        """The headings and a line below them."""
        return "\n".join(
            (*self._fold(_HEADINGS, ""), *self._fold(["-" * w for w in self._widths()], ""))
        )

    def row(self, alert: Alert) -> str:
        """One alert, on as many lines as it takes.

        Args:
            alert: the alert.

        Returns:
            Lines without a newline at the end.
        """
        style = _STYLES.get(alert.outcome, _OTHER_STYLE) if self.colour else ""
        return "\n".join(self._fold(cells(alert), style))

    def _widths(self) -> list[int]:
        """Widths of all columns; the message has what is left."""
        width = max(NARROWEST, self.width)
        fixed = [_TIME, _RULE, max(_WHO, width // 5), _OUTCOME]
        return [*fixed, max(_TIME, width - sum(fixed) - len(_GAP) * len(fixed))]

    def _fold(self, words: Sequence[str], style: str) -> Iterator[str]:
        """The lines of a row."""
        widths = self._widths()
        columns = [_folded(text, width) for text, width in zip(words, widths, strict=True)]
        for pieces in zip_longest(*columns, fillvalue=""):
            padded = [p + " " * (w - cell_len(p)) for p, w in zip(pieces, widths, strict=True)]
            if style and pieces[3]:
                padded[3] = f"\x1b[{style}m{padded[3]}\x1b[0m"
            yield _GAP.join(padded).rstrip()


def for_stdout() -> AlertTable:
    """The table that fits standard output."""
    terminal = sys.stdout.isatty()
    known = terminal or "COLUMNS" in os.environ
    width = shutil.get_terminal_size().columns if known else WIDTH_OF_A_PIPE
    return AlertTable(width, terminal and "NO_COLOR" not in os.environ)


def cells(alert: Alert) -> tuple[str, ...]:
    """What the table says of an alert: time, rule, who, outcome, what.

    Args:
        alert: the alert.

    Returns:
        Printable texts, of any length; the last one has a line for each value that the rule names.
    """
    severity = f" ({alert.rule.severity})" if alert.rule.severity else ""
    outcome = f"{alert.outcome} ({alert.errno})" if alert.errno else alert.outcome
    notes = []
    if alert.certainty != "certain":
        notes.append(f"certainty {alert.certainty}: could not read {', '.join(alert.unknown)}")
    if alert.more_rules:
        notes.append(f"{alert.more_rules} more rules fired")
    output = [f"{name}: {_value(value)}" for name, value in alert.output.items()]
    before = [_step(step, alert.time_ns) for step in alert.steps]
    what = "\n".join(map(printable, ["; ".join([alert.message, *notes]), *before, *output]))
    time = alert.time.partition("T")[2][:12] or alert.time
    who = "the sensor" if alert.event == EVICTED else _who(alert.fields)
    facts = (time, alert.rule.name + severity, who, outcome)
    return (*map(printable, facts), what)


def _step(step: AlertStep, now: int) -> str:
    """An earlier step of a sequence: what and how long before, by whom, and what is shown of it."""
    who = f"pid {step.fields.get('proc.pid', '?')}"
    program = step.program or "program no longer known"
    facts = [f"{n} {_value(value)}" for n, value in step.fields.items() if n not in _PROCESS]
    ago = duration(max(now - step.time_ns, 0))
    return ", ".join([f"after {step.event} {ago} before by {program} {who}", *facts])


def _who(fields: Mapping[str, object]) -> str:
    """The process: its program, id and user, as far as they are known."""
    name = str(fields.get("proc.exe.path") or fields.get("proc.comm") or "?")
    facts = [
        f"{word} {fields[key]}"
        for word, key in (("pid", "proc.pid"), ("uid", "proc.uid"))
        if key in fields
    ]
    return f"{name} {' '.join(facts)}".strip()


def _value(value: object) -> str:
    """A value that a rule names."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(map(argument, value)) if isinstance(value, list) else str(value)


def _folded(text: str, width: int) -> list[str]:
    """A text in pieces of a width, broken at its line ends and at blanks where possible."""
    return [line for part in text.split("\n") for line in _folded_line(part, width)]


def _folded_line(text: str, width: int) -> list[str]:
    """The same for a text of one line."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if cell_len(candidate) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines += full
    return [*lines, line]
