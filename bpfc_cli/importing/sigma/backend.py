"""The pySigma backend: conditions of Sigma's rules to conditions of the language."""

from collections.abc import Callable, Iterable
from typing import Any as Anything
from typing import ClassVar

from attrs import evolve, frozen
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.conversion.base import Backend
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaCasedString,
    SigmaExists,
    SigmaFieldReference,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaType,
)

from bpfc_cli.importing.conditions import (
    All,
    Always,
    Any,
    Condition,
    Not,
    Unseen,
    as_condition,
    is_unseen,
    simplified,
    without,
)
from bpfc_cli.importing.model import Code, Detection, Reason, Refused, Translation, unknown
from bpfc_cli.importing.numbers import presence
from bpfc_cli.importing.sigma.about import about_of, origin_of, together
from bpfc_cli.importing.sigma.correlation import Part, correlated
from bpfc_cli.importing.sigma.hashes import hashes_test
from bpfc_cli.importing.sigma.pipelines import BACKEND, EVENTS, SOURCE
from bpfc_cli.importing.sigma.tables import Source, source_named
from bpfc_cli.importing.sigma.values import chosen, condition_of, two_fields
from bpfc_cli.importing.source import formatted, named, policy_text, rules_text
from dsl import catalogue
from dsl.catalogue import Event, Field, Kind

State = ConversionState
Equals = ConditionFieldEqualsValueExpression


class NotTranslated(SigmaFeatureNotSupportedByBackendError):
    """A rule that has no translation.

    Args:
        reasons: all that were found, at least one.
    """

    def __init__(self, reasons: tuple[Reason, ...]) -> None:
        super().__init__("; ".join(reason.text for reason in reasons))
        self.reasons = reasons


@frozen
class _Setting:
    """What a rule is translated for.

    Args:
        events: those that it is judged on; none if nothing is known of its log source.
        source: its log source, if it stands in the tables.
    """

    events: tuple[Event, ...]
    source: Source | None

    @property
    def windows(self) -> bool:
        """Whether the rule is for Windows."""
        return self.source is not None and self.source.platform == "windows"

    @property
    def names(self) -> str:
        """The events in words."""
        return " and ".join(event.name for event in self.events)


class bpfcBackend(Backend):  # pySigma's plugins are named so
    """Policies of bpfc."""

    name: ClassVar[str] = "bpfc: policies that are compiled to eBPF"
    identifier: ClassVar[str] = BACKEND
    formats: ClassVar[dict[str, str]] = {
        "default": "a policy (.det)",
        "rules": "rules of a policy, without its header",
    }
    correlation_methods: ClassVar[dict[str, str] | None] = {
        "default": "thresholds and sequences, counted in the kernel"
    }
    requires_pipeline: ClassVar[bool] = True
    finalize_correlation_subqueries = True
    explicit_not_exists_expression: ClassVar[bool] = True

    def __init__(self, *arguments: Anything, kernel_part: Anything = False, **options: Anything):
        """A backend.

        Args:
            arguments, options: pySigma's own.
            kernel_part: of rules that need user space, keep what needs none; from a command line
                also as "true".
        """
        super().__init__(*arguments, **options)
        self._kernel_part = str(kernel_part).lower() == "true"
        self._found: dict[tuple[Code, str], Reason] = {}
        self._notes: dict[str, None] = {}
        self._parts: dict[int, Part | tuple[Reason, ...]] = {}  # of correlations, by id of the rule

    # ------------------------------------------------------------ rules

    def convert_rule(
        self,
        rule: SigmaRule,
        output_format: str | None = None,
        callback: Callable[..., Anything] | None = None,
    ) -> list[Anything]:
        """Convert one rule.

        Raises:
            NotTranslated: parts of it have no translation.
        """
        self._found, self._notes = {}, {}
        try:
            found = super().convert_rule(rule, output_format, callback)
            self._check_possible(rule)
            if self._found:  # a part of the rule is no part of a correlation
                self._parts[id(rule)] = tuple(self._found.values())
        except NotTranslated as error:
            self._parts[id(rule)] = error.reasons
            if self.collect_errors:
                self.errors.append((rule, error))
                return []
            raise
        return found

    def _check_possible(self, rule: SigmaRule) -> None:
        """See that one of a rule's conditions can be true."""
        part = self._parts.get(id(rule))
        if isinstance(part, Part) and simplified(part.when) == Always(False):
            names = " and ".join(event.name for event in part.events)
            text = f"the condition is false on every event of {names}"
            raise NotTranslated(tuple(self._found.values()) or (Reason(Code.NEVER, names, text),))

    def finish_query(
        self, rule: SigmaRule | SigmaCorrelationRule, query: Anything, state: State
    ) -> Detection:
        """What a rule looks for, from its condition."""
        if isinstance(query, Detection):  # of a correlation
            return query
        setting = _setting(state)
        if not setting.events and isinstance(rule, SigmaRule):
            raise NotTranslated((_no_event(rule),))
        lacking = [e.name for e in setting.events if "windows" not in e.platforms]
        if setting.windows and lacking:
            text = f"Windows has no hook for {' and '.join(lacking)}"
            self._refuse(Refused(Code.EVENT, lacking[0], text))
        when = query
        if self._found:
            agent = all(reason.code is Code.AGENT for reason in self._found.values())
            if not (agent and self._kernel_part):
                raise NotTranslated(tuple(self._found.values()))
            when = without(query, is_unseen, False)
            names = ", ".join(subject for _, subject in self._found)
            self._notes[f"matches less than the original: what needs {names} is left out"] = None
        when = simplified(when)
        before = self._parts.get(id(rule))
        if isinstance(before, Part):  # a further condition of the rule
            when = Any((before.when, when))
        self._parts[id(rule)] = Part(setting.events, when, setting.source)
        found = Detection(tuple(event.name for event in setting.events), when)
        self._notes |= dict.fromkeys(_stage_notes([found]))
        return found

    def finalize_query_default(
        self, rule: SigmaRule | SigmaCorrelationRule, query: Detection, index: int, state: State
    ) -> Translation:
        """A rule as it will stand in the policy."""
        return Translation(
            origin_of(rule),
            about_of(rule),
            (query,),
            tuple(self._found.values()),
            notes=tuple(self._notes),
            hidden=not rule._output,
        )

    finalize_query_rules = finalize_query_default

    def finalize_output_default(self, queries: list[Translation]) -> str:
        """A policy of all rules."""
        return policy_text("sigma", named(together(queries)))

    def finalize_output_rules(self, queries: list[Translation]) -> str:
        """All rules, for a policy that has a header already."""
        return formatted("\n".join(map(rules_text, named(together(queries)))))

    def _refuse(self, refused: Refused) -> Condition:
        """Note why something was not translated; the rest is still looked at."""
        reason = refused.reason
        self._found.setdefault((reason.code, reason.subject), reason)
        return Unseen(reason.subject)

    # ------------------------------------------------------------ logic

    def convert_condition_or(self, cond: ConditionOR, state: State) -> Condition:
        """Any of several conditions."""
        return Any(self._each(cond.args, state))

    def convert_condition_and(self, cond: ConditionAND, state: State) -> Condition:
        """All of several conditions."""
        return All(self._each(cond.args, state))

    def convert_condition_not(self, cond: ConditionNOT, state: State) -> Condition:
        """The opposite; true where a field is absent, as in Sigma."""
        (item,) = self._each(cond.args, state)
        return Not(item)

    def _each(self, args: list[Anything], state: State) -> tuple[Condition, ...]:
        found = (self.convert_condition(arg, state) for arg in args)
        return tuple(item for item in found if item is not None)

    def convert_condition_as_in_expression(
        self, cond: ConditionOR | ConditionAND, state: State
    ) -> Condition:
        """Several values of a field; tests are joined later (`conditions.simplified`)."""
        either = isinstance(cond, ConditionOR)
        return (Any if either else All)(self._each(cond.args, state))

    # ------------------------------------------------------------ fields

    def _test(self, cond: Equals, state: State) -> Condition:
        """A field against a value of any type."""
        setting = _setting(state)
        if not setting.events:
            return Always(True)  # that is reason enough
        try:
            return self._field(setting, cond.field, cond.value)
        except Refused as refused:
            return self._refuse(refused)

    def _field(self, setting: _Setting, name: str, value: SigmaType) -> Condition:
        source = setting.source
        known = source.agent.get(name) if source else None
        if source and name in source.values:
            table = {text: as_condition(words) for text, words in source.values[name].items()}
            found = chosen(name, table, value, known is not None or name in source.fields)
            if found is not None:
                return found
        if known is not None and known.parts:
            parts = {text: _field_named(setting, part) for text, part in known.parts.items()}
            return hashes_test(name, parts, value)
        field = _field_of(setting, name)
        if isinstance(value, SigmaExists):
            return presence(field) if value.exists else Not(presence(field))
        if isinstance(value, SigmaFieldReference):
            if value.starts_with or value.ends_with:
                raise Refused(Code.OPERATOR, "fieldref", "two fields can only be the same")
            return two_fields(field, _field_of(setting, value.field), setting.windows)
        if setting.windows and field.kind is Kind.PATH and _minds_case(value):
            self._notes[f"paths of Windows fold case, so {name} matches in any case"] = None
        return condition_of(field, value)

    convert_condition_field_eq_val_str = _test
    convert_condition_field_eq_val_str_case_sensitive = _test
    convert_condition_field_eq_val_num = _test
    convert_condition_field_eq_val_timestamp_part = _test
    convert_condition_field_eq_val_bool = _test
    convert_condition_field_eq_val_re = _test
    convert_condition_field_eq_val_cidr = _test
    convert_condition_field_compare_op_val = _test
    convert_condition_field_eq_field = _test
    convert_condition_field_eq_val_null = _test
    convert_condition_field_eq_query_expr = _test
    convert_condition_field_exists = _test
    convert_condition_field_not_exists = _test

    # ------------------------------------------------------------ values without fields

    def _keyword(self, cond: ConditionValueExpression, state: State) -> Condition:
        """A keyword: text anywhere in a line of a log, and there is no line."""
        if not _setting(state).events:
            return Always(True)
        word = str(cond.value)[:60]
        text = "a value without a field is looked for in lines of a log"
        return self._refuse(Refused(Code.KEYWORD, word, text))

    convert_condition_val = _keyword
    convert_condition_val_str = _keyword
    convert_condition_val_num = _keyword
    convert_condition_val_re = _keyword
    convert_condition_query_expr = _keyword

    # ------------------------------------------------------------ correlations

    def _correlation(
        self,
        rule: SigmaCorrelationRule,
        output_format: str | None = None,
        method: str = "default",
    ) -> list[Detection]:
        """A rule about how often, or in which order, other rules match."""
        self._found, self._notes = {}, {}
        parts: dict[str, Part] = {}
        reasons: dict[Reason, None] = {}
        for reference in rule.referenced_rules:
            part = self._parts.get(id(reference.rule))
            if isinstance(part, Part):
                parts[reference.reference] = part
            else:
                reasons |= dict.fromkeys(part or (_nested(reference.reference),))
        try:
            if not reasons:
                found, notes = correlated(rule, parts)
                self._notes = dict.fromkeys((*notes, *_stage_notes(found)))
                return list(found)
        except Refused as refused:
            reasons[refused.reason] = None
        self._parts[id(rule)] = tuple(reasons)
        raise NotTranslated(tuple(reasons))

    convert_correlation_event_count_rule = _correlation
    convert_correlation_value_count_rule = _correlation
    convert_correlation_temporal_rule = _correlation
    convert_correlation_temporal_ordered_rule = _correlation
    convert_correlation_extended_temporal_rule = _correlation
    convert_correlation_extended_temporal_ordered_rule = _correlation
    convert_correlation_value_sum_rule = _correlation
    convert_correlation_value_avg_rule = _correlation
    convert_correlation_value_percentile_rule = _correlation
    convert_correlation_value_median_rule = _correlation


def _setting(state: State) -> _Setting:
    """What pipelines have said of a rule's log source."""
    names = str(state.processing_state.get(EVENTS, "")).split()
    events = tuple(filter(None, map(catalogue.load().event, names)))
    source = source_named(str(state.processing_state.get(SOURCE, "")))
    return _Setting(events if len(events) == len(names) else (), source)


def _stage_notes(found: Iterable[Detection]) -> tuple[str, ...]:
    """What is to be said of second stages."""
    return tuple(note for item in found for note in item.stages.notes(item.events))


def _nested(name: str) -> Reason:
    text = f"{name} counts or puts in order itself; such rules are not built upon one another"
    return Reason(Code.CORRELATION, "nested", text)


def _no_event(rule: SigmaRule) -> Reason:
    log = rule.logsource
    words = "/".join(word for word in (log.product, log.category, log.service) if word)
    return Reason(Code.EVENT, words, f"no event of bpfc is what the log source {words} is about")


def _field_of(setting: _Setting, name: str) -> Field:
    """The field that a rule calls by Sigma's name, or the catalogue's.

    Raises:
        Refused: there is none.
    """
    known = setting.source.agent.get(name) if setting.source else None
    if known is not None and not known.field:
        raise unknown(name, known.what)
    return _field_named(setting, known.field if known else name)


def _field_named(setting: _Setting, name: str) -> Field:
    """The field of all events of a rule.

    Raises:
        Refused: one of them lacks it.
    """
    found = [event.as_confirmed.field(name) for event in setting.events]
    fields = [field for field in found if field is not None]
    if len(fields) < len(found):
        raise Refused(Code.FIELD, name, f"{setting.names} has no field that says {name}")
    everywhere = all("windows" in event.platforms for event in setting.events)  # else said already
    if setting.windows and everywhere and any("windows" not in f.platforms for f in fields):
        raise Refused(Code.FIELD, name, f"{name} is not read on Windows")
    return evolve(fields[0], optional=any(field.optional for field in fields))


def _minds_case(value: SigmaType) -> bool:
    if isinstance(value, SigmaRegularExpression):
        return SigmaRegularExpressionFlag.IGNORECASE not in value.flags
    return isinstance(value, SigmaCasedString)
