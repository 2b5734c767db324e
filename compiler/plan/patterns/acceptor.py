"""An automaton that accepts the texts in which a pattern is found."""

from attrs import frozen

from compiler.plan.patterns.partition import Partition, common, partition_of
from compiler.plan.patterns.program import (
    EDGE,
    MATCH,
    NEWLINE,
    OTHER,
    WORD,
    Program,
    TooManySteps,
    program_of,
)
from dsl.patterns.classes import WORD as WORD_CHARS
from dsl.patterns.tree import Chars, Look, Node

STATES_MAX = 8_192  # of one pattern
STEPS_MAX = 40_000
_MINIMISED = 2_048  # more states than that are taken as they are: it would take too long
_LINE = Chars(((0x0A, 0x0A),))


class TooManyStates(Exception):
    """One pattern needs more states than it may have."""


@frozen
class Acceptor:
    """A deterministic automaton over classes of code points; state 0 is the first.

    Args:
        partition: its classes.
        rows: by state, the next state of each class.
        final: by state, whether a text that ends here is accepted.
        sure: the state in which the pattern has been found and which is never left, or None. There
            may be others in which every way to go on is accepted in the end.
    """

    partition: Partition
    rows: tuple[tuple[int, ...], ...]
    final: tuple[bool, ...]
    sure: int | None

    def hopeless(self) -> int | None:
        """The state from which nothing is accepted any more, if there is one."""
        for state, row in enumerate(self.rows):
            if not self.final[state] and all(target == state for target in row):
                return state
        return None


def acceptor_of(node: Node) -> Acceptor:
    """The automaton of all texts in which a pattern is found, anywhere.

    Args:
        node: the pattern.

    Returns:
        The smallest such automaton, where it is not very large.

    Raises:
        TooManyStates: it needs more than STATES_MAX states.
    """
    try:
        program = program_of(node, STEPS_MAX)
    except TooManySteps as error:
        raise TooManyStates from error
    found = _Subsets(program).build()
    return minimal(found) if len(found.rows) <= _MINIMISED else found


def both(left: Acceptor, right: Acceptor) -> Acceptor:
    """The automaton of all texts that two accept.

    Args:
        left, right: the two.

    Raises:
        TooManyStates: it needs more than STATES_MAX states.
    """
    partition, pairs = common(left.partition, right.partition)
    numbers = {(0, 0): 0}
    waiting = [(0, 0)]
    rows: list[tuple[int, ...]] = []
    for first, second in waiting:  # grows while it is walked
        row = []
        for a, b in pairs:
            target = left.rows[first][a], right.rows[second][b]
            number = numbers.setdefault(target, len(waiting))
            if number == len(waiting):
                waiting.append(target)
            row.append(number)
        if len(waiting) > STATES_MAX:
            raise TooManyStates
        rows.append(tuple(row))
    final = tuple(left.final[first] and right.final[second] for first, second in waiting)
    sure = None
    if left.sure is not None and right.sure is not None:
        sure = numbers.get((left.sure, right.sure))
    found = Acceptor(partition, tuple(rows), final, sure)
    return minimal(found) if len(rows) <= _MINIMISED else found


class _Subsets:
    """The subset construction: a state is a set of steps, and what stands before the place."""

    def __init__(self, program: Program) -> None:
        self.program = program
        looks = {step.look for step in program.steps}
        words = bool(looks & {Look.BOUNDARY, Look.INSIDE})
        lines = bool(looks & {Look.LINE_START, Look.LINE_END})
        sets = [step.chars for step in program.steps if step.chars is not None]
        sets += [WORD_CHARS] * words + [_LINE] * lines
        self.partition = partition_of(sets)
        self.kinds = [
            WORD if words and WORD_CHARS.has(c) else NEWLINE if lines and c == 0x0A else OTHER
            for c in self.partition.samples()
        ]
        samples = self.partition.samples()
        of_set = {
            item: [number for number, code in enumerate(samples) if item.has(code)]
            for item in set(sets)
        }
        self.looking = 0
        self.classes: list[list[int]] = []
        for number, step in enumerate(program.steps):
            self.looking |= (step.look is not None) << number
            self.classes.append([] if step.chars is None else of_set[step.chars])

    def build(self) -> Acceptor:
        self.numbers: dict[tuple[int, int], int] = {}
        self.states: list[tuple[int, int]] = []
        self.found = (1 << MATCH, OTHER)
        self._number(self._state(self.program.closure(self.program.entry, EDGE, None), EDGE))
        rows, final = [], []
        for mask, before in self.states:  # grows while it is walked
            rows.append(tuple(self._row(mask, before)))
            final.append(bool(self._decided(mask, before, EDGE) & 1 << MATCH))
        return Acceptor(self.partition, tuple(rows), tuple(final), self.numbers.get(self.found))

    def _state(self, mask: int, before: int) -> tuple[int, int]:
        """A state; what stands before the place matters only where a look still waits."""
        if mask & 1 << MATCH:
            return self.found
        return mask, before if mask & self.looking else OTHER

    def _number(self, state: tuple[int, int]) -> int:
        number = self.numbers.setdefault(state, len(self.numbers))
        if number == len(self.states):
            if number >= STATES_MAX:
                raise TooManyStates
            self.states.append(state)
        return number

    def _decided(self, mask: int, before: int, behind: int) -> int:
        """The set with its waiting looks decided."""
        for look in _bits(mask & self.looking):
            mask |= self.program.closure(look, before, behind)
        return mask

    def _row(self, mask: int, before: int) -> list[int]:
        if mask & 1 << MATCH:
            return [self._number(self.found)] * self.partition.count
        program, kinds = self.program, self.kinds
        fresh = {kind: program.closure(program.entry, kind, None) for kind in set(kinds)}
        sets = [fresh[kind] for kind in kinds]
        if mask & self.looking:
            for kind in set(kinds):
                decided = self._decided(mask, before, kind)
                self._advance(sets, decided, kind)
        else:
            self._advance(sets, mask, None)
        return [
            self._number(self._state(found, kind)) for found, kind in zip(sets, kinds, strict=True)
        ]

    def _advance(self, sets: list[int], mask: int, kind: int | None) -> None:
        """Add what is reached over each class, or over those of one kind."""
        kinds, program = self.kinds, self.program
        if mask & 1 << MATCH:  # a look ahead made it a match
            for number, known in enumerate(kinds):
                if kind is None or known == kind:
                    sets[number] |= 1 << MATCH
            return
        for number in _bits(mask):
            target = program.steps[number].targets
            for item in self.classes[number]:
                if kind is None or kinds[item] == kind:
                    sets[item] |= program.closure(target[0], kinds[item], None)


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def minimal(acceptor: Acceptor) -> Acceptor:
    """The smallest automaton that accepts the same texts and is sure at the same places.

    Blocks of states are split until states of one block go to the same blocks (E. F. Moore,
    Gedanken-experiments on sequential machines, 1956); these automata are small and shallow.
    """
    blocks = [2 if n == acceptor.sure else int(item) for n, item in enumerate(acceptor.final)]
    count = len(set(blocks))
    while True:
        numbers: dict[tuple[int, ...], int] = {}
        blocks = [
            numbers.setdefault((blocks[state], *(blocks[target] for target in row)), len(numbers))
            for state, row in enumerate(acceptor.rows)
        ]
        if len(numbers) == count:
            break
        count = len(numbers)
    rows: list[tuple[int, ...] | None] = [None] * count
    final = [False] * count
    for state, row in enumerate(acceptor.rows):
        if rows[blocks[state]] is None:
            rows[blocks[state]] = tuple(blocks[target] for target in row)
            final[blocks[state]] = acceptor.final[state]
    # The first state was numbered first in every round, so it is block 0.
    sure = None if acceptor.sure is None else blocks[acceptor.sure]
    return Acceptor(acceptor.partition, tuple(row for row in rows if row), tuple(final), sure)
