"""Expectations against what events came to."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import frozen

from bpfc.artifact.forms import Json
from bpfc_cli.testing.alerts import value_in
from bpfc_cli.testing.watch import Watched
from dsl.cases import Expectation, ValueExpectation
from dsl.catalogue import load
from dsl.interpreter import Outcome
from dsl.interpreter.stages import Way, way
from dsl.typed import Rule

# What one record names at most (bpfc.artifact.record); what rules behind these did is read off the
# reference interpreter.
RULES_MAX = 32


@frozen
class Found:
    """An event of a test: what it came to, and what the interpreter says of it."""

    outcome: Outcome
    watched: Watched


def problem_of(
    item: Expectation | ValueExpectation, found: Sequence[Found], rules: Mapping[str, Rule]
) -> str:
    """Why an expectation does not hold.

    Args:
        item: the expectation.
        found: the event that it is about, each time that it happened.
        rules: of the policy, by name.

    Returns:
        The reason, or "".
    """
    if isinstance(item, ValueExpectation):
        return _value_problem(item, found, rules)
    if item.effect == "nothing":
        came = [words for one in found if (words := outcome_words(one.outcome))]
        return f"it came to: {came[0]}" if came else ""
    if item.effect == "alert":
        return _alert_problem(item, found)
    does = [one for one in found if _done(item, one, rules)]
    if bool(does) != item.negated:
        return ""
    where = does[0] if does else found[-1]
    return f"it came to: {outcome_words(where.outcome) or 'nothing'}"


def _alert_problem(item: Expectation, found: Sequence[Found]) -> str:
    alerts = [a for one in found for a in one.outcome.alerts if item.rule in ("", a.rule)]
    fitting = [a for a in alerts if item.certainty in ("", "partial" if a.partial else "certain")]
    count = len(fitting)
    if item.negated:
        return "" if not count else f"it alerted{_times(count)}"
    if item.count is None:
        if count:
            return ""
        return "there is no alert" if not alerts else f"the alert is not {item.certainty}"
    return "" if count == item.count else f"there are {count} alerts, not {item.count}"


def _times(count: int) -> str:
    return f", {count} times" if count > 1 else ""


def _done(item: Expectation, one: Found, rules: Mapping[str, Rule]) -> bool:
    """Whether an effect took place, by the rule that is named."""
    outcome = one.outcome
    took_place = {
        "deny": outcome.deny and item.detail in ("", outcome.deny),
        "kill": outcome.kill and (not item.detail or item.detail in outcome.kill),
        "would deny": outcome.would_deny,
        "would kill": outcome.would_kill,
    }[item.effect]
    if not took_place or not item.rule:
        return bool(took_place)
    event = load().event(one.watched.occurrence.event.name)
    if event is None or not _acts(rules[item.rule], one):
        return False
    return _asks(item, way(rules[item.rule], event), rules[item.rule])


def _asks(item: Expectation, how: Way, rule: Rule) -> bool:
    """Whether a rule that acts asks for an effect."""
    if item.effect.startswith("would ") != (rule.mode == "audit"):
        return False
    if item.effect.endswith("deny"):
        return bool(how.deny) and item.detail in ("", how.deny)
    steps = bool(rule.kill and rule.kill.steps) and not item.detail
    return steps or (bool(how.kill) and (not item.detail or item.detail in how.kill))


def _acts(rule: Rule, one: Found) -> bool:
    """Whether a rule did more than to alert."""
    alerts = [alert for alert in one.outcome.alerts if alert.rule == rule.name]
    if alerts and rule.threshold is None:
        on_unknown = rule.deny is not None and rule.deny.on_unknown
        return not alerts[0].partial or on_unknown
    seen = one.watched.of(rule.name)
    return seen is not None and seen.last.fires and seen.last.acts


# ---------------------------------------------------------------- values of alerts


def _value_problem(
    item: ValueExpectation, found: Sequence[Found], rules: Mapping[str, Rule]
) -> str:
    values = list(_values(item, found, rules))
    if not values:
        return "there is no alert"
    if any(value is not None and _compare(item, value) for value in values):
        return ""
    return f"it is {_json(values[0])}"


def _values(
    item: ValueExpectation, found: Sequence[Found], rules: Mapping[str, Rule]
) -> Iterator[Json | None]:
    """What alerts have there."""
    for one in found:
        for alert in one.outcome.alerts:
            if item.rule in ("", alert.rule):
                yield value_in(item.name, rules[alert.rule], alert, one.watched)


_COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, part: part in value,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def _compare(item: ValueExpectation, value: Json) -> bool:
    expected = item.value
    if item.operator in _COMPARISONS:
        return _COMPARISONS[item.operator](_plain(value), _plain(expected))
    if isinstance(value, str) or isinstance(expected, str):
        equal = _plain(value) == _plain(expected)
    else:
        equal = value == expected
    return equal == (item.operator == "==")


def _plain(value: Json) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _json(value: Json | None) -> str:
    return (
        "absent or unknown"
        if value is None
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )


def outcome_words(outcome: Outcome) -> str:
    """What an event came to, in words; "" for nothing."""
    found = [f"alert {a.rule}{' (partial)' if a.partial else ''}" for a in outcome.alerts]
    found += [f"deny {outcome.deny}"] if outcome.deny else []
    found += [f"kill {target}" for target in sorted(outcome.kill)]
    found += [f"would deny {outcome.would_deny}"] if outcome.would_deny else []
    found += ["would kill"] if outcome.would_kill else []
    return ", ".join(found)
