"""Calls of macros: from a call to the condition that it stands for."""

from attrs import Factory, evolve, frozen

from dsl.diagnostics import Collector, Diagnostic, nearest, shown
from dsl.macros import MAX_NESTING, MAX_POLICY, MAX_RULE, Budget, Substitution, nesting, weight
from dsl.resolver import Names
from dsl.span import Span
from dsl.syntax import Call, Condition, Conjunction, Disjunction, Macro, Negation

_NOTES = 8  # calls that a diagnostic shows


@frozen
class Traced(Collector):
    """A collector for diagnostics inside an expansion: each shows the calls that led there."""

    calls: tuple[tuple[Macro, Span], ...] = Factory(tuple)

    @classmethod
    def inside(cls, report: Collector, macro: Macro, call: Span) -> "Traced":
        """The collector for one call.

        Args:
            report: where the call stands.
            macro: what is called.
            call: the place of the call.
        """
        outer = report.calls if isinstance(report, Traced) else ()
        return cls(report.items, report._seen, ((macro, call), *outer))

    def add(self, item: Diagnostic) -> None:
        """Add a diagnostic with a note for each call, the innermost first."""
        notes = [
            (f"macro `{shown(macro.name.text)}` is called here", call) for macro, call in self.calls
        ]
        if len(notes) > _NOTES:
            notes = [*notes[: _NOTES - 1], notes[-1]]
        macro, call = self.calls[0]
        if _within(item.span, call):
            notes[:1] = [(f"it is an argument of macro `{shown(macro.name.text)}`", macro.span)]
        super().add(evolve(item, related=(*item.related, *notes)))


def _within(place: Span, outer: Span) -> bool:
    """Whether one place is part of another."""
    return place.file == outer.file and outer.start <= place.start and place.end <= outer.end


def expand(
    call: Call, names: Names, report: Collector, above: int
) -> tuple[Condition, Traced, int] | None:
    """Put a call's arguments into the macro.

    Args:
        call: as parsed, or from another macro.
        names: the policy's macros; the called one becomes used.
        report: takes diagnostics.
        above: levels of and, or, not and calls around the call.

    Returns:
        The condition, the collector for what is wrong in it, and the levels down to its tests; None
        after a diagnostic.
    """
    macro = _macro(call, names, report)
    if macro is None:
        return None
    inside = Traced.inside(report, macro, call.span)
    depth = above + 1 + nesting(macro.body)
    if depth > MAX_NESTING:
        # Of several calls the outermost is the one that stands in a rule.
        report.error(
            "BPFC0223",
            f"with its macros the condition nests more than {MAX_NESTING} levels deep",
            inside.calls[-1][1],
            remedy="let macros use one another less deeply",
        )
        return None
    parameters = (parameter.text for parameter in macro.parameters)
    arguments = dict(zip(parameters, call.arguments, strict=True))
    body = Substitution(arguments, inside).condition(macro.body)
    return None if body is None else (body, inside, depth)


def _macro(call: Call, names: Names, report: Collector) -> Macro | None:
    """The macro that a call means, if there are as many arguments as it has parameters."""
    name = call.name.text
    names.used.add(name)
    macro = names.macros.get(name)
    if macro is None:
        if name in names.lists:
            report.error("BPFC0220", f"`{shown(name)}` is a list, not a macro", call.name.span)
        elif name not in names.announced:
            report.error(
                "BPFC0220",
                f"unknown macro `{shown(name)}`",
                call.name.span,
                suggestion=nearest(name, names.macros),
            )
        return None
    if len(call.arguments) != len(macro.parameters):
        wanted = ", ".join(parameter.text for parameter in macro.parameters)
        report.error(
            "BPFC0221",
            f"macro `{shown(name)}` takes {_count(len(macro.parameters), 'argument')}, "
            f"not {len(call.arguments)}",
            call.span,
            remedy=f"write {shown(name)}({shown(wanted)})" if wanted else f"write {shown(name)}",
            related=(("the macro is here", macro.span),),
        )
        return None
    return None if name in names.circular else macro


def _count(number: int, noun: str) -> str:
    """A number of things in words."""
    return f"{number} {noun}" if number == 1 else f"{number or 'no'} {noun}s"


def affordable(condition: Condition, budget: Budget, report: Collector) -> bool:
    """Whether what macros expand to is still small enough with this condition.

    Args:
        condition: of a composed one only the parts cost something, when their turn comes.
        budget: takes the cost, if the condition comes from a macro.
        report: takes a diagnostic if it is too much.
    """
    if not isinstance(report, Traced) or isinstance(
        condition, Negation | Conjunction | Disjunction
    ):
        return True
    if budget.take(weight(condition)):
        return True
    rule = f"this rule expand to more than {MAX_RULE:,}"
    policy = f"this policy expand to more than {MAX_POLICY:,}"
    # One place for all: that in the rule.
    Collector(report.items, report._seen).error(
        "BPFC0223",
        f"the macros of {rule if budget.rule > MAX_RULE else policy} tests and constants",
        report.calls[-1][1],
        remedy="split the rule, or name long lists instead of repeating them",
    )
    return False
