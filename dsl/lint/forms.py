"""Conditions in a form that is quick to simplify and to evaluate."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dsl.lint.worlds import Key, key_of
from dsl.typed import And, Constant, Expr, Not, Or, Test

# A constant; a test's number; "not", "and" or "or" and what it applies to. -1 is a constant of the
# source: nothing is concluded from it.
Form = bool | int | tuple[str, tuple["Form", ...]]
_OPEN = -1


def form_of(expr: Expr, numbers: Mapping[Key, int]) -> Form:
    """The form of a condition.

    Args:
        expr: a typed condition.
        numbers: of its tests.
    """
    match expr:
        case Test():
            return numbers[key_of(expr)]
        case Not():
            return ("not", (form_of(expr.item, numbers),))
        case And():
            return ("and", tuple(form_of(item, numbers) for item in expr.items))
        case Or():
            return ("or", tuple(form_of(item, numbers) for item in expr.items))
        case Constant():
            return _OPEN


def favoured(form: Form, fields: Sequence[str], wanted: bool) -> Form:
    """What is left of a condition if all tests that can are what makes it as wanted.

    A test can be if its field is tested only once; it depends on nothing else then.

    Args:
        form: of a condition.
        fields: by test the name of its field.
        wanted: the value that the condition should have.

    Returns:
        A condition that can have the wanted value if the whole one can.
    """
    while True:
        counts = Counter(fields[leaf] for leaf in leaves(form))
        alone = [counts[name] == 1 for name in fields]
        simpler = _simplified(form, alone, wanted)
        if simpler == form or isinstance(simpler, int):
            return simpler
        form = simpler


def leaves(form: Form) -> Iterator[int]:
    """The tests of a condition, each as often as it stands there."""
    if isinstance(form, tuple):
        for item in form[1]:
            yield from leaves(item)
    elif not isinstance(form, bool) and form != _OPEN:
        yield form


def _simplified(form: Form, alone: Sequence[bool], wanted: bool) -> Form:
    """One round: tests that stand alone become constants, which go as far as they can."""
    if isinstance(form, bool):
        return form
    if isinstance(form, int):
        return wanted if form == _OPEN or alone[form] else form
    kind, items = form
    if kind == "not":
        inner = _simplified(items[0], alone, not wanted)
        return not inner if isinstance(inner, bool) else ("not", (inner,))
    deciding = kind == "or"
    rest = []
    for item in items:
        simple = _simplified(item, alone, wanted)
        if simple is deciding:
            return deciding
        if not isinstance(simple, bool):
            rest.append(simple)
    if not rest:
        return not deciding
    return rest[0] if len(rest) == 1 else (kind, tuple(rest))


def value_of(form: Form, answers: Mapping[int, bool]) -> bool | None:
    """A condition's value as far as the answers to its tests decide it.

    Args:
        form: of a condition without open constants.
        answers: by test.
    """
    if isinstance(form, bool):
        return form
    if isinstance(form, int):
        return answers.get(form)
    kind, items = form
    if kind == "not":
        value = value_of(items[0], answers)
        return None if value is None else not value
    deciding = kind == "or"
    open_ = False
    for item in items:
        value = value_of(item, answers)
        if value is deciding:
            return deciding
        open_ = open_ or value is None
    return None if open_ else not deciding
