"""What two policies make of one recording: alerts that are new, gone or changed."""

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import define, field, frozen

from bpfc.artifact.alert import Alert

NEW, GONE, CHANGED, SAME = "new", "gone", "changed", "same"
HOUR_NS = 3_600_000_000_000


@frozen
class Change:
    """One difference.

    Args:
        kind: NEW, GONE or CHANGED.
        rule: name of the rule.
        old, new: the alerts; None where there is none.
        differs: what differs between the two.
    """

    kind: str
    rule: str
    old: Alert | None
    new: Alert | None
    differs: tuple[str, ...] = ()

    @property
    def alert(self) -> Alert:
        """The alert to show: the new one if there is one."""
        found = self.new or self.old
        assert found is not None
        return found


def changes(old: Sequence[Alert], new: Sequence[Alert]) -> Iterator[Change]:
    """How the alerts of two policies on one event differ.

    Alerts belong together where they are of rules of the same name at the same stage. What is
    compared is what happened and what people read: outcome, errno, certainty, severity, message and
    the values that the rule names.

    Args:
        old: alerts of the policy that is compared with.
        new: alerts of the policy that is tried.

    Yields:
        Differences, in the order of the new alerts; those that are gone come last.
    """
    before = {(alert.rule.name, alert.stage): alert for alert in old}
    for alert in new:
        other = before.pop((alert.rule.name, alert.stage), None)
        if other is None:
            yield Change(NEW, alert.rule.name, None, alert)
        elif differs := _differs(other, alert):
            yield Change(CHANGED, alert.rule.name, other, alert, differs)
    for alert in before.values():
        yield Change(GONE, alert.rule.name, alert, None)


def _differs(old: Alert, new: Alert) -> tuple[str, ...]:
    one, other = _compared(old), _compared(new)
    return tuple(name for name in one if one[name] != other[name])


def _compared(alert: Alert) -> dict[str, object]:
    return {
        "outcome": alert.outcome,
        "errno": alert.errno,
        "certainty": alert.certainty,
        "severity": alert.rule.severity,
        "message": alert.message,
        "output": dict(alert.output),
        "steps": alert.steps,
    }


@define
class Tally:
    """Alerts by rule, and by rule and hour.

    Args:
        boot_time_ns: of the recording; hours are those of UTC.
        rules: alerts by rule.
        hours: alerts by (hours since 1970, rule).
        first_ns, last_ns: when the first and the latest event happened, nanoseconds since boot.
    """

    boot_time_ns: int
    rules: Counter[str] = field(factory=Counter)
    hours: Counter[tuple[int, str]] = field(factory=Counter)
    first_ns: int = 0
    last_ns: int = 0

    def event(self, time_ns: int) -> None:
        """Note an event's time."""
        self.first_ns = self.first_ns or time_ns
        self.last_ns = max(self.last_ns, time_ns)

    def add(self, alerts: Sequence[Alert]) -> None:
        """Count alerts."""
        for alert in alerts:
            self.rules[alert.rule.name] += 1
            hour = (self.boot_time_ns + alert.time_ns) // HOUR_NS
            self.hours[hour, alert.rule.name] += 1

    @property
    def seconds(self) -> float:
        """From the first event to the latest."""
        return (self.last_ns - self.first_ns) / 1e9

    def per_hour(self, rule: str) -> float:
        """Alerts of a rule for each hour of the recording; a shorter one counts as an hour."""
        return self.rules[rule] / max(1.0, self.seconds / 3600)
