"""The second stage at work: a rule's condition, judged by the agent on a record.

Logic is three-valued as in the kernel (docs/language.md, Absent, unknown, certain): a test whose
value could not be found out is undetermined. What costs time (a hash) is asked for only where the
rest of the condition leaves the answer open.
"""

import codecs
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping

from attrs import Factory, define, frozen

from bpfc.artifact.confirm import AgentField, Automaton, ConfirmInfo, ConfirmTest
from bpfc.artifact.decode import Record, State, Value, path_part
from bpfc.artifact.manifest import EventLayout, NumberField, TextField
from bpfc.artifact.record import VIEW_ABSENT, VIEW_TRUNCATED, VIEW_UNKNOWN

# Finds something out: a source and the values of the fields that it needs.
Ask = Callable[[str, tuple[Value | State, ...]], Value | State]
Truth = bool | None
# Bytes of a text (UTF-8) and whether it goes on, or why there is none.
Examined = tuple[bytes, bool] | State

_FOLD = bytes(byte + 32 if 65 <= byte <= 90 else byte for byte in range(256))
_SIGN = 1 << 63


@frozen
class Verdict:
    """What a second stage comes to.

    Args:
        confirmed: whether there is an alert.
        definite: whether that depends on nothing that could not be found out.
        possible: whether it is not excluded.
    """

    confirmed: bool
    definite: bool
    possible: bool


@define
class StageCounts:
    """What became of the candidates of a rule's second stage.

    Args:
        confirmed: alerts.
        refuted: no alert: the condition is false.
        undecided: no alert: something could not be found out.
    """

    confirmed: int = 0
    refuted: int = 0
    undecided: int = 0

    def add(self, verdict: Verdict) -> None:
        """Count a candidate."""
        self.confirmed += verdict.confirmed
        self.refuted += not verdict.confirmed and not verdict.possible
        self.undecided += not verdict.confirmed and verdict.possible


NO_STAGE = Verdict(True, True, True)


@define
class Told:
    """What the agent knows of one record; everything is asked for once, and only if it is wanted.

    Args:
        record: the record.
        fields: of the rules that fired.
        ask: finds things out; None where nobody does.
        known: what was found out already.
    """

    record: Record
    fields: Mapping[str, AgentField]
    ask: Ask | None
    known: dict[str, Value | State] = Factory(dict)

    def value(self, name: str) -> Value | State:
        """A field that the agent knows; unknown if it cannot be found out."""
        if name not in self.known:
            self.known[name] = self._asked(self.fields[name])
        return self.known[name]

    def values(self, fields: Iterable[AgentField]) -> dict[str, Value | State]:
        """Fields that the agent knows, by name."""
        return {field.name: self.value(field.name) for field in fields}

    def _asked(self, field: AgentField) -> Value | State:
        if self.ask is None:
            return State.UNKNOWN
        plan = self.record.plan.fields
        needs = (self.record.value(n) if n in plan else State.UNKNOWN for n in field.needs)
        return self.ask(field.source, tuple(needs))


class SecondStage:
    """A rule's second stage on the records of one event; make it once, use it for every record."""

    def __init__(self, info: ConfirmInfo, layout: EventLayout, platform: str) -> None:
        """Prepare it.

        Args:
            info: a checked second stage.
            layout: of the event's records.
            platform: "linux" or "windows", whose records they are.
        """
        self._info = info
        self._windows = platform == "windows"
        self._numbers = {field.name: field for field in layout.numbers}
        self._texts = {field.name: field for field in layout.texts}
        self._automata = [_Search(automaton) for automaton in info.automata]
        self._compared = [_Compared.of(test, self._windows) for test in info.tests]

    def judge(self, told: Told) -> Verdict:
        """Judge a record.

        Args:
            told: the record, and what the agent knows of it.

        Returns:
            What the condition comes to.
        """
        judged = _Judged(self, told)
        root = len(self._info.nodes) - 1
        truth = judged.kleene(root)
        fires = judged.fires(root) if truth is None else truth
        possible = truth is not False
        wanted = fires or (possible and self._info.on_unknown)
        return Verdict(wanted, truth is True, possible)

    # ------------------------------------------------------------ tests

    def test(self, number: int, told: Told) -> Truth:
        """What a test comes to on a record: None if it is undetermined."""
        test = self._info.tests[number]
        value = self._value(test.field, told)
        if value is State.UNKNOWN:
            return None
        if test.op == "exists":
            return value is not State.ABSENT
        if isinstance(value, State):
            return False
        if isinstance(value, int):
            return _number(test, value)
        text, cut = value
        if test.element:
            return self._elements(number, text, cut)
        return self._text(number, text.replace(b"\0", b" "), cut)

    def _value(self, name: str, told: Told) -> int | Examined:
        """The value of a field, as tests compare it."""
        if name in self._numbers:
            return _raw_number(told.record, self._numbers[name])
        if name in self._texts:
            return self._raw_text(told.record, self._texts[name])
        found = told.value(name)
        if isinstance(found, State):
            return found
        if isinstance(found, str):
            return _bytes_of(found), False
        return found if isinstance(found, int) else State.UNKNOWN

    def _raw_text(self, record: Record, field: TextField) -> Examined:
        flags = record.view_flags[field.view]
        if flags & VIEW_UNKNOWN:
            return State.UNKNOWN
        if flags & VIEW_ABSENT:
            return State.ABSENT
        text, cut = record.texts[field.view], bool(flags & VIEW_TRUNCATED)
        if self._windows:
            whole = text[: len(text) // 2 * 2]  # a byte that is left over is no character
            text = whole.decode("utf-16-le", "surrogatepass").encode("utf-8", "surrogatepass")
        if field.part in ("", "elements"):
            return text, cut
        if cut:
            return State.UNKNOWN  # that part is not here
        path = text.decode("utf-8", "surrogateescape")
        part = path_part(path, field.part, "\\" if self._windows else "/")
        return part.encode("utf-8", "surrogateescape"), False

    def _elements(self, number: int, text: bytes, cut: bool) -> Truth:
        """A test of one, every or some element of a list. Of a list that goes on the last element
        that is here may go on, and more may follow."""
        test = self._info.tests[number]
        if test.element == "count":
            return _counted(test, text.count(b"\0") + 1, cut)
        *complete, last = text.split(b"\0")
        truths = [self._text(number, element, False) for element in complete]
        truth = self._text(number, last, cut)
        truths.append(None if cut and not truth else truth)
        if test.element == "any":
            return _any([*truths, None] if cut else truths)
        if test.element == "all":
            return _all([*truths, None] if cut else truths)
        position = int(test.element)
        return truths[position] if position < len(truths) else _unless(cut)

    def _text(self, number: int, text: bytes, cut: bool) -> Truth:
        """A text against all values of a test."""
        test = self._info.tests[number]
        if test.op != "found":
            return self._compared[number].judge(test, text, cut)
        searches = (self._automata[pair[self._windows]] for pair in test.patterns)
        truths = (search.found(text, cut) or _unless(cut) for search in searches)
        return _all(truths) if test.every else _any(truths)


@frozen
class _Compared:
    """The texts of a test, ready to be compared.

    Args:
        folds: whether ASCII letters fold.
        groups: for each value its spellings.
        equal: all of them, where equality with any is asked for: lists of hashes are long.
    """

    folds: bool
    groups: tuple[tuple[bytes, ...], ...]
    equal: frozenset[bytes] | None

    @classmethod
    def of(cls, test: ConfirmTest, windows: bool) -> "_Compared":
        """Prepare a test.

        Args:
            test: the test.
            windows: whether the records are those of Windows.
        """
        folds = test.folds == "always" or (windows and test.folds == "windows")
        groups, at = [], 0
        for size in test.groups:
            texts = (text.encode("utf-8") for text in test.texts[at : at + size])
            groups.append(tuple(text.translate(_FOLD) if folds else text for text in texts))
            at += size
        any_equal = test.op == "==" and not test.every
        equal = frozenset(text for group in groups for text in group) if any_equal else None
        return cls(folds, tuple(groups), equal)

    def judge(self, test: ConfirmTest, text: bytes, cut: bool) -> Truth:
        """A text against all values."""
        if self.folds:
            text = text.translate(_FOLD)
        if self.equal is not None:
            return None if cut and self.equal else text in self.equal
        truths = (_any(_fits(test.op, text, cut, one) for one in group) for group in self.groups)
        return _all(truths) if test.every else _any(truths)


@define
class _Judged:
    """A condition on one record; each test is made once.

    Args:
        stage: the second stage.
        told: the record, and what the agent knows of it.
    """

    stage: SecondStage
    told: Told
    _truths: dict[int, Truth] = Factory(dict)

    def _test(self, number: int) -> Truth:
        if number not in self._truths:
            self._truths[number] = self.stage.test(number, self.told)
        return self._truths[number]

    def kleene(self, number: int) -> Truth:
        """Three-valued."""
        node = self.stage._info.nodes[number]
        match node.kind:
            case "test":
                return self._test(node.items[0])
            case "not":
                inner = self.kleene(node.items[0])
                return None if inner is None else not inner
            case "and":
                return _all(map(self.kleene, node.items))
            case _:
                return _any(map(self.kleene, node.items))

    def fires(self, number: int) -> bool:
        """Two-valued, an undetermined test is false."""
        node = self.stage._info.nodes[number]
        match node.kind:
            case "test":
                return self._test(node.items[0]) is True
            case "not":
                return not self.fires(node.items[0])
            case "and":
                return all(map(self.fires, node.items))
            case _:
                return any(map(self.fires, node.items))


class _Search:
    """An automaton over the characters of a text."""

    def __init__(self, automaton: Automaton) -> None:
        self._automaton = automaton
        self._final = frozenset(automaton.final)
        self._classes: dict[str, int] = {}

    def found(self, text: bytes, cut: bool) -> bool:
        """Whether the pattern is found in a text, of which nothing is known behind a cut."""
        automaton, classes = self._automaton, self._classes
        state, sure, rows = 0, automaton.sure, automaton.rows
        if state == sure:
            return True
        for character in _decoded(text, cut):
            number = classes.get(character)
            if number is None:
                at = bisect_right(automaton.starts, ord(character)) - 1
                number = classes[character] = automaton.classes[at]
            state = rows[state][number]
            if state == sure:
                return True
        return not cut and state in self._final


def _decoded(text: bytes, cut: bool) -> str:
    """The characters that are certain: where a cut text ends inside one, that is none yet.

    A byte that is no part of valid UTF-8 is one character (U+DC80..U+DCFF).
    """
    if not cut:
        return text.decode("utf-8", "surrogateescape")
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    known = decoder.decode(text)
    # Python waits for a third byte behind ED A0..BF, but none makes that valid UTF-8.
    waiting, _ = decoder.getstate()
    if waiting[:1] == b"\xed" and waiting[1:] >= b"\xa0":
        known += decoder.decode(b"", final=True)
    return known


def _bytes_of(text: str) -> bytes:
    """A text that the agent found, as bytes: what was no UTF-8 in a name is what it was."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character of UTF-16, in a PE file
        return text.encode("utf-8", "surrogatepass")


def _raw_number(record: Record, field: NumberField) -> int | State:
    bit = 1 << field.index
    if record.header.unknown & bit:
        return State.UNKNOWN
    if record.header.absent & bit:
        return State.ABSENT
    word = record.numbers[field.index]
    if field.words == 2:
        return word << 64 | record.numbers[field.index + 1]
    return word - ((word & _SIGN) << 1) if field.signed else word


def _number(test: ConfirmTest, value: int) -> bool:
    """A number against all values of a test."""
    if test.op == "range":
        truths = (low <= value <= high for low, high in test.numbers)
    elif test.op == "any bits":
        truths = (value & bits != 0 for bits, _ in test.numbers)
    else:
        truths = (value & bits == bits for bits, _ in test.numbers)
    return all(truths) if test.every else any(truths)


def _counted(test: ConfirmTest, count: int, cut: bool) -> Truth:
    """A number of elements; there may be more of them in a list that was cut."""
    if not cut:
        return _number(test, count)
    # Above all bounds nothing changes any more; those of what is open lie far above any count.
    bounds = {bound for pair in test.numbers for bound in pair if count <= bound < _SIGN}
    places = {count, *bounds, *(bound + 1 for bound in bounds)}
    truths = {_number(test, place) for place in places}
    return truths.pop() if len(truths) == 1 else None


def _fits(op: str, text: bytes, cut: bool, pattern: bytes) -> Truth:
    """A text against one text. Where a cut text leaves the answer open it is undetermined."""
    match op:
        case "startswith":
            return text.startswith(pattern)
        case "under":
            return text.startswith(pattern) or (text == pattern[:-1] and not cut)
        case "contains":
            return True if pattern in text else _unless(cut)
        case "==":
            return None if cut else text == pattern
        case _:
            return None if cut else text.endswith(pattern)


def _unless(cut: bool) -> Truth:
    """The answer of a test that found nothing."""
    return None if cut else False


def _all(values: Iterable[Truth]) -> Truth:
    """Kleene conjunction; what is behind the first false one is not looked at."""
    result: Truth = True
    for value in values:
        if value is False:
            return False
        result = None if value is None else result
    return result


def _any(values: Iterable[Truth]) -> Truth:
    """Kleene disjunction; what is behind the first true one is not looked at."""
    result: Truth = False
    for value in values:
        if value is True:
            return True
        result = None if value is None else result
    return result
