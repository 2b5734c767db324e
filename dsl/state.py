"""Limits and thresholds: how often within which time, by which key."""

from dsl import typed
from dsl.conditions import Conditions
from dsl.diagnostics import Collector
from dsl.keys import check_key, key_part
from dsl.literals import DURATIONS
from dsl.span import Span
from dsl.syntax import Broken, Limit, Number, Threshold

MAX_COUNT = 1_000_000
# Each value takes a place of its own in the table of all state.
MAX_DISTINCT = 1_024
MIN_TIME, MAX_TIME = DURATIONS["ms"], 30 * DURATIONS["d"]


def check_limit(
    limit: Limit | None, conditions: Conditions, report: Collector
) -> typed.Limit | None:
    """Check `limit COUNT per TIME by KEY`.

    Args:
        limit: as parsed, if there is one.
        conditions: of the rule.
        report: takes diagnostics.

    Returns:
        The limit; None without one and after a diagnostic.
    """
    if limit is None:
        return None
    key = check_key(limit.key, conditions, report)
    count = check_count(limit.count, 1, MAX_COUNT, report)
    per = duration(limit.per, report)
    return None if count is None or per is None else typed.Limit(count, per, key, limit.span)


def check_threshold(
    threshold: Threshold | None, conditions: Conditions, report: Collector
) -> typed.Threshold | None:
    """Check `threshold COUNT distinct FIELD within TIME by KEY`, as `check_limit` does."""
    if threshold is None:
        return None
    key = check_key(threshold.key, conditions, report)
    distinct = threshold.distinct and key_part(threshold.distinct, conditions, report)
    most = MAX_DISTINCT if threshold.distinct else MAX_COUNT
    count = check_count(threshold.count, 2, most, report)
    within = duration(threshold.within, report)
    if count is None or within is None or (threshold.distinct and distinct is None):
        return None
    return typed.Threshold(count, distinct or None, within, key, threshold.span)


def duration(number: Number | Broken, report: Collector) -> int | None:
    """Nanoseconds of a span of time, or None after a diagnostic."""
    if isinstance(number, Broken):
        return None
    if number.unit != "duration":
        report.error(
            "BPFC0486",
            "a time needs a unit",
            number.span,
            remedy=f"units are {' '.join(DURATIONS)}; for example 30s",
        )
        return None
    if MIN_TIME <= number.value <= MAX_TIME:
        return number.value
    _out_of_range("BPFC0486", "this time cannot be kept", number.span, "1ms", "30d", report)
    return None


def check_count(number: Number | Broken, low: int, high: int, report: Collector) -> int | None:
    """A plain number within bounds.

    Args:
        number: as parsed.
        low, high: the bounds, both allowed.
        report: takes diagnostics.

    Returns:
        The number, or None after a diagnostic.
    """
    if isinstance(number, Broken):
        return None
    if number.unit == "" and low <= number.value <= high:
        return number.value
    _out_of_range("BPFC0485", "this cannot be counted", number.span, low, high, report)
    return None


def _out_of_range(
    code: str, message: str, place: Span, low: object, high: object, report: Collector
) -> None:
    report.error(code, message, place, remedy=f"write something from {low} to {high}")
