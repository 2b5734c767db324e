"""Rules: clauses to a typed rule."""

from collections.abc import Sequence
from datetime import date
from typing import TypeVar

from attrs import evolve, frozen

from dsl import metadata, syntax, templates, typed
from dsl.catalogue import Catalogue, Event
from dsl.conditions import Conditions, ListCache
from dsl.confirming import check_confirm, with_agent
from dsl.diagnostics import Collector, nearest, shown
from dsl.earlier import Earlier
from dsl.effects import check_effects
from dsl.exceptions import check_exceptions
from dsl.inheritance import Inherited
from dsl.macros import Budget
from dsl.missing import some
from dsl.output import check_output
from dsl.resolver import Names
from dsl.sequences import check_sequence, own_names
from dsl.state import check_limit, check_threshold
from dsl.syntax import Clause, Name
from dsl.words import DEFAULT_ERRNO, DENY_ERRNOS, FALLBACKS, KILL_TARGETS, MODES

C = TypeVar("C", bound=Clause)


def mode(clause: syntax.Mode, report: Collector) -> str:
    """The value of a `mode` clause, of a rule or a policy."""
    return choice(clause.value, "mode", MODES, report)


def choice(name: Name, what: str, known: Sequence[str], report: Collector) -> str:
    """A word that must be one of a few; the first of them after a diagnostic."""
    if name.text in known:
        return name.text
    report.error(
        "BPFC0209",
        f"unknown {what} `{shown(name.text)}`",
        name.span,
        expected=tuple(known),
        suggestion=nearest(name.text, known),
    )
    return known[0]


@frozen
class RuleChecker:
    """Checks the rules of one policy.

    Args:
        catalogue: all events.
        names: the policy's lists and macros.
        mode: the policy's mode.
        cache: of converted lists.
        budget: what macros may expand to.
        report: takes diagnostics.
        today: for warnings of what has expired; None for none.
    """

    catalogue: Catalogue
    names: Names
    mode: str
    cache: ListCache
    budget: Budget
    report: Collector
    today: date | None

    def check(self, rule: syntax.Rule) -> typed.Rule | None:
        """The typed rule.

        Args:
            rule: as parsed.

        Returns:
            The rule, or None if it cannot be said what it means; then there was a diagnostic.
        """
        return evolve(self, report=Inherited.of(self.report, rule))._typed(rule)

    def _typed(self, rule: syntax.Rule) -> typed.Rule | None:
        """The typed rule."""
        self.budget.rule = 0
        sequence = self._sequence(rule)
        events = (sequence.steps[-1].event,) if sequence else self._events(rule)
        conditions = Conditions(
            self.catalogue, events, self.names, self.cache, self.budget, self.report
        )
        when_clause = self._single(rule, syntax.When)
        when = None if when_clause is None else conditions.whole(when_clause.condition)
        when = sequence.steps[-1].when if sequence else when
        clauses = self._exceptions(rule)
        excepts = check_exceptions(clauses, conditions, self.today, self.report)
        pairs = metadata.check(_of(rule, syntax.Metadata), self.report)
        earlier = Earlier(sequence, conditions, self.report) if sequence else None
        find = earlier.field if earlier else with_agent(conditions).field
        deny, kill = self._deny(rule, events), self._kill(rule, events, earlier)
        alert, silent = self._alert(rule, conditions, find), self._silent(rule)
        output = check_output(self._single(rule, syntax.Output), find, self.report)
        if earlier:
            shown_parts = (
                *(alert.template if alert else ()),
                *(p for o in output for p in o.parts),
            )
            sequence = earlier.carrying(shown_parts)
        threshold = self._single(rule, syntax.Threshold)
        effects = check_effects(rule.clauses, conditions, self.report)
        second = self._single(rule, syntax.Confirm)
        confirm = check_confirm(second, rule.clauses, conditions, self.report)
        own_mode = self._single(rule, syntax.Mode)
        rule_mode = mode(own_mode, self.report) if own_mode else self.mode
        if self.mode == "audit":
            rule_mode = "audit"  # nothing of a policy that is on trial is carried out
        damaged = bool(_of(rule, syntax.Broken))
        if not damaged:
            self._complete(rule)
        if rule.name is None or when is None or not events or (second and confirm is None):
            return None
        return typed.Rule(
            name=rule.name.text,
            metadata=pairs,
            events=events,
            when=when,
            excepts=excepts,
            deny=deny,
            kill=kill,
            alert=alert,
            silent=silent,
            mode=rule_mode,
            span=rule.span,
            name_span=rule.name.span,
            sequence=sequence,
            threshold=check_threshold(threshold, conditions, self.report),
            effects=effects,
            output=output,
            confirm=confirm,
        )

    def _exceptions(self, rule: syntax.Rule) -> list[syntax.Exception_]:
        """The rule's exceptions; of a sequence they are about its last step."""
        clauses = _of(rule, syntax.Exception_)
        for clause in _of(rule, syntax.OnSequence)[:1]:
            aliases = own_names(clause, self.report)
            plain = [(each, aliases.condition(each.condition)) for each in clauses]
            return [evolve(e, condition=found) for e, found in plain if found is not None]
        return clauses

    def _single(self, rule: syntax.Rule, kind: type[C]) -> C | None:
        """The clause of that kind; a second one is an error."""
        found = _of(rule, kind)
        # What is left of a broken clause may look like another one.
        for again in () if _of(rule, syntax.Broken) else found[1:]:
            self.report.error(
                "BPFC0407",
                f"`{_KEYWORDS[kind]}` is given twice",
                again.span,
                remedy=_JOINED.get(kind, ""),
                related=(("the first one is here", found[0].span),),
            )
        return found[0] if found else None

    def _complete(self, rule: syntax.Rule) -> None:
        """Report what a rule must have and has not."""
        where = rule.name.span if rule.name else rule.span
        name = rule.name.text if rule.name else ""
        followed = bool(_of(rule, syntax.OnSequence))
        if not followed and not _of(rule, syntax.On):
            self.report.error(
                "BPFC0405",
                f"rule `{name}` does not say on which event",
                where,
                expected=some([e.name for e in self.catalogue.events]),
                remedy="add `on EVENT`",
            )
        if not followed and not _of(rule, syntax.When):
            self.report.error(
                "BPFC0406",
                f"rule `{name}` has no condition",
                where,
                remedy="add `when CONDITION`; `when true` takes every event",
            )
        for silent in _of(rule, syntax.Silent)[:1]:
            if not any(isinstance(clause, _DOING) for clause in rule.clauses):
                self.report.error(
                    "BPFC0408",
                    f"rule `{name}` does nothing: it is silent and neither denies nor kills",
                    silent.span,
                    remedy="leave out `silent`, or add `deny`, `kill`, `add` or `tag`",
                )

    def _sequence(self, rule: syntax.Rule) -> typed.Sequence | None:
        """The sequence of a rule that listens on one."""
        clause = self._single(rule, syntax.OnSequence)
        if clause is None:
            return None
        for other in rule.clauses:
            if isinstance(other, syntax.On | syntax.When | syntax.Threshold):
                self.report.error(
                    "BPFC0494",
                    f"a rule on a sequence has no `{_KEYWORDS[type(other)]}`",
                    other.span,
                    remedy="conditions stand in the steps: [EVENT when CONDITION]",
                )
        conditions = Conditions(
            self.catalogue, (), self.names, self.cache, self.budget, self.report
        )
        return check_sequence(clause, conditions, self.report)

    def _events(self, rule: syntax.Rule) -> tuple[Event, ...]:
        """The events that `on` names, those that exist."""
        clause = self._single(rule, syntax.On)
        found: dict[str, Event] = {}
        for name in clause.events if clause else ():
            event = self.catalogue.event(name.text)
            if event is None:
                known = [e.name for e in self.catalogue.events]
                self.report.error(
                    "BPFC0202",
                    f"unknown event `{shown(name.text)}`",
                    name.span,
                    expected=some(known),
                    suggestion=nearest(name.text, known),
                )
            elif name.text in found:
                self.report.error("BPFC0407", f"`{name.text}` is given twice", name.span)
            else:
                found[name.text] = event
        return tuple(found.values())

    def _deny(self, rule: syntax.Rule, events: tuple[Event, ...]) -> typed.Deny | None:
        """The `deny` clause."""
        clause = self._single(rule, syntax.Deny)
        if clause is None:
            return None
        errno = clause.errno.text if clause.errno else DEFAULT_ERRNO
        if clause.errno and errno not in DENY_ERRNOS:
            self.report.error(
                "BPFC0208",
                f"`{shown(errno)}` is not an error that `deny` can return",
                clause.errno.span,
                suggestion=nearest(errno, DENY_ERRNOS),
                remedy="EPERM and EACCES are the usual ones",
            )
        fallback = FALLBACKS[0]
        if clause.fallback:
            fallback = choice(clause.fallback, "fallback", FALLBACKS, self.report)
        for event in events:
            if "before" not in event.phases:
                self.report.error(
                    "BPFC0410",
                    f"`{event.name}` cannot be denied: it has happened when it is seen",
                    clause.span,
                    expected=some([e.name for e in self.catalogue.events if "before" in e.phases]),
                    remedy="deny an earlier event, or `kill` the process",
                )
        return typed.Deny(errno, fallback, clause.on_unknown, clause.span)

    def _kill(
        self, rule: syntax.Rule, events: tuple[Event, ...], earlier: Earlier | None
    ) -> typed.Kill | None:
        """The `kill` clause."""
        clause = self._single(rule, syntax.Kill)
        if clause is None:
            return None
        targets: dict[str, Name] = {}
        steps: dict[int, Name] = {}
        for name in clause.targets:
            step = earlier.victim(name) if earlier else 0
            last = earlier is not None and step == len(earlier.sequence.steps)
            if step and not last:
                again = steps.setdefault(step, name) is not name
            else:
                known = (*KILL_TARGETS, *(earlier.victims() if earlier else ()))
                plain = evolve(name, text=name.text.partition(".")[2]) if last else name
                choice(plain, "process to kill", known, self.report)
                again = targets.setdefault(plain.text, name) is not name
            if again:
                self.report.error("BPFC0407", f"`{name.text}` is given twice", name.span)
        if steps and not targets:
            return typed.Kill((), clause.span, tuple(steps))
        chosen = tuple(targets) or KILL_TARGETS[:1]
        ended = next((event for event in events if event.ended), None)
        if ended and KILL_TARGETS[0] in chosen:
            self.report.error(
                "BPFC0411",
                f"on {ended.name} the process has ended: there is nothing to kill",
                targets[KILL_TARGETS[0]].span if targets else clause.span,
                remedy="`kill proc.parent` ends its parent",
            )
        lonely = next((event for event in events if not event.has_process), None)
        if lonely:
            self.report.error(
                "BPFC0347",
                f"{lonely.name} has no process, so there is nothing to kill: {lonely.no_process}",
                targets[chosen[0]].span if targets else clause.span,
                remedy="kill on an event that is seen where the process runs",
            )
        return typed.Kill(chosen, clause.span, tuple(steps))

    def _alert(
        self, rule: syntax.Rule, conditions: Conditions, find: templates.Find
    ) -> typed.Alert | None:
        """The `alert` clause."""
        clause = self._single(rule, syntax.Alert)
        if clause is None:
            return None
        parts = templates.parse(clause.template, find, self.report) if clause.template else ()
        limit = check_limit(clause.limit, conditions, self.report)
        return typed.Alert(parts or (), clause.span, limit)

    def _silent(self, rule: syntax.Rule) -> bool:
        """Whether the rule is silent."""
        clause = self._single(rule, syntax.Silent)
        alerts = _of(rule, syntax.Alert)
        if clause and alerts:
            self.report.error(
                "BPFC0409",
                "a rule that is `silent` cannot `alert`",
                clause.span,
                remedy="leave out one of the two",
                related=(("the alert is here", alerts[0].span),),
            )
        elif clause and (outputs := _of(rule, syntax.Output)):
            self.report.error(
                "BPFC0409",
                "a rule that is `silent` has no alerts to which `output` could add",
                outputs[0].span,
                remedy="leave out one of the two",
                related=(("it is silent here", clause.span),),
            )
        return clause is not None


_DOING = (syntax.Deny, syntax.Kill, syntax.Add, syntax.Tag, syntax.Untag)
_KEYWORDS: dict[type, str] = {
    syntax.On: "on",
    syntax.OnSequence: "on",
    syntax.When: "when",
    syntax.Confirm: "confirm",
    syntax.Threshold: "threshold",
    syntax.Deny: "deny",
    syntax.Kill: "kill",
    syntax.Alert: "alert",
    syntax.Output: "output",
    syntax.Silent: "silent",
    syntax.Mode: "mode",
}
_JOINED: dict[type, str] = {
    syntax.On: "name several events in one: `on A or B`",
    syntax.When: "join the conditions with `and`",
    syntax.Confirm: "join the conditions with `and`",
    syntax.Kill: "name several processes in one: `kill proc, proc.parent`",
}


def _of(rule: syntax.Rule, kind: type[C]) -> list[C]:
    """The rule's clauses of one kind."""
    return [clause for clause in rule.clauses if isinstance(clause, kind)]
