"""Can a condition be true, can it be false? By trying combinations of its tests' answers."""

from collections.abc import Mapping

from attrs import Factory, define, frozen

from dsl.lint import texts
from dsl.lint.forms import Form, favoured, form_of, leaves, value_of
from dsl.lint.worlds import Key, Worlds, is_text, key_of, worlds
from dsl.typed import And, Expr, Not, Or, Test
from dsl.walk import tests_of

_STEPS = 2_000  # combinations that are tried for one question
_EASY = 20  # combinations that count as a further question
_GROUPS = 64  # fields and tests that are independent of each other
_KEPT = 64  # groups of tests
MAX_QUESTIONS = 5_000  # about the conditions of a policy; a second at most


@frozen
class Verdict:
    """What is certain of a condition.

    Args:
        value: what it always is, None if it depends on the event or was not found out.
        whenever: whether that holds also where a value could not be read (tests of it are false).
    """

    value: bool | None
    whenever: bool = True


OPEN = Verdict(None)


@define
class Judge:
    """Answers questions about conditions, as long as that is worth the time.

    Args:
        questions: how many more are answered; a hard one counts as several.
        exhausted: whether one was asked that was not answered for that reason.
    """

    questions: int = MAX_QUESTIONS
    exhausted: bool = False
    _known: dict[tuple[Key, ...], list[Worlds]] = Factory(dict)

    def judge(self, expr: Expr) -> Verdict:
        """Whether a condition is the same for all events.

        Args:
            expr: a typed condition. Constants in it count as not known: they are places to fill in,
                or were reported as what they are.

        Returns:
            What is certain.
        """
        found = list(tests_of(expr))
        if not found or len({test.field.name for test in found}) == len(found) > 1:
            return OPEN  # can be true and false if its tests can
        if isinstance(expr, And | Or) and len(expr.items) == 2 and all(map(is_text, expr.items)):
            return _two_texts(expr)
        if self.questions <= 0:
            self.exhausted = True
            return OPEN
        self.questions -= 1
        tests = {key_of(test): test for test in found}
        numbers = {key: number for number, key in enumerate(tests)}
        by_number = list(tests.values())
        form = form_of(expr, numbers)
        for value in (False, True):
            rest = form
            if not isinstance(expr, Test):
                rest = favoured(form, [test.field.name for test in by_number], not value)
            if isinstance(rest, bool):
                if rest is value:
                    return Verdict(value)
                continue
            groups = self._worlds([by_number[leaf] for leaf in sorted(set(leaves(rest)))])
            if len(groups) > _GROUPS:
                return OPEN
            question = _Question(rest, groups, numbers, not value)
            if self._ask(question, known=True) is False:
                return Verdict(value, self._ask(question, known=False) is False)
        return OPEN

    def follows(self, condition: Expr, other: Expr) -> bool:
        """Whether `other` is true wherever `condition` is; False also if that was not found out.

        Args:
            condition: a typed condition.
            other: another one.
        """
        if is_text(condition) and is_text(other):
            return _same_field(condition, other) and texts.follows(condition, other)
        return self.judge(And((condition, Not(other)))) == Verdict(False)

    def _ask(self, question: "_Question", known: bool) -> bool | None:
        """Whether the condition can have a value; None if the search was given up."""
        search = _Search(question, known, _STEPS)
        found = search.finds()
        self.questions -= (_STEPS - search.steps) // _EASY
        return found

    def _worlds(self, tests: list[Test]) -> list[Worlds]:
        """The groups of some tests; several questions are about the same."""
        keys = tuple(map(key_of, tests))
        if keys not in self._known:
            if len(self._known) > _KEPT:
                self._known.clear()
            self._known[keys] = worlds(tests)
        return self._known[keys]


def _same_field(one: Test, other: Test) -> bool:
    return one.field.name == other.field.name


def _two_texts(expr: And | Or) -> Verdict:
    """The same for two text tests, without a search: there is a text that satisfies neither."""
    one, other = expr.items
    assert is_text(one) and is_text(other)
    excluded = isinstance(expr, And) and _same_field(one, other) and texts.excludes(one, other)
    return Verdict(False) if excluded else OPEN


@frozen
class _Question:
    """Whether a condition can have a value.

    Args:
        form: the condition.
        groups: of its tests.
        numbers: of the tests.
        wanted: the value.
    """

    form: Form
    groups: list[Worlds]
    numbers: Mapping[Key, int]
    wanted: bool


@define
class _Search:
    """A search for an answer.

    Args:
        question: what is asked.
        known: whether every field has a value or is known to be absent.
        steps: how many combinations may still be tried.
        answers: that are being tried.
    """

    question: _Question
    known: bool
    steps: int
    answers: dict[int, bool] = Factory(dict)

    def finds(self, depth: int = 0) -> bool | None:
        """The answer, with those of the first groups given; None if the search was given up."""
        if not self.steps:
            return None
        self.steps -= 1
        value = value_of(self.question.form, self.answers)
        if value is not None:
            return value is self.question.wanted
        group = self.question.groups[depth]
        places = [self.question.numbers[key] for key in group.keys]
        gave_up = False
        for row, known in group.answers:
            if self.known and not known:
                continue
            self.answers.update(zip(places, row, strict=True))
            found = self.finds(depth + 1)
            if found:
                return True
            gave_up = gave_up or found is None
        for place in places:
            self.answers.pop(place, None)
        return None if gave_up else False
