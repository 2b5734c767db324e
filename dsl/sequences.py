"""Sequences: steps with keys of their own, and what one step has in common with the next."""

from collections.abc import Sequence

from attrs import evolve, frozen

from dsl import typed
from dsl.catalogue import Event
from dsl.condition_syntax import Comparison, Condition, Conjunction
from dsl.conditions import Conditions
from dsl.diagnostics import Collector, nearest, shown
from dsl.keys import MAX_WORDS, check_key, key_part, words
from dsl.literal_syntax import Name
from dsl.macros import Substitution
from dsl.span import Span
from dsl.state import duration
from dsl.syntax import OnSequence, Step

MIN_STEPS, MAX_STEPS = 2, 5


@frozen
class Aliases(Substitution):
    """Takes a step's own name off the names of its fields; other steps' names are wrong there.

    Args:
        own: the step's name, "" without one.
        others: names of the other steps.
    """

    own: str = ""
    others: frozenset[str] = frozenset()

    def _argument(self, name: Name) -> tuple[Name | None, str]:
        head, _, rest = name.text.partition(".")
        if head in self.others and rest:
            self.report.error(
                "BPFC0492",
                f"a field of step `{shown(head)}` cannot stand here",
                name.span,
                remedy="fields of two steps are compared in the later one, by `==`, in a test of"
                " its own behind `and`",
            )
        if rest and (head == self.own or head in self.others):
            return Name(rest, name.span), ""
        return None, ""


@frozen
class _Join:
    """`own == other`: a field of a step and one of an earlier step."""

    own: Name
    step: int
    other: Name
    span: Span


def check_sequence(
    clause: OnSequence, conditions: Conditions, report: Collector
) -> typed.Sequence | None:
    """Check `on sequence`.

    Args:
        clause: as parsed.
        conditions: of the rule, for any event.
        report: takes diagnostics.

    Returns:
        The sequence, or None after a diagnostic.
    """
    within = None
    if clause.within is None:
        report.error(
            "BPFC0488",
            "the sequence does not say within which time it has to happen",
            clause.span,
            remedy="write: on sequence within 30s [...] [...]",
        )
    else:
        within = duration(clause.within, report)
    if not MIN_STEPS <= len(clause.steps) <= MAX_STEPS:
        report.error(
            "BPFC0490",
            f"a sequence has {MIN_STEPS} to {MAX_STEPS} steps, not {len(clause.steps)}",
            clause.span,
            remedy="for a single event write `on EVENT when CONDITION`",
        )
        return None
    names = _aliases(clause, conditions, report)
    steps, joins = [], []
    for step in clause.steps:
        found = _step(step, names, conditions, report)
        steps.append(found[0] if found else None)
        joins.append(found[1] if found else ())
    until = _step(clause.until, names, conditions, report) if clause.until else None
    known = tuple(step for step in steps if step is not None)
    if within is None or len(known) < len(steps) or (clause.until and until is None):
        return None
    if until and until[1]:
        report.error(
            "BPFC0492",
            "`until` is compared with no step",
            until[1][0].span,
            remedy="what ends a sequence is found by its key alone",
        )
        return None
    ends = until[0] if until else None
    _same_keys([*known, *([ends] if ends else [])], report)
    joined = _joined(known, joins, conditions, report)
    return None if joined is None else typed.Sequence(within, joined, ends, clause.span)


def own_names(clause: OnSequence, report: Collector) -> Aliases:
    """What takes the last step's name off the names of fields elsewhere in the rule."""
    names = frozenset(step.alias.text for step in clause.steps if step.alias)
    last = clause.steps[-1].alias
    own = last.text if last else ""
    return Aliases({}, report, own, names - {own})


def _aliases(clause: OnSequence, conditions: Conditions, report: Collector) -> tuple[str, ...]:
    """The names of the steps, each once, none of which means something else too."""
    fields = (f.name for event in conditions.catalogue.events for f in event.fields)
    heads = {name.partition(".")[0] for name in fields}
    found: dict[str, Name] = {}
    for step in (*clause.steps, *([clause.until] if clause.until else [])):
        alias = step.alias
        if alias is None:
            continue
        if alias.text in heads or "." in alias.text:
            report.error(
                "BPFC0489",
                f"a step cannot be called `{shown(alias.text)}`: fields begin with that",
                alias.span,
                remedy="give it another name",
            )
        elif found.setdefault(alias.text, alias) is not alias:
            report.error(
                "BPFC0489",
                f"two steps are called `{shown(alias.text)}`",
                alias.span,
                remedy="give one of them another name",
                related=(("the first one is here", found[alias.text].span),),
            )
    names = (step.alias.text if step.alias else "" for step in clause.steps)
    return tuple("" if name in heads else name for name in names)


def _step(
    step: Step, names: Sequence[str], conditions: Conditions, report: Collector
) -> tuple[typed.Step, tuple[_Join, ...]] | None:
    """One step by itself, and what it is compared with."""
    event = _event(step.event, conditions, report)
    if event is None:
        return None
    own = step.alias.text if step.alias else ""
    if any(f.name.startswith(f"{own}.") for f in event.fields):
        own = ""  # it was reported
    here = evolve(conditions, events=(event,))
    items: tuple[Condition, ...] = ()
    if step.condition is not None:
        whole = step.condition
        items = whole.items if isinstance(whole, Conjunction) else (whole,)
    joins = [_join(item, own, names) for item in items]
    rest = [item for item, join in zip(items, joins, strict=True) if join is None]
    when: typed.Expr | None = typed.Constant(True)
    if rest:
        aliases = Aliases({}, report, own, frozenset(names) - {own, ""})
        plain = aliases.condition(rest[0] if len(rest) == 1 else Conjunction(tuple(rest)))
        when = None if plain is None else here.whole(plain)
    key = check_key(step.key, here, report)
    if when is None:
        return None
    found = typed.Step(own, event, when, key, (), (), step.span)
    return found, tuple(join for join in joins if join is not None)


def _event(name: Name, conditions: Conditions, report: Collector) -> Event | None:
    event = conditions.catalogue.event(name.text)
    if event is None:
        known = [e.name for e in conditions.catalogue.events]
        report.error(
            "BPFC0202",
            f"unknown event `{shown(name.text)}`",
            name.span,
            suggestion=nearest(name.text, known),
        )
    return event


def _join(item: Condition, own: str, names: Sequence[str]) -> _Join | None:
    """`x.file == w.file`, in either order, x being the step and w an earlier one."""
    if not isinstance(item, Comparison) or not isinstance(item.operand, Name):
        return None
    if item.operator.text != "==" or item.negated or item.suffixes or item.element:
        return None
    earlier = names[: names.index(own)] if own in names else tuple(names)
    for mine, other in ((item.field, item.operand), (item.operand, item.field)):
        head, _, rest = other.text.partition(".")
        if head not in earlier or not head or not rest:
            continue
        alias, _, field = mine.text.partition(".")
        plain = field if alias == own and own else mine.text
        return _Join(Name(plain, mine.span), names.index(head), Name(rest, other.span), item.span)
    return None


def _same_keys(steps: Sequence[typed.Step], report: Collector) -> None:
    """Report keys that cannot be equal."""
    first = steps[0]
    for step in steps[1:]:
        if [part.kind for part in step.key] != [part.kind for part in first.key]:
            report.error(
                "BPFC0491",
                "the keys of the steps are of different kinds: no two of them are ever equal",
                step.span,
                remedy="name in each step by what it belongs to the others, in the same order",
                related=(("the first step is here", first.span),),
            )


def _joined(
    steps: Sequence[typed.Step],
    joins: Sequence[Sequence[_Join]],
    conditions: Conditions,
    report: Collector,
) -> tuple[typed.Step, ...] | None:
    """The steps with what each has in common with the one before and behind it."""
    before: list[list[typed.KeyPart]] = [[] for _ in steps]
    after: list[list[typed.KeyPart]] = [[] for _ in steps]
    # What is equal, by step: of x == w and y == x all three are.
    classes: list[dict[int, typed.KeyPart]] = []
    good = True
    for number, found in enumerate(joins):
        for join in found:
            own = _part(join.own, steps[number], conditions, report)
            other = _part(join.other, steps[join.step], conditions, report)
            if own is None or other is None or not _comparable(own, other, join, report):
                good = False
                continue
            known = next((c for c in classes if c.get(join.step) == other), None)
            if known is None:
                known = {join.step: other}
                classes.append(known)
            if known.setdefault(number, own) != own:
                classes.append({join.step: other, number: own})
            good = good and _unbroken(known, join, number, report)
    for known in classes:
        for number in known:
            if number + 1 in known:
                after[number].append(known[number])
                before[number + 1].append(known[number + 1])
    result = tuple(
        evolve(step, before=tuple(before[n]), after=tuple(after[n])) for n, step in enumerate(steps)
    )
    for step in result:
        if max(words((*step.key, *step.before)), words((*step.key, *step.after))) > MAX_WORDS:
            report.error(
                "BPFC0487",
                f"key and comparisons of a step have more than {MAX_WORDS} numbers",
                step.span,
                remedy="leave out what others tell already; a file counts as two numbers",
            )
            good = False
    return result if good else None


def _part(
    name: Name, step: typed.Step, conditions: Conditions, report: Collector
) -> typed.KeyPart | None:
    """A field of a step that is compared with another step's."""
    field = step.event.field(name.text)
    if field is not None and field.kind.is_text:
        report.error(
            "BPFC0492",
            f"`{field.name}` is a text, and steps do not remember texts",
            name.span,
            remedy="compare files by what they are: `x.file == w.file`",
        )
        return None
    return key_part(name, evolve(conditions, events=(step.event,)), report)


def _comparable(own: typed.KeyPart, other: typed.KeyPart, join: _Join, report: Collector) -> bool:
    if own.kind == other.kind and len(own.fields) == len(other.fields):
        return True
    report.error(
        "BPFC0491",
        f"`{own.name}` and `{other.name}` are of different kinds: they are never equal",
        join.span,
    )
    return False


def _unbroken(known: dict[int, typed.KeyPart], join: _Join, number: int, report: Collector) -> bool:
    """Whether each step from the first to the last one knows what is equal."""
    between = [step for step in range(join.step + 1, number) if step not in known]
    for step in between:
        report.error(
            "BPFC0493",
            f"step {step + 1}, which comes in between, does not remember `{join.other.text}`",
            join.span,
            remedy="compare that step with the same field too, or leave the comparison out",
        )
    return not between
