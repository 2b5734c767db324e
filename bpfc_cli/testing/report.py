"""What became of tests, for people."""

from collections.abc import Iterator, Sequence

from bpfc.artifact.alert import printable
from bpfc_cli.testing.cases import ERROR, FAILED, PASSED, Checked, Result
from bpfc_cli.testing.coverage import CoverageReport
from bpfc_cli.testing.explain import NO, OPEN, YES, Explanation, Line
from dsl.span import Span

_COLOURS = {PASSED: "32", FAILED: "31", ERROR: "31", YES: "32", NO: "31", OPEN: "33"}
_STEP = "  "


def place(span: Span) -> str:
    """A place as editors and terminals understand it."""
    return f"{span.file}:{span.line}"


class Report:
    """Lines about tests.

    Args:
        colour: whether they are coloured.
        judges: whether it is said who judged.
        explaining: whether expectations that hold are shown, too.
    """

    def __init__(self, colour: bool, judges: bool, explaining: bool) -> None:
        self._colour, self._judges, self._explaining = colour, judges, explaining

    def result(self, item: Result) -> Iterator[str]:
        """A test; nothing of one that passed, if nothing is to be explained."""
        if item.status == PASSED and not self._explaining:
            return
        who = f"  [{item.judge}]" if self._judges else ""
        status = self._paint(item.status.upper(), item.status)
        yield f"{status}  {printable(item.title)}  ({place(item.place)}){who}"
        if item.error:
            yield f"{_STEP}{printable(item.error)}"
        told: set[tuple[Span, str]] = set()
        for one in item.checked:
            if one.problem or self._explaining:
                yield from self._checked(one, told)
        if self._explaining:
            for rule, fields in item.leaned:
                yield f"{_STEP}{leaning(rule, fields)}"
        yield ""

    def _checked(self, item: Checked, told: set[tuple[Span, str]]) -> Iterator[str]:
        """An expectation; what was said of a rule and an event is not said again."""
        word = "skipped" if item.skipped else FAILED if item.problem else "holds"
        yield (
            f"{_STEP}{self._paint(word, FAILED if item.problem else PASSED)}"
            f"  {printable(item.text)}  ({place(item.place)})"
        )
        why = item.problem or item.skipped or f"it came to: {item.outcome}"
        yield f"{2 * _STEP}{printable(why)}"
        yield f"{2 * _STEP}event: {printable(item.event)}  ({place(item.event_place)})"
        for explanation in item.explanations:
            key = (item.event_place, explanation.rule)
            if key in told:
                yield f"{2 * _STEP}{explanation.rule}: as above"
            else:
                yield from self._explanation(explanation)
            told.add(key)

    def _explanation(self, item: Explanation) -> Iterator[str]:
        yield f"{2 * _STEP}{item.rule}: {item.verdict}"
        widest = max((len(_words(line)) for line in item.lines), default=0)
        for line in item.lines:
            words = printable(_words(line))
            value = printable(line.value)
            mark = self._paint(f"{line.mark:<3}", line.mark)
            # A long test has its value on a line of its own.
            if len(words) > 60:
                yield f"{3 * _STEP}{mark}  {words}"
                if value:
                    yield f"{3 * _STEP}{' ' * 7}{_STEP * line.depth}{value}"
            else:
                yield f"{3 * _STEP}{mark}  {words:<{min(widest, 60)}}  {value}".rstrip()

    def _paint(self, words: str, style: str) -> str:
        if not self._colour or style not in _COLOURS:
            return words
        return f"\x1b[{_COLOURS[style]}m{words}\x1b[0m"


def _words(line: Line) -> str:
    return f"{_STEP * line.depth}{line.text}"


def leaning(rule: str, fields: Sequence[str]) -> str:
    """That a rule's verdict depended on defaults, in words."""
    return f"{rule} depended on fields that the test does not give: {', '.join(fields)}"


def leanings(results: Sequence[Result]) -> Iterator[str]:
    """The rules whose verdicts depended on defaults, with the first test in which they did."""
    first: dict[str, tuple[dict[str, None], Result]] = {}
    for result in results:
        for rule, fields in result.leaned:
            known, _ = first.setdefault(rule, ({}, result))
            known.update(dict.fromkeys(fields))
    if first:
        yield "rules whose verdict depended on fields that a test does not give:"
    for rule, (names, result) in first.items():
        yield f"{_STEP}{rule}: {', '.join(names)}  ({place(result.place)})"


def summary(results: Sequence[Result], chosen: int, seconds: float) -> str:
    """All tests in one line.

    Args:
        results: what became of them.
        chosen: number of tests that were to be run, times those who judge.
        seconds: how long it took.
    """
    counts = {status: sum(r.status == status for r in results) for status in _WORDS}
    parts = [f"{counts[s]:,} {word}" for s, word in _WORDS.items() if counts[s] or s == PASSED]
    skipped = sum(bool(one.skipped) for result in results for one in result.checked)
    parts += [f"{_count(skipped, 'expectation')} skipped"] if skipped else []
    parts += [f"{chosen - len(results):,} not run"] if chosen > len(results) else []
    expectations = sum(len(result.checked) for result in results)
    events = sum(result.events for result in results)
    figures = f"{_count(expectations, 'expectation')}, {_count(events, 'event')}, {seconds:.1f} s"
    return f"{_count(len(results), 'test')}: {', '.join(parts)} ({figures})"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


_WORDS = {PASSED: "passed", FAILED: "failed", ERROR: "could not be run"}


def coverage_lines(item: CoverageReport) -> Iterator[str]:
    """What tests reach, and what they do not."""
    for gap in item.gaps:
        text = f"  {printable(gap.text)}" if gap.text else ""
        yield f"{place(gap.place)}: {gap.rule}: {gap.what}{text}"
    shares = (
        ("rules fired", item.rules),
        ("conditions both true and false", item.tests),
        ("exceptions used", item.exceptions),
    )
    yield "coverage: " + ", ".join(
        f"{reached:,} of {total:,} {what}" for what, (reached, total) in shares
    )
