"""Conditions on ancestors in the reference interpreter (docs/language.md, Ancestors)."""

from collections.abc import Mapping

from dsl import catalogue
from dsl.ancestry import ancestors_in, image, of_process
from dsl.derived import AnyAncestor
from dsl.interpreter.judgement import Judgement
from dsl.interpreter.outcome import Event
from dsl.semantics import UNKNOWN, FieldValue, Record, State, Truth, evaluate, value_of
from dsl.typed import Policy
from dsl.walk import rule_tests

TICK = 10_000_000  # ns: starts are compared in hundredths of a second
Process = tuple[int, int]  # id, start in ticks


class Ancestry:
    """What holds of the ancestors of each process whose fork was seen.

    Args:
        policy: a checked policy.
    """

    def __init__(self, policy: Policy) -> None:
        self.asked: dict[str, AnyAncestor] = {}
        self.known: dict[Process, Mapping[str, Truth]] = {}
        self._gone: Process | None = None
        self.revised(policy)

    def revised(self, policy: Policy) -> None:
        """Under other conditions nothing is known any more."""
        tests = (test for _, rule in policy.parts for test in rule_tests(rule))
        asked = {item.text: item for item in ancestors_in(tests)}
        if asked.keys() != self.asked.keys():
            self.asked, self.known = asked, {}

    def facts(self, event: Event, record: Record) -> Record:
        """The answers to all conditions on ancestors, by their text."""
        if self._gone is not None:
            self.known.pop(self._gone, None)
            self._gone = None
        if not self.asked:
            return {}
        if event.name == "process.fork":
            self._forked(record)
        process = _process(record, "proc.pid", "proc.start_time")
        if event.name == "process.exit":
            self._gone = process  # after the rules have seen it
        found = self.known.get(process) if process is not None else None
        return {text: _value(None if found is None else found[text]) for text in self.asked}

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """Nothing changes."""
        return judgement

    def _forked(self, record: Record) -> None:
        """The ancestors of a new process are those of the one that forked it, and that one with
        the image that it has: the new process still has the same."""
        child = _process(record, "proc.pid", "proc.start_time")
        if child is None:
            return
        if record.get("proc.ppid") == 0:
            self.known[child] = dict.fromkeys(self.asked, False)
            return
        parent = _process(record, "proc.ppid", "proc.parent.start_time")
        above = self.known.get(parent) if parent is not None else None
        own = _image(record)
        self.known[child] = {
            text: _either(evaluate(item.when, own)[1:], None if above is None else above[text])
            for text, item in self.asked.items()
        }


def _process(record: Record, pid: str, start: str) -> Process | None:
    """A process by its id and start; None if that is unknown."""
    number, begun = record.get(pid, UNKNOWN), record.get(start, UNKNOWN)
    if not isinstance(number, int) or not isinstance(begun, int):
        return None
    return number, begun // TICK


def _image(record: Record) -> Record:
    """What a process.fork tells of the one that forked."""
    kind = catalogue.load().event("process.fork")
    assert kind is not None
    found: dict[str, FieldValue] = {}
    for field in image().fields:
        known = kind.field(of_process(field.name))
        if not field.part and known is not None:
            found[field.name] = value_of(known, record)
    return {**found, "ancestor.pid": record["proc.ppid"]}


def _either(own: tuple[bool, bool], above: Truth) -> Truth:
    """Kleene's `or` of what holds of the one that forked (definite, possible) and of those above
    it."""
    definite, possible = own
    if definite or above:
        return True
    return None if possible or above is None else False


def _value(truth: Truth) -> int | State:
    return UNKNOWN if truth is None else int(truth)
