"""Falco's conditions on one event, as conditions of the language."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from attrs import Factory, define, evolve

from bpfc_cli.importing.conditions import (
    All,
    Always,
    Any,
    Condition,
    Not,
    Raw,
    Test,
    Unseen,
    as_condition,
    shown,
    simplified,
)
from bpfc_cli.importing.falco.book import Book
from bpfc_cli.importing.falco.comparing import (
    basename,
    exists,
    length,
    of_ancestors,
    one_value,
    presence_of,
    two_fields,
)
from bpfc_cli.importing.falco.names import Declarations
from bpfc_cli.importing.falco.parsing import ConditionError, parse
from bpfc_cli.importing.falco.predicates import ONE_VALUE, holds
from bpfc_cli.importing.falco.syntax import And, Compare, Expression, Macro, Or, Word, leaves
from bpfc_cli.importing.falco.syntax import Not as Opposite
from bpfc_cli.importing.falco.tables import EventTable, Spec
from bpfc_cli.importing.model import Code, Reason, Refused
from bpfc_cli.importing.stages import asks_agent

TYPES = ("evt.type", "syscall.type")
_NAMED_OPS = ("==", "under")


@define
class Translator:
    """Translates conditions.

    Args:
        book: macros and lists.
        tables: what Falco knows of events.
        names: lists and macros of the policy.
        refused: reasons by the text that stands for them.
        notes: how translations differ, by the condition that they are about.
        parsed: macros that were read already.
        active: macros that are being read.
    """

    book: Book
    tables: tuple[EventTable, ...]
    names: Declarations
    refused: dict[str, Reason] = Factory(dict)
    notes: dict[str, None] = Factory(dict)
    parsed: dict[str, Expression] = Factory(dict)
    active: list[str] = Factory(list)

    def on(self, expression: Expression, table: EventTable) -> Condition:
        """A condition on one event.

        Args:
            expression: Falco's.
            table: what Falco knows of the event.

        Returns:
            The condition, simplified; `reasons` says what in it has no translation.
        """
        return simplified(self._any(expression, table))

    def reasons(self, conditions: Iterable[Condition]) -> tuple[Reason, ...]:
        """Why conditions have no translation, each reason once."""
        texts = (text for condition in conditions for text in _texts(condition))
        return tuple(dict.fromkeys(self.refused[t] for t in texts if t in self.refused))

    def macro(self, name: str) -> Expression:
        """The condition of a macro.

        Raises:
            Refused: there is none, or it uses itself.
        """
        if name not in self.parsed:
            text = self.book.macros.get(name)
            if text is None:
                raise Refused(Code.INVALID, name, f"there is no macro {name}")
            try:
                self.parsed[name] = parse(text)
            except ConditionError as error:
                raise Refused(Code.INVALID, name, f"macro {name}: {error}") from error
        return self.parsed[name]

    def inside(self, name: str) -> "_Inside":
        """Marks a macro as being read, so that one that uses itself is found."""
        return _Inside(self, name)

    def words(self, values: Sequence[Word]) -> tuple[tuple[str, ...], str]:
        """The texts of values, lists written out, and the list that is all of them."""
        found: dict[str, None] = {}
        for value in values:
            found |= dict.fromkeys(self._items(value, ()))
        only = values[0] if len(values) == 1 else None
        is_list = only is not None and not only.quoted and only.text in self.book.lists
        return tuple(found), only.text if is_list and only is not None else ""

    def _items(self, value: Word, within: tuple[str, ...]) -> Iterator[str]:
        items = None if value.quoted else self.book.lists.get(value.text)
        if items is None or value.text in within:
            yield value.text
            return
        for item in items:
            quoted = len(item) > 1 and item[0] == item[-1] and item[0] in "'\""
            word = Word(item[1:-1] if quoted else item, quoted)
            yield from self._items(word, (*within, value.text))

    # ------------------------------------------------------------ logic

    def _any(self, expression: Expression, table: EventTable) -> Condition:
        match expression:
            case And():
                return All(tuple(self._any(item, table) for item in expression.items))
            case Or():
                return Any(tuple(self._any(item, table) for item in expression.items))
            case Opposite():
                return Not(self._any(expression.item, table))
            case Macro():
                return self._macro(expression, table)
            case Compare():
                try:
                    return self._compare(expression, table)
                except Refused as refused:
                    return self._refuse(refused)

    def _refuse(self, refused: Refused) -> Condition:
        reason = refused.reason
        text = f"{reason.code.value} {reason.subject} {reason.text}"
        self.refused[text] = reason
        return Unseen(text)

    def _macro(self, macro: Macro, table: EventTable) -> Condition:
        try:
            expression = self.macro(macro.name)
            with self.inside(macro.name):
                found = simplified(self._any(expression, table))
        except Refused as refused:
            return self._refuse(refused)
        if (
            isinstance(found, Always)
            or asks_agent(found)  # the kernel has its own part of it
            or self.reasons([found])
            or not self.neutral(expression, table)
        ):
            return found
        return Raw(self.names.declare("macro", macro.name, shown(found)))

    def neutral(self, expression: Expression, table: EventTable) -> bool:
        """Whether a condition is the same on all events."""
        for leaf in leaves(expression):
            if isinstance(leaf, Macro):
                if not self.neutral(self.macro(leaf.name), table):
                    return False
                continue
            used = [leaf.field, *([leaf.other] if leaf.other else [])]
            if any(f.name.startswith(("evt.", "fd.", "fs.")) or f.name in table.own for f in used):
                return False
            if any(f.name in TYPES for f in used):
                return False
        return True

    # ------------------------------------------------------------ comparisons

    def _compare(self, compare: Compare, table: EventTable) -> Condition:
        if compare.field.name in TYPES:
            return self._types(compare, table)
        name, event = str(compare.field), table.event
        spec = table.spec(compare.field)
        if spec is None:
            raise Refused(Code.FIELD, name, f"{event.name} has no field that says {name}")
        if spec.note:
            self.notes[spec.note] = None
        if spec.result:
            self.notes[f"{event.name} is seen as an attempt: also what then fails"] = None
        if spec.absent:
            return Always(False)
        if compare.other is not None:
            return self._two(compare, spec, table)
        if compare.op == "exists":
            return exists(event, name, spec)
        return self._values(compare, spec, table)

    def _two(self, compare: Compare, spec: Spec, table: EventTable) -> Condition:
        other = compare.other
        assert other is not None
        if compare.field.transformers or other.transformers:
            word = (*compare.field.transformers, *other.transformers)[0]
            raise Refused(Code.OPERATOR, word, "two fields are compared as they are")
        right = table.spec(other)
        if right is None:
            raise Refused(
                Code.FIELD, str(other), f"{table.event.name} has no field that says {other}"
            )
        names = (str(compare.field), str(other))
        return two_fields(table.event, spec, right, names, ONE_VALUE.get(compare.op, compare.op))

    def _values(self, compare: Compare, spec: Spec, table: EventTable) -> Condition:
        values, only = self.words(compare.values)
        op = "=" if compare.op == "!=" else ONE_VALUE.get(compare.op, compare.op)
        scalar = compare.op not in ("in", "intersects", "pmatch") and not compare.modifier
        if scalar and len(values) != 1:
            text = f"{compare.op} takes one value, and {only or 'the list'} has {len(values)}"
            raise Refused(Code.INVALID, compare.op, text)
        one = self._tester(compare, spec, table, op)
        tests = tuple(one(value) for value in values)
        if compare.modifier == "oneof":
            raise Refused(Code.OPERATOR, "oneof", "the language cannot ask for exactly one")
        if compare.op == "!=":
            tests = tuple(map(Not, tests))
        every = compare.modifier == "allof" or (compare.op == "!=" and compare.modifier != "anyof")
        found = All(tests) if every else self._named(only, tests) or Any(tests)
        if compare.op == "!=":
            found = All((presence_of(table.event, spec), found))
        return of_ancestors(found) if spec.ancestors else found

    def _tester(
        self, compare: Compare, spec: Spec, table: EventTable, op: str
    ) -> Callable[[str], Condition]:
        """What makes the test for one value."""
        event, name, transformers = table.event, str(compare.field), compare.field.transformers
        if transformers == ("len",):
            return lambda value: length(event, name, spec, op, value)
        folds = [t for t in transformers if t in ("tolower", "toupper")]
        if unknown := [t for t in transformers if t not in ("tolower", "toupper", "basename")]:
            text = f"the language has nothing like {unknown[0]}()"
            raise Refused(Code.OPERATOR, unknown[0], text)
        if "basename" in transformers:
            spec = basename(event, name, spec)
        if not folds:
            return lambda value: one_value(event, name, spec, op, value, False)
        if op in ("glob", "regex"):
            text = f"a pattern cannot be compared with {name}; iglob can"
            raise Refused(Code.OPERATOR, folds[-1], text)
        change = str.lower if folds[-1] == "tolower" else str.upper

        def folded(value: str) -> Condition:
            if change(value) != value:
                return Always(False)  # no text is so, once its letters are changed
            return one_value(event, name, spec, op, value, True)

        return folded

    def _named(self, name: str, tests: tuple[Condition, ...]) -> Condition | None:
        """One test with the name of a list, where all tests are of one kind."""
        first = tests[0] if tests else None
        if not name or not isinstance(first, Test) or first.op not in _NAMED_OPS or first.nocase:
            return None
        if any(not isinstance(t, Test) or evolve(t, values=first.values) != first for t in tests):
            return None
        values = dict.fromkeys(v for t in tests if isinstance(t, Test) for v in t.values)
        declared = self.names.declare("list", name, f"[{', '.join(values)}]")
        return evolve(first, values=(declared,), named=True)

    def _types(self, compare: Compare, table: EventTable) -> Condition:
        hits = type_hits(self, compare, table.types)
        return Any(tuple(map(as_condition, table.conditions(hits))))


@define
class _Inside:
    """A macro while it is read."""

    translator: Translator
    name: str

    def __enter__(self) -> None:
        if self.name in self.translator.active:
            raise Refused(Code.INVALID, self.name, f"macro {self.name} uses itself")
        self.translator.active.append(self.name)

    def __exit__(self, *_: object) -> None:
        self.translator.active.pop()


def type_hits(translator: Translator, compare: Compare, types: frozenset[str]) -> frozenset[str]:
    """Which event types satisfy a test of `evt.type`.

    Args:
        translator: knows lists.
        compare: the test.
        types: Falco's words.

    Returns:
        Some of them.

    Raises:
        Refused: the operator is not for texts.
    """
    if compare.op == "exists":
        return types
    values, _ = translator.words(compare.values)
    op = "=" if compare.op == "!=" else ONE_VALUE.get(compare.op, compare.op)
    hits = frozenset(t for t in types if any(holds(op, t, value) for value in values))
    return types - hits if compare.op == "!=" else hits


def _texts(condition: Condition) -> Iterator[str]:
    """What stands in a condition for tests that were refused."""
    match condition:
        case Not():
            yield from _texts(condition.item)
        case All() | Any():
            for item in condition.items:
                yield from _texts(item)
        case Unseen():
            yield condition.subject
