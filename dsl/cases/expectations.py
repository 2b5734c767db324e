"""`expect ...`: checked against the rules that could bring it about."""

from collections.abc import Mapping

from attrs import frozen

from dsl.case_syntax import Expect, ExpectValue
from dsl.cases.typed import Expectation, ValueExpectation
from dsl.catalogue import Event, Kind
from dsl.diagnostics import Collector, nearest, shown
from dsl.interpreter.stages import way
from dsl.state import check_count
from dsl.syntax import Broken, Name, Number, NumberRange, Text
from dsl.typed import Op, Output, Rule
from dsl.values import Converter
from dsl.words import DENY_ERRNOS, KILL_TARGETS, METADATA

PREFIX = "alert."
MAX_ALERTS = 100_000
_TEXT_OPERATORS = ("contains", "startswith", "endswith")
_OPERATORS = ("==", "!=", *_TEXT_OPERATORS)
_CERTAINTIES = ("certain", "partial")
_FIXED = ("message", "certainty")
_OUTPUT = "output."


@frozen
class Expectations:
    """Checks the expectations of one policy's tests.

    Args:
        rules: of the policy, by name.
        disabled: names of rules that are turned off.
        complete: whether all rules could be checked; else an unknown one is not reported.
        report: takes diagnostics.
    """

    rules: Mapping[str, Rule]
    disabled: frozenset[str]
    complete: bool
    report: Collector

    def of(
        self, item: Expect | ExpectValue, event: Event | None
    ) -> Expectation | ValueExpectation | None:
        """One expectation.

        Args:
            item: as parsed.
            event: that it is about; None if that is not known.

        Returns:
            The expectation, or None after a diagnostic.
        """
        rule = self._rule(item.rule, event) if item.rule else None
        if item.rule and rule is None:
            return None
        if isinstance(item, ExpectValue):
            return self._value(item, event, rule)
        good = self._detail(item) and (rule is None or self._able(item, rule, event))
        count = None if item.count is None else check_count(item.count, 1, MAX_ALERTS, self.report)
        if not good or (item.count is not None and count is None):
            return None
        return Expectation(
            item.effect,
            item.negated,
            item.detail.text if item.detail else "",
            rule.name if rule else "",
            item.certainty.text if item.certainty else "",
            count,
            item.span,
        )

    def _rule(self, name: Name, event: Event | None) -> Rule | None:
        """The rule of a name, if it judges the event; None after a diagnostic."""
        rule = self.rules.get(name.text)
        if rule is None:
            if self.complete:
                off = name.text in self.disabled
                self.report.error(
                    "BPFC0733",
                    f"rule `{shown(name.text)}` is disabled"
                    if off
                    else f"unknown rule `{shown(name.text)}`",
                    name.span,
                    suggestion="" if off else nearest(name.text, self.rules),
                    remedy="leave the expectation out, or the `disable`" if off else "",
                )
            return None
        judged = [judged.name for judged in rule.events]
        if event is not None and event.name not in judged:
            last = "; a sequence fires on its last step" if rule.sequence else ""
            self.report.error(
                "BPFC0734",
                f"rule `{rule.name}` does not fire on {event.name}{last}",
                name.span,
                expected=tuple(judged),
                remedy="expect it behind such an event",
            )
            return None
        return rule

    def _detail(self, item: Expect) -> bool:
        """Whether an error or a process that is named is one."""
        known = DENY_ERRNOS if item.effect == "deny" else KILL_TARGETS
        name = item.detail
        if name is None or name.text in known:
            return True
        code, what = ("BPFC0208", "error") if item.effect == "deny" else ("BPFC0209", "process")
        self.report.error(
            code,
            f"`{shown(name.text)}` is no {what} of `{item.effect}`",
            name.span,
            suggestion=nearest(name.text, known),
        )
        return False

    def _able(self, item: Expect, rule: Rule, event: Event | None) -> bool:
        """Whether a rule can do at all what is expected of it."""
        problem = _unable(item, rule, event)
        if problem and not item.negated:
            assert item.rule is not None
            self.report.error("BPFC0734", f"rule `{rule.name}` {problem}", item.rule.span)
            return False
        return True

    # ------------------------------------------------------------ values of alerts

    def _value(
        self, item: ExpectValue, event: Event | None, rule: Rule | None
    ) -> ValueExpectation | None:
        name = item.name.text.removeprefix(PREFIX)
        operator = item.operator.text
        if operator not in _OPERATORS:
            self._wrong(f"`{operator}` is not for alerts", item.operator, _OPERATORS)
            return None
        if not item.name.text.startswith(PREFIX) or not self._known(name, event, rule):
            self._unknown(item.name, event, rule)
            return None
        field = event.field(name) if event else None
        if isinstance(item.value, Broken) or event is None:
            return None
        value: str | int | bool | None
        if field is not None and not field.kind.is_text:
            if operator in _TEXT_OPERATORS:
                self._wrong(f"`{name}` is no text", item.operator, _OPERATORS[:2])
                return None
            plain = Converter(field, Op.EQ, self.report, frozenset()).convert(item.value)
            if field.kind is Kind.IP and plain is not None:
                value = str(plain).removesuffix("/32").removesuffix("/128")
            else:
                value = plain if isinstance(plain, int) else None
            value = bool(value) if field.kind is Kind.BOOL and value is not None else value
        else:
            value = self._plain(item)
        if value is None:
            return None
        rule_name = rule.name if rule else ""
        return ValueExpectation(name, operator, value, rule_name, item.span)

    def _plain(self, item: ExpectValue) -> str | int | None:
        """A text, a word or a number as it is."""
        match item.value:
            case Text():
                return item.value.value
            case Name():
                return item.value.text
            case Number():
                return item.value.value
            case NumberRange() | _:
                self._wrong("an alert has single values", item.operator, ())
                return None

    def _known(self, name: str, event: Event | None, rule: Rule | None) -> bool:
        if name.startswith(_OUTPUT):
            return any(value.name == name.removeprefix(_OUTPUT) for value in self._outputs(rule))
        return (
            name in METADATA
            or name in _FIXED
            or event is None
            or bool(event.as_confirmed.field(name))
        )

    def _outputs(self, rule: Rule | None) -> list[Output]:
        rules = [rule] if rule else self.rules.values()
        return [value for each in rules for value in each.output]

    def _unknown(self, name: Name, event: Event | None, rule: Rule | None) -> None:
        known = [*METADATA, *_FIXED, *(f"{_OUTPUT}{v.name}" for v in self._outputs(rule))]
        known += [f.name for f in event.as_confirmed.fields] if event else []
        self.report.error(
            "BPFC0738",
            f"an alert has no `{shown(name.text.removeprefix(PREFIX))}`",
            name.span,
            suggestion=nearest(name.text, [PREFIX + each for each in known]),
            remedy="it has the fields of its event, output.NAME, message, certainty and metadata",
        )

    def _wrong(self, message: str, name: Name, expected: tuple[str, ...]) -> None:
        self.report.error("BPFC0738", message, name.span, expected=expected)


def _unable(item: Expect, rule: Rule, event: Event | None) -> str:
    """Why a rule can never do what is expected of it, or ""."""
    audited = rule.mode == "audit"
    match item.effect.removeprefix("would "):
        case "alert":
            return "is silent" if rule.silent else ""
        case "deny" if rule.deny is None:
            return "does not deny"
        case "deny" if event is not None and not way(rule, event).deny:
            return f"kills instead: it needs what is known only after {event.name} was decided"
        case "kill" if rule.deny is None and rule.kill is None:
            return "does not kill"
    would = item.effect.startswith("would ")
    if would != audited and item.effect != "nothing":
        return "is in audit mode: expect `would ...`" if audited else "is not in audit mode"
    return ""
