"""Limits and thresholds (docs/language.md, Alert limits and Thresholds)."""

from attrs import define, evolve, field

from dsl.interpreter.judgement import Judgement
from dsl.interpreter.keys import KeyValue, key_of
from dsl.interpreter.outcome import Event
from dsl.semantics import Record
from dsl.typed import Limit, Policy, Threshold
from dsl.walk import enforces


@define
class Window:
    """What was counted for one key.

    Args:
        end: last nanosecond of the window.
        fired: what was counted: each event, or each value by whether it was definite once.
        count, definite: how much that is, and how much of it is definite.
        alerted: whether the threshold was reached.
    """

    end: int
    values: dict[KeyValue, bool] = field(factory=dict)
    count: int = 0
    definite: int = 0
    alerted: bool = False

    def add(self, value: KeyValue | None, definite: bool) -> None:
        """Count an event, or a value that is new or definite for the first time."""
        if value is None:
            self.count, self.definite = self.count + 1, self.definite + definite
            return
        self.values[value] = self.values.get(value, False) or definite
        self.count, self.definite = len(self.values), sum(self.values.values())


class Counting:
    """The windows of all rules of a policy."""

    def __init__(self, policy: Policy) -> None:
        self._windows: dict[tuple[str, str, KeyValue], Window] = {}

    def facts(self, event: Event, record: Record) -> Record:
        """Nothing."""
        return {}

    def revised(self, policy: Policy) -> None:
        """Windows go on, by the names of their rules."""

    def judged(self, judgement: Judgement, event: Event, record: Record) -> Judgement:
        """The rule fires from the threshold on; alerts that are too many are held back."""
        rule = judgement.rule
        if rule.threshold is not None and judgement.fires:
            judgement = self._threshold(judgement, rule.threshold, event, record)
        limit = rule.alert.limit if rule.alert else None
        if limit is not None and judgement.fires and judgement.alerts:
            judgement = self._limited(judgement, limit, event, record)
        return judgement

    def _threshold(
        self, judgement: Judgement, threshold: Threshold, event: Event, record: Record
    ) -> Judgement:
        rule = judgement.rule
        key, value = key_of(threshold.key, record), None
        if threshold.distinct is not None:
            value = key_of((threshold.distinct,), record)
        if key is None or (threshold.distinct is not None and value is None):
            return evolve(judgement, fires=False, acts=False)  # undecided
        window = self._window((rule.name, "threshold", key), event.time, threshold.within)
        window.add(value, judgement.definite)
        alerts = window.count >= threshold.count and not window.alerted
        window.alerted = window.alerted or alerts
        on_unknown = rule.deny is not None and rule.deny.on_unknown
        enough = window.count if on_unknown else window.definite
        acts = judgement.acts and enough >= threshold.count
        return Judgement(
            rule,
            fires=alerts or (acts and enforces(rule)),
            definite=window.definite >= threshold.count,
            acts=acts,
            possible=False,
            alerts=alerts,
        )

    def _limited(
        self, judgement: Judgement, limit: Limit, event: Event, record: Record
    ) -> Judgement:
        key = key_of(limit.key, record)
        if key is None:
            return judgement  # whose alert it is cannot be said: it is not held back
        window = self._window((judgement.rule.name, "limit", key), event.time, limit.within)
        window.count += 1
        return evolve(judgement, alerts=window.count <= limit.count)

    def _window(self, name: tuple[str, str, KeyValue], time: int, within: int) -> Window:
        """The window that a time lies in; the first event that needs one begins it."""
        window = self._windows.get(name)
        if window is None or time > window.end:
            window = self._windows[name] = Window(time + within)
        return window
