"""What a pattern is looked for in: a whole text, an element of a list, a part of a path.

An acceptor knows texts. A list of strings is one text with NUL between its elements, a path one
with separators between its components; so an acceptor of elements, or of parts, becomes a machine
over the whole text.
"""

from collections.abc import Callable, Collection, Hashable

from attrs import frozen

from compiler.plan.patterns.acceptor import STATES_MAX, Acceptor, TooManyStates
from compiler.plan.patterns.machine import Machine
from compiler.plan.patterns.partition import common, partition_of
from dsl.patterns.tree import Chars

_NUL = "\0"


def whole(acceptor: Acceptor, bit: int) -> Machine:
    """A machine that reports a text the acceptor accepts, as soon as it is sure."""
    accepted = acceptor.sure
    rows = list(acceptor.rows)
    at_end = [bit if final else 0 for final in acceptor.final]
    if accepted is not None:
        # It is reported on arrival, and nothing depends on what comes then.
        refused = acceptor.hopeless()
        rest = refused if refused is not None else 0
        if rest != accepted:
            rows[accepted], at_end[accepted] = rows[rest], at_end[rest]
    found = [bit if state == accepted else 0 for state in range(len(rows))]
    return Machine(acceptor.partition, tuple(rows), tuple(found), tuple(at_end))


@frozen
class _Place:
    """A state in the making: what `_explored` numbers."""

    key: Hashable
    found: int = 0


def _explored(
    partition_rows: "_Rows",
    start: Hashable,
    step: Callable[[Hashable, int], _Place],
    end: Callable[[Hashable], int],
) -> Machine:
    """The machine of all places that are reached from a first one.

    Args:
        partition_rows: classes of the machine.
        start: key of the first place.
        step: where a class leads to from a key.
        end: what is found at the text's end.
    """
    first = _Place(start)
    numbers = {first: 0}
    waiting = [first]
    rows = []
    for place in waiting:  # grows while it is walked
        row = []
        for item in range(partition_rows.count):
            target = step(place.key, item)
            number = numbers.setdefault(target, len(numbers))
            if number == len(waiting):
                waiting.append(target)
            row.append(number)
        if len(waiting) > 2 * STATES_MAX:
            raise TooManyStates
        rows.append(tuple(row))
    return Machine(
        partition_rows.partition,
        tuple(rows),
        tuple(place.found for place in waiting),
        tuple(end(place.key) for place in waiting),
    )


class _Rows:
    """An acceptor over classes that also tell a few characters from all others."""

    def __init__(self, acceptor: Acceptor, special: str) -> None:
        each = [Chars(((ord(char),) * 2,)) for char in special]
        self.partition, pairs = common(acceptor.partition, partition_of(each))
        self.count = self.partition.count
        self.special = frozenset(self.partition.of(ord(char)) for char in special)
        self.rows = [[row[a] for a, _ in pairs] for row in acceptor.rows]


# Keys of places that are no state of the acceptor.
_DONE, _SKIP = "done", "skip"


def some_element(acceptor: Acceptor, bit: int, failing: bool = False) -> Machine:
    """Reports a list with an element that is accepted (or, failing, a whole one that is not)."""
    rows = _Rows(acceptor, _NUL)
    sure = acceptor.sure

    def step(key: Hashable, item: int) -> _Place:
        if item in rows.special:
            return _Place(0, end(key))
        if not isinstance(key, int):
            return _Place(_SKIP)
        target = rows.rows[key][item]
        return _Place(_SKIP, bit) if target == sure and not failing else _Place(target)

    def end(key: Hashable) -> int:
        if not isinstance(key, int):
            return 0
        return bit if acceptor.final[key] != failing else 0

    return _explored(rows, 0, step, end)


def every_element(acceptor: Acceptor, bit: int) -> Machine:
    """Reports a list of which every element is accepted, at its end."""
    rows = _Rows(acceptor, _NUL)

    def step(key: Hashable, item: int) -> _Place:
        if not isinstance(key, int):
            return _Place(_DONE)
        if item in rows.special:
            return _Place(0 if acceptor.final[key] else _DONE)
        return _Place(rows.rows[key][item])

    def end(key: Hashable) -> int:
        return bit if isinstance(key, int) and acceptor.final[key] else 0

    return _explored(rows, 0, step, end)


def nth_element(acceptor: Acceptor, bit: int, position: int, failing: bool = False) -> Machine:
    """Reports a list whose element at a position, counted from 0, is accepted (or is whole and is
    not)."""
    rows = _Rows(acceptor, _NUL)
    sure = acceptor.sure

    def step(key: Hashable, item: int) -> _Place:
        if isinstance(key, tuple):  # elements that are passed over
            if item not in rows.special:
                return _Place(key)
            return _Place(0 if key[0] == 1 else (key[0] - 1,))
        if not isinstance(key, int):
            return _Place(_DONE)
        if item in rows.special:
            return _Place(_DONE, end(key))
        target = rows.rows[key][item]
        if target == sure:
            return _Place(_DONE, 0 if failing else bit)
        return _Place(target)

    def end(key: Hashable) -> int:
        if not isinstance(key, int):
            return 0
        return bit if acceptor.final[key] != failing else 0

    return _explored(rows, (position,) if position else 0, step, end)


def counted(counts: Collection[int], most: int, bit: int, failing: bool = False) -> Machine:
    """Reports a list whose number of elements is one of some (or, failing, cannot be any more).

    Args:
        counts: the numbers up to `most`; `most` stands for all behind it, too.
        most: what is larger is not told apart.
        bit: what to report.
        failing: whether to report the other lists, and only as soon as that is known.
    """
    partition = partition_of([])
    rows = _Rows(Acceptor(partition, ((0,),), (True,), None), _NUL)

    def known(count: int) -> bool:
        return all((other in counts) != failing for other in range(count, most + 1))

    def step(key: Hashable, item: int) -> _Place:
        assert isinstance(key, int)
        if item not in rows.special or key == most:
            return _Place(key)
        return _Place(key + 1, bit if known(key + 1) else 0)

    def end(key: Hashable) -> int:
        assert isinstance(key, int)
        return bit if (key in counts) != failing else 0

    return _explored(rows, 1, step, end)


def directory(acceptor: Acceptor, bit: int, separators: str) -> Machine:
    """Reports a path whose directory is accepted: what stands before its last separator, or the
    separator itself where nothing does."""
    rows = _Rows(acceptor, separators)
    alone = acceptor.final[0]

    def step(key: Hashable, item: int) -> _Place:
        assert isinstance(key, tuple)
        state, accepted, first = key
        target = rows.rows[state][item]
        if item in rows.special:
            accepted = acceptor.final[target if first else state]
        return _Place((target, accepted, False))

    def end(key: Hashable) -> int:
        assert isinstance(key, tuple)
        return bit if key[1] else 0

    return _explored(rows, (0, alone, True), step, end)


def extension(acceptor: Acceptor, bit: int, separators: str) -> Machine:
    """Reports a path whose extension is accepted: what stands behind the last dot of its last
    component, if that has anything but dots in front of it; else the empty text."""
    rows = _Rows(acceptor, separators + ".")
    dot = rows.partition.of(ord("."))
    only_dots, no_dot = "only dots", "no dot"

    def step(key: Hashable, item: int) -> _Place:
        if item == dot:
            return _Place(only_dots if key == only_dots else 0)
        if item in rows.special:
            return _Place(only_dots)
        return _Place(rows.rows[key][item] if isinstance(key, int) else no_dot)

    def end(key: Hashable) -> int:
        return bit if acceptor.final[key if isinstance(key, int) else 0] else 0

    return _explored(rows, only_dots, step, end)
