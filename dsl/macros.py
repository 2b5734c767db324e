"""Macros: a condition with the arguments of a call in the place of the parameters.

Expansion is hygienic: names of the body other than parameters mean what they mean at the top of a
file, and what an argument brings along is not looked at again.
"""

from collections.abc import Iterator, Mapping

from attrs import define, evolve, frozen

from dsl.cycles import report_cycles
from dsl.diagnostics import Collector, shown
from dsl.span import Span
from dsl.syntax import (
    AddressProperty,
    Alone,
    Ancestors,
    Broken,
    Calculation,
    Call,
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    Flag,
    Literal,
    Literals,
    Macro,
    Membership,
    Name,
    Negation,
    Number,
    Part,
    Presence,
    Relation,
    Signed,
    Tagged,
)

# Levels of and, or, not and calls inside one another; the phases behind this one recurse over them.
# 64 parentheses have at most 195.
MAX_NESTING = 200
MAX_RULE = 10_000  # tests and constants that the macros of one rule expand to
MAX_POLICY = 100_000  # of all rules; checking so many takes about two seconds

Argument = Literal | Literals
Arguments = Mapping[str, Argument]


@define
class Budget:
    """How much macros have expanded to so far."""

    rule: int = 0
    policy: int = 0

    def take(self, amount: int) -> bool:
        """Count further tests and constants; False if they are too many."""
        self.rule += amount
        self.policy += amount
        return self.rule <= MAX_RULE and self.policy <= MAX_POLICY


@frozen
class Substitution:
    """Puts arguments in the place of parameters.

    Args:
        arguments: by parameter.
        report: takes diagnostics.
    """

    arguments: Arguments
    report: Collector

    def condition(self, item: Condition) -> Condition | None:
        """The condition with arguments, or None after a diagnostic."""
        match item:
            case Negation():
                inner = self.condition(item.item)
                return None if inner is None else Negation(inner)
            case Conjunction() | Disjunction():
                found = [self.condition(part) for part in item.items]
                good = tuple(part for part in found if part is not None)
                return evolve(item, items=good) if len(good) == len(found) else None
            case Call():
                return evolve(item, arguments=tuple(self._value(a) for a in item.arguments))
            case Flag() | Presence() | AddressProperty():
                field = self._field(item.field)
                return None if field is None else evolve(item, field=field)
            case Comparison():
                field = self._field(item.field)
                if field is None:
                    return None
                return evolve(item, field=field, operand=self._value(item.operand))
            case Membership():
                fields = [self._field(name) for name in item.fields]
                known = tuple(field for field in fields if field is not None)
                target = self._field(item.set)
                if target is None or len(known) < len(fields):
                    return None
                return evolve(item, fields=known, set=target)
            case Tagged():
                subject = self._field(item.subject)
                return None if subject is None else evolve(item, subject=subject)
            case Ancestors():
                subject, inner = self._field(item.subject), self.condition(item.condition)
                if subject is None or inner is None:
                    return None
                return evolve(item, subject=subject, condition=inner)
            case Relation():
                left, right = self._part(item.left), self._operand(item.right)
                if left is None or right is None:
                    return None
                return evolve(item, left=left, right=right)
            case Alone():
                return item

    def _operand(self, item: Part | Argument) -> Part | Argument | None:
        """What stands behind an operator."""
        return self._value(item) if isinstance(item, Argument) else self._part(item)

    def _part(self, item: Part) -> Part | None:
        """A part of a calculation; a parameter can stand for a number there."""
        match item:
            case Flag():
                argument, rest = self._argument(item.field)
                if isinstance(argument, Number) and not rest:
                    return argument
                field = self._field(item.field)
                return None if field is None else evolve(item, field=field)
            case Signed():
                inner = self._part(item.item)
                return None if inner is None else evolve(item, item=inner)
            case Calculation():
                left, right = self._part(item.left), self._part(item.right)
                if left is None or right is None:
                    return None
                return evolve(item, left=left, right=right)
            case Number() | Broken():
                return item
            case _:
                return self.condition(item)

    def _argument(self, name: Name) -> tuple[Argument | None, str]:
        """The argument that a name begins with, and the rest of the name."""
        head, dot, rest = name.text.partition(".")
        return self.arguments.get(head), dot + rest

    def _field(self, name: Name) -> Name | None:
        """A name in the place of a field; the place stays that in the macro."""
        argument, rest = self._argument(name)
        if argument is None:
            return name
        if isinstance(argument, Name):
            return Name(argument.text + rest, name.span)
        self.report.error(
            "BPFC0224",
            f"`{shown(name.text)}` is used as a field, but the argument is a value",
            argument.span,
            remedy="give a field, or the part of its name that the parameter stands for",
            related=(("it is used here", name.span),),
        )
        return None

    def _value(self, value: Argument) -> Argument:
        """A value, a list of values or a name that stands for some."""
        if isinstance(value, Name):
            argument, rest = self._argument(value)
            if isinstance(argument, Name) and rest:
                return Name(argument.text + rest, value.span)
            return value if argument is None or rest else argument
        if isinstance(value, Literals):
            return evolve(value, items=tuple(self._element(item) for item in value.items))
        return value

    def _element(self, item: Literal) -> Literal:
        """An element of a list; a list inside a list is left to be reported as what it is."""
        found = self._value(item)
        return item if isinstance(found, Literals) else found


def weight(item: Condition) -> int:
    """What a test costs: itself and its constants.

    Args:
        item: a condition; of a composed one only the top is counted.
    """
    match item:
        case Comparison(operand=Literals() as several) | Relation(right=Literals() as several):
            return 1 + len(several.items)
        case Relation():
            sizes = (p.size for p in (item.left, item.right) if isinstance(p, Signed | Calculation))
            return 1 + sum(sizes)
        case _:
            return 1


def nesting(item: Condition) -> int:
    """Levels of a condition inside one another; a test has none.

    Args:
        item: as parsed; calls in it count as tests.
    """
    match item:
        case Negation():
            return 1 + nesting(item.item)
        case Conjunction() | Disjunction():
            return 1 + max(map(nesting, item.items))
        case Ancestors():
            return 1 + nesting(item.condition)
        case _:
            return 0


def mentioned(item: Condition) -> Iterator[Name]:
    """All names of a condition that can be a macro's or a list's.

    Args:
        item: as parsed.
    """
    match item:
        case Negation():
            yield from mentioned(item.item)
        case Conjunction() | Disjunction():
            for part in item.items:
                yield from mentioned(part)
        case Ancestors():
            yield from mentioned(item.condition)
        case Flag():
            yield item.field
        case Call():
            yield item.name
            yield from (a for a in item.arguments if isinstance(a, Name))
        case Comparison():
            if isinstance(item.operand, Name):
                yield item.operand
        case Relation():
            if isinstance(item.right, Name):
                yield item.right
        case Membership():
            yield item.set
        case Presence() | AddressProperty() | Alone() | Tagged():
            pass


def check_declarations(macros: Mapping[str, Macro], report: Collector) -> frozenset[str]:
    """Look at macros before any is called.

    Args:
        macros: by name.
        report: takes diagnostics: names with dots, parameters given twice, cycles.

    Returns:
        Names of macros that are not to be expanded.
    """
    uses: dict[str, dict[str, Span]] = {}
    for name, macro in macros.items():
        _parameters(macro, report)
        own = {parameter.text for parameter in macro.parameters}
        uses[name] = {}
        for used in mentioned(macro.body):
            if used.text in macros and used.text not in own:
                uses[name].setdefault(used.text, used.span)
    declared = {name: macro.name for name, macro in macros.items()}
    return report_cycles("macro", "BPFC0222", declared, uses, report)


def _parameters(macro: Macro, report: Collector) -> None:
    """Report names that cannot stand for what they should."""
    seen: set[str] = set()
    for name in (macro.name, *macro.parameters):
        if "." in name.text:
            report.error(
                "BPFC0225",
                f"`{shown(name.text)}` would look like a field: macros and parameters have no dots",
                name.span,
                suggestion=name.text.replace(".", "_"),
            )
    for name in macro.parameters:
        if name.text in seen:
            report.error(
                "BPFC0225",
                f"parameter `{shown(name.text)}` is given twice",
                name.span,
                remedy="give each a name of its own",
            )
        seen.add(name.text)
