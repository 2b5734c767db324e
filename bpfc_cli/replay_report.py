"""What `bpfc replay` prints: alerts or differences as they come, then what they add up to."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from bpfc.artifact.record import RULE_STATS
from bpfc.recording.comparison import CHANGED, GONE, HOUR_NS, NEW, Change, Tally, changes
from bpfc_cli.record_ import say_counts
from bpfc_cli.streaming import AlertFormat, printer, say

if TYPE_CHECKING:
    from bpfc.artifact.alert import Alert
    from bpfc.artifact.decode import Record
    from bpfc.recording.reader import Reader
    from bpfc.recording.replay import Replay

KINDS = (NEW, GONE, CHANGED)
# Counts of a rule (record.RULE_STATS) that its alerts do not tell, in words.
_COUNTS = {
    "unknown": "undecided",
    "suppressed": "alerts held back by the limit",
    "evicted": "keys forgotten",
    "skipped": "events not counted",
    "unconfirmed": "candidates that the recording cannot confirm or refute",
}


@define
class Report:
    """Prints alerts, or differences between those of two policies, and counts them.

    Args:
        form: how.
        tally: alerts of the policy that is tried.
        before: alerts of the policy that it is compared with; None without one.
        alert: prints an alert.
        change: prints a difference.
        quiet: whether nothing but the sums is printed.
        kinds: differences by (rule, kind).
        events: how many there were.
    """

    form: AlertFormat
    tally: Tally
    before: Tally | None
    alert: "Callable[[Alert], None]"
    change: Callable[[Change], None]
    quiet: bool
    kinds: Counter[tuple[str, str]] = field(factory=Counter, init=False)
    events: int = field(default=0, init=False)

    @classmethod
    def begin(cls, form: AlertFormat, quiet: bool, boot_time_ns: int, comparing: bool) -> "Report":
        """Print the headings.

        Args:
            form: how to print.
            quiet: print nothing but the sums.
            boot_time_ns: of the recording.
            comparing: whether there are two policies.
        """
        alert: Callable[[Alert], None] = _nothing
        change: Callable[[Change], None] = _nothing
        if not quiet and comparing:
            change = _change_printer(form)
        elif not quiet:
            alert = printer(form)
        before = Tally(boot_time_ns) if comparing else None
        return cls(form, Tally(boot_time_ns), before, alert, change, quiet)

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.kinds)

    def event(
        self, record: "Record", alerts: "Sequence[Alert]", before: "Sequence[Alert] | None"
    ) -> None:
        """Print and count what came of an event.

        Args:
            record: the event.
            alerts: of the policy that is tried.
            before: of the one it is compared with; None without one.
        """
        self.events += 1
        self.tally.event(record.header.time_ns)
        self.tally.add(alerts)
        if before is None or self.before is None:
            for alert in alerts:
                self.alert(alert)
            return
        self.before.add(before)
        for found in changes(before, alerts) if alerts or before else ():
            self.kinds[found.rule, found.kind] += 1
            self.change(found)

    def finish(self, replay: "Replay", reader: "Reader", seconds: float) -> None:
        """Print the sums.

        Args:
            replay: the policy that was tried.
            reader: the recording, read.
            seconds: what judging took.
        """
        names = [rule.name for rule in replay.runner.artifact.manifest.rules]
        rules = list(dict.fromkeys([*names, *(self.before.rules if self.before else ())]))
        if self.form is AlertFormat.JSON:
            print(json.dumps({"summary": self._summary(rules, replay, reader, seconds)}))
        else:
            self._tables(rules)
        self._facts(reader, seconds)
        for name, counts in _uncertain(replay).items():
            words = ", ".join(f"{_COUNTS[key]} {count:,}" for key, count in counts.items())
            say(f"  {name}: {words}")

    def _summary(
        self, rules: Sequence[str], replay: "Replay", reader: "Reader", seconds: float
    ) -> dict[str, Any]:
        """The sums for programs."""
        ending = reader.ending
        return {
            "events": self.events,
            "judged": replay.judged,
            "recording_seconds": self.tally.seconds,
            "replay_seconds": seconds,
            "ending": ending.kind if ending is not None else "interrupted",
            "lost": reader.counts.lost,
            "doubtful": reader.counts.doubtful,
            "unreadable": reader.counts.malformed,
            "unread": {
                "events": list(replay.missing.events),
                "fields": {event: list(names) for event, names in replay.missing.fields.items()},
            },
            "rules": [self._rule(name) for name in rules],
            "uncertain": _uncertain(replay),
            "hours": [
                {"hour": hour, "rule": rule, "alerts": count}
                for hour, rule, count in self._hours(rules)
            ],
        }

    def _rule(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = {
            "rule": name,
            "alerts": self.tally.rules[name],
            "per_hour": round(self.tally.per_hour(name), 3),
        }
        if self.before is not None:
            found["old"] = self.before.rules[name]
            found |= {kind: self.kinds[name, kind] for kind in KINDS}
        return found

    def _tables(self, rules: Sequence[str]) -> None:
        """The sums for people."""
        from bpfc_cli.tables import print_table

        if not self.quiet:
            print()
        rows = [self._rule(name) for name in rules]
        columns = ["rule", "alerts", "per hour"]
        keys = ["rule", "alerts", "per_hour"]
        if self.before is not None:
            columns, keys = [*columns, "old", *KINDS], [*keys, "old", *KINDS]
        shown = ([_number(row[key]) for key in keys] for row in rows)
        print_table("Alerts by rule", columns, shown, numbers=columns[1:])
        hours = list(self._hours(rules))
        if len({hour for hour, _, _ in hours}) > 1:
            print_table(
                "Alerts by hour (UTC)",
                ["hour", "rule", "alerts"],
                ([hour, rule, f"{count:,}"] for hour, rule, count in hours),
                numbers=["alerts"],
            )

    def _hours(self, rules: Sequence[str]) -> Iterator[tuple[str, str, int]]:
        """Alerts of the policy that is tried by hour, those of an hour in the policy's order."""
        place = {rule: number for number, rule in enumerate(rules)}
        for (hour, rule), count in sorted(
            self.tally.hours.items(), key=lambda one: (one[0][0], place[one[0][1]])
        ):
            yield _hour(hour), rule, count

    def _facts(self, reader: "Reader", seconds: float) -> None:
        """What there was to judge, for people."""
        rate = self.events / seconds if seconds else 0.0
        header = reader.header
        say(
            f"{self.events:,} events of {self.tally.seconds:,.1f} s on {header.host} "
            f"(recorded by bpfc {header.bpfc}), judged in {seconds:,.1f} s: {rate:,.0f} a second"
        )
        say_counts(reader.counts, " while recording")


def _uncertain(replay: "Replay") -> dict[str, dict[str, int]]:
    """By rule, counts of what its alerts do not say; those that are 0 are left out."""
    found = {}
    rules = replay.runner.artifact.manifest.rules
    for rule, counts in zip(rules, replay.runner.statistics(), strict=True):
        named = dict(zip(RULE_STATS, counts, strict=True))
        stage = replay.stages.get(rule.name)
        named["unconfirmed"] = stage.undecided if stage is not None else 0
        if some := {name: named[name] for name in _COUNTS if named[name]}:
            found[rule.name] = some
    return found


def _nothing(_: object) -> None:
    """Print nothing."""


def _number(value: object) -> str:
    """A cell of the sums."""
    return f"{value:,.1f}" if isinstance(value, float) else str(value)


def _hour(hour: int) -> str:
    """An hour since 1970 as people write it; one that cannot be is shown as it is."""
    try:
        return f"{datetime.fromtimestamp(hour * (HOUR_NS // 1_000_000_000), UTC):%Y-%m-%d %H:00}"
    except (ValueError, OverflowError, OSError):
        return str(hour)


def _change_printer(form: AlertFormat) -> Callable[[Change], None]:
    """What prints one difference."""
    if form is AlertFormat.JSON:
        return lambda change: print(_change_json(change))
    show = printer(form)

    def words(change: Change) -> None:
        what = f"{change.kind} ({', '.join(change.differs)})" if change.differs else change.kind
        print(f"{what}:")
        if change.old is not None:
            show(change.old)
        if change.new is not None:
            show(change.new)

    return words


def _change_json(change: Change) -> str:
    """A difference as one line of JSON."""
    from bpfc.artifact.alert import to_json

    def alert(one: "Alert | None") -> Any:
        return None if one is None else json.loads(to_json(one))

    value = {
        "change": change.kind,
        "rule": change.rule,
        "differs": list(change.differs),
        "old": alert(change.old),
        "new": alert(change.new),
    }
    return json.dumps(value, separators=(",", ":"))
