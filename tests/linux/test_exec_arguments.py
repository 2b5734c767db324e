"""process.exec: arguments as the kernel has them, string operators, texts that are cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bpfc.artifact.alert import Alert
from bpfc.artifact.control import LONG_TEXT
from tests.linux.live import Live, active, names, only
from tests.linux.programs import Words, parent_is_this_process, run

pytestmark = [pytest.mark.bpf, pytest.mark.root]

EXAMINED = 32768  # bytes of a command line, the last NUL among them
NEEDLE = "needle-in-haystack"

TESTS = {
    "equal": 'proc.cmdline == "true a b"',
    "equal_cut": 'proc.cmdline == "true a"',
    "starts": 'proc.cmdline startswith "true a"',
    "ends": 'proc.cmdline endswith "b c"',
    "not_ends": 'not proc.cmdline endswith "b c"',
    "contains": f'proc.cmdline contains "{NEEDLE}"',
    "not_contains": f'not proc.cmdline contains "{NEEDLE}"',
    "folded": f'proc.cmdline contains "{NEEDLE.upper()}" nocase',
    "unfolded": f'proc.cmdline contains "{NEEDLE.upper()}"',
    "any_of": 'proc.cmdline contains any ["--alpha", "--beta"]',
    "all_of": 'proc.cmdline contains all ["--alpha", "--beta"]',
    "listed": 'proc.cmdline in ["true one", "true two"]',
    "dash_r": 'proc.argv any == "-r"',
    "no_dash_r": 'not proc.argv any == "-r"',
    "empty": 'proc.argv any == ""',
    "first": 'proc.argv any == "true"',
    "part": 'proc.argv any contains "mid"',
    "begin": 'proc.argv any startswith "--key="',
    "end": 'proc.argv any endswith ".key"',
    "below": 'proc.argv any under "/etc/ssh"',
    "fold_arg": 'proc.argv any in ["-X", "--REMOVE"] nocase',
    "spaces": 'proc.argv any == "two words"',
    "bytes": 'proc.cmdline contains "grün"',
    "both": 'proc.argv any == "-r" and proc.cmdline contains "--force"',
}


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    """A rule for each of TESTS, and `seen` for every exec."""
    mine = parent_is_this_process()
    rules = [f"rule {n} {{ on process.exec when {mine} and {t} alert }}" for n, t in TESTS.items()]
    with active("\n".join([f"rule seen {{ on process.exec when {mine} alert }}", *rules])) as one:
        yield one


@pytest.fixture
def fired(live: Live, busybox: Path) -> "Fired":
    """What fires for a program with some arguments."""
    return Fired(live, busybox)


class Fired:
    """Runs a program with arguments."""

    def __init__(self, live: Live, program: Path) -> None:
        self.live, self.program = live, program

    def alerts(self, words: Words) -> list[Alert]:
        """All alerts."""
        return self.live.during(lambda: run(self.program, words))

    def __call__(self, *words: str | bytes) -> set[str]:
        """The rules, without those that fire on nearly everything."""
        ubiquitous = {"seen", "not_ends", "not_contains", "no_dash_r", "first"}
        return names(self.alerts(words)) - ubiquitous


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("true", ""),
        ("true|a|b", "equal starts"),
        ("true a b", "equal starts"),
        ("true|a", "equal_cut starts"),
        ("true|a|b|c", "starts ends"),
        ("true|xb c", "ends"),
        ("true|b c ", ""),
        (f"true|{NEEDLE}", "contains folded"),
        (f"true|x{NEEDLE}x", "contains folded"),
        (f"true|{NEEDLE.upper()}", "folded unfolded"),
        (f"true|{NEEDLE.title()}", "folded"),
        (f"true|{NEEDLE[:9]}|{NEEDLE[9:]}", ""),
        ("true|--alpha", "any_of"),
        ("true|--beta|--alpha", "any_of all_of"),
        ("true|two", "listed"),
        ("true|two|x", ""),
        ("true|-r", "dash_r"),
        ("true|-r|x", "dash_r"),
        ("true|x|-r|y", "dash_r"),
        ("true|-rf", ""),
        ("true|x-r", ""),
        ("true|-r x", ""),
        ("true|x -r", ""),
        ("true|-r|--force", "dash_r both"),
        ("true||x", "empty"),
        ("true|x|", "empty"),
        ("true|", "empty"),
        ("true|a mid b", "starts part"),
        ("true|--key=x", "begin"),
        ("true|x--key=x", ""),
        ("true|x.key|y", "end"),
        ("true|x.key.y", ""),
        ("true|/etc/ssh", "below"),
        ("true|/etc/ssh/x", "below"),
        ("true|/etc/sshd", ""),
        ("true|x/etc/ssh", ""),
        ("true|--Remove", "fold_arg"),
        ("true|two words", "spaces"),
        ("true|two|words", ""),
        ("true|grün", "bytes"),
    ],
)
def test_arguments(words: str, expected: str, fired: Fired) -> None:
    assert fired(*words.split("|")) == set(expected.split())


def test_arguments_as_the_alert_shows_them(fired: Fired) -> None:
    fields = only(fired.alerts(["true", "-r", "two words"]), "dash_r").fields
    assert fields["proc.argv"] == ["true", "-r", "two words"]
    assert fields["proc.cmdline"] == "true -r two words"


def test_empty_arguments_at_the_end_are_shown(fired: Fired) -> None:
    fields = only(fired.alerts(["true", "x", "", ""]), "seen").fields
    assert fields["proc.argv"] == ["true", "x", "", ""]


def test_an_argument_that_is_not_utf_8(fired: Fired) -> None:
    alerts = fired.alerts([b"true", b"\xff\x80", NEEDLE])
    assert {"contains", "first"} <= names(alerts)
    assert only(alerts, "seen").fields["proc.argv"] == ["true", r"\xff\x80", NEEDLE]


def test_an_empty_first_argument(fired: Fired) -> None:
    alerts = fired.alerts(["", "-r"])
    assert {"dash_r", "empty"} <= names(alerts) and "first" not in names(alerts)
    fields = only(alerts, "seen").fields
    assert fields["proc.argv"] == ["", "-r"]
    assert fields["proc.exe.path"] == str(fired.program)


def test_no_arguments_at_all(fired: Fired) -> None:
    # Kernels from 5.18 on make one empty argument of none (commit dcd46d897adb).
    alerts = fired.alerts([])
    assert only(alerts, "seen").fields["proc.cmdline"] == ""
    assert not {"dash_r", "first", "contains"} & names(alerts)


def test_ten_thousand_arguments(fired: Fired) -> None:
    alerts = fired.alerts(["true", *["x"] * 10_000, "-r", NEEDLE])
    assert {"dash_r", "contains", "first"} <= names(alerts)
    alert = only(alerts, "seen")
    assert "proc.cmdline" in alert.truncated and "proc.argv" in alert.truncated


def _padded(length: int, end: str = "") -> list[str]:
    """Arguments whose command line has a length in bytes."""
    rest = length - len("true ") - len(end)
    return ["true", "p" * rest + end]


@pytest.mark.parametrize(
    ("length", "cut"), [(255, False), (256, False), (LONG_TEXT, False), (LONG_TEXT + 1, True)]
)
def test_what_is_stored_of_a_command_line(length: int, cut: bool, fired: Fired) -> None:
    alerts = fired.alerts(_padded(length, "b c"))
    alert = only(alerts, "seen")
    stored = " ".join(_padded(length, "b c"))[:LONG_TEXT]
    assert alert.fields["proc.cmdline"] == stored
    assert ("proc.cmdline" in alert.truncated) == cut
    # What is examined is longer than what is stored, so all of this is certain.
    assert only(alerts, "ends").certainty == "certain"
    assert "not_ends" not in names(alerts)


@pytest.mark.parametrize("length", [4095, 4096, 4097, 8192, 20_000, EXAMINED - 1])
def test_the_whole_of_a_long_command_line_is_examined(length: int, fired: Fired) -> None:
    alerts = fired.alerts(_padded(length, NEEDLE + "b c"))
    assert names(alerts) == {"seen", "contains", "folded", "ends", "first", "no_dash_r"}
    assert {a.certainty for a in alerts} == {"certain"}
    alerts = fired.alerts(_padded(length))
    assert names(alerts) == {"seen", "not_contains", "not_ends", "first", "no_dash_r"}
    assert {a.certainty for a in alerts} == {"certain"}


def test_beyond_what_is_examined(fired: Fired) -> None:
    before = {n: fired.live.statistics(n) for n in TESTS}
    alerts = fired.alerts(_padded(EXAMINED + 4096, NEEDLE + "b c"))
    # What could stand in the part that nobody looked at does not fire, and is counted; what could
    # be refuted by it fires, and says that it is not sure.
    assert names(alerts) == {"seen", "not_contains", "not_ends", "first", "no_dash_r"}
    certainty = {a.rule.name: a.certainty for a in alerts}
    partial = {"not_contains", "not_ends", "no_dash_r"}
    assert {n for n, c in certainty.items() if c == "partial"} == partial
    after = {n: fired.live.statistics(n) for n in TESTS}
    undecided = {n for n in TESTS if after[n].unknown > before[n].unknown}
    assert undecided >= {"contains", "folded", "ends", "dash_r", "any_of", "all_of"}
    # A beginning is decided by the beginning.
    assert "starts" not in undecided and "first" not in undecided
    assert all(after[n].partial > before[n].partial for n in partial)


def test_what_is_found_in_the_visible_part_is_certain(fired: Fired) -> None:
    words = ["true", NEEDLE, "-r", *_padded(EXAMINED + 5000)]
    alerts = fired.alerts(words)
    assert {"contains", "folded", "dash_r", "first"} <= names(alerts)
    assert not {"not_contains", "no_dash_r"} & names(alerts)
    for rule in ("contains", "folded", "dash_r", "first"):
        assert only(alerts, rule).certainty == "certain"


def test_a_needle_on_the_edge_of_what_is_examined(fired: Fired) -> None:
    inside = ["true", "p" * (EXAMINED - len("true ") - len(NEEDLE)) + NEEDLE + "q" * 9000]
    assert "contains" in names(fired.alerts(inside))
    across = ["true", "p" * (EXAMINED - len("true ") - len(NEEDLE) + 1) + NEEDLE + "q" * 9000]
    alerts = fired.alerts(across)
    assert "contains" not in names(alerts)
    assert only(alerts, "not_contains").certainty == "partial"


def test_a_hundred_long_lines_leave_room(fired: Fired) -> None:
    before = fired.live.counter("string_table_full")
    for number in range(100):
        assert "first" in names(fired.alerts(["true", f"{number}-" + "y" * 3000]))
    assert fired.live.counter("string_table_full") == before
